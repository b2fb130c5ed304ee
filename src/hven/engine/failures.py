"""Errors of calls: worded so that the step, its arguments and its input file are named."""

from __future__ import annotations

from hven.engine.arguments import describe_arguments
from hven.engine.worker import Call, Failure
from hven.errors import (
    CancelledError,
    DeclarationError,
    HvenError,
    StepError,
    StepTimeoutError,
    WorkerLostError,
)


def call_error(call: Call, failure: Failure) -> BaseException:
    """What `load()` raises for a call that failed."""
    error = failure.error
    if isinstance(error, DeclarationError):
        return DeclarationError(f"{call.step.name}: {error}")
    if isinstance(error, HvenError):
        error.add_note(f"in step {describe_call(call)}")
        return error
    wrapped = StepError(f"{describe_call(call)} failed: {failure.text}")
    wrapped.__cause__ = error
    if error is None or error.__traceback__ is None:
        # It was raised in another process; only the text of its traceback came here.
        wrapped.add_note(failure.trace.rstrip())
    return wrapped


def lost_error(call: Call, times: int, text: str) -> WorkerLostError:
    """The worker died again and again while it ran the call."""
    return WorkerLostError(f"{describe_call(call)}: its worker was lost {times} times, {text}")


def timeout_error(call: Call) -> StepTimeoutError:
    """The call was stopped because it took too long."""
    return StepTimeoutError(
        f"{describe_call(call)}: must take at most {call.step.timeout:g} s, was stopped"
    )


def cancelled_error() -> CancelledError:
    """The run was asked to stop."""
    return CancelledError("the run was asked to stop; what is done is kept")


def describe_call(call: Call) -> str:
    """The call in one line, with the whole path of its input file."""
    text = f"{call.step.short_name}({describe_arguments(call.arguments)})"
    return f"{text} [{call.files[0][0]}]" if call.files else text
