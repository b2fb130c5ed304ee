"""A job of a service."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hven.client import html
from hven.client.connection import Connection, document
from hven.client.failing import failure_of
from hven.client.following import ENDED, Follower, JobEvent, event_of
from hven.client.narrating import Narrator
from hven.client.results import RemoteFile, Results
from hven.client.telling import Amount, Listener, nobody
from hven.errors import Fault, HvenError, ParameterError
from hven.progress.display import display

if TYPE_CHECKING:
    from hven.client.service import Service

_PAGE = 1000


class Progress(NamedTuple):
    """How far a job is."""

    #: Steps that are done, those reused among them.
    done: int
    #: Steps asked for so far.
    total: int
    #: Steps that were there before.
    reused: int
    #: The same for people.
    words: str
    #: Each stage: step, done, total, reused, failed, rate.
    stages: tuple[Mapping[str, Any], ...]


class Job:
    """A job of a service; what is asked of it is what the service says now.

    Parameters
    ----------
    service
        Where it is.
    found
        What the service said of it last.
    """

    def __init__(self, service: Service, found: Mapping[str, Any]) -> None:
        self._service = service
        self._connection: Connection = service.connection
        self._found = dict(found)
        self._path = f"/jobs/{found['id']}"

    @property
    def id(self) -> str:
        """By which the service knows it."""
        return str(self._found["id"])

    @property
    def url(self) -> str:
        """Where it is in the API."""
        return self._connection.address(self._path)

    @property
    def application(self) -> str:
        """Which application it runs."""
        return str(self._found["application"])

    @property
    def label(self) -> str:
        """The owner's own words for it."""
        return str(self._found["label"])

    @property
    def document(self) -> Mapping[str, Any]:
        """All that the service says of it now, as the API has it."""
        # One that has ended changes only when somebody does something with it.
        if not ("results" in self._found and self._found["phase"] in ENDED):
            self.refresh()
        return self._found

    @property
    def summary(self) -> Mapping[str, Any]:
        """What is known of it here, perhaps of a moment ago; all that a list shows."""
        return self._found

    def refresh(self) -> Job:
        """Ask the service anew; gives the job itself."""
        self._found = self._connection.get(self._path)
        return self

    @property
    def phase(self) -> str:
        """Where it is in its life: PENDING, QUEUED, HELD, EXECUTING, COMPLETED, ERROR, ABORTED."""
        return str(self.document["phase"])

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.phase in ENDED

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Its parameters, as JSON has them."""
        found: Mapping[str, Any] = self.document["parameters"]
        return found

    @property
    def progress(self) -> Progress:
        """How far it is."""
        found = self.document["progress"]
        stages = tuple(found.get("stages") or ())
        return Progress(found["done"], found["total"], found["reused"], found["words"], stages)

    @property
    def error(self) -> HvenError | None:
        """What `wait` raises for a job that ended without success; None for all others."""
        return failure_of(self.document)

    @property
    def destruction(self) -> datetime:
        """When its files are removed."""
        return datetime.fromisoformat(self.document["destruction"])

    @property
    def results(self) -> Results:
        """Its files, also while it runs."""
        found = self.document
        files = [RemoteFile(self._connection, self.id, each) for each in found["results"]]
        return Results(files, found["phase"])

    def events(self, after: int = 0) -> list[JobEvent]:
        """What has happened to it, beginning behind the event of that number."""
        found: list[JobEvent] = []
        while True:
            page = self._connection.get(f"{self._path}/events", after=after, limit=_PAGE)["events"]
            found += map(event_of, page)
            if len(page) < _PAGE:
                return found
            after = found[-1].number

    def messages(self) -> list[str]:
        """What the application has said."""
        return [event.text for event in self.events() if event.kind in ("say", "retry")]

    def log(self) -> str:
        """All that happened, as text."""
        return self._connection.ask("GET", f"{self._path}/log").text

    def follow(
        self, after: int = 0, timeout: float | None = None, tell: Listener = nobody
    ) -> Iterator[JobEvent]:
        """Each event as it happens, once, until the job has ended.

        Parameters
        ----------
        after
            The number of the last event that is known.
        timeout
            Seconds after which TimeoutError is raised; the job goes on. None waits for its end.
        tell
            Is told when the service is away, and when it is back.

        Notes
        -----
        Broken connections and a service that is started again are waited for, up to an hour.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        yield from Follower(self._connection, self.id, after, deadline, tell).events()
        self.refresh()

    def wait(self, timeout: float | None = None, *, progress: bool = False) -> Job:
        """Wait until it has ended; gives the job itself.

        Parameters
        ----------
        timeout
            Seconds after which TimeoutError is raised; the job goes on. None waits for its end.
        progress
            Whether a live display shows how it gets on, in a terminal or in a notebook.

        Raises
        ------
        ParameterError, InputError, ResourceError
            It failed for what it was given; with all faults, as a run on this machine.
        JobError, TransientError
            It failed for another reason.
        CancelledError
            It was stopped.
        """
        with display(shown=progress) as listener:
            self.listen(listener, timeout)
        error = self.error
        if error is not None:
            raise error
        return self

    def listen(self, listener: Listener, timeout: float | None = None) -> None:
        """Have each event told until the job has ended, however it ends."""
        narrate = Narrator(listener, self.id)
        for event in self.follow(timeout=timeout, tell=listener):
            narrate(event)

    def save(self, folder: str | Path, *, progress: bool = False) -> list[Path]:
        """Fetch all its files into a folder, which is made when it is not there.

        An earlier fetch that broke off is gone on with; what is there already is not fetched.
        """
        with display(shown=progress) as listener:
            return [*self.save_told(Path(folder).expanduser(), listener).values()]

    def save_told(
        self, folder: Path, tell: Listener, only: Iterable[str] | None = None
    ) -> dict[str, Path]:
        """See `save`; gives each file by the name of the result, or those asked for alone."""
        folder.mkdir(parents=True, exist_ok=True)
        saved: dict[str, Path] = {}
        results = self.results
        wanted = [results[name] for name in (results if only is None else only)]
        words = f"Fetch {len(wanted)} files (MB)"
        amount = Amount(tell, "fetch", words, sum(file.size for file in wanted))
        for file in wanted:
            target = folder / file.file_name()
            if target in saved.values():  # Two results may have files of one name.
                target = target.with_name(f"{file.name}-{target.name}")
            saved[file.name] = file.save_counted(target, amount)
        return saved

    def run(self) -> Job:
        """Have it run, where it is PENDING or HELD."""
        return self._post("run", repeatable=False)

    def cancel(self) -> Job:
        """Stop it for good; the results it has are kept."""
        return self._post("abort")

    def hold(self) -> Job:
        """Set it aside; one that runs keeps its finished steps."""
        return self._post("hold")

    def release(self) -> Job:
        """Have it go on, where it is HELD."""
        return self._post("release", repeatable=False)

    def renew(self, until: datetime | timedelta | float) -> Job:
        """Keep its files until then.

        Parameters
        ----------
        until
            A time, or how long from now; a number is days.
        """
        if isinstance(until, int | float):
            until = timedelta(days=until)
        if isinstance(until, timedelta):
            until = datetime.now(UTC) + until
        if until.tzinfo is None:
            told = f"must have a time zone, as datetime.now(UTC) has, got {until.isoformat()}"
            raise ParameterError([Fault("until", told)])
        change = {"destruction": until.isoformat()}
        answer = self._connection.ask("PATCH", self._path, json=change, repeatable=True)
        return self._now(answer)

    def rerun(self, *, fresh: bool = False, run: bool = True, **changed: Any) -> Job:
        """A new job with the parameters of this one, some of them changed.

        Parameters
        ----------
        fresh
            Whether kept products are left aside.
        run
            Whether it is queued at once.
        **changed
            Parameters, as the application's function takes them.
        """
        given = self._service.applications[self.application].prepared(changed) if changed else {}
        wish = {"parameters": given, "fresh": fresh, "run": run}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self._connection.ask(
            "POST", f"{self._path}/rerun", json=wish, headers=key, repeatable=True
        )
        return Job(self._service, document(answer))

    def delete(self) -> None:
        """Remove it and its files; one that runs is stopped first."""
        self._connection.ask("DELETE", self._path)

    def _post(self, what: str, *, repeatable: bool = True) -> Job:
        return self._now(
            self._connection.ask("POST", f"{self._path}/{what}", repeatable=repeatable)
        )

    def _now(self, answer: Any) -> Job:
        self._found = document(answer)
        return self

    def __repr__(self) -> str:
        found = self._found
        words = [f"Job {self.id}", self.application, found["phase"], found["progress"]["words"]]
        return f"<{', '.join(word for word in words if word)}>"

    def _repr_html_(self) -> str:
        found, results = self.document, self.results
        picture = results.preview
        preview = picture.preview() if picture is not None else None
        return html.job_card(found, results, self.label or self.application, preview)
