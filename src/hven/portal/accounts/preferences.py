"""What somebody prefers, as pages need it."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone, translation

from hven.jobs.models import User
from hven.web.addresses import is_page
from hven.web.models import Preferences


def of(user: Any) -> Preferences:
    """The preferences of a user, read once a request; the defaults of who has none."""
    if not isinstance(user, User):
        return Preferences()
    found: Preferences | None = vars(user).get("_hven_preferences")
    if found is None:
        found = Preferences.objects.filter(user=user).first() or Preferences(user=user)
        vars(user)["_hven_preferences"] = found
    return found


class Preferred:
    """Middleware: times and words as who asks prefers them."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        if not is_page(request.path) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return self._answer(request)
        chosen = of(request.user)
        if chosen.language and chosen.language != translation.get_language():
            translation.activate(chosen.language)
            request.LANGUAGE_CODE = translation.get_language()
        with timezone.override(_zone(chosen.time_zone)):
            return self._answer(request)


def choose_language(user: Any, code: str) -> None:
    """Keep a language that was chosen for who has an account."""
    if isinstance(user, User) and code in dict(settings.LANGUAGES):
        Preferences.objects.update_or_create(user=user, defaults={"language": code})


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")
