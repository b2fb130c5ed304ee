"""A run: what an application's body is given."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from hven.engine.drafts import remove_stale_drafts
from hven.engine.events import Event, EventLog, Listener
from hven.engine.executors import Executor
from hven.engine.executors.local import Local, processors
from hven.engine.failures import cancelled_error
from hven.engine.inputs import file_state
from hven.engine.keys import ArgumentDigest, call_key, digest_argument
from hven.engine.monitor import GRACE_SECONDS, Monitor
from hven.engine.presence import Presence
from hven.engine.product import Kept, Product
from hven.engine.schedule import Schedule
from hven.engine.step import Step
from hven.engine.store import Store, sync_all
from hven.engine.worker import Call
from hven.errors import DeclarationError, Fault, InputError, UserError

T = TypeVar("T")


class Run:
    """What an application's body is given: steps go through it, and messages, and cancellation.

    Parameters
    ----------
    executor
        Where steps run; a pool of processes on this machine when it is not given.
    store
        Where products are kept; the user's own store when it is not given.
    folder
        Where the outputs go; a new temporary folder when it is not given.
    listeners
        Called with each `Event`, one at a time, from any thread; they must return soon.
    label
        What the run is called in messages.

    Notes
    -----
    At the end of a `with` block it waits for all steps; when the block ends with an exception it
    cancels them.
    """

    def __init__(
        self,
        executor: Executor | None = None,
        store: Store | None = None,
        folder: str | Path | None = None,
        listeners: Iterable[Listener] = (),
        label: str = "run",
    ) -> None:
        self.label = label
        self.executor = executor if executor is not None else Local()
        self.store = store if store is not None else Store.default()
        #: The folder that holds all files an input file may name; None where the user of the run
        #: may read every file that this process can, as at a command line.
        self.confined: Path | None = None
        #: Unique among all runs.
        self.id = uuid.uuid4().hex
        self._folder = Path(folder).absolute() if folder is not None else None
        self._log = EventLog(listeners)
        remove_stale_drafts(self.store.folder / "drafts")
        self._presence = Presence(self.store.folder / "runs", self.id, label)
        self._schedule = Schedule(
            self.id,
            self.executor,
            self.store,
            self._log,
            self._presence.cancel_mark,
            self._begin,
        )
        self._monitor = Monitor(self._schedule)
        self._opened_executor = False
        self._begun_at = time.monotonic()
        self._closed = False

    # -- steps ------------------------------------------------------------------------------------

    def call(self, step: Step[..., T], *args: Any, **kwargs: Any) -> Product[T]:
        """The product of one call; given at once, made meanwhile.

        Raises
        ------
        DeclarationError
            An argument is of a type that has no key.
        InputError
            A file among the arguments cannot be read.
        CancelledError
            The run was asked to stop.
        """
        arguments = self._step(step).arguments(args, kwargs)
        return self._submit([self._call(step, arguments, {})])[0]

    def map(
        self, step: Step[..., T], items: Iterable[Any], *more: Iterable[Any], **common: Any
    ) -> list[Product[T]]:
        """The products of one call for each item; given at once, made meanwhile.

        Parameters
        ----------
        step
            The step.
        items, more
            Its first arguments, one iterable for each, as many calls as there are items.
        common
            Arguments that all calls share.

        Raises
        ------
        InputError
            Files among the arguments cannot be read; all of them are named.
        """
        known = self._digest(self._step(step), common)
        calls: list[tuple[Call, tuple[Kept, ...]]] = []
        faults: list[Fault] = []
        for values in zip(items, *more, strict=bool(more)):
            try:
                calls.append(self._call(step, step.arguments(values, common), known))
            except InputError as error:
                faults += error.faults
        if faults:
            raise InputError(faults)
        return self._submit(calls)

    def digest_files(self, paths: Iterable[Path]) -> None:
        """Take the digests of many input files at once, ahead of the calls that need them.

        Notes
        -----
        Calls take them one after the other. Files that cannot be read are left to the calls.
        """
        self.store.digest_inputs(paths, processors())

    def gather(self, products: Iterable[Product[T]]) -> list[T]:
        """The values of the products, in order, waited for.

        Raises
        ------
        UserError
            Steps found faults of the user's: all of them together.
        StepError
            A step failed; raised as soon as it did.
        """
        wanted = list(products)
        faulty: list[UserError] = []
        for product in self.completed(wanted):
            error = product._task.error
            if isinstance(error, UserError):
                faulty += [error] if error not in faulty else []
            elif error is not None:
                raise error
        if faulty:
            raise _merge(faulty)
        return [product.load() for product in wanted]

    def completed(self, products: Iterable[Product[T]]) -> Iterator[Product[T]]:
        """The products in the order in which they are done."""
        by_task: dict[int, list[Product[T]]] = {}
        for product in products:
            by_task.setdefault(id(product._task), []).append(product)
        tasks = [same[0]._task for same in by_task.values()]
        for task in self._schedule.completed(tasks):
            yield from by_task[id(task)]

    @property
    def done(self) -> Mapping[str, int]:
        """How many calls of each step have a product."""
        stages = self._schedule.stages.values()
        return Counter({stage.step.short_name: stage.done for stage in stages})

    @property
    def reused(self) -> Mapping[str, int]:
        """How many calls of each step had a product before."""
        stages = self._schedule.stages.values()
        return Counter({stage.step.short_name: stage.reused for stage in stages})

    @property
    def kept(self) -> Mapping[str, bool]:
        """The keys of all products the run has so far, and whether each was there before it."""
        return self._schedule.kept()

    # -- messages and outputs ---------------------------------------------------------------------

    @property
    def events(self) -> list[Event]:
        """Everything that happened so far."""
        return self._log.events

    @property
    def folder(self) -> Path:
        """Where the outputs go; made when it is first asked for."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=f"hven-{self.label}-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder

    def say(self, text: str, **data: Any) -> None:
        """Tell the user something."""
        self._log.add("say", text, data)

    def publish(self, name: str, path: str | Path, media_type: str | None = None) -> Path:
        """Make a file an output of the run.

        Parameters
        ----------
        name
            What the output is called.
        path
            The file; one that lies outside the run's folder is copied there.
        media_type
            Its type, such as `image/fits`.

        Returns
        -------
        Path
            The file in the run's folder.
        """
        found = Path(path)
        if not found.is_absolute():
            found = self.folder / found
        if not found.resolve().is_relative_to(self.folder.resolve()):
            found = Path(shutil.copy2(found, self.folder / found.name))
        if self.store.durable:
            sync_all(found.parent, [found.name])
        data = {
            "name": name,
            "path": str(found),
            "media_type": media_type,
            "bytes": found.stat().st_size,
        }
        self._log.add("output", name, data)
        return found

    def named_in(self, listing: Path, name: str) -> Path:
        """The file that an input file, such as a table of images, names.

        Parameters
        ----------
        listing
            The file that names it.
        name
            Relative to the folder of `listing`, or absolute.

        Raises
        ------
        InputError
            A service runs this, and the file is not among the inputs it was given.
        """
        path = listing.parent / name
        # By its name: what lies in that folder are links that the service itself has made.
        inside = Path(os.path.normpath(path))
        if self.confined is not None and not inside.is_relative_to(self.confined):
            text = f"must name files that are inputs as well, got {name}"
            raise InputError([Fault(listing.name, text)])
        return path

    def name_of(self, path: Path) -> str:
        """An input file as results may name it: in a service not by where it lies."""
        if self.confined is not None and path.is_relative_to(self.confined):
            return str(path.relative_to(self.confined))
        return str(path)

    # -- the end ----------------------------------------------------------------------------------

    def check(self) -> None:
        """Stop here if the run was asked to stop; for loops of the body.

        Raises
        ------
        CancelledError
            It was.
        """
        if self._schedule.cancelled:
            raise cancelled_error()

    def cancel(self) -> None:
        """Ask the run to stop: nothing more begins, and what runs is killed after two seconds."""
        self._schedule.cancel()
        self._monitor.start()

    def close(self, *, grace: float = GRACE_SECONDS) -> None:
        """Wait for all steps, or `grace` seconds if the run was cancelled, and free everything."""
        if self._closed:
            return
        try:
            if not self._schedule.cancelled:
                self._schedule.wait_for_all()
        except BaseException:
            self._schedule.cancel()
            grace = 0.0
            raise
        finally:
            self._closed = True
            self._free(grace)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._schedule.cancel()
        hurried = kind is not None and not issubclass(kind, Exception)
        self.close(grace=0.0 if hurried else GRACE_SECONDS)

    def _begin(self) -> None:
        # Processes are forked before this package's own threads begin.
        if not self.executor.is_open:
            self.executor.open()
            self._opened_executor = True
        self._monitor.start()

    def _free(self, grace: float) -> None:
        if not self._schedule.wait_for_sent(grace if self.executor.can_kill else 600.0):
            self._monitor.kill_all()
            self._schedule.wait_for_sent(GRACE_SECONDS)
        self._monitor.stop()
        if self._opened_executor:
            self.executor.close()
        self._schedule.tell_all()
        self._presence.end()
        self._log.add("end", self.label, self._facts())

    def _facts(self) -> dict[str, Any]:
        return {
            "done": dict(self.done),
            "reused": dict(self.reused),
            "failed": sum(stage.failed for stage in self._schedule.stages.values()),
            "seconds": time.monotonic() - self._begun_at,
            "cancelled": self._schedule.cancelled,
        }

    # -- inside -----------------------------------------------------------------------------------

    def _step(self, step: Step[..., T]) -> Step[..., T]:
        if not isinstance(step, Step):
            raise DeclarationError(f"step: must be a function declared with @step, was {step!r}")
        return step

    def _digest(self, step: Step[..., Any], values: Mapping[str, Any]) -> dict[str, ArgumentDigest]:
        digest_file = self.store.digest_input
        return {
            name: digest_argument(f"{step.short_name}: {name}", value, digest_file)
            for name, value in values.items()
        }

    def _call(
        self, step: Step[..., Any], arguments: dict[str, Any], known: dict[str, ArgumentDigest]
    ) -> tuple[Call, tuple[Kept, ...]]:
        unknown = {name: value for name, value in arguments.items() if name not in known}
        digests = {**known, **self._digest(step, unknown)}
        products = tuple(p for digest in digests.values() for p in digest.products)
        call = Call(
            call_key(step.name, step.version, digests),
            step,
            arguments,
            tuple(name for name, digest in digests.items() if digest.products),
            tuple(dict.fromkeys(product.key for product in products)),
            tuple((p, file_state(p)) for digest in digests.values() for p in digest.paths),
        )
        return call, products

    def _submit(self, calls: list[tuple[Call, tuple[Kept, ...]]]) -> list[Product[Any]]:
        if self._closed:
            raise DeclarationError(f"{self.label}: must not be closed when steps are called, was")
        return self._schedule.submit(calls)


def _merge(faulty: list[UserError]) -> UserError:
    """One error for several: of their common kind, with all their faults."""
    if len(faulty) == 1:
        return faulty[0]
    kinds = {type(error) for error in faulty}
    kind = kinds.pop() if len(kinds) == 1 else InputError
    faults: dict[Fault, None] = {}
    for error in faulty:
        faults.update(dict.fromkeys(error.faults or [Fault("step", str(error))]))
    return kind(list(faults))
