"""Identifiers: unguessable, and in the order of their making (UUID version 7, RFC 9562)."""

from __future__ import annotations

import os
import time
import uuid

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_FREE = ~((0xF << 76) | (0b11 << 62)) & ((1 << 80) - 1)


def new_id() -> uuid.UUID:
    """A new identifier: 48 bits of milliseconds since 1970, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10)) & _FREE
    return uuid.UUID(int=milliseconds << 80 | random | _VERSION | _VARIANT)
