"""Uploads: in one request, or in parts that go on where they broke off (tus 1.0, https://tus.io)."""

from __future__ import annotations

import base64
import binascii

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja import Router

from hven.api import schemas
from hven.api.asking import EVERYBODY, MANAGE, READ, SEND, address, answer, asker
from hven.api.routes.answers import answers, content
from hven.errors import ConflictError, Fault, ParameterError
from hven.jobs import uploads
from hven.jobs.configuration import configuration
from hven.jobs.models import Upload
from hven.web.downloads import send
from hven.web.instants import instant

router = Router(tags=["uploads"])
_VERSION = "1.0.0"
_OFFSET_TYPE = "application/offset+octet-stream"
_UPLOAD = schemas.UploadDocument
#: Uploads that a list shows.
_MOST = 1000


@router.api_operation(["OPTIONS"], "", auth=EVERYBODY, response=answers(204, None))
def describe_uploads(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """What the service can do of tus."""
    return _tus(
        HttpResponse(status=204),
        Tus_Version=_VERSION,
        Tus_Extension="creation,termination",
        Tus_Max_Size=str(configuration().upload_bytes),
    )


@router.post("", auth=SEND, response=answers(201, _UPLOAD))
def begin_upload(request: HttpRequest) -> HttpResponse:
    """Announce a file that is to come in parts (tus creation).

    `Upload-Length` is its size; `Upload-Metadata` has `filename`, and `sha256` in hexadecimal
    where the content is to be compared with it.
    """
    _require_version(request)
    size = _whole_number(request, "Upload-Length")
    said = _metadata(request.headers.get("Upload-Metadata", ""))
    name = said.get("filename") or said.get("name") or "file"
    upload = uploads.create(asker(request), name, size, said.get("sha256", ""))
    if size == 0:
        upload = uploads.finish(upload)
    response = answer(_document(request, upload), 201, Location=_address(request, upload))
    return _tus(response, Upload_Offset=str(upload.received))


@router.put("", auth=SEND, response=answers(201, _UPLOAD))
def upload_whole(request: HttpRequest, name: str, sha256: str = "") -> HttpResponse:
    """Send a file in one request; its body is the content."""
    length = request.META.get("CONTENT_LENGTH") or ""
    size = int(length) if length.isdecimal() else None
    upload = uploads.take_whole(asker(request), name, size, sha256, request.read)
    return answer(_document(request, upload), 201, Location=_address(request, upload))


@router.get("", auth=READ, response=answers(200, schemas.UploadList))
def list_uploads(request: HttpRequest) -> HttpResponse:
    """The files that who asks has sent, newest first."""
    user = asker(request)
    found = (
        Upload.objects.filter(owner=user).order_by("-created") if user else Upload.objects.none()
    )
    return answer({"uploads": [_document(request, upload) for upload in found[:_MOST]]})


@router.get("/{upload}", auth=READ, response=answers(200, _UPLOAD))
def read_upload(request: HttpRequest, upload: str) -> HttpResponse:
    """What is to be known of an upload."""
    return answer(_document(request, _whole(uploads.upload_for(asker(request), upload))))


@router.api_operation(["HEAD"], "/{upload}", auth=READ, response=answers(200, None))
def ask_offset(request: HttpRequest, upload: str) -> HttpResponse:
    """How much of an upload has come (tus)."""
    found = _whole(uploads.upload_for(asker(request), upload))
    response = HttpResponse(headers={"Cache-Control": "no-store"})
    size = {} if found.size is None else {"Upload_Length": str(found.size)}
    return _tus(response, Upload_Offset=str(found.received), **size)


@router.patch("/{upload}", auth=SEND, response=answers(204, None))
def continue_upload(request: HttpRequest, upload: str) -> HttpResponse:
    """Send the next bytes of an upload (tus); `Upload-Offset` says from which on."""
    _require_version(request)
    found = uploads.upload_for(asker(request), upload)
    if request.content_type != _OFFSET_TYPE:
        told = f"must be {_OFFSET_TYPE}, got {request.content_type or 'nothing'}"
        raise ParameterError([Fault("Content-Type", told)])
    found = uploads.append(found, _whole_number(request, "Upload-Offset"), request.read)
    return _tus(HttpResponse(status=204), Upload_Offset=str(found.received))


@router.delete("/{upload}", auth=MANAGE, response=answers(204, None))
def delete_upload(request: HttpRequest, upload: str) -> HttpResponse:
    """Remove an upload that no job needs."""
    uploads.remove(uploads.upload_for(asker(request), upload))
    return _tus(HttpResponse(status=204))


@router.api_operation(
    ["GET", "HEAD"],
    "/{upload}/content",
    auth=READ,
    response=answers(200, None),
    openapi_extra=content("application/octet-stream"),
)
def read_content(request: HttpRequest, upload: str) -> HttpResponseBase:
    """The file that was sent."""
    found = uploads.upload_for(asker(request), upload)
    file = uploads.open_upload(found)
    return send(request, file, found.name, "application/octet-stream", found.sha256)


def _whole(upload: Upload) -> Upload:
    """The upload, completed where all of it has come and its process died before it said so."""
    if upload.completed is None and upload.received == upload.size:
        return uploads.finish(upload)
    return upload


def _document(request: HttpRequest, upload: Upload) -> dict[str, object]:
    return {
        "id": str(upload.pk),
        "url": _address(request, upload),
        "reference": f"upload:{upload.pk}",
        "name": upload.name,
        "bytes": upload.size,
        "received": upload.received,
        "complete": upload.completed is not None,
        "sha256": upload.sha256 or None,
        "created": instant(upload.created),
        "expires": instant(upload.expires),
    }


def _address(request: HttpRequest, upload: Upload) -> str:
    return address(request, "uploads", upload.pk)


def _require_version(request: HttpRequest) -> None:
    version = request.headers.get("Tus-Resumable", _VERSION)
    if version != _VERSION:
        raise ConflictError(f"Tus-Resumable: must be {_VERSION}, got {version}")


def _whole_number(request: HttpRequest, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise ParameterError([Fault(name, f"must be a whole number, got '{text}'")])
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """The pairs of `Upload-Metadata`: a name, and a value in base 64."""
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = pair.partition(" ")
        try:
            found[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError) as error:
            told = f"must have its values in base 64, got '{pair[:80]}'"
            raise ParameterError([Fault("Upload-Metadata", told)]) from error
    return found


def _tus(response: HttpResponse, **headers: str) -> HttpResponse:
    for name, value in {"Tus_Resumable": _VERSION, **headers}.items():
        response[name.replace("_", "-")] = value
    return response
