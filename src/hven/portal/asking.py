"""Who asks for a page, and what is answered who may not have it.

A stranger is told that there is nothing, not that it belongs to somebody else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from hven.errors import ForbiddenError, MissingError
from hven.jobs.models import User

View = Callable[..., HttpResponseBase]


def asker(request: HttpRequest) -> User | None:
    """Who asks; None when nobody has logged in."""
    return request.user if isinstance(request.user, User) else None


def own(view: View) -> View:
    """A view for who has logged in; what is not theirs is not there."""
    return login_required(hidden(view))


def hidden(view: View) -> View:
    """A view in which what may not be seen is not there."""

    @wraps(view)
    def answer(*given: Any, **named: Any) -> HttpResponseBase:
        try:
            return view(*given, **named)
        except (MissingError, ForbiddenError) as error:
            raise Http404(str(error)) from error

    return answer
