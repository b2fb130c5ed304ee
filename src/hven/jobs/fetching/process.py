"""The process in which a job's inputs are fetched, before its application begins.

It is forked by the driver, which holds the lease meanwhile, hears how it gets on, and kills it when
the job is to stop. The bytes of strangers go through here, and nowhere near the driver.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from django.db import Error

from hven.engine.executors.processes import die_with
from hven.errors import Fault, FetchError, SourceError
from hven.jobs.channel import Speaker
from hven.jobs.fetching.address import shown
from hven.jobs.fetching.records import Fetched
from hven.jobs.fetching.transfer import Terms, fetch
from hven.jobs.limits import in_words
from hven.jobs.models import User
from hven.jobs.models.attempt import Cause
from hven.jobs.outcomes import Failed, failed

#: The stage's name among those of the application, none of which has a blank.
STAGE = "fetch inputs"
#: Seconds after which a transfer is spoken of, then twice as long each time, up to a minute.
_FIRST_WORD, _LONGEST = 2.0, 60.0


def fetch_all(
    owner: User | None,
    wanted: Mapping[str, Sequence[str]],
    terms: Terms,
    known: int,
    end: socket.socket,
    lifeline: Connection,
) -> int:
    """Fetch a job's inputs and tell the driver; gives the exit code of the process.

    Parameters
    ----------
    owner
        Whose files they are to be.
    wanted
        The parameters that want each address.
    terms
        Within what it is done.
    known
        How many more inputs earlier attempts have fetched.
    end
        Where the driver hears.
    lifeline
        Closed when the driver dies, as this process does then.
    """
    die_with(lifeline)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.setpgid(0, 0)
    speaker = Speaker(end)
    try:
        found = _Fetching(owner, wanted, terms, known, speaker).run()
    except Exception as error:
        speaker.tell("end", outcome="failed", **_failure(error)._asdict())
        return 0
    speaker.tell("end", outcome="fetched", inputs=[each._asdict() for each in found])
    return 0


@dataclass
class _Stage:
    """How far it is, as stages of applications are told."""

    done: int
    total: int
    reused: int
    failed: int = 0


class _Fetching:
    def __init__(
        self,
        owner: User | None,
        wanted: Mapping[str, Sequence[str]],
        terms: Terms,
        known: int,
        speaker: Speaker,
    ) -> None:
        self._owner = owner
        self._wanted = wanted
        self._terms = terms
        self._speaker = speaker
        self._stage = _Stage(known, len(wanted) + known, known)

    def run(self) -> list[Fetched]:
        """All inputs; what is wrong with them is told together."""
        found: list[Fetched] = []
        faults: list[Fault] = []
        trouble: SourceError | None = None
        self._tell_stage()
        for url, names in self._wanted.items():
            try:
                found.append(self._one(url))
                self._stage.done += 1
                self._stage.reused += found[-1].reused
            except FetchError as error:
                self._stage.failed += 1
                faults += [
                    Fault(name, f"{fault.name} {fault.text}")
                    for name in names
                    for fault in error.faults
                ]
            except SourceError as error:
                self._stage.failed += 1
                trouble = trouble or error
            self._tell_stage()
        if faults:
            raise FetchError(faults)
        if trouble is not None:
            raise trouble
        return found

    def _one(self, url: str) -> Fetched:
        words = _Words(self, shown(url))
        found = fetch(self._owner, url, self._terms, words)
        self.say(_told(found), **found._asdict())
        return found

    def say(self, text: str, **content: Any) -> None:
        """A message of the job."""
        self._event("say", text, content)

    def _tell_stage(self) -> None:
        text = "Fetch the inputs that are named by an address"
        self._event("stage", text, {"step": STAGE, **vars(self._stage)})

    def _event(self, kind: str, text: str, content: Mapping[str, Any]) -> None:
        self._speaker.tell("event", event=kind, text=text, data=dict(content), time=time.time())


class _Words:
    """Speaks of a transfer now and then."""

    def __init__(self, fetching: _Fetching, url: str) -> None:
        self._fetching = fetching
        self._url = url
        self._pause = _FIRST_WORD
        self._spoken = time.monotonic()

    def __call__(self, come: int, of: int | None) -> None:
        now = time.monotonic()
        if now - self._spoken < self._pause:
            return
        self._spoken, self._pause = now, min(2 * self._pause, _LONGEST)
        whole = f" of {in_words(of)}" if of else ""
        self._fetching.say(f"fetching {self._url}: {in_words(come)}{whole} have come")


def _told(found: Fetched) -> str:
    url = shown(found.url)
    if found.reused:
        return f"{url} is unchanged since {found.fetched}, what was fetched then is used"
    return f"fetched {url}: {in_words(found.bytes)}, SHA-256 {found.sha256}"


def _failure(error: Exception) -> Failed:
    if isinstance(error, Error):
        return Failed(Cause.INFRASTRUCTURE, "engine.lost", f"the database was away: {error}")
    return failed(error) or Failed(Cause.INFRASTRUCTURE, "engine.lost", str(error))
