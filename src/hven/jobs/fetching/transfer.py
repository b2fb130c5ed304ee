"""Fetching one input: what its server has becomes an upload of the job's owner.

What has come is kept: after a break it is gone on with, where the server can say that it still has
the same. A file that is complete is taken again as long as the server says that it is unchanged.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import re
import time
from collections.abc import Callable
from typing import NamedTuple

from hven.errors import (
    ConflictError,
    Fault,
    FetchError,
    ParameterError,
    ResourceError,
    SourceError,
    UserError,
)
from hven.jobs import limits, uploads
from hven.jobs.configuration import configuration
from hven.jobs.fetching import records
from hven.jobs.fetching.address import Address, AddressError, read, shown
from hven.jobs.fetching.allowed import Rule, rules
from hven.jobs.fetching.naming import name_of
from hven.jobs.fetching.records import Fetched
from hven.jobs.fetching.replies import Network, Patience, Reply, ask, reason_of
from hven.jobs.models import Fetch, Upload, User
from hven.jobs.submission import keep_uploads

#: Bytes, and seconds, after which what has come is counted.
_STRETCH, _STRETCH_SECONDS = 2**23, 2.0
#: Bytes that make it worth going on at once after a break.
_WORTH = 2**20
#: Seconds between two looks whether another job has fetched the same.
_LOOK_EVERY = 0.5
_PASSING = frozenset({408, 425, 429})
_PLAIN = frozenset({"", "identity", "gzip", "x-gzip"})


class Terms(NamedTuple):
    """Within what an input is fetched."""

    rules: tuple[Rule, ...]
    most_bytes: int
    #: All in all, and without a byte.
    seconds: float
    silence: float


#: Told of how many bytes have come, and how many there are to come, where that is known.
Tell = Callable[[int, int | None], None]


def fetch(
    owner: User | None, url: str, terms: Terms, tell: Tell, network: Network | None = None
) -> Fetched:
    """Have a file of the user's from an address.

    Parameters
    ----------
    owner
        Whose file it is to be; None is anonymous.
    url
        As the user gave it.
    terms
        What an administrator allows.
    tell
        Hears how it gets on.
    network
        By what hosts are found and reached; None is the system's.

    Raises
    ------
    FetchError
        It cannot be fetched; the text has the address, and what is in the way.
    SourceError
        It cannot be fetched now.
    QuotaError, UnavailableError
        There is no space for it.
    """
    try:
        return _Transfer(owner, read(url), terms, tell, network or Network()).run()
    except AddressError as error:
        raise _fetch_error(url, str(error)) from error
    except SourceError as error:
        raise SourceError(f"{shown(url)}: {error}") from error


class _RestartError(Exception):
    """What was begun is of no use any more."""


class _Transfer:
    def __init__(
        self, owner: User | None, address: Address, terms: Terms, tell: Tell, network: Network
    ) -> None:
        self._owner = owner
        self._address = address
        self._terms = terms
        self._tell = tell
        self._network = network
        self._patience = Patience(time.monotonic() + terms.seconds, terms.silence)

    def run(self) -> Fetched:
        while self._patience.left() > 0:
            try:
                return self._try()
            except _RestartError:
                continue
            except ConflictError:
                # Another job of the same user fetches it: what that gets is taken then.
                time.sleep(_LOOK_EVERY)
        raise SourceError(f"it was not there within {self._terms.seconds:g} s")

    def _try(self) -> Fetched:
        begun = records.begun(self._owner, self._address.plain)
        if begun is not None and records.is_busy(begun.upload):
            raise ConflictError("upload: must be written by one at a time")
        kept = None if begun is not None else records.whole(self._owner, self._address.plain)
        if begun is not None and begun.upload.received == begun.upload.size:
            return self._finished(begun)
        headers = _headers(kept, begun)
        reply = ask(self._address, headers, self._terms.rules, self._patience, self._network)
        try:
            return self._taken(reply, kept, begun)
        finally:
            reply.close()

    def _taken(self, reply: Reply, kept: Fetch | None, begun: Fetch | None) -> Fetched:
        """What an answer gives."""
        if kept is not None and _is_unchanged(reply, kept):
            keep_uploads({kept.upload_id})
            return self._checked(records.fetched(self._address.text, kept, reused=True))
        if begun is not None:
            if _goes_on(reply, begun):
                return self._received(reply, begun)
            if reply.status in (200, 206, 412, 416):
                # It has another version now, or cannot give parts: all of it comes anew.
                records.discard(begun)
                if reply.status != 200:
                    raise _RestartError
        if reply.status == 200:
            return self._received(reply, self._new(reply))
        if reply.status in _PASSING or reply.status >= 500:
            raise SourceError(f"its server answered {reply.reason}")
        raise AddressError(
            f"must be an address from which a file comes, its server answered {reply.reason}"
        )

    def _new(self, reply: Reply) -> Fetch:
        """An upload for what comes."""
        packed = reply.header("Content-Encoding").lower()
        if packed not in _PLAIN:
            raise AddressError(f"must come as it is, its server sends it packed as '{packed}'")
        if reply.length is not None and reply.length > self._terms.most_bytes:
            raise self._too_large(f"its server announces {limits.in_words(reply.length)}")
        upload = uploads.create(
            self._owner,
            name_of(reply, self._address, packed),
            reply.length,
            self._address.sha256 or _promised(reply),
        )
        return Fetch.objects.create(
            upload=upload,
            url=self._address.plain,
            found_at=reply.address.plain,
            etag=reply.header("ETag", 500),
            last_modified=reply.header("Last-Modified", 100),
        )

    def _received(self, reply: Reply, row: Fetch) -> Fetched:
        """Take the body of an answer behind what has come already."""
        upload, at_first = row.upload, row.upload.received
        stretch = _Stretch(reply)
        while not stretch.over and upload.completed is None:
            try:
                upload = uploads.append(upload, upload.received, stretch.begin().read)
            except ParameterError as error:
                raise self._mismatch(error) from error
            except ResourceError as error:
                records.discard(row)
                raise self._too_large("more than that came") from error
            row.upload = upload
            self._tell(upload.received, upload.size)
            if upload.size is None:
                self._require_room(row)
        if stretch.broken is None:
            return self._finished(row)
        told = f"its server broke off after {_of(upload)}: {reason_of(stretch.broken)}"
        if not records.validator(row):
            records.discard(row)
        elif upload.received - at_first >= _WORTH:
            raise _RestartError
        raise SourceError(told) from stretch.broken

    def _finished(self, row: Fetch) -> Fetched:
        try:
            row.upload = uploads.finish(row.upload)
        except ParameterError as error:
            raise self._mismatch(error) from error
        return self._checked(records.fetched(self._address.text, row, reused=False))

    def _checked(self, found: Fetched) -> Fetched:
        """What was found, if it has the digest that the user names."""
        if self._address.sha256 not in ("", found.sha256):
            told = f"must have the SHA-256 {self._address.sha256}, what came has {found.sha256}"
            raise AddressError(told)
        return found

    def _mismatch(self, error: UserError) -> Exception:
        """What came has not the digest that was promised; it is removed already."""
        told = "; ".join(fault.text for fault in error.faults)
        if self._address.sha256:
            return AddressError(f"must have the SHA-256 that is named: {told}")
        return SourceError(f"its server sent something else than it said, its SHA-256 {told}")

    def _require_room(self, row: Fetch) -> None:
        """Look again whether it may be as large, where nobody said before how large it is."""
        try:
            if row.upload.received > self._terms.most_bytes:
                raise self._too_large("more than that came")
            limits.require_byte_quota(self._owner)
        except BaseException:
            records.discard(row)
            raise

    def _too_large(self, found: str) -> AddressError:
        most = limits.in_words(self._terms.most_bytes)
        return AddressError(f"must be a file of at most {most}, {found}")


class _Stretch:
    """A body, handed over part by part, each of which is counted when it is on the disk.

    Parameters
    ----------
    reply
        Whose.
    """

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._bytes = 0
        self._until = 0.0
        #: Whether nothing more comes.
        self.over = False
        #: Why, where that was not the end.
        self.broken: Exception | None = None

    def begin(self) -> _Stretch:
        """Begin the next part."""
        self._bytes, self._until = 0, time.monotonic() + _STRETCH_SECONDS
        return self

    def read(self, size: int) -> bytes:
        """The next bytes of the part; none at its end."""
        if self._bytes >= _STRETCH or time.monotonic() > self._until:
            return b""
        try:
            piece = self._reply.read(size)
        except (OSError, http.client.HTTPException) as error:
            self.broken = error
            piece = b""
        self.over = not piece
        self._bytes += len(piece)
        return piece


def terms() -> Terms:
    """What the service's settings allow."""
    found = configuration()
    return Terms(rules(), found.fetched_bytes, found.fetch_seconds, found.fetch_silence)


def _headers(kept: Fetch | None, begun: Fetch | None) -> dict[str, str]:
    """What asks for the rest of what was begun, or only for what has changed."""
    if begun is not None:
        return {
            "Range": f"bytes={begun.upload.received}-",
            "If-Range": records.validator(begun),
        }
    if kept is None:
        return {}
    if kept.etag:
        return {"If-None-Match": kept.etag}
    return {"If-Modified-Since": kept.last_modified}


def _is_unchanged(reply: Reply, kept: Fetch) -> bool:
    if reply.status == 304:
        return True
    # Not every server looks at the question; the same strong tag says as much.
    same = bool(kept.etag) and not kept.etag.startswith("W/") and reply.header("ETag") == kept.etag
    return reply.status == 200 and same and reply.length in (None, kept.upload.received)


def _goes_on(reply: Reply, begun: Fetch) -> bool:
    """Whether an answer is the rest of what was begun."""
    if reply.status != 206:
        return False
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", reply.header("Content-Range"))
    if found is None or int(found[1]) != begun.upload.received:
        return False
    size = begun.upload.size
    if size is not None and found[2] not in ("*", str(size)):
        return False
    tag, date = reply.header("ETag"), reply.header("Last-Modified")
    return tag == begun.etag if begun.etag and tag else date in ("", begun.last_modified)


def _promised(reply: Reply) -> str:
    """The SHA-256 that a server announces (RFC 9530, and RFC 3230 before); else empty."""
    for name, pattern in (
        ("Repr-Digest", r"sha-256=:([A-Za-z0-9+/=]+):"),
        ("Digest", r"sha-256=([A-Za-z0-9+/=]+)"),
    ):
        found = re.search(pattern, reply.header(name), re.IGNORECASE)
        if found:
            try:
                digest = base64.b64decode(found[1], validate=True)
            except binascii.Error:
                continue
            if len(digest) == 32:
                return digest.hex()
    return ""


def _of(upload: Upload) -> str:
    return f"{upload.received} of {upload.size or '?'} bytes"


def _fetch_error(url: str, text: str) -> FetchError:
    return FetchError([Fault(shown(url), text)])
