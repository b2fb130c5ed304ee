"""What finding groups needs of the machine, and whether there is as much."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path

from hven.errors import ResourceError

_GIGABYTE = 1e9
#: Bytes a particle: its position, what the kernels need beside it, and its label.
_FINDING_BYTES = 24 + 50 + 4
#: Bytes a particle and linking length of what is kept: label and number in the catalogue.
_LABEL_BYTES = 8
#: Columns of eight bytes a particle that are kept: position, velocity, mass and identifier.
_PARTICLE_BYTES = 8 * (3 + 3 + 1 + 1)
#: Copies in bricks: position and number, ghosts, and names.
_BRICK_BYTES = 60
#: Ghosts and uneven bricks make the largest one larger than the mean.
_UNEVEN = 1.5


def memory_of(setting_gigabyte: float | None) -> float:
    """Bytes that one worker may use."""
    if setting_gigabyte is not None:
        return setting_gigabyte * _GIGABYTE
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return machine / (os.cpu_count() or 1) / 2


def bricks_for(particles: int, memory: float) -> int:
    """How many bricks so many particles are cut into; 1 where they fit into memory as they are."""
    needed = particles * _FINDING_BYTES
    if needed <= memory:
        return 1
    return max(2, math.ceil(_UNEVEN * needed / memory))


def check_disk(folder: Path, store: Path | None, particles: int, levels: int, bricks: int) -> None:
    """Raise ResourceError where the kept products would exceed the free disk."""
    each = _PARTICLE_BYTES + _LABEL_BYTES * levels + (_BRICK_BYTES * levels if bricks > 1 else 0)
    place = store if store is not None else folder
    needed, free = each * particles, shutil.disk_usage(place).free
    if needed > free:
        raise ResourceError(
            f"disk: {particles:,} particles need {needed / _GIGABYTE:.1f} Gbyte in {place}, "
            f"free are {free / _GIGABYTE:.1f} Gbyte"
        )
