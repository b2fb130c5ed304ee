"""Files as answers: streamed, whole or a part, never shown by a browser as a page."""

from __future__ import annotations

import os
import re
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header

from hven.jobs.contents import Part

_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)
#: What a browser may do with a file of a user's: nothing but keep it.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
}


def send(
    request: HttpRequest, file: BinaryIO, name: str, media_type: str, sha256: str
) -> HttpResponseBase:
    """A file, or the part of it that is asked for.

    Parameters
    ----------
    request
        May ask for one range of bytes, and for it only while the file is the same.
    file
        Open for reading; closed when it has been sent.
    name
        As it is to be saved.
    media_type
        What it is.
    sha256
        Its digest; empty where it may still change.
    """
    size = os.fstat(file.fileno()).st_size
    tag = f'"{sha256}"' if sha256 else ""
    headers = {
        **_HARMLESS,
        "Content-Type": media_type,
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        **({"ETag": tag} if tag else {}),
    }
    if tag and tag in _tags(request.headers.get("If-None-Match", "")):
        file.close()
        return HttpResponse(status=304, headers={"ETag": tag})
    wanted = request.headers.get("Range", "")
    if request.headers.get("If-Range", tag) != tag or not sha256:
        wanted = ""
    part = _part(wanted, size)
    if part is None:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    start, stop = part
    status = 206 if stop - start < size and wanted else 200
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        file.close()
        return HttpResponse(status=status, headers=headers)
    return StreamingHttpResponse(Part(file, start, stop), status=status, headers=headers)


def _part(text: str, size: int) -> tuple[int, int] | None:
    """The bytes that a Range asks for; all of them where it is none we know, None outside."""
    found = _RANGE.fullmatch(text.strip())
    if found is None or found[0] == "bytes=-":
        return 0, size
    first, last = found.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    return (start, stop) if start < stop else None


def _tags(text: str) -> list[str]:
    return [tag.strip().removeprefix("W/") for tag in text.split(",")]
