"""Sizes in words."""

from __future__ import annotations


def size_words(count: int) -> str:
    """`3.2 GB`, in powers of a thousand as disks are sold."""
    if count < 1000:
        return f"{count} B"
    size = float(count)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 99.95 else f"{size:.0f} {unit}"
    return f"{size / 1000:.1f} TB"
