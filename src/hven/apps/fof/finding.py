"""How groups are found: examine, read, find friends, measure, write."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hven.apps.fof.bricks import labels_by_bricks
from hven.apps.fof.galaxies import Lengths, SkyLinking, linking_lengths
from hven.apps.fof.inputs import Inputs, examined_inputs
from hven.apps.fof.measuring import Measured, Measuring, mean_separation
from hven.apps.fof.outputs import write_files
from hven.apps.fof.resources import bricks_for, check_disk, memory_of
from hven.apps.fof.steps import (
    Finding,
    Particles,
    combine_files,
    find_galaxy_groups,
    find_labels,
    measure_groups,
    read_file,
)
from hven.engine import Product, Run
from hven.kernels.loading import load_percolation_kernels

Values = Mapping[str, Any]
Labels = Product[list[NDArray[Any]]] | list[Product[NDArray[Any]]]


@dataclass(frozen=True)
class Found:
    """Everything that the outputs are made from."""

    inputs: Inputs
    product: Product[Particles]
    particles: Particles
    #: In the unit of the positions; for galaxies the transverse length, Mpc.
    linking_lengths: tuple[float, ...]
    #: Mean separation of the particles, in the same unit.
    separation: float
    #: The volume (or area) that it is taken over.
    volume: float
    levels: list[Measured]
    #: The labels of all particles at each linking length.
    labels: Labels
    #: Of galaxies, where they are and how far they link.
    lengths: Lengths | None
    linking: SkyLinking | None


def find_groups(run: Run, values: Values) -> dict[str, Path]:
    """All files of a catalogue of groups, by the names of the application's outputs."""
    # Before the first step is called, since that is when the workers are forked.
    load_percolation_kernels()
    began = time.monotonic()
    inputs = examined_inputs(run, values)
    known = [summary.rows for summary in inputs.summaries if summary.rows is not None]
    memory, levels = memory_of(values["memory"]), len(values["linking_length"])
    check_disk(run.folder, run.store.folder, sum(known), levels, bricks_for(sum(known), memory))
    product = _read(run, inputs, values)
    product.load()
    reading_seconds = time.monotonic() - began
    began = time.monotonic()
    found = _found(run, inputs, product, memory, values)
    _tell(run, found, reading_seconds, time.monotonic() - began)
    return write_files(run, found, values)


def _read(run: Run, inputs: Inputs, values: Values) -> Product[Particles]:
    parts = run.map(
        read_file,
        inputs.paths,
        wanted=inputs.wanted,
        dimensions=inputs.dimensions,
        box=inputs.box,
        wrap=values["outside"] == "wrap",
    )
    run.gather(parts)
    return parts[0] if len(parts) == 1 else run.call(combine_files, parts)


def _found(
    run: Run, inputs: Inputs, product: Product[Particles], memory: float, values: Values
) -> Found:
    particles = product.load()
    if inputs.wanted.sky:
        return _found_galaxies(run, inputs, product, values)
    volume = volume_of(particles, inputs.box)
    separation = mean_separation(volume, particles.rows, inputs.dimensions)
    unit = separation if values["length_in"] == "separation" else 1.0
    lengths = tuple(length * (unit or 1.0) for length in values["linking_length"])
    finding = Finding(lengths, inputs.box, values["method"], values["threads"])
    labels = _labels(run, product, finding, memory)
    measuring = Measuring(values["minimum_size"], inputs.box, lengths, values["densest"], sky=False)
    levels = run.call(measure_groups, product, labels, measuring=measuring).load()
    return Found(
        inputs, product, particles, lengths, separation, volume, levels, labels, None, None
    )


def _labels(run: Run, product: Product[Particles], finding: Finding, memory: float) -> Labels:
    count = bricks_for(product.load().rows, memory)
    if count == 1 or finding.method not in ("grid", "tree"):
        return run.call(find_labels, product, finding)
    run.say(f"{product.load().rows:,} particles are cut into {count} bricks")
    return labels_by_bricks(run, product, finding, count)


def _found_galaxies(run: Run, inputs: Inputs, product: Product[Particles], values: Values) -> Found:
    galaxies = product.load()
    linking = sky_linking(values)
    labels = run.call(find_galaxy_groups, product, linking)
    measuring = Measuring(
        values["minimum_size"], None, (), densest=False, sky=True, cosmology=linking.cosmology
    )
    levels = run.call(measure_groups, product, labels, measuring=measuring).load()
    positions = galaxies.places
    lengths = linking_lengths(positions, linking) if galaxies.rows else None
    separation = lengths.mean_separation if lengths else 0.0
    unit = separation if linking.in_separations else 1.0
    transverse = (linking.transverse * (unit or 1.0),)
    volume = separation**3 * galaxies.rows
    return Found(
        inputs, product, galaxies, transverse, separation, volume, levels, labels, lengths, linking
    )


def sky_linking(values: Values) -> SkyLinking:
    """How galaxies are linked, from the parameters."""
    flat = (values["hubble_constant"], values["matter_density"])
    return SkyLinking(
        values["linking_length"][0],
        values["line_of_sight_length"],
        values["line_of_sight_velocity"],
        values["length_in"] == "separation",
        values["scaling"],
        values["longest_length"],
        values["criterion"],
        values["cosmology"] if flat == (None, None) else flat,
        values["sky_area"],
    )


def volume_of(particles: Particles, box: Sequence[float] | None) -> float:
    """The volume of the box; along open axes as far as the particles reach."""
    reach = np.array(particles.high) - np.array(particles.low)
    if box is None:
        return float(np.prod(reach)) if particles.rows else 0.0
    if not particles.rows:
        return float(np.prod(box))
    return float(np.prod(np.where(np.array(box) > 0, box, reach)))


def _tell(run: Run, found: Found, reading_seconds: float, finding_seconds: float) -> None:
    """The lines that users of earlier codes know, and what they should beware of."""
    unit = "Mpc" if found.linking else found.inputs.first.chosen.unit
    for length, level in zip(found.linking_lengths, found.levels, strict=True):
        share = f" = {length / found.separation:.4g} mean separations" if found.separation else ""
        run.say(f"Radius: {length:.8g} {unit}".rstrip() + share)
        run.say(f"Particles: {found.particles.rows:,}")
        run.say(f"Number of groups: {level.groups:,}")
        run.say(f"Groups with mass higher than 1: {level.groups_above_one:,}")
        if level.groups == 1 and found.particles.rows > 1:
            run.say(
                "everything percolates: all particles are one group, so the linking length is "
                "larger than any gap between them"
            )
    if found.inputs.box is None and not found.linking and found.particles.rows:
        run.say("without a periodic box, mean separations are those in the box that just holds all")
    if found.lengths is not None:
        _tell_lengths(run, found.lengths)
    run.say(f"Reading time: {reading_seconds * 1e6:,.0f} us")
    run.say(f"FoF time: {finding_seconds * 1e6:,.0f} us")


def _tell_lengths(run: Run, lengths: Lengths) -> None:
    for name, values in (
        ("transverse", lengths.transverse), ("line-of-sight", lengths.line_of_sight)
    ):  # fmt: skip
        low, high = float(values.min()), float(values.max())
        span = f"{low:.4g}" if math.isclose(low, high) else f"{low:.4g} to {high:.4g}"
        run.say(f"{name} linking length: {span} Mpc comoving")
    run.say(
        f"mean separation {lengths.mean_separation:.4g} Mpc comoving over {lengths.area_deg2:.4g} "
        "square degrees"
    )
