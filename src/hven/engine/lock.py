"""The lock of step versions: code that changed under an unchanged version is noticed.

Run as `python -m hven.engine.lock --check` or `--write`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hven.engine.sources import source_digest
from hven.engine.step import STEPS, Step


class Locked(NamedTuple):
    """What the lock file holds of a step."""

    version: int
    #: Digest of its code; `sources.source_digest` says of which.
    source: str


def current_steps(packages: Iterable[str]) -> dict[str, Locked]:
    """Version and source of every step that is declared in these packages."""
    names = tuple(packages)
    for name in names:
        _import_all(name)
    return {step.name: _locked(step) for step in STEPS if _is_in(step.module, names)}


def compare(locked: Mapping[str, Locked], current: Mapping[str, Locked]) -> list[str]:
    """What is wrong, one sentence each."""
    faults = [f"{name}: must be in the lock file, is new" for name in current.keys() - locked]
    faults += [f"{name}: must exist, is only in the lock file" for name in locked.keys() - current]
    for name in locked.keys() & current.keys():
        old, new = locked[name], current[name]
        if new.version < old.version:
            faults.append(f"{name}: version must not fall, was {old.version}, is {new.version}")
        elif new.version > old.version:
            faults.append(f"{name}: version {new.version} must be in the lock file, is raised")
        elif new.source != old.source:
            faults.append(f"{name}: version must be raised, its code changed at {old.version}")
    return sorted(faults)


def read_lock(path: Path) -> dict[str, Locked]:
    """What the lock file holds; nothing when there is none."""
    if not path.exists():
        return {}
    return {name: Locked(**entry) for name, entry in json.loads(path.read_text()).items()}


def write_lock(path: Path, steps: Mapping[str, Locked]) -> None:
    """Write the lock file, sorted, so that merging it is easy."""
    entries = {name: steps[name]._asdict() for name in sorted(steps)}
    path.write_text(json.dumps(entries, indent=1) + "\n")


def main(words: Sequence[str] | None = None) -> int:
    """Check the lock file, or write it."""
    options = _parser().parse_args(words)
    locked, current = read_lock(options.file), current_steps(options.packages)
    if options.check:
        return _report(compare(locked, current), options.file)
    changed = [fault for fault in compare(locked, current) if "version must" in fault]
    if changed and not options.same_results:
        return _report(changed, options.file)
    write_lock(options.file, current)
    print(f"{len(current)} steps in {options.file}")
    return 0


def _report(faults: list[str], path: Path) -> int:
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        print(
            f"\n{path}: raise the version of a step whose results changed, then --write; "
            "--write --same-results if they are the same bit for bit",
            file=sys.stderr,
        )
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hven.engine.lock", description="The lock of step versions."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="fail when a step's code changed")
    what.add_argument("--write", action="store_true", help="record new steps and versions")
    parser.add_argument(
        "--same-results",
        action="store_true",
        help="with --write: record code that changed although its version did not",
    )
    parser.add_argument("--file", type=Path, default=Path("steps.lock"), help="the lock file")
    parser.add_argument("--packages", nargs="+", default=["hven.apps"], help="where steps are")
    return parser


def _import_all(name: str) -> None:
    module = importlib.import_module(name)
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{name}."):
        importlib.import_module(found.name)


def _is_in(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in packages)


def _locked(step: Step[..., Any]) -> Locked:
    return Locked(step.version, source_digest(step))


if __name__ == "__main__":
    sys.exit(main())
