"""What runs in a worker: one batch of step calls after another."""

from __future__ import annotations

import contextvars
import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hven.engine.arguments import describe_arguments
from hven.engine.drafts import Draft
from hven.engine.inputs import FileState, file_state
from hven.engine.manifests import Made
from hven.engine.product import Kept, replace_products
from hven.engine.step import Step
from hven.engine.store import Store
from hven.errors import CancelledError, DeclarationError, Fault, InputError, UserError


class Call(NamedTuple):
    """One call of a step, as it is sent to a worker."""

    key: str
    step: Step[..., Any]
    #: Every argument by name; a product stands for its value.
    arguments: dict[str, Any]
    #: The arguments that hold products.
    linked: tuple[str, ...]
    #: The keys of these products.
    inputs: tuple[str, ...]
    #: The files among the arguments and their states when they were digested.
    files: tuple[tuple[Path, FileState], ...]


class Batch(NamedTuple):
    """Calls that are sent together."""

    #: The run it belongs to.
    run: str
    #: Counts up in a process.
    number: int
    store: Store
    #: A file that appears when the run is cancelled.
    cancel_mark: str
    calls: tuple[Call, ...]
    #: Seconds after which calls not begun yet are given back.
    budget: float


class Failure(NamedTuple):
    """Why a call has no product."""

    #: The exception, as it was raised; None when it cannot be carried between processes.
    error: BaseException | None
    #: The exception in one line, and its traceback.
    text: str
    trace: str


class Outcome(NamedTuple):
    """What became of one call."""

    #: `made`; `kept`: somebody else had made it; `failed`; `lost`: the product of that key, one of
    #: its inputs, is not whole; `returned`: not begun.
    state: Literal["made", "kept", "failed", "lost", "returned"]
    seconds: float = 0.0
    failure: Failure | None = None
    lost_key: str = ""


#: Told before each call: its index in the batch. After the last: -1.
Progress = Callable[[int], None]

_draft: contextvars.ContextVar[Draft] = contextvars.ContextVar("draft")
_cancel_mark: contextvars.ContextVar[str] = contextvars.ContextVar("cancel_mark")


def draft_folder() -> Path:
    """The folder for the files that the running step writes and returns the paths of.

    Raises
    ------
    DeclarationError
        No step is running: it was called as a plain function.
    """
    draft = _draft.get(None)
    if draft is None:
        raise DeclarationError(
            "draft_folder(): must be called by a step of a run, was called outside"
        )
    return draft.folder()


def check() -> None:
    """Stop here if the run that this step belongs to has been cancelled; for long loops.

    Raises
    ------
    CancelledError
        It has.
    """
    mark = _cancel_mark.get("")
    if mark and os.path.exists(mark):  # noqa: PTH110 - asked in loops
        raise CancelledError("the run was asked to stop")


def run_batch(batch: Batch, progress: Progress | None = None) -> list[Outcome]:
    """Make the products of a batch's calls, in order; one outcome each."""
    end = time.monotonic() + batch.budget
    token = _cancel_mark.set(batch.cancel_mark)
    outcomes: list[Outcome] = []
    try:
        for index, call in enumerate(batch.calls):
            if index and time.monotonic() > end:
                break
            if progress:
                progress(index)
            # Looked for after telling: who cancels leaves the mark first, and then looks whether
            # the batch has begun, to kill it.
            if os.path.exists(batch.cancel_mark):  # noqa: PTH110
                break
            outcomes.append(_run_call(call, batch.store))
    finally:
        _cancel_mark.reset(token)
        if progress:
            progress(-1)
    return outcomes + [Outcome("returned")] * (len(batch.calls) - len(outcomes))


def _run_call(call: Call, store: Store) -> Outcome:
    start = time.perf_counter()
    with store.lock(call.key):
        if store.has(call.key):
            return Outcome("kept")
        try:
            arguments, lost = _load_inputs(call, store)
            if lost:
                return Outcome("lost", lost_key=lost)
            _make(call, arguments, store, start)
        except Exception as error:
            return Outcome("failed", time.perf_counter() - start, _failure(error))
    return Outcome("made", time.perf_counter() - start)


def _load_inputs(call: Call, store: Store) -> tuple[dict[str, Any], str]:
    """The arguments with values for products; or the key of one that is not whole."""
    if not call.linked:
        return call.arguments, ""
    lost = ""

    def load(product: Kept) -> Any:
        nonlocal lost
        reading = store.read(product.key)
        if reading.fault:
            lost = product.key
        return reading.value

    loaded = {name: replace_products(call.arguments[name], load) for name in call.linked}
    return {**call.arguments, **loaded}, lost


def _make(call: Call, arguments: dict[str, Any], store: Store, start: float) -> None:
    with _open_draft(store) as draft:
        value = call.step.function(**arguments)
        for path, state in call.files:
            if file_state(path) != state:
                raise InputError([Fault(str(path), "must not change while it is read, did")])
        seconds = time.perf_counter() - start
        described = describe_arguments(call.arguments)
        made = Made(call.step.name, call.step.version, time.time(), seconds, described, call.inputs)
        store.keep(call.key, value, draft, made)


@contextmanager
def _open_draft(store: Store) -> Iterator[Draft]:
    draft = store.draft()
    token = _draft.set(draft)
    try:
        yield draft
    except BaseException:
        draft.remove()
        raise
    finally:
        _draft.reset(token)


def _failure(error: Exception) -> Failure:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, UserError | DeclarationError):
        text = str(error)
    return Failure(_portable(error), text, "".join(traceback.format_exception(error)))


def _portable(error: Exception) -> Exception | None:
    """The exception, if it survives being sent to another process."""
    try:
        return error if type(pickle.loads(pickle.dumps(error))) is type(error) else None
    except Exception:
        return None
