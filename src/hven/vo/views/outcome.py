"""What goes into a job and comes out of it: parameters, results, links, the log."""

from __future__ import annotations

from pathlib import PurePosixPath

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from hven.errors import MissingError
from hven.jobs import uploads
from hven.jobs.contents import open_result
from hven.vo.asking import Asked, door, plain, xml
from hven.vo.documents import parameters_document, results_document
from hven.vo.links import links_of
from hven.vo.parameters import shown_parameters, upload_of
from hven.vo.results import results_of
from hven.vo.views.jobs import change
from hven.vo.votables import LINKS_TYPE, links_document
from hven.web.downloads import send
from hven.web.log import log_lines


@door("GET", "POST")
def parameters(asked: Asked) -> HttpResponse:
    """The parameters of a job; POST changes some of one that is PENDING."""
    found = asked.found()
    if asked.request.method != "POST":
        return xml(parameters_document(asked, found))
    return change(asked, found)


@door("GET")
def parameter(asked: Asked, name: str, number: str = "") -> HttpResponseBase:
    """One value of a parameter: a text, or the file that it stands for."""
    found = asked.found()
    for value in shown_parameters(found):
        if value.name.lower() != name.lower() or str(value.number or "") != number:
            continue
        if not value.text.startswith("upload:"):
            return plain(value.text)
        upload = upload_of(found, value)
        if upload is None:
            raise MissingError(f"{value.name}: the file is not there any more")
        file = uploads.open_upload(upload)
        return send(asked.request, file, upload.name, "application/octet-stream", upload.sha256)
    raise MissingError(f"parameter: the job has no value '{name}{number and '/'}{number}'")


@door("GET")
def results(asked: Asked) -> HttpResponse:
    """The results of a job, also while it runs."""
    return xml(results_document(asked, asked.found()))


@door("GET")
def result(asked: Asked, name: str) -> HttpResponseBase:
    """One of them, whole or a range of its bytes."""
    found = asked.found()
    wanted = results_of(found).get(name)
    if wanted is None:
        told = "its files were removed" if found.archived else f"it has none of the name '{name}'"
        raise MissingError(f"result: must be one of the job, {told}")
    saved_as = PurePosixPath(wanted.file).name
    file = open_result(wanted)
    return send(asked.request, file, saved_as, wanted.media_type, wanted.sha256)


@door("GET")
def links(asked: Asked) -> HttpResponse:
    """What belongs to a job, as DataLink has it."""
    return xml(links_document(links_of(asked, asked.found())), LINKS_TYPE)


@door("GET")
def log(asked: Asked) -> HttpResponseBase:
    """All that happened to a job as text, in every phase."""
    lines = (line.encode(errors="replace") for line in log_lines(asked.found()))
    return StreamingHttpResponse(
        lines, "text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"}
    )
