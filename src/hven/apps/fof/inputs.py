"""Which files the particles come from, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hven.apps.fof.steps import examine_file
from hven.engine import Run
from hven.errors import Fault, InputError
from hven.formats.particles.columns import Wanted
from hven.formats.particles.reading import Summary
from hven.formats.particles.table import Facts


@dataclass(frozen=True)
class Inputs:
    """The files of a run, found to belong together."""

    paths: list[Path]
    summaries: list[Summary]
    wanted: Wanted
    #: Sides of the box, 0 where it is open; none where all axes are.
    box: tuple[float, ...] | None

    @property
    def first(self) -> Summary:
        """The summary that stands for all."""
        return self.summaries[0]

    @property
    def facts(self) -> Facts:
        """What the first file says beside its columns."""
        return self.first.facts

    @property
    def dimensions(self) -> int:
        """2 or 3."""
        return self.first.chosen.dimensions


def examined_inputs(run: Run, values: Mapping[str, Any]) -> Inputs:
    """The files, each examined.

    Raises
    ------
    InputError
        Files cannot be used, or not together: all faults of all of them.
    """
    paths = _files(values["particles"])
    wanted = Wanted(
        tuple(values["columns"]),
        tuple(values["velocity_columns"]),
        values["mass_column"],
        values["id_column"],
        values["space"] == "sky",
        values["particle_type"],
    )
    run.digest_files(paths)
    summaries = run.gather(run.map(examine_file, paths, wanted=wanted))
    faults = [*_differences(paths, summaries), *_missing_files(paths, summaries)]
    if faults:
        raise InputError(faults)
    for note in dict.fromkeys(note for summary in summaries for note in summary.facts.notes):
        run.say(note)
    return Inputs(paths, summaries, wanted, _box(values["box"], summaries[0]))


def _files(given: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    faults: list[Fault] = []
    for path in given:
        if not path.is_dir():
            files.append(path)
            continue
        inside = [item for item in sorted(path.iterdir()) if _is_candidate(item)]
        if not inside:
            faults.append(Fault(str(path), "must hold files of particles, holds none"))
        files += inside
    twice = {path for path in files if files.count(path) > 1} if len(files) < 10_000 else set()
    faults += [Fault(str(path), "must be given once, is given twice") for path in sorted(twice)]
    if faults:
        raise InputError(faults)
    return files


def _is_candidate(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


def _differences(paths: Sequence[Path], summaries: Sequence[Summary]) -> list[Fault]:
    """What the files say differently that must be one."""
    first = summaries[0]
    faults = []
    for path, summary in zip(paths[1:], summaries[1:], strict=True):
        for what, one, other in (
            ("dimensions", first.chosen.dimensions, summary.chosen.dimensions),
            ("positions in the unit", first.chosen.unit, summary.chosen.unit),
            ("velocities in the unit", first.chosen.velocity_unit, summary.chosen.velocity_unit),
            ("masses in the unit", first.chosen.mass_unit, summary.chosen.mass_unit),
            ("velocities", bool(first.chosen.velocities), bool(summary.chosen.velocities)),
            ("a column of masses", first.chosen.mass is None, summary.chosen.mass is None),
            ("identifiers", first.chosen.identifier is None, summary.chosen.identifier is None),
            ("particles of mass", first.facts.particle_mass, summary.facts.particle_mass),
            ("a box of", first.facts.box, summary.facts.box),
        ):
            if one != other:
                text = f"must be as {paths[0].name}: {what} {one or 'none'}, has {other or 'none'}"
                faults.append(Fault(str(path), text))
    return faults


def _missing_files(paths: Sequence[Path], summaries: Sequence[Summary]) -> list[Fault]:
    """Whether the files of a snapshot are all there."""
    facts = summaries[0].facts
    rows = [summary.rows for summary in summaries]
    if facts.files > 1 and facts.files != len(paths):
        text = f"must be given with all {facts.files} files of its snapshot, {len(paths)} are"
        return [Fault(str(paths[0]), text)]
    known = [count for count in rows if count is not None]
    if facts.total is None or facts.total == sum(known) or len(known) < len(rows):
        return []
    text = f"must hold {facts.total:,} particles with the other files as its header says, "
    return [Fault(str(paths[0]), f"{text}they hold {sum(known):,}")]


def _box(asked: Sequence[float], summary: Summary) -> tuple[float, ...] | None:
    dimensions = summary.chosen.dimensions
    sides = tuple(asked) or summary.facts.box or ()
    if len(sides) == 1:
        sides *= dimensions
    if not any(sides):
        return None
    if len(sides) > dimensions and not asked:
        return sides[:dimensions]
    if len(sides) != dimensions:
        text = f"must be one side or {dimensions}, one an axis, got {len(sides)}"
        raise InputError([Fault("box", text)])
    return sides
