"""The columns of the catalogue of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hven.apps.fof.galaxies import GalaxyGroups
from hven.apps.fof.measuring import Measured, radius_of_overdensity
from hven.formats.catalogues import TableColumn
from hven.kernels.percolation.properties import GroupProperties

if TYPE_CHECKING:
    from hven.apps.fof.finding import Found

Columns = tuple[list[TableColumn], dict[str, NDArray[Any]]]


class _Table:
    """Columns as they are added, each level after the other."""

    def __init__(self) -> None:
        self._columns: dict[str, TableColumn] = {}
        self._values: dict[str, list[NDArray[Any]]] = {}

    def add(
        self, values: NDArray[Any], name: str, dtype: str, unit: str, text: str, ucd: str = ""
    ) -> None:
        self._columns[name] = TableColumn(name, dtype, unit, text, ucd)
        self._values.setdefault(name, []).append(values)

    def finish(self) -> Columns:
        arrays = {name: np.concatenate(parts) for name, parts in self._values.items()}
        return list(self._columns.values()), arrays


def cartesian_columns(found: Found) -> Columns:
    """The catalogue of groups in space: columns, and the values of each."""
    table = _Table()
    for level, measured in enumerate(found.levels):
        _add_numbers(table, found, level)
        assert isinstance(measured.properties, GroupProperties)
        _add_cartesian(table, found, measured, measured.properties)
    return table.finish()


def _add_numbers(table: _Table, found: Found, level: int) -> None:
    """Which group it is, and where there are several linking lengths, within which."""
    measured = found.levels[level]
    count = len(measured.properties.size)
    if len(found.levels) > 1:
        unit = found.inputs.first.chosen.unit
        length = np.full(count, found.linking_lengths[level])
        table.add(np.full(count, level + 1), "level", "i4", "", "which linking length, from 1")
        table.add(length, "linking_length", "f8", unit, "linking length")
    numbers = np.arange(1, count + 1)
    table.add(numbers, "group", "i4", "", "number of the group, the largest is 1", "meta.id")
    if len(found.levels) > 1:
        parents = _parents(found, level)
        table.add(parents, "parent", "i4", "", "its group at the next greater length, 0 for none")
    table.add(measured.properties.size, "size", "i8", "", "members", "meta.number")


def _parents(found: Found, level: int) -> NDArray[np.int64]:
    own = found.levels[level]
    parents = np.zeros(len(own.properties.size), np.int64)
    lengths = found.linking_lengths
    greater = [n for n, length in enumerate(lengths) if length > lengths[level]]
    if greater:
        above = found.levels[min(greater, key=lengths.__getitem__)]
        # All members of a group are in one group there.
        inside = own.numbers >= 0
        parents[own.numbers[inside]] = above.numbers[inside] + 1
    return parents


def _add_cartesian(
    table: _Table, found: Found, measured: Measured, properties: GroupProperties
) -> None:
    chosen, facts = found.inputs.first.chosen, found.inputs.facts
    axes = ("x", "y", "z")[: found.particles.dimensions]
    each = facts.particle_mass if chosen.mass is None and facts.particle_mass else 1.0
    mass_unit = chosen.mass_unit if chosen.mass is not None else facts.mass_unit
    table.add(properties.mass * each, "mass", "f8", mass_unit, "sum of the masses", "phys.mass")
    for number, axis in enumerate(axes):
        table.add(
            properties.center[:, number], axis, "f8", chosen.unit,
            "centre of mass", f"pos.cartesian.{axis}",
        )  # fmt: skip
    if chosen.velocities:
        for number, axis in enumerate(axes):
            table.add(
                properties.velocity[:, number], f"v{axis}", "f8", chosen.velocity_unit,
                "mean velocity", "phys.veloc",
            )  # fmt: skip
        table.add(
            properties.dispersion, "dispersion", "f8", chosen.velocity_unit,
            "one-dimensional velocity dispersion", "phys.veloc.dispersion",
        )  # fmt: skip
    table.add(
        properties.rms_radius, "rms_radius", "f8", chosen.unit,
        "rms distance from the centre", "phys.size.radius",
    )  # fmt: skip
    _add_virial_radius(table, found, measured, properties)
    for number, axis in enumerate(axes):
        table.add(
            properties.extent[:, number], f"extent_{axis}", "f8", chosen.unit,
            "how far the group reaches", "phys.size",
        )  # fmt: skip
    _add_densest(table, found, measured, axes)


def _add_virial_radius(
    table: _Table, found: Found, measured: Measured, properties: GroupProperties
) -> None:
    """Only in a closed periodic box is the mean density known."""
    box = found.inputs.box
    if box is None or not all(box) or len(box) != 3:
        return
    density = measured.total_mass / found.volume
    with np.errstate(divide="ignore", invalid="ignore"):
        radius = radius_of_overdensity(properties.mass, density)
    table.add(
        radius, "virial_radius", "f8", found.inputs.first.chosen.unit,
        "sphere of its mass, 200 x mean density", "phys.size.radius",
    )  # fmt: skip


def _add_densest(table: _Table, found: Found, measured: Measured, axes: tuple[str, ...]) -> None:
    if not len(measured.densest):
        return
    positions = found.particles.places
    identifiers = found.particles.open("identifiers")
    where = positions[measured.densest]
    for number, axis in enumerate(axes):
        table.add(
            where[:, number], f"densest_{axis}", "f8", found.inputs.first.chosen.unit,
            "member with most friends", f"pos.cartesian.{axis}",
        )  # fmt: skip
    if identifiers is not None:
        chosen = identifiers[measured.densest]
        table.add(chosen, "densest_id", "i8", "", "member with most friends", "meta.id")


def galaxy_columns(found: Found) -> Columns:
    """The catalogue of groups of galaxies: columns, and the values of each."""
    table = _Table()
    _add_numbers(table, found, 0)
    groups = found.levels[0].properties
    assert isinstance(groups, GalaxyGroups)
    unit = found.inputs.first.chosen.mass_unit
    if found.inputs.first.chosen.mass is not None:
        table.add(groups.mass, "weight", "f8", unit, "sum of the weights")
    table.add(groups.ra, "ra", "f8", "deg", "mean direction", "pos.eq.ra;meta.main")
    table.add(groups.dec, "dec", "f8", "deg", "mean direction", "pos.eq.dec;meta.main")
    table.add(groups.redshift, "redshift", "f8", "", "mean redshift", "src.redshift")
    table.add(groups.distance, "distance", "f8", "Mpc", "comoving distance", "pos.distance")
    for name, text in (
        ("rms_radius", "rms projected radius, proper"),
        ("virial_radius", "projected virial radius, proper"),
    ):
        table.add(getattr(groups, name), name, "f8", "Mpc", text, "phys.size.radius")
    table.add(
        groups.dispersion, "dispersion", "f8", "km/s",
        "line-of-sight velocity dispersion", "phys.veloc.dispersion",
    )  # fmt: skip
    table.add(
        groups.extent, "extent", "f8", "deg", "outermost member from the centre", "phys.angSize"
    )
    return table.finish()
