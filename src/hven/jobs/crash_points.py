"""Named places at which a test has the process killed, as a power cut would.

Nothing happens at them unless `HVEN_CRASH_AT` names one: `publish.before_commit`, or
`claim.after:3` for the third time.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

_passed: Counter[str] = Counter()
#: Every place there is, so that a test can go through them all.
CRASH_POINTS = (
    "submit.before_commit",
    "submit.after_commit",
    "claim.before_commit",
    "claim.after_commit",
    "fork.before",
    "fork.after",
    "drive.begin",
    "drive.first_event",
    "beat.after",
    "publish.before_files",
    "publish.before_commit",
    "publish.after_commit",
    "recover.before_commit",
    "recover.after_commit",
    "expire.before_files",
    "expire.after_files",
)


def crash_point(name: str) -> None:
    """Die here, if that was asked for."""
    wanted, _, times = os.environ.get("HVEN_CRASH_AT", "").partition(":")
    if wanted != name:
        return
    _passed[name] += 1
    if _passed[name] == int(times or 1):
        os.kill(os.getpid(), signal.SIGKILL)
