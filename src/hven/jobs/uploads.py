"""Files that users send: streamed to disk, taken up where they broke off, their digest taken.

What has come is written, synced, and only then counted in the row, by a statement that moves the
count forward alone. So whatever is killed, what was acknowledged is there; what lies behind it in
the file is cut off when the client goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import BinaryIO

from django.db import transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast

from hven.errors import (
    ConflictError,
    Fault,
    MissingError,
    ParameterError,
    ResourceError,
)
from hven.jobs import limits, upload_files
from hven.jobs.access import identifier, permitted
from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.contents import open_inside, upload_path
from hven.jobs.fetching import uses
from hven.jobs.models import Job, Upload, User
from hven.jobs.patience import patient
from hven.jobs.phases import ACTIVE

#: How long an upload that is not complete waits for its client.
_PATIENCE = timedelta(days=1)
#: Bytes that are read at a time, and after which is synced and counted.
_PIECE, _STRETCH = 2**20, 2**26
_LONGEST_NAME = 255
_ODD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def create(
    owner: User | None, name: str, size: int | None = None, promised_sha256: str = ""
) -> Upload:
    """A new upload, of which nothing has come.

    Parameters
    ----------
    owner
        Whose file it is to be; None is anonymous.
    name
        As the owner calls it.
    size
        Its bytes; None while that is not known.
    promised_sha256
        What its digest has to be; empty when that is not said.

    Raises
    ------
    ParameterError
        With all faults.
    ResourceError
        It is larger than uploads may be.
    QuotaError
        The owner has as much as one may have.
    UnavailableError
        There is too little space.
    """
    faults = list(_faults(name, size, promised_sha256))
    if faults:
        raise ParameterError(faults)
    _require_size(size or 0)
    limits.require_byte_quota(owner, size or 0)
    limits.require_space(size or 0)
    upload = Upload(
        owner=owner,
        name=name,
        size=size,
        promised_sha256=promised_sha256.lower(),
        expires=now() + _PATIENCE,
    )
    with upload_files.room():
        upload_files.make(upload.pk)
    upload.save(force_insert=True)
    return upload


def upload_for(user: User | None, upload: uuid.UUID | str) -> Upload:
    """An upload that `user` may have.

    Raises
    ------
    MissingError
        There is none.
    ForbiddenError
        It belongs to somebody else.
    """
    found = Upload.objects.filter(pk=identifier(upload)).first()
    return permitted(user, found, f"upload: there is none with the id {upload}")


def with_digest(owner: User, sha256: str) -> QuerySet[Upload]:
    """The complete uploads of a user that have this content, newest first."""
    found = Upload.objects.filter(owner=owner, sha256=sha256.lower()).exclude(completed=None)
    return found.order_by("-created")


def append(
    upload: Upload,
    offset: int,
    read: Callable[[int], bytes],
    checksum: upload_files.Checksum | None = None,
) -> Upload:
    """Write what a client sends behind what has come already; gives the upload as it is then.

    Parameters
    ----------
    upload
        Which one.
    offset
        From which byte on the client sends; must be what has come.
    read
        Gives at most so many of the next bytes; none at the end. An OSError of it is a client
        that went away: what it sent is kept.
    checksum
        What all of it has to be, or nothing of it is kept.

    Raises
    ------
    ConflictError
        Another request writes it now, or `offset` is another.
    ResourceError
        More comes than was announced, or than uploads may have.
    ParameterError
        It is complete, and its digest is not what was promised; it is removed.
    ChecksumError
        What came is not what `checksum` says.
    UnavailableError
        The disk is full.
    """
    with upload_files.locked(upload.pk) as file:
        upload = _again(upload)
        if upload.completed is not None or offset != upload.received:
            raise ConflictError(f"offset: must be {upload.received}, got {offset}")
        file.truncate(offset)
        file.seek(offset)
        hasher = upload_files.hashers.take(upload.pk, offset)
        if checksum is None:
            upload = _receive(upload, file, read, hasher)
        else:
            upload = _receive_checked(upload, file, read, hasher, checksum)
        if upload.size is not None and upload.received == upload.size:
            return _complete(upload, file, hasher)
        upload_files.hashers.keep(upload.pk, upload.received, hasher)
    return upload


def finish(upload: Upload) -> Upload:
    """Take what has come for the whole; nothing is done when it is complete already.

    Raises
    ------
    ConflictError
        Less has come than was announced, or another request writes it now.
    ParameterError
        Its digest is not what was promised; it is removed.
    """
    with upload_files.locked(upload.pk) as file:
        upload = _again(upload)
        if upload.completed is not None:
            return upload
        if upload.size is not None and upload.received < upload.size:
            raise ConflictError(f"size: must be {upload.size}, {upload.received} bytes have come")
        return _complete(upload, file, upload_files.hashers.take(upload.pk, upload.received))


def take_whole(
    owner: User | None,
    name: str,
    size: int | None,
    promised_sha256: str,
    read: Callable[[int], bytes],
) -> Upload:
    """A file that comes in one request; nothing of it is left when not all of it comes.

    Raises
    ------
    ParameterError
        Something is wrong with the request, or less or other bytes came than were announced.
    ResourceError, QuotaError, UnavailableError
        As `create` and `append`.
    """
    upload = create(owner, name, size, promised_sha256)
    try:
        upload = append(upload, 0, read)
        if upload.size is not None and upload.received < upload.size:
            told = f"must be {upload.size} bytes, {upload.received} came"
            raise ParameterError([Fault("content", told)])
        return finish(upload)
    except BaseException:
        discard(upload)
        raise


def remove(upload: Upload) -> None:
    """Remove an upload that no job needs.

    Raises
    ------
    ConflictError
        A job that has not ended uses it.
    MissingError
        It is gone already.
    """
    with transaction.atomic():
        # Who takes a job in changes the row of each upload it uses: one waits for the other here.
        there = Upload.objects.select_for_update().filter(pk=upload.pk).exists()
        user = users_of(upload.pk).first()
        if user is not None:
            raise ConflictError(f"upload: must not be used by a job, {user.pk} uses it")
        Upload.objects.filter(pk=upload.pk).delete()
    discard(upload)
    if not there:
        raise MissingError(f"upload: there is none with the id {upload.pk}")


def discard(upload: Upload) -> None:
    """Remove an upload whatever there is of it: the row, then the file."""
    Upload.objects.filter(pk=upload.pk).delete()
    upload_path(upload.pk).unlink(missing_ok=True)
    upload_files.hashers.take(upload.pk, -1)


def users_of(upload: uuid.UUID) -> QuerySet[Job]:
    """The jobs that have not ended and use an upload."""
    active = Job.objects.filter(phase__in=[phase.value for phase in ACTIVE], deleted=None)
    text = Cast("parameters", TextField())
    named, fetched = Q(text__contains=f"upload:{upload}"), uses.naming(upload)
    return active.annotate(text=text).filter(named if fetched is None else named | fetched)


def open_upload(upload: Upload) -> BinaryIO:
    """An upload's content, for reading.

    Raises
    ------
    MissingError
        It is not complete, or not there.
    """
    path = upload_path(upload.pk)
    if upload.completed is not None:
        with contextlib.suppress(OSError):
            return open_inside(path.parent, path.name)
    raise MissingError(f"upload: {upload.pk} has no content yet")


def _receive_checked(
    upload: Upload,
    file: io.FileIO,
    read: Callable[[int], bytes],
    hasher: upload_files.Hash | None,
    checksum: upload_files.Checksum,
) -> Upload:
    """Write all that comes, and count it when it is found to be what was announced."""
    start, found = upload.received, hashlib.new(checksum.algorithm)

    def reading(size: int) -> bytes:
        piece = read(size)
        found.update(piece)
        return piece

    def compare() -> None:
        if found.digest() == checksum.digest:
            return
        file.truncate(start)
        told = f"must be {checksum.digest.hex()[:128]}, what came has {found.hexdigest()}"
        raise upload_files.ChecksumError([Fault("Upload-Checksum", told)])

    return _receive(upload, file, reading, hasher, compare)


def _receive(
    upload: Upload,
    file: io.FileIO,
    read: Callable[[int], bytes],
    hasher: upload_files.Hash | None,
    compare: Callable[[], None] | None = None,
) -> Upload:
    """Write all that comes, counting it stretch by stretch; or once, when `compare` is content."""
    come = looked = upload.received
    most = configuration().upload_bytes if upload.size is None else upload.size
    with upload_files.room():
        while True:
            try:
                piece = read(_PIECE)
            except OSError:
                # The client went away. What it sent is kept, and it can go on behind it.
                piece = b""
            if not piece:
                break
            if come + len(piece) > most:
                told = "as was announced" if upload.size is not None else "as uploads may have"
                raise ResourceError([Fault("size", f"must be at most {most} bytes, {told}")])
            upload_files.write_all(file, piece)
            if hasher is not None:
                hasher.update(piece)
            come += len(piece)
            if come - looked >= _STRETCH:
                looked = come
                if compare is None:
                    upload = _count(upload, file, come)
                limits.require_space()
        if compare is not None:
            compare()
        return _count(upload, file, come) if come > upload.received else upload


def _count(upload: Upload, file: io.FileIO, come: int) -> Upload:
    """Sync what has come, then say so; the count moves from where it was, or not at all."""
    os.fdatasync(file.fileno())
    # Also from where it is to be: a statement whose answer was lost is given again.
    here = Upload.objects.filter(pk=upload.pk, received__in=[upload.received, come], completed=None)
    if not patient(lambda: here.update(received=come)):
        raise MissingError(f"upload: {upload.pk} was removed meanwhile")
    upload.received = come
    return upload


def _complete(upload: Upload, file: io.FileIO, hasher: upload_files.Hash | None) -> Upload:
    # None: another process had the beginning, or this one has forgotten it.
    digest = upload_files.digest_of(file) if hasher is None else hasher.hexdigest()
    if upload.promised_sha256 not in ("", digest):
        discard(upload)
        told = f"must be {upload.promised_sha256}, what came has {digest}"
        raise ParameterError([Fault("sha256", told)])
    os.fchmod(file.fileno(), 0o400)
    moment = now()
    done = {
        "size": upload.received,
        "sha256": digest,
        "completed": moment,
        "expires": moment + timedelta(days=configuration().retention_days),
    }
    open_one = Upload.objects.filter(pk=upload.pk, received=upload.received, completed=None)
    if not open_one.update(**done):
        raise MissingError(f"upload: {upload.pk} was removed meanwhile")
    return _again(upload)


def _again(upload: Upload) -> Upload:
    found = Upload.objects.filter(pk=upload.pk).first()
    if found is None:
        raise MissingError(f"upload: there is none with the id {upload.pk}")
    return found


def _faults(name: str, size: int | None, promised: str) -> Iterator[Fault]:
    if not name or len(name) > _LONGEST_NAME or _ODD.search(name):
        told = f"must be one line of 1 to {_LONGEST_NAME} characters, got {len(name)}"
        yield Fault("name", told)
    if size is not None and size < 0:
        yield Fault("size", f"must be at least 0, got {size}")
    if promised and not re.fullmatch("[0-9a-fA-F]{64}", promised):
        yield Fault("sha256", f"must be 64 hexadecimal digits, got '{promised[:80]}'")


def _require_size(size: int) -> None:
    most = configuration().upload_bytes
    if size > most:
        raise ResourceError([Fault("size", f"must be at most {most} bytes, got {size}")])
