"""What operations say of themselves besides their parameters: bodies, headers, files as answers.

`hven.api.description` makes the OpenAPI document of it, and adds what all of them may answer.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

#: Headers of requests, by name: what they mean, and their schema.
_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Idempotency-Key": (
        "The same request with the same key can be sent again: there is one job",
        {"type": "string", "minLength": 1, "maxLength": 255},
    ),
    "Range": ("One range of bytes, as `bytes=0-1023`", {"type": "string"}),
    "If-Range": ("The ETag of the file of which a range is meant", {"type": "string"}),
    "If-None-Match": ("The ETag of a file that the client has", {"type": "string"}),
    "Tus-Resumable": ("Version of tus, `1.0.0`", {"type": "string"}),
    "Upload-Length": (
        "Size of the whole file in bytes",
        {"type": "integer", "minimum": 0, "maximum": 2**59},
    ),
    "Upload-Offset": (
        "From which byte on the body is",
        {"type": "integer", "minimum": 0, "maximum": 2**59},
    ),
    "Upload-Metadata": (
        "Pairs of a name and a value in base 64, separated by commas: `filename`, `sha256`",
        {"type": "string"},
    ),
    "Upload-Checksum": ("`sha1` or `sha256`, a blank, the digest in base 64", {"type": "string"}),
    "X-HTTP-Method-Override": (
        "What is meant by POST",
        {"type": "string", "enum": ["PATCH", "DELETE"]},
    ),
    "Last-Event-ID": (
        "The id of the last event that the client has",
        {"type": "integer", "minimum": 0},
    ),
}
_REQUIRED = frozenset({"Upload-Length", "Upload-Offset", "X-HTTP-Method-Override"})


def answers(status: int, document: type[BaseModel] | None) -> dict[Any, Any]:
    """What an operation gives when all is well."""
    return {status: document}


def headers(*names: str) -> dict[str, Any]:
    """The description of headers that an operation reads."""
    return {"parameters": [_header(name) for name in names]}


def body(model: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The description of a body that the operation reads by itself, to tell all faults at once."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"content": content, "required": required}}


def bytes_body(media_type: str, *, required: bool = True) -> dict[str, Any]:
    """The description of a body that is a file, or a part of one."""
    content = {media_type: {"schema": {"type": "string", "format": "binary"}}}
    return {"requestBody": {"content": content, "required": required}}


def content(media_type: str) -> dict[str, Any]:
    """The description of an answer that is a file."""
    schema = {"type": "string", "format": "binary"}
    return {"responses": {200: {"content": {media_type: {"schema": schema}}}}}


def _header(name: str) -> dict[str, Any]:
    text, schema = _HEADERS[name]
    return {
        "in": "header",
        "name": name,
        "description": text,
        "schema": schema,
        "required": name in _REQUIRED,
    }


#: A file that is sent whole or in part.
FILE = {**content("application/octet-stream"), **headers("Range", "If-Range", "If-None-Match")}
