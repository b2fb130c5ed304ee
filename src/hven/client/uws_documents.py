"""Documents of IVOA UWS 1.1 and 1.0, read with patience: what is missing or empty is None."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from hven.errors import ServiceError

_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_HREF = "{http://www.w3.org/1999/xlink}href"
#: Elements in elements; no document of the standard has more than a few.
_DEEPEST = 200


class UwsResult(NamedTuple):
    """A result of a job."""

    id: str
    #: Its absolute address.
    url: str
    #: Its size in bytes and its media type, where the service says so.
    size: int | None
    media_type: str | None


class UwsError(NamedTuple):
    """Why a job failed."""

    message: str
    #: Whether the same may succeed when it is tried again.
    transient: bool
    #: Whether the address of the error has more.
    has_detail: bool


class UwsDocument(NamedTuple):
    """What a service says of a job."""

    id: str
    phase: str
    run_id: str | None
    owner: str | None
    quote: datetime | None
    created: datetime | None
    started: datetime | None
    ended: datetime | None
    #: Seconds it may run; 0 is without limit.
    execution_duration: int
    destruction: datetime | None
    #: Values by name; one that is by reference is an address.
    parameters: Mapping[str, str]
    results: Mapping[str, UwsResult]
    error: UwsError | None


class UwsReference(NamedTuple):
    """A job in a list."""

    id: str
    #: Its absolute address.
    url: str
    phase: str
    run_id: str | None
    owner: str | None
    created: datetime | None


def read_job(content: bytes, url: str) -> UwsDocument:
    """The job that a document describes.

    Parameters
    ----------
    content
        XML.
    url
        Where it was found; relative addresses in it begin there.

    Raises
    ------
    ServiceError
        It is no description of a job.
    """
    job = _root(content, url, "job")
    given = _all(job, "parameters", "parameter")
    parameters = {found.get("id", ""): _parameter(found, url) for found in given}
    results = [_result(found, url) for found in _all(job, "results", "result")]
    return UwsDocument(
        id=_text(job, "jobId") or url.rstrip("/").rpartition("/")[2],
        phase=(_text(job, "phase") or "UNKNOWN").upper(),
        run_id=_text(job, "runId"),
        owner=_text(job, "ownerId"),
        quote=_instant(_text(job, "quote")),
        created=_instant(_text(job, "creationTime")),
        started=_instant(_text(job, "startTime")),
        ended=_instant(_text(job, "endTime")),
        execution_duration=_whole(_text(job, "executionDuration")) or 0,
        destruction=_instant(_text(job, "destruction")),
        parameters=parameters,
        results={result.id: result for result in results},
        error=_error(_child(job, "errorSummary")),
    )


def read_jobs(content: bytes, url: str) -> list[UwsReference]:
    """The jobs of a list; see `read_job`."""
    base = f"{url.partition('?')[0].rstrip('/')}/"
    return [
        UwsReference(
            found.get("id", ""),
            # Some leave the address out.
            urljoin(base, found.get(_HREF) or found.get("id", "")),
            (_text(found, "phase") or "UNKNOWN").upper(),
            _text(found, "runId") or found.get("runId"),
            _text(found, "ownerId"),
            _instant(_text(found, "creationTime")),
        )
        for found in _children(_root(content, url, "jobs"), "jobref")
    ]


def parse(content: bytes) -> Element:
    """The root of a document; one that declares entities is refused, whatever they would become.

    Raises
    ------
    ServiceError
        It is no XML, or has entities.
    """
    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise ServiceError(f"XML: must have at most {_DEEPEST} elements in each other")
        builder.start(_named(name), {_named(each): text for each, text in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_named(name))

    def refuse(*_: object) -> NoReturn:
        raise ServiceError("XML: must have no entities of its own")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(content, True)
        return builder.close()
    except expat.ExpatError as error:
        raise ServiceError(f"XML: must be well-formed, {error}") from error


def _named(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _root(content: bytes, url: str, name: str) -> Element:
    try:
        root = parse(content)
    except ServiceError as error:
        raise ServiceError(f"{url}: must answer with a UWS document: {error}") from error
    if _local(root) != name:
        raise ServiceError(f"{url}: must answer with the UWS document {name}, got {_local(root)}")
    return root


def _children(element: Element | None, name: str) -> Iterator[Element]:
    """By their names alone: of the namespace there are several versions about."""
    return (child for child in (element if element is not None else ()) if _local(child) == name)


def _child(element: Element, name: str) -> Element | None:
    return next(_children(element, name), None)


def _all(element: Element, outer: str, inner: str) -> Iterator[Element]:
    return _children(_child(element, outer), inner)


def _text(element: Element, name: str) -> str | None:
    found = _child(element, name)
    if found is None or found.get(_NIL) in ("true", "1"):
        return None
    return (found.text or "").strip() or None


def _parameter(found: Element, url: str) -> str:
    text = (found.text or "").strip()
    return urljoin(url, text) if found.get("byReference") in ("true", "1") and text else text


def _result(found: Element, url: str) -> UwsResult:
    name, href = found.get("id") or "result", found.get(_HREF) or (found.text or "").strip()
    address = urljoin(url, href) if href else f"{url.rstrip('/')}/results/{name}"
    return UwsResult(name, address, _whole(found.get("size")), found.get("mime-type") or None)


def _error(found: Element | None) -> UwsError | None:
    if found is None:
        return None
    message = _text(found, "message") or (found.text or "").strip() or "the service says no more"
    detail = found.get("hasDetail", "") in ("true", "1")
    return UwsError(message, found.get("type", "").lower() == "transient", detail)


def _whole(text: str | None) -> int | None:
    """A whole number; None also where it is something else, as `unknown` or 3600.0."""
    with contextlib.suppress(ValueError, OverflowError):
        return int(float(text or ""))
    return None


def _instant(text: str | None) -> datetime | None:
    """A time; the standard's are UTC whether they say so or not."""
    with contextlib.suppress(ValueError):
        found = datetime.fromisoformat(text or "")
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return None
