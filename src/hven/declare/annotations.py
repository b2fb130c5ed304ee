"""From a function's annotations to fields."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hven.declare.field import MISSING, Field
from hven.declare.kind import Kind
from hven.declare.kinds import Boolean, Choice, File, Position, Text
from hven.declare.number import Number
from hven.declare.parameter import Param
from hven.declare.position import SkyPosition
from hven.errors import DeclarationError, ParameterError

_ALLOWED = (
    "bool, int, float, str, pathlib.Path, SkyPosition, Literal or StrEnum, "
    "a list of one of these, or `| None` of these"
)


def evaluate(function: Callable[..., Any] | type[Any], annotation: Any) -> Any:
    """The annotation as an object, also where `from __future__ import annotations` made it text.

    Only this one is evaluated, so the module of an application may import the type of `run`, which
    no field is made from, under TYPE_CHECKING alone.

    Raises
    ------
    DeclarationError
        The annotation names something that its module does not have.
    """
    if not isinstance(annotation, str):
        return annotation
    try:
        module = sys.modules.get(function.__module__)
        return eval(annotation, dict(vars(module)) if module else {})
    except (NameError, AttributeError, SyntaxError, TypeError) as error:
        raise DeclarationError(f"cannot read the annotation {annotation!r}: {error}") from error


def parameter_of(body: Callable[..., Any], parameter: inspect.Parameter) -> Field:
    """The field that a parameter of `body` declares.

    Raises
    ------
    DeclarationError
        There is no Param, the type is none of those allowed, or the default is refused.
    """
    annotation = evaluate(body, parameter.annotation)
    params = [item for item in get_args(annotation)[1:] if isinstance(item, Param)]
    if get_origin(annotation) is not Annotated or len(params) != 1:
        raise DeclarationError("must be Annotated[type, Param(...)]")
    declared, param = get_args(annotation)[0], params[0]
    inner, optional = _without_none(declared)
    many = get_origin(inner) is list
    single = _kind(get_args(inner)[0] if many else inner, param, declared)
    empty = parameter.default is inspect.Parameter.empty
    field = Field(
        name=parameter.name,
        param=param,
        single=single,
        type=declared,
        default=MISSING if empty else parameter.default,
        optional=optional,
        many=many,
    )
    if not empty:
        _check_default(field)
    return field


def _check_default(field: Field) -> None:
    try:
        checked = field.check(field.default)
    except ParameterError as error:
        raise DeclarationError(f"its default is refused: {error}") from error
    if checked != field.default:
        raise DeclarationError(f"its default must be {checked!r}, got {field.default!r}")


def _without_none(annotation: Any) -> tuple[Any, bool]:
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    rest = [item for item in get_args(annotation) if item is not type(None)]
    optional = len(rest) < len(get_args(annotation))
    return (rest[0] if len(rest) == 1 else annotation), optional


def _kind(annotation: Any, param: Param, declared: Any) -> Kind:
    bounded = param.unit is not None or param.low is not None or param.high is not None
    if annotation in (int, float):
        return Number(
            whole=annotation is int,
            unit=param.unit,
            low=param.low,
            high=param.high,
            low_open=param.low_open,
            high_open=param.high_open,
        )
    if bounded:
        raise DeclarationError("only an int or a float can have a unit and bounds")
    simple: dict[Any, Kind] = {
        bool: Boolean(),
        str: Text(),
        Path: File(),
        SkyPosition: Position(),
    }
    if annotation in simple:
        return simple[annotation]
    if get_origin(annotation) is Literal:
        return Choice(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return Choice(tuple(annotation))
    raise DeclarationError(f"its type must be {_ALLOWED}, got {declared}")
