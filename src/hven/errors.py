"""Every exception of Hven.

HvenError
├── UserError              the user's fault: say what to change
│   ├── ParameterError     a parameter; lists every fault of the request at once
│   ├── InputError         an input file; lists every faulty file at once
│   │   └── FetchError     an input cannot be fetched from the address that was given
│   ├── ResourceError      the request needs more memory or disk than there is
│   ├── QuotaError         the user has as much as one may have
│   ├── CredentialsError   token or password are wrong, or must be given
│   ├── ForbiddenError     it belongs to somebody else
│   ├── MissingError       there is no such job, file or dataset
│   └── ConflictError      it is not in a state in which that can be done
├── TransientError         passing: the same step may succeed when tried again
│   ├── WorkerLostError    the worker process died (out of memory, kill -9)
│   ├── StepTimeoutError   the step took longer than its `timeout`
│   ├── UnavailableError   the service takes nothing now: no space, no database, drained
│   │   └── RateError      the client asks too often
│   ├── SourceError        the server of an input does not answer, or fails
│   └── UnreachableError   the service does not answer
├── CancelledError         the run was asked to stop
├── StepError              a step failed; names the step, its arguments and its input file
├── JobError               a job of a service failed, and it was not its input
├── ServiceError           the service failed, or what answers is none that can be used
├── StoreError             the store cannot be read or written
└── DeclarationError       an application or a step is declared wrongly (an author's fault)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple


class Fault(NamedTuple):
    """One thing that is wrong with a request."""

    #: The parameter, file or keyword that is wrong.
    name: str
    #: What it must be, and what it was: `must be at least 0.5 sigma, got 0.1`.
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class HvenError(Exception):
    """The root of all exceptions that Hven raises by itself."""

    #: What the command line returns to the shell.
    exit_code: ClassVar[int] = 70


class UserError(HvenError):
    """The user's fault; the message says what to change.

    Parameters
    ----------
    faults
        All faults of the request, so that one round mends them all; or one sentence.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, faults: Iterable[Fault] | str) -> None:
        self.faults: tuple[Fault, ...] = () if isinstance(faults, str) else tuple(faults)
        super().__init__(faults if isinstance(faults, str) else "\n".join(map(str, self.faults)))

    def __reduce__(self) -> tuple[type[UserError], tuple[tuple[Fault, ...] | str]]:
        return type(self), (self.faults or str(self),)


class ParameterError(UserError):
    """One or more parameters are wrong."""


class InputError(UserError):
    """One or more input files cannot be used."""

    exit_code: ClassVar[int] = 3


class FetchError(InputError):
    """One or more inputs cannot be fetched from the addresses that were given."""


class ResourceError(UserError):
    """The request needs more memory or disk than there is; the message has the figures."""

    exit_code: ClassVar[int] = 4


class QuotaError(UserError):
    """The user has as many jobs or bytes as one may have; the message has the figures."""

    exit_code: ClassVar[int] = 4


class CredentialsError(UserError):
    """What was shown is nobody's, or not of use any more; or nothing was shown where it must be."""


class ForbiddenError(UserError):
    """What the request names belongs to somebody else."""


class MissingError(UserError):
    """There is no such job, result, upload or dataset."""


class ConflictError(UserError):
    """What the request names is not in a state in which that can be done."""


class TransientError(HvenError):
    """Passing: the same step may succeed when it is tried again."""

    exit_code: ClassVar[int] = 6


class WorkerLostError(TransientError):
    """The worker process died while it ran the step (out of memory, kill -9)."""


class StepTimeoutError(TransientError):
    """The step took longer than its `timeout` and was stopped."""


class UnavailableError(TransientError):
    """The service cannot take anything now.

    Parameters
    ----------
    text
        Why, for people.
    retry_after
        Seconds after which it is worth trying again.
    """

    def __init__(self, text: str, retry_after: int = 30) -> None:
        self.retry_after = retry_after
        super().__init__(text)

    def __reduce__(self) -> tuple[type[UnavailableError], tuple[str, int]]:
        return type(self), (str(self), self.retry_after)


class RateError(UnavailableError):
    """The client asks more often than it may; the message has the figures."""


class SourceError(TransientError):
    """The server from which an input is fetched does not answer, fails, or breaks off."""

    exit_code: ClassVar[int] = 5


class UnreachableError(TransientError):
    """The service does not answer, or the connection broke again and again."""


class CancelledError(HvenError):
    """The run was asked to stop."""

    exit_code: ClassVar[int] = 130


class StepError(HvenError):
    """A step failed; the message names the step, its arguments and its input file."""


class JobError(HvenError):
    """A job of a service failed, and it was not its input; the message says why."""


class ServiceError(HvenError):
    """The service failed, or what answers at its address is none that can be used."""


class StoreError(HvenError):
    """The store cannot be read or written."""

    exit_code: ClassVar[int] = 4


class DeclarationError(HvenError):
    """An application or a step is declared wrongly; for its author."""
