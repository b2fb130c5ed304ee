"""How many calls of a step are sent together."""

from __future__ import annotations

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

    def batch_size(self, waiting: int, workers: int, target_seconds: float) -> int:
        """How many of the waiting calls to send at once.

        Parameters
        ----------
        waiting
            How many there are; the last ones are shared out, in ever smaller batches.
        workers
            Between how many workers.
        target_seconds
            What a batch should take.
        """
        if self.seconds is None:
            return 1
        by_time = min(int(target_seconds / max(self.seconds, 1e-6)), _MOST_CALLS)
        share = -(-waiting // (2 * workers))
        return max(1, min(by_time, share), min(by_time // 8, waiting))
