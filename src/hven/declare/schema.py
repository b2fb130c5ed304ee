"""An application as JSON Schema 2020-12, for forms, clients and documentation."""

from __future__ import annotations

from typing import Any

from hven.declare.application import Application
from hven.declare.field import Field


def schema(application: Application) -> dict[str, Any]:
    """The JSON Schema of an application's parameters as JSON has them.

    Notes
    -----
    What JSON Schema has no word for stands in annotations that validators pass over: `x-unit`,
    `x-group`, `x-advanced`, `x-placeholder`, and for the whole `x-outputs`, `x-version`,
    `x-references`. Hven itself takes more than the schema admits: a text with another unit.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": application.title,
        "description": application.help,
        "type": "object",
        "properties": {field.name: field_schema(field) for field in application.fields},
        "required": [field.name for field in application.fields if field.required],
        "additionalProperties": False,
        "x-name": application.name,
        "x-version": application.version,
        "x-references": list(application.references),
        "x-outputs": [
            {"name": output.name, "description": output.help, "media_type": output.media_type}
            for output in application.outputs
        ],
    }


def field_schema(field: Field) -> dict[str, Any]:
    """The JSON Schema of one parameter."""
    found = field.single.schema()
    if field.many:
        found = {"type": "array", "items": found}
        if field.required:
            found["minItems"] = 1
    if field.optional:
        found = _or_null(found)
    found["description"] = field.help
    if not field.required:
        found["default"] = field.to_json(field.default)
    if field.param.example is not None:
        # As JSON has it where it can be read now; an example may also be a file that is elsewhere.
        found["examples"] = [field.to_json(field.parse(field.param.example))]
    notes = {
        "x-unit": field.unit,
        "x-group": field.group,
        "x-advanced": field.advanced or None,
        "x-placeholder": field.param.placeholder,
    }
    return found | {name: note for name, note in notes.items() if note is not None}


def _or_null(found: dict[str, Any]) -> dict[str, Any]:
    if "enum" in found:
        return found | {"enum": [*found["enum"], None]}
    return found | {"type": [found["type"], "null"]}
