"""What a driver writes into the database while an attempt runs."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any

from django.db import transaction

from hven.jobs import products, settling
from hven.jobs.clock import lease_clock
from hven.jobs.crash_points import crash_point
from hven.jobs.models import Result
from hven.jobs.processes import Taken
from hven.jobs.settling import Account
from hven.jobs.transitions import Fence, News, change
from hven.library.log import FILE_NAME

#: Seconds between two events of one stage; what is between them shows in the job's columns only.
_STAGE_SECONDS = 1.0
#: Renewals of the lease in its time.
_BEATS = 6


class Report:
    """Gathers what the performer tells and writes it in batches, each with the lease renewed.

    Parameters
    ----------
    fence
        The driver's: what it writes counts only as long as the job is its own.
    lease_seconds
        How long the lease is.
    """

    def __init__(self, fence: Fence, lease_seconds: float) -> None:
        self.fence = fence
        #: Whether the job turned out to be another's.
        self.fenced = False
        #: What the performer said of its end.
        self.end: dict[str, Any] | None = None
        #: Files in the attempt's folder that the application published.
        self.published: set[str] = set()
        self._lease_seconds = lease_seconds
        self._news: list[News] = []
        self._outputs: list[dict[str, Any]] = []
        self._stages: dict[str, dict[str, Any]] = {}
        self._told: dict[str, float] = {}
        self._changed = False
        self._flushed = time.monotonic()
        self._uses: dict[str, list[str]] = {"made": [], "reused": []}
        self._reused_from: dict[str, int] = {}
        self._cpu_seconds = 0.0
        self._peak_bytes = 0

    @property
    def waiting(self) -> bool:
        """Whether there is something to write."""
        return bool(self._news) or self._changed

    def take(self, message: dict[str, Any]) -> None:
        """Take a message of the performer."""
        if message["kind"] == "end":
            self.end = message
        elif message["kind"] == "uses":
            self._uses = {"made": message["made"], "reused": message["reused"]}
        else:
            self._take_event(message)

    def due(self, moment: float, every: float) -> bool:
        """Whether it is time to write, or to renew the lease."""
        waited = moment - self._flushed
        return waited > self._lease_seconds / _BEATS or (self.waiting and waited > every)

    def flush(self) -> None:
        """Write everything, and renew the lease."""
        clock = lease_clock()
        with transaction.atomic():
            holds = change(
                self.fence.holds,
                self.fence.job,
                self._news,
                lease_until=clock.after(self._lease_seconds),
                lease_clock=clock.name,
                **self.progress(),
            )
            if not holds:
                self.fenced = True
                return
            for row in settling.results(self.fence, self._outputs, final=False):
                Result.objects.update_or_create(
                    job_id=row.job_id, name=row.name, defaults=_columns(row)
                )
        if self._news:
            crash_point("drive.first_event")
        self._news, self._outputs, self._changed = [], [], False
        self._flushed = time.monotonic()

    def pending(self) -> list[News]:
        """Events that are not written yet, for the transaction that ends the attempt."""
        return self._news

    def measure(self, taken: Taken) -> None:
        """Note what the performer takes."""
        self._cpu_seconds = max(self._cpu_seconds, taken.cpu_seconds)
        self._peak_bytes = max(self._peak_bytes, taken.bytes)

    def note_products(self) -> None:
        """Note on which kept products the job stands, and who made those that it found."""
        products.note_uses(self.fence.job, self._uses["made"], self._uses["reused"])
        self._reused_from = products.sources_of(self.fence.job, self._uses["reused"])

    def keep_partial(self, folder: Path) -> None:
        """List what there is of a job without a whole result: its log, and what it published."""
        log = folder / FILE_NAME
        if log.is_file():
            record = {
                "name": "log",
                "path": FILE_NAME,
                "help": "Everything that happened",
                "media_type": "text/plain",
                "role": "log",
                "bytes": log.stat().st_size,
            }
            self._outputs.append(record)
        self.flush()

    def progress(self) -> dict[str, Any]:
        """How far it is, as columns of the job."""
        stages = list(self._stages.values())
        return {
            "stages": stages,
            "steps_total": sum(stage["total"] for stage in stages),
            "steps_done": sum(stage["done"] for stage in stages),
            "steps_reused": sum(stage["reused"] for stage in stages),
            "reused_from": self._reused_from,
        }

    def account(self) -> Account:
        """What the attempt did and took."""
        progress = self.progress()
        return Account(
            progress["steps_done"],
            progress["steps_reused"],
            self._cpu_seconds,
            self._peak_bytes,
            progress,
        )

    def _take_event(self, message: dict[str, Any]) -> None:
        kind, data = message["event"], message["data"]
        moment = datetime.datetime.fromtimestamp(message["time"], datetime.UTC)
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        news = News(kind, message["text"], data, moment)
        if kind == "stage":
            self._stages[data["step"]] = data | {"text": news.text}
            self._changed = True
            if not self._is_worth_telling(data):
                return
        elif kind == "output":
            news = self._output(news)
        self._news.append(news)

    def _is_worth_telling(self, data: dict[str, Any]) -> bool:
        now, step = time.monotonic(), data["step"]
        over = data["done"] + data["failed"] >= data["total"]
        if not over and now - self._told.get(step, 0.0) < _STAGE_SECONDS:
            return False
        self._told[step] = now
        return True

    def _output(self, news: News) -> News:
        """An output that the application published: shown by its name, not by where it lies."""
        path = Path(news.data["path"])
        folder = f"attempt-{self.fence.attempt}"
        inside = Path(*path.parts[path.parts.index(folder) + 1 :])
        self.published.add(str(inside))
        self._outputs.append(
            {
                "name": news.data["name"],
                "path": str(inside),
                "media_type": news.data["media_type"],
                "bytes": news.data["bytes"],
            }
        )
        kept = {key: value for key, value in news.data.items() if key != "path"}
        return news._replace(data=kept)


def _columns(row: Result) -> dict[str, Any]:
    names = ("attempt", "file", "help", "media_type", "bytes", "sha256", "role", "final", "order")
    return {name: getattr(row, name) for name in names}
