"""An application's fields as a Python signature and docstring, for functions made from them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hven.declare.application import Application
from hven.declare.field import Field

_WORDS = {
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "text": "str",
    "file": "path",
    "position": "SkyPosition, SkyCoord, (ra, dec) in degrees, or text",
}


class Option(NamedTuple):
    """What a function takes besides the parameters of its application."""

    name: str
    type: Any
    default: Any
    #: What it is, one sentence.
    help: str


def signature(
    application: Application, options: Sequence[Option], returned: Any
) -> inspect.Signature:
    """Required parameters may be given by position; all others by name alone.

    Parameters
    ----------
    application
        Whose parameters they are.
    options
        What the function takes besides.
    returned
        The annotation of what it gives.
    """
    parameters = [_parameter(field) for field in application.fields]
    own = [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=option.default,
            annotation=option.type,
        )
        for option in options
    ]
    ordered = sorted(parameters, key=lambda parameter: parameter.kind)
    return inspect.Signature([*ordered, *own], return_annotation=returned)


def dress(
    call: Callable[..., Any], name: str, module: str, shown: inspect.Signature, docstring: str
) -> None:
    """Give a function a name, signature, annotations and docstring, as if they were written."""
    call.__name__ = call.__qualname__ = name
    call.__module__ = module
    call.__doc__ = docstring
    call.__signature__ = shown  # type: ignore[attr-defined]
    call.__annotations__ = {
        **{name: parameter.annotation for name, parameter in shown.parameters.items()},
        "return": shown.return_annotation,
    }


def parameter_section(application: Application, options: Sequence[Option]) -> str:
    """The section `Parameters` of a numpydoc docstring."""
    fields = sorted(application.fields, key=lambda field: not field.required)
    entries = [
        f"{field.name} : {_type_words(field)}\n{_indented(_sentence(field))}" for field in fields
    ]
    entries += [f"{option.name} : optional\n{_indented(option.help)}" for option in options]
    return "Parameters\n----------\n" + "\n".join(entries)


def references_section(application: Application) -> list[str]:
    """The section `References`, where there are some."""
    if not application.references:
        return []
    return ["References\n----------\n" + "\n".join(application.references)]


def _parameter(field: Field) -> inspect.Parameter:
    if field.required:
        return inspect.Parameter(
            field.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=field.type
        )
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default,
        annotation=field.type,
    )


def _type_words(field: Field) -> str:
    words = _WORDS.get(field.kind, field.kind)
    if field.choices:
        words = "{" + ", ".join(repr(choice) for choice in field.choices) + "}"
    if field.many:
        words = f"list of {words}"
    if field.unit:
        words += f" or Quantity, in {field.unit}"
    return words if field.required else f"{words}, default {field.default!r}"


def _sentence(field: Field) -> str:
    bounds = f" Must be {field.bounds}." if field.bounds else ""
    placeholder = f" None: {field.param.placeholder}." if field.param.placeholder else ""
    return f"{field.help}.{bounds}{placeholder}"


def _indented(text: str) -> str:
    return textwrap.fill(text, 92, initial_indent="    ", subsequent_indent="    ")
