"""Files of jobs and uploads that no row of the database speaks of."""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from hven.jobs.configuration import configuration
from hven.jobs.contents import upload_path
from hven.jobs.models import Job, Result, Upload
from hven.jobs.phases import TERMINAL, Phase

_log = logging.getLogger("hven.jobs.leftovers")
#: Seconds that a file without a row is given: its row may be about to be written.
GRACE = 3600.0
_CHUNK = 500


def remove_leftovers() -> list[Path]:
    """Remove what interrupted removals and lost attempts left; gives what.

    Folders of jobs that the database never heard of stay: it may be one that was put back from a
    copy. `doctor` tells of them.
    """
    left = find_leftovers()
    for path in left:
        remove_path(path)
    return left


def find_leftovers() -> list[Path]:
    """What `remove_leftovers` would remove."""
    return [*_archived_folders(), *_lost_attempts(), *_unknown_uploads()]


def remove_job_folder(job: uuid.UUID) -> None:
    """Remove all files of a job."""
    remove_path(configuration().jobs_folder / str(job))


def remove_upload_file(upload: uuid.UUID) -> None:
    """Remove the content of an upload."""
    remove_path(upload_path(upload))


def remove_path(path: Path) -> None:
    """Remove a file or folder; one that cannot be removed now is found again later."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        _log.warning("%s could not be removed: %s", path, error)


def job_folders() -> Iterator[tuple[uuid.UUID, Path]]:
    """The folders of jobs that there are."""
    yield from _named_by_id(configuration().jobs_folder)


def unknown_folders() -> Iterator[Path]:
    """Folders of jobs that the database does not know."""
    for found in _chunks(job_folders()):
        known = set(Job.objects.filter(pk__in=found).values_list("pk", flat=True))
        yield from (path for job, path in found.items() if job not in known)


def _archived_folders() -> Iterator[Path]:
    for found in _chunks(job_folders()):
        archived = Job.objects.filter(pk__in=found, phase=Phase.ARCHIVED)
        yield from (found[job] for job in archived.values_list("pk", flat=True))


def _lost_attempts() -> Iterator[Path]:
    """Folders of attempts that another one followed, and that gave none of the job's results."""
    ended = [phase.value for phase in TERMINAL]
    for job in Job.objects.filter(phase__in=ended, attempt__gt=1).only("pk", "attempt"):
        of_results = set(Result.objects.filter(job=job).values_list("attempt", flat=True))
        for number in set(range(1, job.attempt)) - of_results:
            path = configuration().jobs_folder / str(job.pk) / f"attempt-{number}"
            if path.exists():
                yield path


def _unknown_uploads() -> Iterator[Path]:
    for folder in configuration().uploads_folder.glob("??"):
        for found in _chunks(_named_by_id(folder)):
            known = set(Upload.objects.filter(pk__in=found).values_list("pk", flat=True))
            yield from (
                path for upload, path in found.items() if upload not in known and _is_old(path)
            )


def _is_old(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > GRACE
    return False


def _named_by_id(folder: Path) -> Iterator[tuple[uuid.UUID, Path]]:
    if folder.is_dir():
        for path in folder.iterdir():
            with contextlib.suppress(ValueError):
                yield uuid.UUID(path.name), path


def _chunks(found: Iterator[tuple[uuid.UUID, Path]]) -> Iterator[dict[uuid.UUID, Path]]:
    listed = list(found)
    for start in range(0, len(listed), _CHUNK):
        yield dict(listed[start : start + _CHUNK])
