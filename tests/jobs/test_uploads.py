"""Uploads: whole or in parts, never wrong, never more than was acknowledged lost."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hven.errors import (
    ConflictError,
    MissingError,
    ParameterError,
    QuotaError,
    ResourceError,
    UnavailableError,
)
from hven.jobs import upload_files, uploads
from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.contents import upload_path
from hven.jobs.models import Upload, User
from hven.jobs.phases import Phase
from input_files import make_upload
from job_rows import make_job
from parts import Parts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("configuration")]
STARS = b"stars" * 1000


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def reading(content: bytes) -> Callable[[int], bytes]:
    return io.BytesIO(content).read


def content_of(upload: Upload) -> bytes:
    with uploads.open_upload(upload) as file:
        return file.read()


def breaking(content: bytes, error: Exception) -> Callable[[int], bytes]:
    """Gives the content, then an error."""
    pieces = iter([content])

    def read(size: int) -> bytes:
        for piece in pieces:
            return piece
        raise error

    return read


# -- whole ----------------------------------------------------------------------------------------


def test_a_file_comes_whole(user: User) -> None:
    upload = make_upload(user, "M 31.fits", STARS, digest(STARS).upper())
    upload.refresh_from_db()
    assert (upload.name, upload.size, upload.received) == ("M 31.fits", len(STARS), len(STARS))
    assert upload.sha256 == digest(STARS)
    assert upload.completed is not None
    assert upload.expires > now() + timedelta(days=29)
    assert content_of(upload) == STARS
    assert stat.S_IMODE(upload_path(upload.pk).stat().st_mode) == 0o400


def test_the_name_of_a_file_leads_nowhere(user: User, configuration: Configuration) -> None:
    upload = make_upload(user, "../../../etc/passwd")
    (path,) = (path for path in configuration.uploads_folder.rglob("*") if path.is_file())
    assert path.name == str(upload.pk)


@pytest.mark.parametrize(
    ("name", "size", "promised", "wrong"),
    [
        ("", 5, "", "name"),
        ("x" * 256, 5, "", "name"),
        ("a\nb", 5, "", "name"),
        ("half \ud800", 5, "", "name"),
        ("a", -1, "", "size"),
        ("a", 5, "xyz", "sha256"),
    ],
)
def test_what_is_wrong_is_named(
    user: User, name: str, size: int, promised: str, wrong: str
) -> None:
    with pytest.raises(ParameterError, match=f"^{wrong}: must be "):
        uploads.create(user, name, size, promised)
    nothing_is_left()


def nothing_is_left() -> None:
    from hven.jobs.configuration import configuration

    assert not Upload.objects.exists()
    assert not [path for path in configuration().uploads_folder.rglob("*") if path.is_file()]


def test_another_content_than_was_promised_is_refused(user: User) -> None:
    with pytest.raises(ParameterError, match=f"must be {digest(b'moons')}, what came has"):
        make_upload(user, "a", STARS, digest(b"moons"))
    nothing_is_left()


@pytest.mark.parametrize("size", [4, 6])
def test_another_size_than_was_announced_is_refused(user: User, size: int) -> None:
    with pytest.raises((ParameterError, ResourceError), match=f"must be .*{size} bytes"):
        uploads.take_whole(user, "a", size, "", reading(b"stars"))
    nothing_is_left()


def test_a_client_that_goes_away_leaves_nothing_of_a_whole_file(user: User) -> None:
    with pytest.raises(ParameterError, match="3 came"):
        uploads.take_whole(user, "a", 5, "", breaking(b"sta", ConnectionResetError()))
    nothing_is_left()


def test_a_file_of_unknown_size_ends_where_it_ends(user: User) -> None:
    upload = uploads.take_whole(user, "a", None, "", reading(STARS))
    assert (upload.size, upload.sha256) == (len(STARS), digest(STARS))


def test_an_empty_file_is_a_file(user: User) -> None:
    assert make_upload(user, "a", b"").sha256 == digest(b"")


# -- in parts -------------------------------------------------------------------------------------


def test_a_file_comes_in_parts(user: User) -> None:
    upload = uploads.create(user, "a", len(STARS), digest(STARS))
    with pytest.raises(MissingError):
        uploads.open_upload(upload)
    for start in range(0, len(STARS), 2000):
        upload = uploads.append(upload, start, reading(STARS[start : start + 2000]))
    assert upload.completed is not None
    assert content_of(upload) == STARS


def test_another_process_can_go_on(user: User) -> None:
    upload = uploads.create(user, "a", len(STARS))
    uploads.append(upload, 0, reading(STARS[:1234]))
    upload_files.hashers.take(upload.pk, -1)  # What a process knows goes with it.
    upload = uploads.append(upload, 1234, reading(STARS[1234:]))
    assert upload.sha256 == digest(STARS)


def test_a_part_begins_where_the_last_one_ended(user: User) -> None:
    upload = uploads.create(user, "a", len(STARS))
    uploads.append(upload, 0, reading(STARS[:1000]))
    for offset in (0, 999, 1001):
        with pytest.raises(ConflictError, match=f"offset: must be 1000, got {offset}"):
            uploads.append(upload, offset, reading(b"x"))
    upload = uploads.append(upload, 1000, reading(STARS[1000:]))
    with pytest.raises(ConflictError):
        uploads.append(upload, len(STARS), reading(b""))
    assert content_of(upload) == STARS


def test_what_a_client_sent_before_it_went_away_is_kept(user: User) -> None:
    upload = uploads.create(user, "a", len(STARS))
    upload = uploads.append(upload, 0, breaking(STARS[:1500], ConnectionResetError()))
    assert upload.received == 1500
    upload = uploads.append(upload, 1500, reading(STARS[1500:]))
    assert upload.sha256 == digest(STARS)


def test_two_requests_do_not_write_at_once(user: User) -> None:
    upload = uploads.create(user, "a", 5)
    with (
        upload_files.locked(upload.pk),
        pytest.raises(ConflictError, match="one request at a time"),
    ):
        uploads.append(upload, 0, reading(b"stars"))
    assert uploads.append(upload, 0, reading(b"stars")).completed


def test_more_than_was_announced_is_not_taken(user: User) -> None:
    upload = uploads.create(user, "a", 5)
    with pytest.raises(ResourceError, match="at most 5 bytes"):
        uploads.append(upload, 0, reading(b"starss"))
    upload = uploads.append(upload, 0, reading(b"stars"))
    assert content_of(upload) == b"stars"


def test_bytes_behind_what_was_acknowledged_are_cut_off(user: User) -> None:
    upload = uploads.create(user, "a", len(STARS))
    uploads.append(upload, 0, reading(STARS[:100]))
    with upload_path(upload.pk).open("ab") as file:
        file.write(b"what was written before the power went")
    upload = uploads.append(upload, 100, reading(STARS[100:]))
    assert content_of(upload) == STARS


def test_an_upload_whose_process_died_before_its_end_is_finished(user: User) -> None:
    upload = uploads.create(user, "a", 5)
    uploads.append(upload, 0, reading(b"sta"))
    with upload_path(upload.pk).open("ab") as file:
        file.write(b"rs")
    Upload.objects.update(received=5)
    assert uploads.finish(upload).sha256 == digest(b"stars")
    assert uploads.finish(upload).sha256 == digest(b"stars")


def test_less_than_was_announced_is_not_the_whole(user: User) -> None:
    upload = uploads.create(user, "a", 5)
    with pytest.raises(ConflictError, match="size: must be 5, 0 bytes have come"):
        uploads.finish(upload)


_UPLOAD = """
import os, signal, sys, django; django.setup()
from hven.jobs import uploads
uploads._STRETCH = 2**20
upload = uploads.create(None, "a", 50 * 2**20)
print(upload.pk, flush=True)
def read(size):
    return b"x" * size
uploads.append(upload, 0, read)
"""


@pytest.mark.django_db(transaction=True)
def test_a_kill_costs_only_what_was_not_acknowledged(configuration: Configuration) -> None:
    environment = Parts(configuration).environment()
    command = [sys.executable, "-c", _UPLOAD]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        name = process.stdout.readline().strip()
        while process.poll() is None and Upload.objects.get(pk=name).received < 3 * 2**20:
            pass
        process.send_signal(signal.SIGKILL)
    upload = Upload.objects.get(pk=name)
    assert upload.received >= 3 * 2**20
    assert upload_path(upload.pk).stat().st_size >= upload.received
    if upload.completed is None:
        left = 50 * 2**20 - upload.received
        upload = uploads.append(upload, upload.received, reading(b"x" * left))
    assert upload.sha256 == digest(b"x" * 50 * 2**20)


# -- limits ---------------------------------------------------------------------------------------


def test_an_upload_is_not_larger_than_uploads_may_be(user: User, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, upload_bytes=10)
    with pytest.raises(ResourceError, match="size: must be at most 10 bytes, got 11"):
        uploads.create(user, "a", 11)
    with pytest.raises(ResourceError, match="as uploads may have"):
        uploads.take_whole(user, "a", None, "", reading(b"x" * 11))
    nothing_is_left()


def test_all_uploads_of_a_user_are_bounded(user: User, stranger: User, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, user_bytes=10)
    uploads.create(user, "a", 6)
    with pytest.raises(QuotaError, match="at most 10 bytes, you have 6 bytes and 5 bytes more"):
        uploads.create(user, "b", 5)
    uploads.create(user, "b", 4)
    uploads.create(stranger, "b", 5)


def test_the_reserve_stays_free(user: User, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, disk_reserve=2**62)
    with pytest.raises(UnavailableError, match="must stay free"):
        uploads.create(user, "a", 5)
    nothing_is_left()


def test_a_full_disk_is_told_and_what_was_counted_stays(user: User) -> None:
    upload = uploads.create(user, "a", len(STARS))
    uploads.append(upload, 0, reading(STARS[:100]))
    limit = 200

    class Full(io.FileIO):
        """A file on a disk with so much space."""

        def write(self, data: Any, /) -> int:
            room = limit - self.tell()
            if room <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super().write(bytes(data)[:room])

    def fill() -> None:
        with Full(upload_path(upload.pk), "r+") as file, upload_files.room():
            file.seek(100)
            upload_files.write_all(file, STARS[100:])

    with pytest.raises(UnavailableError, match="no space"):
        fill()
    assert upload_path(upload.pk).stat().st_size == limit
    upload = uploads.append(upload, 100, reading(STARS[100:]))
    assert content_of(upload) == STARS


# -- whose ----------------------------------------------------------------------------------------


def test_an_upload_that_a_job_waits_for_is_not_removed(user: User) -> None:
    upload = make_upload(user)
    job = make_job(user, Phase.QUEUED, parameters={"files": [f"upload:{upload.pk}"]})
    with pytest.raises(ConflictError, match=str(job.pk)):
        uploads.remove(upload)
    assert content_of(upload) == b"stars"
    type(job).objects.update(phase=Phase.COMPLETED)
    uploads.remove(upload)
    nothing_is_left()
    with pytest.raises(MissingError):
        uploads.remove(upload)


def test_no_link_is_followed(user: User, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    upload = make_upload(user)
    path = upload_path(upload.pk)
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    with pytest.raises(MissingError):
        uploads.open_upload(upload)
    with pytest.raises(OSError, match="symbolic links"), upload_files.locked(upload.pk):
        pass
    assert (tmp_path / "secret").read_text() == "secret"
