"""VOTables: the links of a job (DataLink 1.1), and a service's description for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hven.declare import Application, Field
from hven.declare.number import Number
from hven.vo.vosi import sentence
from hven.vo.writing import Markup, document, element, filled

#: What a document of links is.
LINKS_TYPE = "application/x-votable+xml;content=datalink"
VOTABLE_TYPE = "application/x-votable+xml"
_DATALINK = "ivo://ivoa.net/std/DataLink#links-1.1"
_VOTABLE = {"xmlns": "http://www.ivoa.net/xml/VOTable/v1.3", "version": "1.4"}
_TEXT = {"datatype": "char", "arraysize": "*"}
#: Name, what it is (UCD), and how it is written.
_COLUMNS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("ID", "meta.id;meta.main", _TEXT),
    ("access_url", "meta.ref.url", _TEXT),
    ("service_def", "meta.ref", _TEXT),
    ("error_message", "meta.code.error", _TEXT),
    ("description", "meta.note", _TEXT),
    ("semantics", "meta.code", _TEXT),
    ("content_type", "meta.code.mime", _TEXT),
    ("content_length", "phys.size;meta.file", {"datatype": "long", "unit": "byte"}),
)


class Link(NamedTuple):
    """Something that belongs to a job."""

    id: str
    #: One of the three is given.
    access_url: str = ""
    service_def: str = ""
    error_message: str = ""
    description: str = ""
    semantics: str = "#this"
    content_type: str = ""
    content_length: int | None = None


class Offer(NamedTuple):
    """A way to have an application run."""

    #: Of this document's own.
    id: str
    address: str
    #: As the registry calls it; empty where it does not.
    standard: str
    content_type: str
    help: str


def links_document(links: Iterable[Link]) -> bytes:
    """The links of jobs."""
    fields = (element("FIELD", name=name, ucd=ucd, **written) for name, ucd, written in _COLUMNS)
    table = element("TABLE", fields, element("DATA", element("TABLEDATA", map(_row, links))))
    standard = element("INFO", name="standardID", value=_DATALINK)
    status = element("INFO", name="QUERY_STATUS", value="OK")
    return document(
        element("VOTABLE", element("RESOURCE", standard, status, table, type="results"), **_VOTABLE)
    )


def description_document(application: Application, offers: Iterable[Offer]) -> bytes:
    """An application's parameters, as DataLink describes those of a service."""
    description = filled("DESCRIPTION", application.title)
    resources = (_resource(application, offer) for offer in offers)
    return document(element("VOTABLE", description, resources, **_VOTABLE))


def _row(link: Link) -> Markup:
    cells = ("" if value is None else value for value in link)
    return element("TR", (filled("TD", cell) for cell in cells))


def _resource(application: Application, offer: Offer) -> Markup:
    facts = {
        "accessURL": offer.address,
        "standardID": offer.standard,
        "contentType": offer.content_type,
    }
    return element(
        "RESOURCE",
        filled("DESCRIPTION", offer.help),
        (
            element("PARAM", name=name, value=value, **_TEXT)
            for name, value in facts.items()
            if value
        ),
        element("GROUP", map(_parameter, application.fields), name="inputParams"),
        type="meta",
        utype="adhoc:service",
        ID=offer.id,
        name=f"{application.name}_{offer.id}",
    )


def _parameter(field: Field) -> Markup:
    written = {"integer": {"datatype": "long"}, "number": {"datatype": "double"}}
    return element(
        "PARAM",
        filled("DESCRIPTION", sentence(field)),
        *_values(field),
        name=field.name,
        unit=field.unit,
        value=_default(field),
        **written.get(field.kind, _TEXT),
    )


def _default(field: Field) -> str:
    """What is taken unless it is given; nothing where it has to be, or is none."""
    if field.required or field.many or field.default is None:
        return ""
    return field.to_text(field.default)


def _values(field: Field) -> Iterator[Markup]:
    inner: list[Markup] = []
    if isinstance(field.single, Number):
        low, high = field.single.low, field.single.high
        inner += [element("MIN", value=str(low))] if low is not None else []
        inner += [element("MAX", value=str(high))] if high is not None else []
    inner += [element("OPTION", value=choice) for choice in field.choices]
    if inner:
        yield element("VALUES", inner)
