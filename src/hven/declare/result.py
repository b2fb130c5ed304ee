"""What an application gives: the fields of the dataclass that its body returns."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from hven.declare.annotations import evaluate
from hven.declare.parameter import RESERVED_OUTPUTS, Output
from hven.errors import DeclarationError


@dataclass(frozen=True)
class ResultField:
    """One field of an application's result.

    Parameters
    ----------
    name
        As in the dataclass.
    output
        What the author wrote about it.
    type
        The annotation without `Annotated`.
    """

    name: str
    output: Output
    type: Any

    @property
    def help(self) -> str:
        """What it is, one phrase without a full stop."""
        return self.output.help

    @property
    def media_type(self) -> str | None:
        """For a file its media type."""
        return self.output.media_type

    @property
    def is_file(self) -> bool:
        """Whether the value is a path or a list of paths, or may be one."""
        return self.type is Path or Path in _parts(self.type)


def result_fields(
    body: Callable[..., Any], annotation: Any
) -> tuple[type[Any], tuple[ResultField, ...]]:
    """The dataclass that `body` returns, and its fields.

    Raises
    ------
    DeclarationError
        It is no frozen dataclass, or a field has no Output.
    """
    cls = evaluate(body, annotation)
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise DeclarationError(
            f"{body.__qualname__}: must return a frozen dataclass, its annotation is {cls!r}"
        )
    if not cls.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise DeclarationError(f"{cls.__qualname__}: must be a frozen dataclass")
    return cls, tuple(_result_field(cls, field) for field in dataclasses.fields(cls))


def _result_field(cls: type[Any], field: dataclasses.Field[Any]) -> ResultField:
    annotation = evaluate(cls, field.type)
    outputs = [item for item in get_args(annotation)[1:] if isinstance(item, Output)]
    if get_origin(annotation) is not Annotated or len(outputs) != 1:
        raise DeclarationError(
            f"{cls.__qualname__}.{field.name}: must be Annotated[type, Output(...)]"
        )
    if field.name in RESERVED_OUTPUTS:
        raise DeclarationError(
            f"{cls.__qualname__}.{field.name}: must be another name, this one is reserved"
        )
    return ResultField(field.name, outputs[0], get_args(annotation)[0])


def _parts(annotation: Any) -> set[Any]:
    parts = set(get_args(annotation))
    for part in get_args(annotation):
        parts |= _parts(part)
    return parts
