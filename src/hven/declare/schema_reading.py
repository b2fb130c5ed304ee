"""An application from its JSON Schema: how a client knows what a service elsewhere offers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

from hven.declare.application import Application
from hven.declare.field import MISSING, Field
from hven.declare.kind import Kind, short
from hven.declare.kinds import Boolean, Choice, File, Position, Text
from hven.declare.number import Number
from hven.declare.parameter import Output, Param
from hven.declare.position import SkyPosition
from hven.declare.result import ResultField
from hven.errors import DeclarationError, ParameterError


@dataclass(frozen=True)
class Unknown(Kind):
    """A kind that this version does not know: everything passes, its service checks it."""

    #: What the schema says of it.
    found: Mapping[str, Any]

    name = "unknown"

    def expected(self) -> str:
        """See Kind."""
        return "a value as JSON has it"

    def read(self, text: str) -> Any:
        """See Kind."""
        try:
            return json.loads(text)
        except ValueError:
            return text

    def check(self, value: Any) -> Any:
        """See Kind."""
        return value

    def schema(self) -> dict[str, Any]:
        """See Kind."""
        return dict(self.found)


def application_of(found: Mapping[str, Any]) -> Application:
    """The application that `hven.declare.schema` describes; its body is elsewhere.

    Conditions between parameters are in no schema: they are looked at where the body is.

    Raises
    ------
    DeclarationError
        It is no description of an application.
    """
    try:
        required = set(found["required"])
        return Application(
            name=found["x-name"],
            title=found["title"],
            help=found["description"],
            version=found["x-version"],
            references=tuple(found["x-references"]),
            fields=tuple(
                _field(name, each, required=name in required)
                for name, each in found["properties"].items()
            ),
            outputs=tuple(map(_output, found["x-outputs"])),
            result=object,
            body=_elsewhere,
        )
    except (KeyError, TypeError, AttributeError, ValueError, ParameterError) as error:
        told = f"must be the JSON Schema of an application: {type(error).__name__} {error}"
        raise DeclarationError(told) from error


def _elsewhere(*_: Any, **__: Any) -> NoReturn:
    raise DeclarationError("this application runs on a service, its body is not here")


def _field(name: str, found: Mapping[str, Any], *, required: bool) -> Field:
    types = found["type"] if isinstance(found.get("type"), list) else [found.get("type")]
    many = "array" in types
    optional = "null" in types or None in found.get("enum", ())
    item = found["items"] if many else found
    single, kind = _kind(item, found.get("x-unit"))
    field = Field(
        name=name,
        param=_param(found, item),
        single=single,
        type=_annotation(kind, many=many, optional=optional),
        default=MISSING if required else found["default"],
        optional=optional,
        many=many,
    )
    return field if required else replace(field, default=field.check(field.default))


def _kind(found: Mapping[str, Any], unit: str | None) -> tuple[Kind, Any]:
    """The kind, and the type of its values."""
    types = found.get("type")
    names = [name for name in (types if isinstance(types, list) else [types]) if name != "null"]
    if "enum" in found:
        members = tuple(member for member in found["enum"] if member is not None)
        return Choice(members), Literal[members]
    if names == ["boolean"]:
        return Boolean(), bool
    if names in (["integer"], ["number"]):
        return _number(found, unit, whole=names == ["integer"])
    if names == ["string"]:
        return (File(), Path) if found.get("format") == "path" else (Text(), str)
    if names == ["object"] and set(found.get("properties", ())) == {"ra_deg", "dec_deg"}:
        return Position(), SkyPosition
    return Unknown(found), Any


def _number(found: Mapping[str, Any], unit: str | None, *, whole: bool) -> tuple[Kind, Any]:
    low_open, high_open = "exclusiveMinimum" in found, "exclusiveMaximum" in found
    number = Number(
        whole=whole,
        unit=unit,
        low=found.get("exclusiveMinimum" if low_open else "minimum"),
        high=found.get("exclusiveMaximum" if high_open else "maximum"),
        low_open=low_open,
        high_open=high_open,
    )
    return number, int if whole else float


def _param(found: Mapping[str, Any], item: Mapping[str, Any]) -> Param:
    low_open, high_open = "exclusiveMinimum" in item, "exclusiveMaximum" in item
    return Param(
        found["description"],
        unit=found.get("x-unit"),
        low=item.get("exclusiveMinimum" if low_open else "minimum"),
        high=item.get("exclusiveMaximum" if high_open else "maximum"),
        low_open=low_open,
        high_open=high_open,
        group=found.get("x-group"),
        advanced=bool(found.get("x-advanced")),
        example=_example(found),
        placeholder=found.get("x-placeholder"),
    )


def _example(found: Mapping[str, Any]) -> str | None:
    example = next(iter(found.get("examples", ())), None)
    if isinstance(example, dict) and set(example) == {"ra_deg", "dec_deg"}:
        return f"{short(example['ra_deg'])} {short(example['dec_deg'])}"
    return example if example is None or isinstance(example, str) else json.dumps(example)


def _annotation(kind: Any, *, many: bool, optional: bool) -> Any:
    annotation = list[kind] if many else kind
    return annotation | None if optional else annotation


def _output(found: Mapping[str, Any]) -> ResultField:
    media_type = found["media_type"]
    kind = object if media_type is None else Path
    return ResultField(found["name"], Output(found["description"], media_type), kind)
