"""Which job a page is about: one's own, by its id, or somebody's, by a link."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse

from hven.errors import MissingError
from hven.jobs import access
from hven.jobs.models import Job, Result
from hven.portal import sharing
from hven.portal.asking import asker, hidden


class Seen(NamedTuple):
    """A job, and how it was come by."""

    job: Job
    #: The end of the link; empty for who owns the job, or administers the service.
    token: str = ""

    @property
    def is_own(self) -> bool:
        """Whether who asks may also change it."""
        return not self.token

    def address(self, page: str, *more: object) -> str:
        """The address of one of the job's pages, by the same way."""
        if self.token:
            return reverse(f"portal:shared-{page}", args=[self.token, *more])
        return reverse(f"portal:{page}", args=[self.job.pk, *more])

    def result(self, name: str) -> Result:
        """A result of the job.

        Raises
        ------
        MissingError
            It has none of the name.
        """
        found: Result | None = self.job.results.filter(name=name).first()
        if found is None:
            raise MissingError(f"result: job {self.job.pk} has none of the name '{name}'")
        return found


def seen(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view that is given the job, be it asked for by its id or by a link."""

    @hidden
    @wraps(view)
    def answer(
        request: HttpRequest,
        job: uuid.UUID | None = None,
        token: str | None = None,
        **named: Any,
    ) -> HttpResponseBase:
        if token is not None:
            return view(request, Seen(sharing.shared_job(token), token), **named)
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        found = access.readable(asker(request), job or uuid.UUID(int=0))
        return view(request, Seen(found), **named)

    return answer
