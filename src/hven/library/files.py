"""The files among an application's values: wildcards opened, missing ones named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hven.declare import Application, Field
from hven.declare.url import is_url
from hven.declare.wildcards import matches as paths_matching
from hven.errors import Fault, InputError, ParameterError


def parse(application: Application, given: Mapping[str, Any]) -> dict[str, Any]:
    """All values as the body gets them: wildcards opened, paths absolute, single files there.

    Raises
    ------
    ParameterError
        With all faults of the request, missing files among them.
    InputError
        Nothing else is wrong than that files are missing.
    """
    opened = dict(given)
    missing: list[Fault] = []
    for field in application.fields:
        if field.kind == "file" and field.name in given:
            opened[field.name], faults = _found(field, given[field.name])
            missing.extend(faults)
    try:
        values = application.parse(opened)
    except ParameterError as error:
        raise ParameterError([*error.faults, *missing]) from None
    if missing:
        raise InputError(missing)
    return values


def paths(application: Application, values: Mapping[str, Any]) -> Iterator[Path]:
    """Every path among the values, in order."""
    for field in application.fields:
        if field.kind == "file" and values[field.name] is not None:
            yield from values[field.name] if field.many else [values[field.name]]


def _found(field: Field, given: Any) -> tuple[Any, list[Fault]]:
    """The files that `given` names, and a fault for each that is not there."""
    try:
        value = field.check(given)
    except ParameterError:  # Reported with the other parameters, by who parses them all.
        return given, []
    if value is None:
        return None, []
    faults: list[Fault] = []
    files: list[Path] = []
    for path in value if field.many else [value]:
        if is_url(path):
            told = f"must be a file on this machine, only services fetch addresses, got {path}"
            faults.append(Fault(field.name, told))
            files.append(path)
            continue
        matches = paths_matching(path) if field.many else [path]
        files.extend(match.absolute() for match in matches or [path])
        if not matches:
            faults.append(Fault(field.name, f"must match at least one file, got {path}"))
        # Of many files the application may be able to do without one, and names all at fault.
        elif not field.many and not matches[0].exists():
            faults.append(Fault(field.name, f"must be a file that exists, got {path}"))
    return (files if field.many else files[0]), faults
