"""All results of jobs as one archive: a zip that is made while it is sent, whatever its size."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

from hven.errors import MissingError
from hven.jobs.contents import open_result
from hven.jobs.models import Job, Result
from hven.web.instants import instant
from hven.web.log import log_lines

MEDIA_TYPE = "application/zip"
#: Jobs in one archive.
MOST_JOBS = 500
#: Bytes that are read at a time.
_PIECE = 2**18
#: What the format can write of a time.
_FIRST_YEAR = 1980


def archive(jobs: Sequence[Job]) -> StreamingHttpResponse:
    """An answer with all results of jobs, their logs and their facts, in a folder a job.

    Files are stored as they are: most of them are compressed already, or would not gain. Numbers
    of 64 bits are used throughout, as the format has them. A result whose file is gone, since its
    job was removed meanwhile, is named in `missing.txt`.

    Parameters
    ----------
    jobs
        Those that who asks may read.
    """
    name = f"{folder_of(jobs[0])}.zip" if len(jobs) == 1 else f"hven-{len(jobs)}-jobs.zip"
    headers = {
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "X-Content-Type-Options": "nosniff",
        "X-Accel-Buffering": "no",
        "Cache-Control": "private, no-store",
    }
    return StreamingHttpResponse(pieces(jobs), content_type=MEDIA_TYPE, headers=headers)


def pieces(jobs: Sequence[Job]) -> Iterator[bytes]:
    """The archive, piece by piece; see `archive`."""
    sink = _Sink()
    missing: list[str] = []
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as whole:
        for job in jobs:
            folder = folder_of(job)
            for path, result in _named(job):
                try:
                    file = open_result(result)
                except MissingError:
                    missing.append(f"{folder}/{path}\n")
                    continue
                with file:
                    yield from _written(whole, sink, f"{folder}/{path}", result.created, file)
            yield from _written(whole, sink, f"{folder}/job.json", job.created, _text(_facts(job)))
            log = _text("".join(log_lines(job)))
            yield from _written(whole, sink, f"{folder}/job.log.txt", job.created, log)
        if missing:
            gone = _text("".join(missing))
            yield from _written(whole, sink, "missing.txt", jobs[0].created, gone)
    yield sink.taken()


def folder_of(job: Job) -> str:
    """What a job's folder in an archive is called: application, when it was made, a part of its id.

    The end of an identifier is what is random in it.
    """
    return f"{job.application}-{job.created:%Y%m%dT%H%M%S}-{job.pk.hex[-8:]}"


class _Sink(io.RawIOBase):
    """Holds what was written until it is taken; it cannot be gone back in."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(piece)

    def taken(self) -> bytes:
        """What came since it was last asked for."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found


def _written(
    whole: zipfile.ZipFile, sink: _Sink, path: str, moment: datetime, file: BinaryIO
) -> Iterator[bytes]:
    entry = zipfile.ZipInfo(path, (max(_FIRST_YEAR, moment.year), *moment.timetuple()[1:6]))
    entry.external_attr = 0o644 << 16
    with whole.open(entry, "w", force_zip64=True) as out:
        while piece := file.read(_PIECE):
            out.write(piece)
            yield sink.taken()
    yield sink.taken()


def _named(job: Job) -> Iterator[tuple[str, Result]]:
    """The results of a job, each with a path of its own: its file's name, where that is free."""
    taken = {"job.json", "job.log.txt"}
    for result in job.results.order_by("order", "pk"):
        path = PurePosixPath(result.file).name
        if path in taken:
            path = f"{result.name}-{path}"
        taken.add(path)
        yield path, result


def _facts(job: Job) -> str:
    found: Mapping[str, Any] = {
        "id": str(job.pk),
        "application": job.application,
        "application_version": job.application_version,
        "label": job.label,
        "phase": job.phase,
        "parameters": job.parameters,
        "created": instant(job.created),
        "started": instant(job.started),
        "ended": instant(job.ended),
        "error": job.error,
        "results": [
            {"name": name, "file": PurePosixPath(file).name, "bytes": size, "sha256": digest}
            for name, file, size, digest in job.results.order_by("order", "pk").values_list(
                "name", "file", "bytes", "sha256"
            )
        ],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _text(text: str) -> BinaryIO:
    return io.BytesIO(text.encode(errors="replace"))
