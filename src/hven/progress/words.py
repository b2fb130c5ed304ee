"""How far a stage is, in words."""

from __future__ import annotations

from hven.progress.tally import Stage


def progress_words(stage: Stage) -> str:
    """`120 of 400, 85 reused, 31 a second, 9 s left`."""
    words = [f"{stage.done} of {stage.total}"]
    if stage.reused:
        words.append(f"{stage.reused} reused")
    if stage.failed:
        words.append(f"{stage.failed} failed")
    if stage.rate and stage.done < stage.total:
        words.append(_rate_words(stage.rate))
        if stage.seconds_left is not None:
            words.append(f"{duration_words(stage.seconds_left)} left")
    return ", ".join(words)


def duration_words(seconds: float) -> str:
    """`9 s`, `3 min 20 s`, `1 h 20 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _rate_words(rate: float) -> str:
    if rate >= 10:
        return f"{rate:.0f} a second"
    return f"{rate:.1f} a second" if rate >= 1 else f"{60 * rate:.1f} a minute"
