"""Addresses of the service, and those that only a TAP service has."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import path
from tap_application import COLUMNS, TABLE

from hven.server.urls import handler404, handler500
from hven.server.urls import urlpatterns as of_the_service
from hven.vo.asking import Asked, door, xml
from hven.vo.vosi import Capability, capabilities_document
from hven.vo.writing import document, element, filled
from hven.web.addresses import absolute

__all__ = ["handler404", "handler500", "urlpatterns"]
_NAMES = {
    "xmlns_vosi": "http://www.ivoa.net/xml/VOSITables/v1.0",
    "xmlns_vs": "http://www.ivoa.net/xml/VODataService/v1.1",
    "xmlns_xsi": "http://www.w3.org/2001/XMLSchema-instance",
}


@door("GET", public=True)
def tables(asked: Asked) -> HttpResponse:
    """The one table."""
    columns = [
        element(
            "column",
            filled("name", name),
            filled("description", about),
            filled("unit", unit),
            filled("ucd", ucd),
            filled("dataType", {"long": "BIGINT"}.get(kind, "DOUBLE"), xsi_type="vs:TAPType"),
        )
        for name, kind, unit, ucd, about in COLUMNS
    ]
    table = element("table", filled("name", TABLE), filled("description", "Stars"), columns)
    schema = element("schema", filled("name", "public"), table)
    return xml(document(element("vosi:tableset", schema, **_NAMES)))


@door("GET", public=True)
def capabilities(asked: Asked) -> HttpResponse:
    """Where what is."""
    root = absolute(asked.request, "/vo/tap")
    found = [
        Capability("TAP", root, "base", public=True),
        *(
            Capability(f"VOSI#{what}", f"{root}/{what}", public=True)
            for what in ("capabilities", "availability", "tables")
        ),
    ]
    return xml(capabilities_document(found))


urlpatterns = [
    path("vo/tap/tables", tables),
    path("vo/tap/capabilities", capabilities),
    *of_the_service,
]
