"""The files of a catalogue of groups: tables, text, plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hven.apps.fof.columns import cartesian_columns, galaxy_columns
from hven.apps.fof.plots import plot_multiplicity, plot_preview
from hven.apps.fof.steps import number_all_groups
from hven.engine import Run
from hven.formats.catalogues import (
    MEDIA_TYPES,
    SUFFIXES,
    Description,
    Part,
    TableColumn,
    write_catalogue,
)
from hven.formats.drafts import draft_of
from hven.formats.particles.counted import write_counted_groups

if TYPE_CHECKING:
    from hven.apps.fof.finding import Found

Values = Mapping[str, Any]

#: Rows that are written at a time.
_ROWS = 1 << 19
#: More names of files than this do not go into the history.
_NAMES = 50
_PLACES = ("x", "y", "z")


def write_files(run: Run, found: Found, values: Values) -> dict[str, Path]:
    """All files, by the names of the application's outputs."""
    form = values["table_format"]
    written = {
        "groups": run.folder / f"groups{SUFFIXES[form]}",
        "preview": run.folder / "preview.png",
        "multiplicity": run.folder / "multiplicity.ecsv",
        "multiplicity_plot": run.folder / "multiplicity.png",
    }
    _write_groups(written["groups"], found, values)
    _write_multiplicity(written["multiplicity"], found)
    plot_multiplicity(written["multiplicity_plot"], found)
    plot_preview(written["preview"], found)
    if values["members"] != "none":
        written["membership"] = run.folder / f"membership{SUFFIXES[form]}"
        _write_membership(written["membership"], found, values)
    if values["legacy_text"]:
        written["legacy"] = run.folder / f"Groups_{values['linking_length'][0]:g}"
        _write_legacy(run, written["legacy"], found)
    types = {
        "preview": "image/png",
        "multiplicity": "text/csv",
        "multiplicity_plot": "image/png",
        "legacy": "text/plain",
    }
    for name, path in written.items():
        run.publish(name, path, media_type=types.get(name, MEDIA_TYPES[form]))
    return written


def _write_groups(path: Path, found: Found, values: Values) -> None:
    columns, table = galaxy_columns(found) if found.linking else cartesian_columns(found)
    rows = len(next(iter(table.values())))
    description = _description("groups", found, values)
    write_catalogue(path, values["table_format"], columns, rows, _parts(table, rows), description)


def _parts(table: Mapping[str, NDArray[Any]], rows: int) -> Iterator[Part]:
    for start in range(0, rows, _ROWS):
        yield {name: values[start : start + _ROWS] for name, values in table.items()}


def _write_membership(path: Path, found: Found, values: Values) -> None:
    particles = found.particles
    identifiers = particles.open("identifiers")
    number = "i8" if particles.rows >= 2**31 else "i4"
    columns = [TableColumn("particle", number, "", "row of the particle, from 1", "meta.record")]
    if identifiers is not None:
        kind = "i4" if identifiers.dtype.itemsize < 4 or identifiers.dtype == np.int32 else "i8"
        columns.append(TableColumn("id", kind, "", "identifier of the particle", "meta.id"))
    many = len(found.levels) > 1
    for level in range(len(found.levels)):
        name = f"group_{level + 1}" if many else "group"
        text = "number of its group, 0 for none of the catalogue"
        columns.append(TableColumn(name, number, "", text, "meta.id.parent"))
    if values["members"] == "positions":
        columns += _position_columns(found)
    parts = _member_parts(found, columns)
    description = _description("membership", found, values)
    write_catalogue(path, values["table_format"], columns, particles.rows, parts, description)


def _position_columns(found: Found) -> list[TableColumn]:
    if found.linking:
        return [
            TableColumn("ra", "f8", "deg", "right ascension", "pos.eq.ra;meta.main"),
            TableColumn("dec", "f8", "deg", "declination", "pos.eq.dec;meta.main"),
            TableColumn("redshift", "f8", "", "redshift", "src.redshift"),
        ]
    unit = found.inputs.first.chosen.unit
    axes = _PLACES[: found.particles.dimensions]
    return [TableColumn(axis, "f8", unit, "position", "pos.cartesian." + axis) for axis in axes]


def _member_parts(found: Found, columns: list[TableColumn]) -> Iterator[Part]:
    particles = found.particles
    positions, identifiers = particles.places, particles.open("identifiers")
    groups = [column.name for column in columns if column.name.startswith("group")]
    places = [column.name for column in columns[-particles.dimensions :]]
    for start in range(0, particles.rows, _ROWS):
        part = slice(start, min(start + _ROWS, particles.rows))
        values: dict[str, NDArray[Any]] = {"particle": np.arange(part.start + 1, part.stop + 1)}
        if identifiers is not None:
            values["id"] = identifiers[part]
        for name, level in zip(groups, found.levels, strict=True):
            values[name] = level.numbers[part] + 1
        for axis, name in enumerate(places):
            values.setdefault(name, positions[part, axis])
        yield values


def _description(name: str, found: Found, values: Values) -> Description:
    inputs = found.inputs
    facts: dict[str, tuple[str | int | float, str]] = {
        "CREATOR": (f"Hven {metadata.version('hven')}", "program that made this table"),
        "NPART": (found.particles.rows, "particles in all"),
        "MINSIZE": (values["minimum_size"], "members of the smallest group here"),
        "MEANSEP": (found.separation, "mean separation of the particles"),
    }
    for level, (length, measured) in enumerate(
        zip(found.linking_lengths, found.levels, strict=True)
    ):
        number = f"{level + 1}" if len(found.levels) > 1 else ""
        facts[f"LINKLEN{number}"] = (length, "linking length in the unit of the positions")
        facts[f"NGROUP{number}"] = (measured.groups, "groups in all, of any size")
        facts[f"NMULTI{number}"] = (measured.groups_above_one, "groups of more than one member")
    for axis, side in enumerate(inputs.box or ()):
        facts[f"BOX{axis + 1}"] = (side, "side of the periodic box, 0 is open")
    for keyword, value, comment in (
        ("HUBBLE", inputs.facts.hubble, "Hubble constant / (100 km/s/Mpc)"),
        ("SCALEFAC", inputs.facts.scale_factor, "scale factor; lengths are comoving"),
        ("OMEGAM", inputs.facts.matter, "matter density over the critical one"),
    ):
        if value is not None:
            facts[keyword] = (value, comment)
    return Description(name, facts, list(_history(found, values)))


def _history(found: Found, values: Values) -> Iterator[str]:
    yield "Friends-of-Friends: groups are all that hang together by friends."
    names = ["space", "linking_length", "length_in", "minimum_size"]
    if found.linking:
        names += ["line_of_sight_length", "line_of_sight_velocity", "scaling", "longest_length"]
        names += ["criterion", "cosmology", "hubble_constant", "matter_density", "sky_area"]
    for name in names:
        if values[name] is not None:
            yield f"{name}: {values[name]}"
    files = [path.name for path in found.inputs.paths]
    for name in files[:_NAMES]:
        yield f"particles: {name}"
    if len(files) > _NAMES:
        yield f"and {len(files) - _NAMES} more files"


def _write_multiplicity(path: Path, found: Found) -> None:
    """How many groups there are of each size, and of that size or larger."""
    from astropy.table import Table

    columns: dict[str, list[Any]] = {name: [] for name in (
        "linking_length", "size", "groups", "groups_at_least", "particles"
    )}  # fmt: skip
    for length, level in zip(found.linking_lengths, found.levels, strict=True):
        known = level.sizes > 0
        sizes, counts = level.sizes[known], level.counts[known]
        columns["linking_length"] += [length] * len(sizes)
        columns["size"] += sizes.tolist()
        columns["groups"] += counts.tolist()
        columns["groups_at_least"] += np.cumsum(counts[::-1])[::-1].tolist()
        columns["particles"] += (sizes * counts).tolist()
    kinds = {"linking_length": "f8"}
    table = Table({name: np.array(v, kinds.get(name, "i8")) for name, v in columns.items()})
    unit = "Mpc" if found.linking else found.inputs.first.chosen.unit
    table["linking_length"].unit = unit or None
    with draft_of(path) as draft:
        table.write(draft, format="ascii.ecsv", delimiter=",")


def _write_legacy(run: Run, path: Path, found: Found) -> None:
    particles = found.particles
    positions = particles.places
    # Of all sizes, unlike the catalogue's.
    numbers = run.call(number_all_groups, found.product, found.labels).load()
    with draft_of(path, 110 * particles.rows) as draft:
        write_counted_groups(
            draft,
            found.levels[0].groups,
            numbers,
            positions,
            particles.open("velocities"),
        )
