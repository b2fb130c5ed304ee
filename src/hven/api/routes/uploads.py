"""Uploads: in one request, or in parts that go on where they broke off (tus 1.0, https://tus.io)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date
from ninja import Query, Router
from pydantic import BaseModel, Field

from hven.api import schemas
from hven.api.asking import (
    EVERYBODY,
    MANAGE,
    READ,
    SEND,
    address,
    answer,
    asker,
    credential,
    require_known,
)
from hven.api.routes.answers import FILE, answers, bytes_body, headers
from hven.errors import Fault, MissingError, ParameterError, UserError
from hven.jobs import uploads
from hven.jobs.configuration import configuration
from hven.jobs.models import Upload
from hven.jobs.upload_files import CHECKSUMS, Checksum
from hven.web import scopes
from hven.web.downloads import send
from hven.web.instants import instant
from hven.web.problems import MediaTypeError, VersionError
from hven.web.scopes import Scope

router = Router(tags=["uploads"])
_VERSION = "1.0.0"
_EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
_OFFSET_TYPE = "application/offset+octet-stream"
_UPLOAD = schemas.UploadDocument
_PART = headers("Upload-Offset", "Upload-Checksum", "Tus-Resumable")
#: Uploads that a list shows.
_MOST = 1000


class Sent(BaseModel):
    """What is said of a file that comes whole."""

    name: str = Field(description="What the user calls it")
    sha256: str = Field("", description="What its digest has to be, in hexadecimal")


class Filters(BaseModel):
    """Which uploads a list shows."""

    sha256: str = Field(
        "", pattern="^([0-9a-fA-F]{64})?$", description="Complete ones with this content alone"
    )


@router.api_operation(["OPTIONS"], "", auth=EVERYBODY, response=answers(204, None))
def describe_uploads(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """What the service can do of tus."""
    return _tus(
        HttpResponse(status=204),
        Tus_Version=_VERSION,
        Tus_Extension=_EXTENSIONS,
        Tus_Checksum_Algorithm=",".join(CHECKSUMS),
        Tus_Max_Size=str(configuration().upload_bytes),
    )


@router.post(
    "",
    auth=SEND,
    response=answers(201, _UPLOAD),
    openapi_extra={
        **bytes_body(_OFFSET_TYPE, required=False),
        **headers("Upload-Length", "Upload-Metadata", "Upload-Checksum", "Tus-Resumable"),
    },
)
def begin_upload(request: HttpRequest) -> HttpResponse:
    """Announce a file that is to come in parts (tus creation).

    `Upload-Length` is its size; `Upload-Metadata` has `filename`, and `sha256` in hexadecimal
    where the content is to be compared with it. The first bytes may come in the same request, as
    `application/offset+octet-stream`.
    """
    _require_version(request)
    size = _whole_number(request, "Upload-Length")
    said = _metadata(request.headers.get("Upload-Metadata", ""))
    name = said.get("filename") or said.get("name") or "file"
    upload = uploads.create(asker(request), name, size, said.get("sha256", ""))
    try:
        if size == 0:
            upload = uploads.finish(upload)
        elif request.content_type == _OFFSET_TYPE:
            upload = uploads.append(upload, 0, request.read, _checksum(request))
    except UserError:
        # Its client has no address at which it could go on.
        with contextlib.suppress(MissingError):
            uploads.remove(upload)
        raise
    response = answer(_document(request, upload), 201, Location=_address(request, upload))
    return _tus(response, Upload_Offset=str(upload.received), Upload_Expires=_expiry(upload))


@router.put(
    "",
    auth=SEND,
    response=answers(201, _UPLOAD),
    openapi_extra=bytes_body("application/octet-stream"),
)
def upload_whole(request: HttpRequest, sent: Query[Sent]) -> HttpResponse:
    """Send a file in one request; its body is the content."""
    length = request.META.get("CONTENT_LENGTH") or ""
    size = int(length) if length.isdecimal() else None
    upload = uploads.take_whole(asker(request), sent.name, size, sent.sha256, request.read)
    return answer(_document(request, upload), 201, Location=_address(request, upload))


@router.get("", auth=READ, response=answers(200, schemas.UploadList))
def list_uploads(request: HttpRequest, filters: Query[Filters]) -> HttpResponse:
    """The files that who asks has sent, newest first.

    With `sha256` those that have this content: what is there need not be sent again.
    """
    require_known(request, Filters)
    user = asker(request)
    if user is None:
        found = Upload.objects.none()
    elif filters.sha256:
        found = uploads.with_digest(user, filters.sha256)
    else:
        found = Upload.objects.filter(owner=user).order_by("-created")
    found = found.select_related("fetch")
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
    return _tus(response, Upload_Offset=str(found.received), Upload_Expires=_expiry(found), **size)


@router.patch(
    "/{upload}",
    auth=SEND,
    response=answers(204, None),
    openapi_extra={**bytes_body(_OFFSET_TYPE), **_PART},
)
def continue_upload(request: HttpRequest, upload: str) -> HttpResponse:
    """Send the next bytes of an upload (tus); `Upload-Offset` says from which on.

    With `Upload-Checksum`, as `sha256 BASE64`, they are kept only if they are what it says.
    """
    _require_version(request)
    found = uploads.upload_for(asker(request), upload)
    if request.content_type != _OFFSET_TYPE:
        told = f"must be {_OFFSET_TYPE}, got {request.content_type or 'nothing'}"
        raise MediaTypeError([Fault("Content-Type", told)])
    offset = _whole_number(request, "Upload-Offset")
    found = uploads.append(found, offset, request.read, _checksum(request))
    return _tus(
        HttpResponse(status=204),
        Upload_Offset=str(found.received),
        Upload_Expires=_expiry(found),
    )


@router.post(
    "/{upload}",
    auth=SEND,
    response=answers(204, None),
    openapi_extra={
        **bytes_body(_OFFSET_TYPE, required=False),
        "parameters": [*headers("X-HTTP-Method-Override")["parameters"], *_PART["parameters"]],
    },
)
def override_method(request: HttpRequest, upload: str) -> HttpResponse:
    """Continue or remove an upload where a client cannot send PATCH or DELETE (tus).

    `X-HTTP-Method-Override` says which of the two is meant.
    """
    method = request.headers.get("X-HTTP-Method-Override", "")
    if method == "PATCH":
        return continue_upload(request, upload)
    if method == "DELETE":
        scopes.require(credential(request).scopes, [Scope.MANAGE])
        return delete_upload(request, upload)
    told = f"must be PATCH or DELETE, got '{method[:80]}'"
    raise ParameterError([Fault("X-HTTP-Method-Override", told)])


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
    openapi_extra=FILE,
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
        "fetched_from": upload.fetch.url if hasattr(upload, "fetch") else None,
        "created": instant(upload.created),
        "expires": instant(upload.expires),
    }


def _address(request: HttpRequest, upload: Upload) -> str:
    return address(request, "uploads", upload.pk)


def _require_version(request: HttpRequest) -> None:
    version = request.headers.get("Tus-Resumable", _VERSION)
    if version != _VERSION:
        told = f"Tus-Resumable: must be {_VERSION}, got {version[:80]}"
        raise VersionError(told, {"Tus-Version": _VERSION})


def _checksum(request: HttpRequest) -> Checksum | None:
    """What the bytes of a request are to be, where the client says so."""
    shown = request.headers.get("Upload-Checksum")
    if shown is None:
        return None
    algorithm, _, text = shown.strip().partition(" ")
    with contextlib.suppress(ValueError):
        digest = base64.b64decode(text.strip(), validate=True)
        if algorithm in CHECKSUMS and len(digest) == hashlib.new(algorithm).digest_size:
            return Checksum(algorithm, digest)
    told = f"must be one of {', '.join(CHECKSUMS)}, a blank, and the digest in base 64"
    raise ParameterError([Fault("Upload-Checksum", f"{told}, got '{shown[:80]}'")])


def _expiry(upload: Upload) -> str:
    return http_date(upload.expires.timestamp())


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
