"""The settings of a service: from the environment, else one TOML file, else the defaults."""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from hven.declare import Field
from hven.declare.annotations import parameter_of
from hven.errors import Fault, ParameterError
from hven.jobs.configuration import Configuration
from hven.server.settings_checks import faults_of

#: Names the file; without it `hven.toml` in the data folder is read, where there is one.
FILE_VARIABLE = "HVEN_CONFIG"
_FILE = "hven.toml"
#: Variables that are no settings: for tests, and between the parts of a service.
_OTHERS = ("HVEN_CRASH_AT", "HVEN_REQUIRE_ALL", "HVEN_LISTEN", "HVEN_LIFELINE")
#: Of the client, which may run in the same shell.
_ELSEWHERE = ("HVEN_SERVICE", "HVEN_TOKEN")
_TESTS = "HVEN_TEST_"


@cache
def fields() -> tuple[Field, ...]:
    """Every setting, as the declaration of applications has parameters."""
    parameters = inspect.signature(Configuration).parameters.values()
    return tuple(parameter_of(Configuration, _with_list(parameter)) for parameter in parameters)


def variable(field: Field) -> str:
    """The environment variable of a setting."""
    return f"HVEN_{field.name.upper()}"


def read(environment: Mapping[str, str] = os.environ) -> Configuration:
    """The settings.

    Raises
    ------
    ParameterError
        With every setting that is wrong, each named as it was given.
    """
    faults: list[Fault] = []
    known = {field.name: field for field in fields()}
    path = _file(environment)
    given: dict[str, tuple[str, Any]] = {}
    for name, value in (_content(path, faults) if path else {}).items():
        given[name] = f"{path}: {name}", value
        if name not in known:
            faults.append(Fault(f"{path}: {name}", f"must be one of {', '.join(known)}"))
    for field in fields():
        if variable(field) in environment:
            given[field.name] = variable(field), environment[variable(field)]
    values: dict[str, Any] = {}
    for name, (source, value) in given.items():
        if name in known:
            try:
                values[name] = known[name].check(value)
            except ParameterError as error:
                faults += [Fault(source, fault.text) for fault in error.faults]
    # With the defaults in the place of what cannot be read: all faults are told together.
    found = Configuration(**values)
    for fault in faults_of(found):
        faults.append(Fault(given.get(fault.name, (fault.name,))[0], fault.text))
    if faults:
        raise ParameterError(faults)
    return replace(found, data=found.data.expanduser().absolute())


def unknown(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Variables that look like settings and are none."""
    known = {FILE_VARIABLE, *_OTHERS, *_ELSEWHERE, *map(variable, fields())}
    found = (name for name in environment if name.startswith("HVEN_") and name not in known)
    return sorted(name for name in found if not name.startswith(_TESTS))


def _file(environment: Mapping[str, str]) -> Path | None:
    named = environment.get(FILE_VARIABLE)
    if named:
        return Path(named).expanduser()
    folder = environment.get("HVEN_DATA") or str(Configuration.data)
    path = Path(folder).expanduser() / _FILE
    return path if path.is_file() else None


def _content(path: Path, faults: list[Fault]) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        faults.append(Fault(str(path), f"must be a TOML file that can be read, {error}"))
        return {}


def _with_list(parameter: inspect.Parameter) -> inspect.Parameter:
    # A dataclass takes no list as a default.
    return parameter.replace(default=[]) if parameter.default == () else parameter
