"""What happens to a job in words, for who waits for it."""

from __future__ import annotations

from hven.client.following import ENDED, JobEvent
from hven.client.telling import Listener, Told

#: What a phase is called that is no adjective.
_WORDS = {"ERROR": "has failed"}


class Narrator:
    """Passes events on, and tells of phases and attempts as messages.

    Parameters
    ----------
    listener
        Shows messages and stages.
    job
        The job's id, told once.
    """

    def __init__(self, listener: Listener, job: str) -> None:
        self._listener = listener
        self._subject = f"job {job}"
        self._said = ""

    def __call__(self, event: JobEvent) -> None:
        """Pass an event on, or tell it in words."""
        if event.kind in ("say", "stage", "retry"):
            self._said = event.text
            self._listener(event)
        elif event.kind == "attempt":
            self._say(event.text)
        elif event.kind == "phase" and event.data.get("move") != "create":
            phase = str(event.data.get("phase", ""))
            if phase in ENDED:
                self._listener(Told("end", ""))
            # Why an attempt ended stands in the line before already.
            told = event.text and event.text != self._said
            words = _WORDS.get(phase, f"is {phase.lower()}")
            self._say(f"{self._subject} {words}" + (f": {event.text}" if told else ""))
            self._subject = "it"

    def _say(self, text: str) -> None:
        self._said = text
        self._listener(Told("say", text))
