"""Lists in pages."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

from hven.portal.accounts import preferences


def page_of(
    request: HttpRequest, found: Any, size: int | None = None, *, count: int | None = None
) -> Page[Any]:
    """The page of a list that `?page=` asks for; the nearest where there is none.

    Parameters
    ----------
    request
        With `page` in its query.
    found
        A query set or a list.
    size
        Rows a page; None is as who asks prefers.
    count
        How many there are in all, where it is known: counting takes longer than fetching a page.
    """
    pages = Paginator(found, size or preferences.of(request.user).page_size)
    if count is not None:
        pages.count = count
    return pages.get_page(request.GET.get("page"))
