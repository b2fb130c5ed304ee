"""The same request as lines to copy: command line, Python, curl, UWS."""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hven.declare import Application, Field
from hven.errors import ParameterError
from hven.jobs.models import Lane
from hven.jobs.references import Lookup
from hven.portal.running.filling import Given, changed, lines, read

#: What of the terms a request of the API names, and UWS by another name.
_UWS = {"label": "RUNID", "destruction": "DESTRUCTION", "execution_duration": "EXECUTIONDURATION"}
_TOKEN = '"Authorization: Bearer $HVEN_TOKEN"'
_WIDE = 88


@dataclass(frozen=True)
class Line:
    """One way to ask for the same."""

    #: For ids.
    key: str
    title: str
    text: str


def commands(
    made: Application,
    given: Given,
    wishes: Mapping[str, Any],
    inputs: Mapping[str, Iterable[Lookup]],
    url: str,
) -> list[Line]:
    """All ways, for a request as it stands in the form.

    Parameters
    ----------
    made
        The application.
    given
        Texts by parameter.
    wishes
        Terms of the job, as submissions take them.
    inputs
        What the files stand for: on one's own machine they go by their names.
    url
        By which the service is reached.
    """
    told = changed(made, given)
    values = {name: _json(made, name, value) for name, value in told.items()}
    terms = _terms(wishes)
    return [
        Line("cli", "hven", _command_line(made, told, inputs)),
        Line("python", "Python", _python(made, values, terms, url)),
        Line("curl", "curl", _curl(made, values, terms, url)),
        Line("uws", "UWS", _uws(made, told, terms, url)),
    ]


def _command_line(made: Application, given: Given, inputs: Mapping[str, Iterable[Lookup]]) -> str:
    """`hven APPLICATION`: required files stand without a name, as `hven.cli.options` has it."""
    files = [field for field in made.fields if field.required and field.kind == "file"]
    bare = [field for field in files if not field.many] + [f for f in files if f.many][:1]
    words = [f"hven {made.name}"]
    for field in bare:
        words += map(_word, _local(field, given, inputs))
    parts = [" ".join(words)]
    for field in made.fields:
        if field.name in given and field not in bare:
            parts.append(_option(field, given, inputs))
    return _joined([*parts, f"-o {made.name}-result"])


def _option(field: Field, given: Given, inputs: Mapping[str, Iterable[Lookup]]) -> str:
    option = f"--{field.option}"
    if field.kind == "boolean" and not field.many:
        try:
            return option if read(field, given[field.name]) else f"--no-{field.option}"
        except ParameterError:
            pass
    if field.kind == "file":
        texts = _local(field, given, inputs)
    else:
        value = given[field.name]
        texts = lines(value) if field.many else [str(value)]
    if field.many:
        return " ".join([option, *map(_word, texts)])
    return f"{option}={shlex.quote(texts[-1] if texts else '')}"


def _local(field: Field, given: Given, inputs: Mapping[str, Iterable[Lookup]]) -> list[str]:
    """Names of files as they are on one's own machine."""
    if field.name not in inputs:
        return lines(given.get(field.name, [])) or [field.name.upper()]
    found = [
        (source.name for source in each.sources) if each.sources else (each.reference,)
        for each in inputs[field.name]
    ]
    return [name for names in found for name in names]


def _word(text: str) -> str:
    """A word that is no option, whatever it begins with."""
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _python(
    made: Application, values: Mapping[str, Any], terms: Mapping[str, Any], url: str
) -> str:
    given = pprint.pformat(values, width=_WIDE - 4, sort_dicts=False)
    given = given.replace("\n", "\n    ")
    more = "".join(f"\n    {name}={value!r}," for name, value in terms.items())
    return (
        "from hven.client import Service\n\n"
        f"service = Service({url!r})  # the token is in $HVEN_TOKEN\n"
        f"job = service.submit(\n    {made.name!r},\n    {given},{more}\n)\n"
        "job.wait()\nprint(job.results)"
    )


def _curl(made: Application, values: Mapping[str, Any], terms: Mapping[str, Any], url: str) -> str:
    wish = {"application": made.name, "parameters": values, **terms}
    body = json.dumps(wish, ensure_ascii=False)
    return _joined(
        [
            f"curl -H {_TOKEN}",
            "-H 'Content-Type: application/json'",
            f"-d {shlex.quote(body)}",
            f"{url}/api/v1/jobs",
        ]
    )


def _uws(made: Application, given: Given, terms: Mapping[str, Any], url: str) -> str:
    pairs = [
        (field.name, text)
        for field in made.fields
        if field.name in given
        for text in _texts(field, given[field.name])
    ]
    pairs += [(_UWS[name], str(value)) for name, value in terms.items() if name in _UWS]
    pairs += [("PHASE", "RUN")] if terms.get("run", True) else []
    return _joined(
        [
            f"curl -L -H {_TOKEN}",
            *(f"--data-urlencode {shlex.quote(f'{name}={text}')}" for name, text in pairs),
            f"{url}/vo/{made.name}/async",
        ]
    )


def _texts(field: Field, value: str | list[str]) -> list[str]:
    return lines(value) if field.many else [str(value)]


def _terms(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """Those that differ from what holds when nothing is said, as JSON has them."""
    found: dict[str, Any] = {}
    for name, value in wishes.items():
        if name == "lane":
            if value != Lane.INTERACTIVE:
                found[name] = Lane(value).label
        elif name == "run":
            if not value:
                found[name] = False
        elif hasattr(value, "isoformat"):
            found[name] = value.isoformat(timespec="seconds")
        elif value:
            found[name] = value
    return found


def _json(made: Application, name: str, value: str | list[str]) -> Any:
    """The value as JSON has it, where it is right; else as it was typed."""
    try:
        field = made.field(name)
        return field.to_json(read(field, value))
    except (KeyError, ParameterError):
        return value


def _joined(parts: list[str]) -> str:
    """One line where it is short, else one a part."""
    line = " ".join(parts)
    return line if len(line) <= _WIDE else " \\\n  ".join(parts)
