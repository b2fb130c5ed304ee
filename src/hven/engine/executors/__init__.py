"""Where steps run: the interface that all executors share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple, Self

from hven.engine.worker import Batch, Outcome


class Lost(NamedTuple):
    """The worker of a batch died, or was killed, before it could answer."""

    #: Which of the batch's calls was running: its index, -1 for none, None when it is not known.
    call: int | None
    #: How the worker ended.
    text: str
    #: How many workers ended over it; none when the batch was taken back.
    deaths: int = 1


class Position(NamedTuple):
    """What a worker is doing."""

    #: The index of the running call in its batch; -1 when another batch of that worker runs.
    call: int
    #: Seconds since the running call began.
    seconds: float


#: Told what became of a batch, once, from any thread.
Finished = Callable[[Batch, "list[Outcome] | Lost"], None]


class Executor(ABC):
    """Runs batches of step calls somewhere.

    It is opened by the first run that needs it, which closes it again at its end; an executor that
    was opened before (as a context manager) stays open for further runs.
    """

    #: Whether running calls can be killed; without that there are no timeouts.
    can_kill: ClassVar[bool] = True
    #: What a batch should take: a hundred times what sending one costs, short enough to share.
    batch_seconds: ClassVar[float] = 0.03
    #: Whether it is open.
    is_open: bool = False

    @property
    @abstractmethod
    def workers(self) -> int:
        """How many batches run at once."""

    @property
    def memory(self) -> int | None:
        """How many bytes all running calls may need together, if that is limited."""
        return None

    @abstractmethod
    def open(self) -> None:
        """Start the workers."""

    @abstractmethod
    def close(self) -> None:
        """Stop the workers, running calls or not."""

    @abstractmethod
    def send(self, batch: Batch, finished: Finished) -> None:
        """Have a batch run; `finished` is called once with its outcomes or with its loss."""

    @abstractmethod
    def position(self, batch: Batch) -> Position | None:
        """What the batch's worker is doing, if it is known and busy."""

    @abstractmethod
    def kill(self, batch: Batch) -> None:
        """Kill what runs the batch, if something does; it is then lost."""

    def drop(self, batch: Batch) -> None:  # noqa: B027 - only where batches stand in line
        """Do not begin the batch if it has not begun; it is then lost."""

    def watch(self) -> None:  # noqa: B027 - most executors notice by themselves
        """Look after workers whose end nobody told of; called a few times a second."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
