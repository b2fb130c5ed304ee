"""An application's parameters as options of a command line, generated from the declaration."""

from __future__ import annotations

import argparse
import difflib
import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from hven.declare import Application, Field
from hven.errors import Fault, ParameterError

_NEGATIVE = re.compile(r"-\.?\d")
_WIDEST_CHOICES = 40


class Setting(NamedTuple):
    """An option that says how an application is run."""

    names: tuple[str, ...]
    settings: dict[str, Any]


def _setting(*names: str, **settings: Any) -> Setting:
    return Setting(names, settings)


_FIRST = (
    _setting("-h", "--help", action="help", help="show this and stop"),
    _setting("-o", "--output", metavar="FOLDER", help="folder for the results"),
)
_LAST = (
    _setting("-q", "--quiet", action="store_true", help="show nothing but faults"),
    _setting("--json", action="store_true",
             help="events as JSON on standard output, the result last"),
)  # fmt: skip
_SERVICE = _setting(
    "--service", metavar="URL", help="a Hven that runs it; default $HVEN_SERVICE, else this machine"
)
#: How an application is run on this machine.
HERE = (
    *_FIRST,
    _setting("--workers", metavar="N", help="processes; default one a core"),
    _setting(
        "--executor", metavar="WHERE",
        help="inline, local, dask or dask:ADDRESS; default local: processes on this machine",
    ),
    _setting(
        "--store", metavar="URL",
        help="folder or URL where finished steps are kept; default $HVEN_STORE or the user's cache",
    ),
    _SERVICE,
    *_LAST,
)  # fmt: skip
#: How it is run by a service.
THERE = (
    *_FIRST,
    _SERVICE,
    _setting("--detach", action="store_true",
             help="do not wait for the end: print the job's id and stop"),
    *_LAST,
)  # fmt: skip


class Command(NamedTuple):
    """What a user typed behind the application's name."""

    #: Values as typed, by parameter name; only those given.
    given: dict[str, Any]
    #: How to run: output, workers, executor, store, quiet, json.
    running: argparse.Namespace
    #: What is wrong with the words themselves.
    faults: tuple[Fault, ...]


class _Parser(argparse.ArgumentParser):
    """Raises what argparse would print with a page of usage."""

    def error(self, message: str) -> NoReturn:
        match = re.fullmatch(r"argument ([^:]+): (.*)", message, re.DOTALL)
        name, text = match.groups() if match else ("command line", message)
        if re.fullmatch(r"expected (one|at least one) argument", text):
            text = "must be followed by a value, got nothing"
        raise ParameterError([Fault(name.split("/")[-1].split(" ")[0], text)])


def read_command(
    application: Application, words: Sequence[str], running: Sequence[Setting]
) -> Command:
    """What the words after `hven APPLICATION` ask for; values are not looked at yet.

    Parameters
    ----------
    application
        Which one.
    words
        As they were typed.
    running
        The options that say how it is run: HERE or THERE.

    Raises
    ------
    ParameterError
        An option has no value.
    SystemExit
        Help was asked for and has been printed.
    """
    parser = application_parser(application, running)
    namespace, unknown = parser.parse_known_intermixed_args(_joined(words))
    given = {
        field.name: getattr(namespace, field.name)
        for field in application.fields
        if getattr(namespace, field.name, None) not in (None, [])
    }
    return Command(given, namespace, tuple(_unknown(application, unknown, running)))


def spelled(application: Application, name: str) -> str:
    """A parameter's name as it is typed: `--pixel-scale`, or `IMAGES` for files without a name."""
    if name in ("output", "executor", "store", "workers", "service"):
        return f"--{name}"
    fields = {field.name: field for field in application.fields}
    if name not in fields:
        return name
    return name.upper() if fields[name] in positionals(application) else f"--{fields[name].option}"


def positionals(application: Application) -> list[Field]:
    """The parameters given without an option: required files, single ones before one list."""
    files = [field for field in application.fields if field.required and field.kind == "file"]
    return [field for field in files if not field.many] + [f for f in files if f.many][:1]


def application_parser(
    application: Application, running: Sequence[Setting]
) -> argparse.ArgumentParser:
    """The parser of one application's command."""
    inputs = positionals(application)
    names = " ".join(field.name.upper() + ("..." if field.many else "") for field in inputs)
    parser = _Parser(
        prog=f"hven {application.name}",
        usage=f"hven {application.name} {names} -o FOLDER [options]".replace("  ", " "),
        description=application.help.replace("%", "%%"),
        epilog=_epilog(application),
        formatter_class=_formatter,
        allow_abbrev=False,
        add_help=False,
    )
    if inputs:
        _add_inputs(parser, inputs)
    for title, fields in _groups(application, inputs).items():
        group = parser.add_argument_group(title)
        for field in fields:
            _add_option(group, field)
    group = parser.add_argument_group("Running")
    for setting in running:
        group.add_argument(*setting.names, **setting.settings)
    return parser


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=30)


def _add_inputs(parser: argparse.ArgumentParser, inputs: list[Field]) -> None:
    group = parser.add_argument_group("Inputs")
    for field in inputs:
        # Never demanded by argparse: what is missing is told together with all other faults.
        group.add_argument(
            field.name,
            nargs="*" if field.many else "?",
            metavar=field.name.upper(),
            help=_help(field),
        )


def _groups(application: Application, inputs: list[Field]) -> dict[str, list[Field]]:
    """The options under their headings, in the order of the declaration, advanced ones last."""
    rest = [field for field in application.fields if field not in inputs]
    groups: dict[str, list[Field]] = {}
    for field in sorted(rest, key=lambda field: field.advanced):
        title = "Advanced" if field.advanced else field.group or "Parameters"
        groups.setdefault(title, []).append(field)
    return groups


def _add_option(group: argparse._ArgumentGroup, field: Field) -> None:
    settings: dict[str, Any] = {
        "dest": field.name,
        "default": argparse.SUPPRESS,
        "help": _help(field),
    }
    if field.kind == "boolean" and not field.many:
        group.add_argument(f"--{field.option}", action=argparse.BooleanOptionalAction, **settings)
        return
    if field.many:
        settings |= {"nargs": "+", "action": "extend"}
    group.add_argument(f"--{field.option}", metavar=_metavar(field), **settings)


def _help(field: Field) -> str:
    notes = [note for note in (field.bounds or field.unit, _default(field)) if note]
    if _metavar(field) == "NAME":
        notes.insert(0, ", ".join(field.choices))
    if field.param.example and field.kind == "position":
        notes.append(f"as '{field.param.example}'")
    text = f"{field.help} [{'; '.join(notes)}]" if notes else field.help
    return text.replace("%", "%%")


def _default(field: Field) -> str | None:
    if field.required or field.default in (None, []):
        return field.param.placeholder and f"default: {field.param.placeholder}"
    return f"default {', '.join(field.to_text(field.default).splitlines())}"


def _metavar(field: Field) -> str:
    if field.choices:
        words = "{" + ",".join(field.choices) + "}"
        return words if len(words) <= _WIDEST_CHOICES else "NAME"
    if field.unit is not None and field.unit.isalpha():
        return field.unit.upper()
    return {"file": "FILE", "position": "POSITION", "text": "TEXT", "integer": "N"}.get(
        field.kind, "NUMBER"
    )


def _epilog(application: Application) -> str:
    lines = []
    measured = next((field for field in application.fields if field.unit == "arcsec"), None)
    if measured is not None:
        lines.append(f"A number may carry another unit: --{measured.option} 0.5arcmin.")
    if application.references:
        lines += ["", "Please cite:", *(f"  {text}" for text in application.references)]
    return "\n".join(lines).replace("%", "%%")


def _joined(words: Sequence[str]) -> list[str]:
    """Options with a negative value as one word: argparse takes -1e-5 and -13d49m for options."""
    joined: list[str] = []
    for word in words:
        behind_option = bool(joined) and joined[-1].startswith("--") and "=" not in joined[-1]
        if behind_option and _NEGATIVE.match(word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _unknown(
    application: Application, words: Sequence[str], running: Sequence[Setting]
) -> list[Fault]:
    known = [
        *(setting.names[-1] for setting in running),
        *(f"--{field.option}" for field in application.fields),
    ]
    elsewhere = {setting.names[-1] for setting in HERE} - set(known)
    faults = []
    for before, word in itertools.pairwise(["", *words]):
        if not word.startswith("-"):
            if not before.startswith("-"):  # else it is the value of an option that is told of
                faults.append(Fault(word, f"must follow an option of hven {application.name}"))
            continue
        name = word.split("=")[0]
        if name in elsewhere:
            faults.append(Fault(name, "must be left out: it is for runs on this machine"))
            continue
        close = difflib.get_close_matches(name.replace("_", "-"), known, 1, 0.6)
        hint = f"did you mean {close[0]}?" if close else f"see hven {application.name} --help"
        faults.append(Fault(name, f"is not an option of hven {application.name}; {hint}"))
    return faults
