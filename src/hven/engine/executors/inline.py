"""Steps in the caller's own thread: for debuggers, tests and small work."""

from __future__ import annotations

from typing import ClassVar

from hven.engine.executors import Executor, Finished, Position
from hven.engine.worker import Batch, run_batch


class Inline(Executor):
    """Runs every step where it is called, at once.

    Notes
    -----
    Nothing can be killed here, so timeouts are not kept and cancelling waits for the running step.
    """

    can_kill: ClassVar[bool] = False

    @property
    def workers(self) -> int:
        """One: the caller."""
        return 1

    def open(self) -> None:
        """Nothing is started."""
        self.is_open = True

    def close(self) -> None:
        """Nothing is stopped."""
        self.is_open = False

    def send(self, batch: Batch, finished: Finished) -> None:
        """Run the batch now."""
        finished(batch, run_batch(batch))

    def position(self, batch: Batch) -> Position | None:  # noqa: ARG002
        """Not known: the only thread is busy."""
        return None

    def kill(self, batch: Batch) -> None:
        """Impossible."""
