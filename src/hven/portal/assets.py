"""Style sheets, scripts and pictures: found once, named by their content, compressed.

A name with the digest of the content in it may be kept by browsers for ever. The plain name works
as well, for what style sheets and scripts refer to themselves; it is asked for anew each time.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

_DIGEST_LENGTH = 12
_NAMED = re.compile(rf"(?P<stem>.+)\.(?P<digest>[0-9a-f]{{{_DIGEST_LENGTH}}})(?P<suffix>\.\w+)?")
_COMPRESSED = ("text/", "application/json", "application/wasm", "image/svg+xml")
_YEAR = 31_536_000
#: Below this a compressed answer is no shorter on the wire.
_SMALL = 600
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}


class Asset(NamedTuple):
    """One file as it is sent."""

    content: bytes
    #: The same, compressed; None where that does not pay.
    packed: bytes | None
    media_type: str
    digest: str


class NamedByContent(StaticFilesStorage):
    """What `{% static %}` asks for addresses."""

    def url(self, name: str | None, *_: object) -> str:
        """The address of a file, with the digest of its content."""
        found = asset(name or "")
        if found is None:
            raise ValueError(f"static file: there is none named '{name}'")
        path = Path(name or "")
        return f"{settings.STATIC_URL}{path.with_suffix('')}.{found.digest}{path.suffix}"


class Assets:
    """Middleware that answers below STATIC_URL, before a database is thought of."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        if not request.path.startswith(settings.STATIC_URL):
            return self._answer(request)
        name = request.path.removeprefix(settings.STATIC_URL)
        return send(request, name)


def send(request: HttpRequest, name: str) -> HttpResponse:
    """The file of that name, plain or with its digest."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    named = _NAMED.fullmatch(name)
    found = asset(name)
    keep = "no-cache"
    if found is None and named is not None:
        found = asset(named["stem"] + (named["suffix"] or ""))
        if found is not None and found.digest == named["digest"]:
            keep = f"public, max-age={_YEAR}, immutable"
    if found is None:
        return HttpResponse("There is no such file.\n", status=404, content_type="text/plain")
    tag = f'"{found.digest}"'
    headers = {
        "Content-Type": found.media_type,
        "Cache-Control": keep,
        "ETag": tag,
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
    }
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    body = found.content
    if found.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = found.packed
        headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(body))
    return HttpResponse(b"" if request.method == "HEAD" else body, headers=headers)


@functools.lru_cache(maxsize=512)
def asset(name: str) -> Asset | None:
    """The file of a plain name; None when there is none."""
    if not name or ".." in name.split("/") or name.startswith("/") or "\0" in name:
        return None
    path = finders.find(name)
    if not path or not Path(path).is_file():
        return None
    content = Path(path).read_bytes()
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    media_type = _TYPES.get(Path(name).suffix, guessed)
    packed = None
    if media_type.startswith(_COMPRESSED) and len(content) > _SMALL:
        packed = gzip.compress(content, mtime=0)
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST_LENGTH]
    return Asset(content, packed, media_type, digest)
