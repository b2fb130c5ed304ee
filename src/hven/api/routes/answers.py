"""What every operation may answer besides what it is asked for."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from hven.api.schemas import ProblemDocument

_PROBLEMS = frozenset({400, 401, 403, 404, 409, 413, 503})


def answers(status: int, document: type[BaseModel] | None) -> dict[Any, Any]:
    """The answers of an operation: what it gives, or a problem."""
    return {status: document, _PROBLEMS: ProblemDocument}


def body(model: type[BaseModel]) -> dict[str, Any]:
    """The description of a body that the operation reads by itself, to tell all faults at once."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


def content(media_type: str) -> dict[str, Any]:
    """The description of an answer that is a file."""
    schema = {"type": "string", "format": "binary"}
    return {"responses": {200: {"content": {media_type: {"schema": schema}}}}}
