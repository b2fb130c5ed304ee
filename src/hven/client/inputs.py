"""What a caller gives, as the service takes it: checked here as there, local files sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hven.declare import Application, Field
from hven.declare.url import is_url
from hven.declare.wildcards import matches
from hven.errors import Fault, InputError, ParameterError

#: How the name of a file begins that is at the service already.
REFERENCES = ("upload:", "dataset:", "job:")


def prepared(
    application: Application,
    given: Mapping[str, Any],
    send: Callable[[Sequence[Path]], Sequence[str]],
    faults: Sequence[Fault] = (),
) -> dict[str, Any]:
    """The parameters as JSON; nothing is sent before all of them are found right.

    Parameters
    ----------
    application
        Which one.
    given
        Values or texts by name, only those given. A file is a path here, an address from which the
        service fetches it, a reference, or anything that has one: an upload, a result of a job, a
        file of a dataset.
    send
        Sends files and gives their references.
    faults
        What the caller has found wrong already.

    Raises
    ------
    ParameterError
        With all faults of the request, those of files among them.
    InputError
        Nothing else is wrong than files.
    """
    opened = dict(given)
    missing: list[Fault] = []
    for field in application.fields:
        if field.kind == "file" and field.name in given:
            opened[field.name], wrong = _found(field, _referred(given[field.name]))
            missing.extend(wrong)
    try:
        values = application.parse(opened)
    except ParameterError as error:
        raise ParameterError([*faults, *error.faults, *missing]) from None
    if faults or missing:
        raise (ParameterError if faults else InputError)([*faults, *missing])
    chosen = {name: values[name] for name in given}
    found = {name: application.field(name).to_json(value) for name, value in chosen.items()}
    return found | _sent(application, chosen, send)


def _sent(
    application: Application,
    values: Mapping[str, Any],
    send: Callable[[Sequence[Path]], Sequence[str]],
) -> dict[str, Any]:
    """The files among the values as references, each file sent once."""
    files = [
        (field, values[field.name])
        for field in application.fields
        if field.kind == "file" and values.get(field.name) is not None
    ]
    local = {
        path: "" for field, value in files for path in _paths(field, value) if not _is_remote(path)
    }
    sent = dict(zip(local, send([*local]), strict=True)) if local else {}
    references: dict[str, Any] = {}
    for field, value in files:
        texts = [sent.get(path, str(path)) for path in _paths(field, value)]
        references[field.name] = texts if field.many else texts[0]
    return references


def _referred(given: Any) -> Any:
    """References in the place of what has one."""
    if isinstance(given, list | tuple | set):
        return [_referred(item) for item in given]
    return getattr(given, "reference", given)


def _found(field: Field, given: Any) -> tuple[Any, list[Fault]]:
    """The files that `given` names, and a fault for each that cannot be sent."""
    try:
        value = field.check(given)
    except ParameterError:  # Reported with the other parameters, by who parses them all.
        return given, []
    if value is None:
        return None, []
    faults: list[Fault] = []
    files: list[Path] = []
    for path in _paths(field, value):
        if _is_remote(path):
            files.append(path)
            continue
        some = matches(path) if field.many else [path]
        files += [each.absolute() for each in some or [path]]
        if not some:
            faults.append(Fault(field.name, f"must match at least one file, got {path}"))
        faults += [Fault(field.name, told) for each in some for told in _wrong(each)]
    return (files if field.many else files[0]), faults


def _wrong(path: Path) -> Iterator[str]:
    if not path.exists():
        yield f"must be a file that exists, got {path}"
    elif not path.is_file():
        yield f"must be a file, a folder cannot be sent, got {path}"


def _paths(field: Field, value: Any) -> list[Path]:
    items = value if field.many else [value]
    # An address would be another one when a path is made of it again.
    return [item if isinstance(item, Path) else Path(item) for item in items]


def _is_remote(path: Path) -> bool:
    return is_url(path) or str(path).startswith(REFERENCES)
