"""What requests for pages go through, and those of programs do not.

The API and the Virtual Observatory say themselves who asks; sessions, languages and forms are
matters of pages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.gzip import GZipMiddleware
from django.middleware.locale import LocaleMiddleware
from django_htmx.middleware import HtmxMiddleware

from hven.portal.policy import protect
from hven.web.addresses import is_page

Answer = Callable[[HttpRequest], HttpResponseBase]


def _for_pages(middleware: Any) -> Any:
    """The same middleware, for pages only."""

    class ForPages(middleware):  # type: ignore[misc]
        def __call__(self, request: HttpRequest) -> Any:
            if not is_page(request.path):
                return self.get_response(request)
            return super().__call__(request)

        if hasattr(middleware, "process_view"):

            def process_view(self, request: HttpRequest, *rest: Any) -> Any:
                if not is_page(request.path):
                    return None
                return super().process_view(request, *rest)

    return ForPages


Sessions = _for_pages(SessionMiddleware)
Languages = _for_pages(LocaleMiddleware)
Forgery = _for_pages(CsrfViewMiddleware)
Users = _for_pages(AuthenticationMiddleware)
Messages = _for_pages(MessageMiddleware)
Packing = _for_pages(GZipMiddleware)


class Pages:
    """What htmx tells of a request, and the headers that protect pages."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._page: Any = HtmxMiddleware(answer)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request."""
        if not is_page(request.path):
            return self._answer(request)
        return protect(request, self._page(request))
