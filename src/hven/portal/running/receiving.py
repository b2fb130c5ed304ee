"""Files that come within a form, as from a browser without scripts: kept as uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from hven.errors import Fault, ResourceError, UnavailableError, UserError
from hven.jobs import uploads
from hven.jobs.models import Upload, User
from hven.portal.failures import failure
from hven.web.incoming import Incoming


def takes_files(view: Callable[..., Any]) -> Callable[..., Any]:
    """A view whose forms may have large files in them.

    Who reads the form first decides where its files go: so this comes before the look at the
    form's token, which comes before the view.
    """
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def answer(request: HttpRequest, *given: Any, **named: Any) -> Any:
        if request.method == "POST":
            request.upload_handlers = [Incoming(request)]
        try:
            return protected(request, *given, **named)
        except ResourceError as error:
            return failure(request, 413, str(error))

    return answer


def receive(
    owner: User, name: str, files: Iterable[UploadedFile[Any]], faults: list[Fault]
) -> list[Upload]:
    """Keep files as uploads; what is wrong with one goes to `faults` under `name`."""
    kept: list[Upload] = []
    for file in files:
        if not file.name and not file.size:
            continue
        try:
            called = file.name or "file"
            kept.append(uploads.take_whole(owner, called, file.size, "", file.read))
        except (UserError, UnavailableError) as error:
            faults.append(Fault(name, f"'{file.name}' cannot be taken: {error}"))
    return kept
