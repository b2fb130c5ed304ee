"""Lists in pages."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

DEFAULT_SIZE = 25


def page_of(request: HttpRequest, found: Any, size: int = DEFAULT_SIZE) -> Page[Any]:
    """The page of a list that `?page=` asks for; the nearest where there is none.

    Parameters
    ----------
    request
        With `page` in its query.
    found
        A query set or a list.
    size
        Rows a page.
    """
    return Paginator(found, size).get_page(request.GET.get("page"))
