"""Files that are not as the database has them: missing, of a wrong size, altered, nobody's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from django.db import transaction
from django.db.models import Q

from hven.engine.store import Store
from hven.jobs.configuration import configuration
from hven.jobs.contents import result_path, upload_path
from hven.jobs.expiry import uploads_in_use
from hven.jobs.finding import Finding
from hven.jobs.leftovers import (
    find_leftovers,
    job_folders,
    remove_path,
    remove_upload_file,
    unknown_folders,
)
from hven.jobs.models import Job, Result, Upload
from hven.jobs.phases import TERMINAL, Phase
from hven.jobs.transitions import News, change


def examine_results(deep: bool) -> Iterator[Finding]:
    """Results whose file is not what was published."""
    folders = {job for job, _ in job_folders()}
    without: set[object] = set()
    ended = Q(final=True) | Q(job__phase__in=[phase.value for phase in TERMINAL])
    results = Result.objects.filter(ended).select_related("job").order_by("job", "order")
    for result in results.iterator(chunk_size=500):
        if result.job_id not in folders:
            if result.job_id not in without:
                without.add(result.job_id)
                yield _lost_folder(result.job)
            continue
        fault = _fault(result_path(result), result.bytes, result.sha256 if deep else "")
        if fault:
            yield Finding(
                "result.missing" if fault == _MISSING else "result.wrong",
                str(result.job_id),
                f"the result {result.name} {fault}",
                f"it is withdrawn, so that nobody is given it; hven rerun {result.job_id} "
                "makes it again",
                partial(_withdraw, Q(pk=result.pk), result.job, f"{result.name} {fault}"),
            )


def examine_uploads(deep: bool) -> Iterator[Finding]:
    """Uploads whose content is not what came."""
    used = uploads_in_use()
    for upload in Upload.objects.filter(received__gt=0).order_by("pk").iterator(chunk_size=500):
        path = upload_path(upload.pk)
        if upload.completed is not None:
            fault = _fault(path, upload.received, upload.sha256 if deep else "")
        else:
            # What lies behind the acknowledged bytes is cut off when the client goes on.
            short = path.is_file() and path.stat().st_size < upload.received
            fault = "is shorter than what was acknowledged" if short else _fault(path, None, "")
        if fault:
            waits = "; a job that waits for it will fail" if upload.pk in used else ""
            yield Finding(
                "upload.wrong",
                str(upload.pk),
                f"the upload '{upload.name}' {fault}{waits}",
                "it is removed; its owner has to send it again",
                partial(_remove_upload, upload),
            )


def examine_folders() -> Iterator[Finding]:
    """Folders and files that belong to nothing."""
    for path in unknown_folders():
        yield Finding(
            "folder.unknown",
            str(path),
            "is the folder of a job that the database does not know",
            "it is removed; unless the database was put back from a copy that is too old",
            partial(remove_path, path),
        )
    for path in find_leftovers():
        yield Finding(
            "folder.left",
            str(path),
            "was left by an interrupted removal or a lost attempt",
            "it is removed, as the keeper does each hour",
            partial(remove_path, path),
        )
    folder = configuration().jobs_folder
    known = {path for _, path in job_folders()}
    for path in folder.iterdir() if folder.is_dir() else ():
        if path not in known:
            yield Finding("folder.strange", str(path), "is no job's", "move it elsewhere")


def examine_products(store: Store) -> Iterator[Finding]:
    """Kept products that are not what was written; reads all of them."""
    for product in store.products():
        fault = store.read(product.key).fault
        if fault and fault != "missing":
            yield Finding(
                "product.damaged",
                product.key,
                f"the product of {product.step or 'an unknown step'} is {fault}",
                "it is removed, and made again by the next job that wants it",
                partial(store.discard_damaged, product.key),
            )


def _lost_folder(job: Job) -> Finding:
    return Finding(
        "job.without_folder",
        str(job.pk),
        f"the folder of the {job.application} job is gone, and its results with it",
        f"the results are withdrawn; hven rerun {job.pk} makes them again",
        partial(_withdraw, Q(), job, "all: the folder is gone"),
    )


_MISSING = "has no file"


def _fault(path: Path, size: int | None, sha256: str) -> str:
    """What is wrong with a file; empty when nothing is."""
    if path.is_symlink() or not path.is_file():
        return _MISSING
    found = path.stat().st_size
    if size is not None and found != size:
        return f"has {found} bytes instead of {size}"
    if sha256:
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                return "has another content than was published"
    return ""


def _withdraw(which: Q, job: Job, what: str) -> None:
    """Take results back, and tell the job's owner."""
    with transaction.atomic():
        removed, _ = Result.objects.filter(which, job=job).delete()
        if removed:
            change(
                ~Q(phase=Phase.ARCHIVED.value),
                job.pk,
                [News("request", f"result withdrawn by the doctor: {what}")],
            )


def _remove_upload(upload: Upload) -> None:
    Upload.objects.filter(pk=upload.pk).delete()
    remove_upload_file(upload.pk)
