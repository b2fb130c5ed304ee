"""What a mosaic needs of the machine, and whether there is as much."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from hven.apps.mosaic.region import Window
from hven.errors import ResourceError

_GIGABYTE = 1e9
#: Projection holds two float64 sums and a float32 image and area for each pixel of the result.
_PROJECTION_BYTES = 24
#: Of each pixel of an image: the value and its weight.
_IMAGE_BYTES = 8
#: Image and area of a projected image as they are kept, float32.
KEPT_BYTES = 8
#: What a worker is given by itself at most, so that other programs have room.
_DEFAULT_MEMORY = 2e9


def memory_of(setting_gigabyte: float | None) -> float:
    """Bytes that one worker may use."""
    if setting_gigabyte is not None:
        return setting_gigabyte * _GIGABYTE
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(_DEFAULT_MEMORY, machine / (os.cpu_count() or 1) / 2)


def check_memory(
    names: Sequence[str], pixels: Sequence[int], places: Sequence[Window], memory: float
) -> None:
    """Raise ResourceError where an image is too large to be projected in `memory` bytes."""
    needs = [
        _IMAGE_BYTES * count + _PROJECTION_BYTES * place.width * place.height
        for count, place in zip(pixels, places, strict=True)
    ]
    largest = max(range(len(needs)), key=needs.__getitem__)
    if needs[largest] > memory:
        raise ResourceError(
            f"memory: must be at least {needs[largest] / _GIGABYTE:.2f} Gbyte to project "
            f"{names[largest]} onto {places[largest].width} x {places[largest].height} pixels, "
            f"got {memory / _GIGABYTE:.2f} Gbyte"
        )


def check_disk(
    folder: Path, store: Path | None, outputs: float, kept: float, size: tuple[int, int]
) -> None:
    """Raise ResourceError where the outputs or the kept products exceed the free disk.

    Parameters
    ----------
    folder, store
        Where the outputs and the products go; a store that is no folder is not checked.
    outputs, kept
        Bytes of each.
    size
        Columns and rows of the mosaic, for the message.
    """
    free_here = shutil.disk_usage(folder).free
    same = store is not None and store.stat().st_dev == folder.stat().st_dev
    for place, needed, free in (
        (folder, outputs + (kept if same else 0.0), free_here),
        (store, kept, free_here if same or store is None else shutil.disk_usage(store).free),
    ):
        if place is not None and needed > free:
            raise ResourceError(
                f"disk: a mosaic of {size[0]} x {size[1]} pixels needs {needed / _GIGABYTE:.1f} "
                f"Gbyte in {place}, free are {free / _GIGABYTE:.1f} Gbyte; "
                "ask for larger pixels or a smaller region"
            )
