"""How many calls of a step are sent together."""

from __future__ import annotations

#: Seconds of work in one batch: a hundred times what sending one costs, and short enough to share.
TARGET_SECONDS = 0.03
_MOST_CALLS = 500
#: The weight of the latest measurement.
_NEWEST = 0.3


class StepTime:
    """What a call of a step takes, as measured so far."""

    def __init__(self) -> None:
        #: Seconds, or None before the first was measured.
        self.seconds: float | None = None

    def measure(self, seconds: list[float]) -> None:
        """Take the seconds of some calls into account."""
        if not seconds:
            return
        mean = sum(seconds) / len(seconds)
        old = mean if self.seconds is None else self.seconds
        self.seconds = old + _NEWEST * (mean - old)

    def batch_size(self, waiting: int, workers: int) -> int:
        """How many of the waiting calls to send at once; the last ones are shared out evenly."""
        if self.seconds is None:
            return 1
        by_time = int(TARGET_SECONDS / max(self.seconds, 1e-6))
        share = -(-waiting // (2 * workers))
        return max(1, min(by_time, share, _MOST_CALLS))
