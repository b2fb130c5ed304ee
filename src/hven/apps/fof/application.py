"""What the Friends-of-Friends application takes and gives, and its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from hven.apps.fof.showing import EXAMPLE_HELP, EXAMPLE_PICTURE, EXAMPLE_VALUES, make_example
from hven.declare import Example, Output, Param, application
from hven.engine import Run
from hven.errors import Fault

Method = Literal["grid", "tree", "brute", "gpu-grid", "gpu-brute"]
Cosmology = Literal["Planck18", "Planck15", "Planck13", "WMAP9", "WMAP7", "WMAP5", "WMAP3", "WMAP1"]

_PARTICLES, _LINKING, _GALAXIES = "Particles", "Linking", "Galaxies in redshift space"
_OUTPUT = "Output"
#: Parameters that mean something for galaxies in redshift space alone, and their defaults.
_SKY_ONLY = {
    "line_of_sight_length": None,
    "line_of_sight_velocity": None,
    "scaling": "none",
    "longest_length": None,
    "criterion": "mean-angle",
    "hubble_constant": None,
    "matter_density": None,
    "sky_area": None,
}


@dataclass(frozen=True)
class Groups:
    """The files of finished groups, all in the folder of the run."""

    groups: Annotated[
        Path, Output("Catalogue of groups, the largest first", media_type="application/fits")
    ]
    preview: Annotated[
        Path, Output("Projected density with the largest groups", media_type="image/png")
    ]
    multiplicity: Annotated[
        Path, Output("Multiplicity function: groups of each size", media_type="text/csv")
    ]
    multiplicity_plot: Annotated[
        Path, Output("Plot of the multiplicity function", media_type="image/png")
    ]
    membership: Annotated[
        Path | None, Output("The group of each particle", media_type="application/fits")
    ] = None
    legacy: Annotated[
        Path | None,
        Output("Group and coordinates of each particle as text", media_type="text/plain"),
    ] = None


def _conflicts(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults that show only when several parameters are seen together."""
    lengths = values["linking_length"]
    if len(set(lengths)) < len(lengths):
        yield Fault("linking_length", "must be different lengths, got one of them twice")
    if len(lengths) > 1 and values["legacy_text"]:
        yield Fault("legacy_text", f"must be asked for one linking length only, got {len(lengths)}")
    if len(values["box"]) > 3:
        yield Fault("box", f"must be one side or one an axis, got {len(values['box'])}")
    if len(values["columns"]) > 3:
        yield Fault("columns", f"must be at most three, got {len(values['columns'])}")
    if values["space"] == "sky":
        yield from _sky_conflicts(values)
        return
    for name, default in _SKY_ONLY.items():
        if values[name] != default:
            yield Fault(name, "must be left out where space is not sky")


def _sky_conflicts(values: Mapping[str, Any]) -> Iterator[Fault]:
    along = [values[name] for name in ("line_of_sight_length", "line_of_sight_velocity")]
    if along.count(None) != 1:
        given = "neither" if along.count(None) == 2 else "both"
        yield Fault(
            "line_of_sight_length",
            f"must be given, or line_of_sight_velocity, where space is sky, got {given}",
        )
    if len(values["linking_length"]) > 1:
        yield Fault("linking_length", "must be a single one where space is sky")
    flat = {name: values[name] for name in ("hubble_constant", "matter_density")}
    for name, other in (tuple(flat), tuple(flat)[::-1]):
        if flat[name] is not None and flat[other] is None:
            yield Fault(name, f"must be given together with {other}")
    for name in ("box", "velocity_columns", "legacy_text", "densest"):
        if values[name]:
            yield Fault(name, "must be left out where space is sky")


def _warm() -> None:
    from hven.apps.fof import finding
    from hven.kernels.loading import load_percolation_kernels

    assert finding  # With all that it stands on.
    load_percolation_kernels()


@application(
    "fof",
    title="Friends-of-Friends groups",
    family="Groups",
    version=1,
    check=_conflicts,
    warm=_warm,
    example=Example(EXAMPLE_HELP, EXAMPLE_VALUES, make_example, EXAMPLE_PICTURE),
    references=(
        "Huchra & Geller 1982, ApJ 257, 423, doi:10.1086/160000",
        "Davis et al. 1985, ApJ 292, 371, doi:10.1086/163168",
        "Eke et al. 2004, MNRAS 348, 866, doi:10.1111/j.1365-2966.2004.07408.x",
    ),
)
def fof(
    run: Run,
    particles: Annotated[
        list[Path],
        Param(
            "Files of particles or galaxies, or folders of them: text, CSV, ECSV, FITS, VOTable, "
            "Parquet, HDF5, snapshots, npy",
            group=_PARTICLES,
            example="snapshot_099.*.hdf5",
        ),
    ],
    space: Annotated[
        Literal["cartesian", "sky"],
        Param("Positions in space, or galaxies by RA, Dec and redshift or cz", group=_PARTICLES),
    ] = "cartesian",
    columns: Annotated[
        list[str],
        Param(
            "Columns of the positions: x y z, or one of vectors; RA, Dec and redshift of galaxies",
            group=_PARTICLES,
            placeholder="found by their usual names",
        ),
    ] = [],  # noqa: B006  (read only; the declaration shows it as the default)
    velocity_columns: Annotated[
        list[str],
        Param(
            "Columns of the velocities",
            group=_PARTICLES,
            placeholder="found by their usual names, or none",
            advanced=True,
        ),
    ] = [],  # noqa: B006
    mass_column: Annotated[
        str | None,
        Param(
            "Column of masses or weights",
            group=_PARTICLES,
            placeholder="found by its usual names; where there is none, all count the same",
        ),
    ] = None,
    id_column: Annotated[
        str | None,
        Param(
            "Column of identifiers",
            group=_PARTICLES,
            placeholder="found by its usual names, or none",
            advanced=True,
        ),
    ] = None,
    particle_type: Annotated[
        int,
        Param(
            "Which particles of a snapshot: 0 gas, 1 dark matter, 4 stars, 5 black holes",
            low=0,
            high=31,
            group=_PARTICLES,
        ),
    ] = 1,
    box: Annotated[
        list[float],
        Param(
            "Side of the periodic box, or one an axis, in the unit of the positions; 0 is open",
            low=0,
            group=_PARTICLES,
            placeholder="that of the snapshot; open where there is none",
        ),
    ] = [],  # noqa: B006
    outside: Annotated[
        Literal["stop", "wrap"],
        Param("What to do with positions outside of the periodic box", group=_PARTICLES),
    ] = "stop",
    linking_length: Annotated[
        list[float],
        Param(
            "Particles at most so far apart are friends; several lengths give a hierarchy",
            low=0,
            low_open=True,
            group=_LINKING,
        ),
    ] = [0.2],  # noqa: B006
    length_in: Annotated[
        Literal["separation", "absolute"],
        Param(
            "Linking lengths in mean separations of the particles, or in the unit of the positions "
            "(Mpc for galaxies in redshift space)",
            group=_LINKING,
        ),
    ] = "separation",
    minimum_size: Annotated[
        int,
        Param("Members of the smallest group in the catalogue", low=1, group=_LINKING),
    ] = 2,
    method: Annotated[
        Method,
        Param(
            "How friends are found; all methods give the same groups", group=_LINKING, advanced=True
        ),
    ] = "grid",
    threads: Annotated[
        int | None,
        Param(
            "Threads that look for friends",
            low=1,
            high=1024,
            group=_LINKING,
            advanced=True,
            placeholder="one a processor",
        ),
    ] = None,
    line_of_sight_length: Annotated[
        float | None,
        Param(
            "Linking length along the line of sight, in the same unit as linking_length",
            low=0,
            low_open=True,
            group=_GALAXIES,
        ),
    ] = None,
    line_of_sight_velocity: Annotated[
        float | None,
        Param(
            "The same as a velocity, instead",
            unit="km/s",
            low=0,
            low_open=True,
            group=_GALAXIES,
        ),
    ] = None,
    scaling: Annotated[
        Literal["none", "redshift", "density"],
        Param(
            "Linking lengths comoving, proper, or as the mean separation at each redshift",
            group=_GALAXIES,
        ),
    ] = "none",
    longest_length: Annotated[
        float | None,
        Param(
            "Transverse linking length is at most this proper length",
            unit="Mpc",
            low=0,
            low_open=True,
            group=_GALAXIES,
        ),
    ] = None,
    criterion: Annotated[
        Literal["mean-angle", "mean-distance"],
        Param(
            "Pairs are compared by the mean of their angles, or of their distances",
            group=_GALAXIES,
            advanced=True,
        ),
    ] = "mean-angle",
    cosmology: Annotated[
        Cosmology, Param("Cosmology that turns redshifts into distances", group=_GALAXIES)
    ] = "Planck18",
    hubble_constant: Annotated[
        float | None,
        Param(
            "Hubble constant of a flat cosmology instead; matter_density then too",
            unit="km / (s Mpc)",
            low=1,
            high=1000,
            group=_GALAXIES,
            advanced=True,
        ),
    ] = None,
    matter_density: Annotated[
        float | None,
        Param(
            "Matter density today over the critical one, of a flat cosmology",
            low=0,
            high=1,
            group=_GALAXIES,
            advanced=True,
        ),
    ] = None,
    sky_area: Annotated[
        float | None,
        Param(
            "Area of the survey, for mean separations",
            unit="deg2",
            low=0,
            low_open=True,
            high=41252.97,
            group=_GALAXIES,
            placeholder="that between the extreme RA and Dec",
        ),
    ] = None,
    densest: Annotated[
        bool, Param("Also find the member with most friends of each group", group=_OUTPUT)
    ] = False,
    table_format: Annotated[
        Literal["fits", "votable", "parquet", "hdf5"],
        Param("Format of the catalogue and the membership", group=_OUTPUT),
    ] = "fits",
    members: Annotated[
        Literal["group", "positions", "none"],
        Param("The membership table: group of each particle, also its position, or no table",
              group=_OUTPUT),
    ] = "group",
    legacy_text: Annotated[
        bool,
        Param("Also the text file Groups_ of earlier codes", group=_OUTPUT, advanced=True),
    ] = False,
    memory: Annotated[
        float | None,
        Param(
            "Memory that one worker may use; what needs more is done in bricks",
            unit="Gbyte",
            low=0.1,
            group=_OUTPUT,
            advanced=True,
            placeholder="a share of the machine's",
        ),
    ] = None,
) -> Groups:  # fmt: skip
    """Finds groups of particles or galaxies: friends of friends are in one group.

    Two particles at most a linking length apart are friends, and a group is all that hang
    together by friends. The catalogue does not depend on the order of the particles, the method,
    bricks, threads or workers.
    """
    values = {name: value for name, value in locals().items() if name != "run"}
    # Help, list and schema need the declaration only; numba takes a second to import.
    from hven.apps.fof.finding import find_groups

    return Groups(**find_groups(run, values))
