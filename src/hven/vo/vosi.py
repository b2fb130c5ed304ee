"""The documents of VOSI: what a service can do, and whether it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hven.declare import Application, Field
from hven.jobs.fetching import allowed
from hven.vo.writing import Markup, document, element, filled

_CAPABILITIES = {
    "xmlns_vosi": "http://www.ivoa.net/xml/VOSICapabilities/v1.0",
    "xmlns_vr": "http://www.ivoa.net/xml/VOResource/v1.0",
    "xmlns_vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "xmlns_xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_AVAILABILITY = {"xmlns_vosi": "http://www.ivoa.net/xml/VOSIAvailability/v1.0"}
#: HTTP Basic, and a token of the service's own, which may stand in the place of the password.
_SECURITY = ("ivo://ivoa.net/sso#BasicAA",)
_STANDARD = "ivo://ivoa.net/std/"


class Capability(NamedTuple):
    """Something that a service can do."""

    #: What the standard calls it, behind `ivo://ivoa.net/std/`; empty where it has no name.
    standard: str
    address: str
    #: `full`: as it stands; `base`: more is to be added.
    use: str = "full"
    #: Whether everybody may use it.
    public: bool = False
    #: Whose parameters it takes.
    application: Application | None = None
    methods: tuple[str, ...] = ()
    result: str = ""


def capabilities_document(found: Iterable[Capability]) -> bytes:
    """What a service can do."""
    return document(element("vosi:capabilities", map(_capability, found), **_CAPABILITIES))


def availability_document(available: bool, since: str, note: str) -> bytes:
    """Whether a service takes requests."""
    content = [
        filled("vosi:available", "true" if available else "false"),
        filled("vosi:upSince", since),
        *([filled("vosi:note", note)] if note else []),
    ]
    return document(element("vosi:availability", content, **_AVAILABILITY))


def _capability(found: Capability) -> Markup:
    security = () if found.public else _SECURITY
    inner = [
        filled("accessURL", found.address, use=found.use),
        *(element("securityMethod", standardID=name) for name in security),
        *(filled("queryType", method) for method in found.methods),
        *([filled("resultType", found.result)] if found.result else []),
        *(map(_parameter, found.application.fields) if found.application else []),
    ]
    interface = element("interface", inner, xsi_type="vs:ParamHTTP", role="std", version="1.1")
    title = found.application and filled("description", found.application.title)
    standard = found.standard and _STANDARD + found.standard
    return element("capability", title or "", interface, standardID=standard or None)


def _parameter(field: Field) -> Markup:
    unit = [filled("unit", field.unit)] if field.unit else []
    return element(
        "param",
        filled("name", field.name),
        filled("description", sentence(field)),
        unit,
        filled("dataType", _TYPES.get(field.kind, "string")),
        std="false",
        use="required" if field.required else "optional",
    )


_TYPES = {"boolean": "boolean", "integer": "integer", "number": "real"}


def sentence(field: Field) -> str:
    """What a parameter is, with what is to be known of it."""
    return ". ".join(_words(field)) + "."


def _address() -> str:
    hosts = allowed.hosts()
    return f"an address at {hosts}, or " if hosts else "or "


def _words(field: Field) -> Iterator[str]:
    yield field.help
    if field.bounds:
        yield field.bounds[:1].upper() + field.bounds[1:]
    if field.choices:
        yield f"One of {', '.join(field.choices)}"
    if field.kind == "file":
        forms = "upload:ID, dataset:NAME/FILE, job:ID/RESULT"
        yield f"A file: {forms}, {_address()}a part of the request"
    if field.many:
        yield "May be repeated"
    if field.param.placeholder:
        yield f"Unless given: {field.param.placeholder}"
