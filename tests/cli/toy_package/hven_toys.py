"""An application as another package brings it: weighs files, slowly or wrongly where asked."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from astropy.io import fits

from hven.declare import Fault, Output, Param, SkyPosition, application
from hven.engine import Run, step
from hven.errors import InputError, ResourceError


@dataclass(frozen=True)
class Weights:
    """What the files weigh."""

    table: Annotated[Path, Output("Weight of each file", media_type="text/plain")]
    image: Annotated[Path, Output("Weights as an image", media_type="image/fits")]
    preview: Annotated[Path | None, Output("Picture", media_type="image/png")]
    total: Annotated[int, Output("Sum of all weights")]


@step(version=2)
def weigh_file(file: Path, *, number: int, seconds: float, trouble: str) -> int:
    """Weigh a file."""
    time.sleep(seconds)
    if trouble == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if trouble == "step":
        raise ZeroDivisionError("nothing to divide by")
    if trouble == "input":
        raise InputError([Fault(file.name, "must be light, got a heavy one")])
    return file.stat().st_size


def _conditions(values: Mapping[str, Any]) -> Iterator[Fault]:
    if values["repeat"] > 100 and not values["patient"]:
        yield Fault("repeat", f"must be at most 100 without patient, got {values['repeat']}")


@application(
    "weigh", title="File weights", version=4, references=("Archimedes, -250",), check=_conditions
)
def weigh(
    run: Run,
    files: Annotated[list[Path], Param("Files to weigh")],
    repeat: Annotated[int, Param("How often", low=1, high=10_000)] = 1,
    pause: Annotated[float, Param("Time a file takes", unit="s", low=0, high=600)] = 0.0,
    center: Annotated[SkyPosition | None, Param("Centre", example="10 -20", group="Sky")] = None,
    offset: Annotated[float, Param("Added to 100 % of all", low=-1, high=1, group="Sky")] = 0.0,
    masks: Annotated[list[Path], Param("Masks", placeholder="none")] = [],  # noqa: B006
    scales: Annotated[Path | None, Param("How the scales are calibrated")] = None,
    patient: Annotated[bool, Param("Take many")] = False,
    trouble: Annotated[
        Literal["none", "bug", "step", "input", "memory", "kill"],
        Param("What goes wrong", advanced=True),
    ] = "none",
) -> Weights:
    """Weighs files.

    Each file is put on the scales as often as asked.
    """
    if trouble == "bug":
        raise KeyError("spam")
    if trouble == "memory":
        raise ResourceError("memory: must be at least 3 TB for this, there are 24 GB")
    run.say(f"{len(files)} files")
    everything = [file for file in files for _ in range(repeat)]
    weights = run.gather(
        run.map(weigh_file, everything, number=0, seconds=pause, trouble=trouble)
        if repeat == 1
        else [
            run.call(weigh_file, file, number=number, seconds=pause, trouble=trouble)
            for number, file in enumerate(everything)
        ]
    )
    table, image = run.folder / "weights.txt", run.folder / "weights.fits"
    table.write_text("".join(f"{weight}\n" for weight in weights))
    fits.writeto(image, np.array(weights, dtype=np.float32), overwrite=True)
    run.publish("table", table)
    return Weights(table, image, None, sum(weights))
