"""What a browser may do with a page: run our scripts, show our pictures, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

_SOURCES = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"
#: Where a view notes what its page needs beside the above.
_NOTE = "_hven_policy"


def allow(**sources: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let the pages of a view do more: `@allow(script_src="'wasm-unsafe-eval'")`."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def answer(*given: Any, **named: Any) -> Any:
            response = view(*given, **named)
            setattr(response, _NOTE, {key.replace("_", "-"): sources[key] for key in sources})
            return response

        return answer

    return decorate


def protect(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give an answer the headers that protect pages, where it has none of its own."""
    more: dict[str, str] = getattr(response, _NOTE, {})
    response.headers.setdefault("Content-Security-Policy", policy(more))
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
    if getattr(request, "user", None) is not None and request.user.is_authenticated:
        response.headers.setdefault("Cache-Control", "private, no-store")
    return response


def policy(more: dict[str, str] | None = None) -> str:
    """The Content-Security-Policy, with more sources by directive."""
    found = dict(_SOURCES)
    for directive, sources in (more or {}).items():
        found[directive] = f"{found.get(directive, chr(39) + 'self' + chr(39))} {sources}"
    return "; ".join(f"{directive} {sources}" for directive, sources in found.items())
