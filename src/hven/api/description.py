"""The OpenAPI 3.1 document of the API, made from its operations.

What stands at each of them - parameters, bodies, answers, scopes - is taken from there. Added is
what follows from it: the errors that an operation can give, the headers of answers, the ways to
say who asks.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from typing import Any

from ninja import NinjaAPI
from ninja.operation import Operation

from hven.api.asking import READ, ROOT, For
from hven.api.routes.answers import headers
from hven.api.schemas import ProblemDocument
from hven.web.problems import MEANINGS, MEDIA_TYPE
from hven.web.scopes import MEANING

Document = dict[str, Any]

_SAFE = ("get", "head", "options")
_PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}
_ABOUT = """\
Jobs of astronomical applications: made, followed, fetched.

Every request says who asks: by a token (`Authorization: Bearer ...`), by name and password (HTTP
Basic), or by the session of the pages, whose writing requests need the header `X-CSRFToken`.

Errors are problem documents (RFC 9457). `type` and `code` are for programs and stay as they are;
`faults` names each parameter that is wrong; `request_id`, also the header `X-Request-ID`, is what
an administrator finds in the log.

Times are UTC, as `2026-01-01T00:00:00.000Z`. Fields and codes may be added; nothing is removed
within `/api/v1`.
"""
_TAGS = {
    "jobs": "Made, listed, changed, run, stopped, repeated.",
    "outcome": "What comes of jobs: events, log, results.",
    "uploads": "Files that are sent, in one request or resumable (tus 1.0).",
    "schedules": "Jobs that are submitted at a time, or again and again.",
    "catalogue": "What the service offers: applications and datasets.",
    "account": "Tokens and usage of who asks.",
    "service": "Whether the service is well, and this description.",
}
_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token, which is for some of these scopes: "
        + "; ".join(f"`{scope}`: {text}" for scope, text in MEANING.items()),
    },
    "password": {"type": "http", "scheme": "basic", "description": "Name and password"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The session of the pages; writing requests need `X-CSRFToken`",
    },
}
#: Headers of answers, by status.
_ANSWER_HEADERS: dict[str, tuple[str, ...]] = {
    "201": ("Location",),
    "206": ("Content-Range",),
    "416": ("Content-Range",),
    "429": ("Retry-After",),
    "503": ("Retry-After",),
    "401": ("WWW-Authenticate",),
}
_HEADER_TEXTS = {
    "Location": "Address of what was made",
    "Content-Range": "Which bytes of how many",
    "Retry-After": "Seconds after which it is worth trying again",
    "WWW-Authenticate": "How to say who asks",
    "X-Request-ID": "Name of the request in the service's log",
}


def describe(api: NinjaAPI) -> Document:
    """The whole document."""
    found: Document = dict(api.get_openapi_schema(path_prefix=f"{ROOT}/"))
    problem = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    found["components"]["schemas"] |= {**problem.pop("$defs"), "ProblemDocument": problem}
    found["openapi"] = "3.1.0"
    found["info"]["description"] = _ABOUT
    found["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    found["components"]["securitySchemes"] = _SCHEMES
    for path, method, operation in _operations(api):
        methods = found["paths"][ROOT + path]
        # The framework has one description for all methods of an operation.
        methods[method] = copy.deepcopy(methods[method])
        _complete(methods[method], path, method, operation)
    found["paths"] |= _streams()
    for path in ("/openapi.json", "/docs"):
        found["paths"][ROOT + path] = {"get": _page(path)}
    _keep_used(found)
    return found


def _operations(api: NinjaAPI) -> Iterator[tuple[str, str, Operation]]:
    for prefix, router in api._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                for method in operation.methods:
                    yield prefix + path, method.lower(), operation


def _complete(described: Document, path: str, method: str, operation: Operation) -> None:
    """Add what follows from an operation to what it says of itself."""
    told = inspect.getdoc(operation.view_func) or ""
    described["summary"] = told.partition("\n")[0].rstrip(".")
    described["description"] = told
    name = operation.view_func.__name__
    described["operationId"] = name if method != "head" else f"{name}_head"
    (needed,) = (each for each in operation.auth_callbacks if isinstance(each, For))
    described["security"] = _security(needed)
    if needed.scope is not None:
        described["x-scope"] = str(needed.scope)
    for parameter in described.get("parameters", ()):
        _without_null(parameter)
    answers = _with_texts(described["responses"])
    file = "Range" in {each["name"] for each in described.get("parameters", ())}
    if file:
        _describe_file(answers, method)
    for status in sorted(_problems(described, path, method, needed, file=file)):
        answers[str(status)] = _problem_answer(status, method)
    described["responses"] = dict(sorted(answers.items()))
    for status, answer in described["responses"].items():
        _add_headers(status, answer)
    if method == "head":
        for answer in described["responses"].values():
            answer.pop("content", None)


def _with_texts(answers: Document) -> Document:
    """The answers by statuses as texts; the framework has numbers as well."""
    found: Document = {}
    for status, answer in answers.items():
        found.setdefault(str(status), {}).update(answer)
    return found


def _security(needed: For) -> list[Document]:
    if needed.scope is None:
        return []
    return [{"token": [str(needed.scope)]}, {"password": []}, {"session": []}]


def _problems(
    described: Document, path: str, method: str, needed: For, *, file: bool
) -> Iterator[int]:
    """The statuses of the errors that an operation can give."""
    yield from (400, 429, 500, 503)
    if needed.scope is not None:
        yield from (401, 403)
    if "{" in path or path == "/archive":
        yield 404
    if method == "get" and not file:
        yield 406
    if method not in _SAFE and path.startswith(("/jobs", "/uploads")):
        yield 409
    if "requestBody" in described:
        yield from (411, 413, 415)
    if path.startswith("/uploads") and method in ("post", "patch"):
        yield from (412, 460)
    if file:
        yield 416


def _problem_answer(status: int, method: str) -> Document:
    texts = [meaning.text for meaning in MEANINGS.values() if meaning.status == status]
    found: Document = {"description": " Or: ".join(texts)}
    if method != "head":
        found["content"] = {MEDIA_TYPE: {"schema": _PROBLEM}}
    return found


def _describe_file(answers: Document, method: str) -> None:
    whole = answers["200"]
    whole["description"] = "The file"
    answers["206"] = {**whole, "description": "The bytes that were asked for"}
    answers["304"] = {"description": "The client has the file already"}
    if method == "head":
        answers["206"] = {"description": "As of the bytes that were asked for"}


def _add_headers(status: str, answer: Document) -> None:
    names = ("X-Request-ID", *_ANSWER_HEADERS.get(status, ()))
    answer.setdefault("headers", {}).update(
        {name: {"description": _HEADER_TEXTS[name], "schema": {"type": "string"}} for name in names}
    )


def _without_null(parameter: Document) -> None:
    """A query has no null: what is not given is not there."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        schema |= kinds[0]


def _page(path: str) -> Document:
    name, text, media_type = {
        "/openapi.json": ("read_description", "This document", "application/json"),
        "/docs": ("read_pages", "This document as a page to read", "text/html"),
    }[path]
    answers = {
        "200": {"description": text, "content": {media_type: {"schema": {}}}},
        **{str(status): _problem_answer(status, "get") for status in (406, 429, 500, 503)},
    }
    for status, answer in answers.items():
        _add_headers(status, answer)
    return {
        "operationId": name,
        "summary": text,
        "description": f"{text}; anybody may read it.",
        "tags": ["service"],
        "security": [],
        "responses": answers,
    }


def _streams() -> Document:
    """The event streams, which are answered before Django is asked."""
    job = {"in": "path", "name": "job", "required": True, "schema": {"type": "string"}}
    after = {
        "in": "query",
        "name": "after",
        "description": "As Last-Event-ID, for clients that cannot send it",
        "schema": {"type": "integer", "minimum": 0},
    }
    return {
        f"{ROOT}/jobs/{{job}}/stream": {
            "get": _stream(
                "follow_job", "Follow a job: its events as they happen, until it ends", [job, after]
            )
        },
        f"{ROOT}/events/stream": {
            "get": _stream(
                "follow_all", "Follow all of one's jobs: their events from now on", [after]
            )
        },
    }


def _stream(name: str, summary: str, parameters: list[Document]) -> Document:
    answers: Document = {
        "200": {
            "description": "Server-sent events; `data` of each is a document as in lists of events",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        "204": {"description": "Nothing more is to come"},
        **{
            str(status): _problem_answer(status, "get")
            for status in (400, 401, 403, 404, 429, 500, 503)
        },
    }
    return {
        "operationId": name,
        "summary": summary,
        "description": f"{summary}. Who goes on from the last id it has misses nothing.",
        "tags": ["outcome"],
        "security": _security(READ),
        "x-scope": "read",
        "parameters": [*parameters, *headers("Last-Event-ID")["parameters"]],
        "responses": answers,
    }


def _keep_used(found: Document) -> None:
    """Leave out schemas that nothing names: the framework adds one for each query."""
    schemas: Document = found["components"]["schemas"]
    used = set(_references(found["paths"]))
    while more := {name for each in used for name in _references(schemas[each])} - used:
        used |= more
    found["components"]["schemas"] = {name: schemas[name] for name in sorted(used)}


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        reference = part.get("$ref")
        if isinstance(reference, str):
            yield reference.rpartition("/")[2]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)
