"""Addresses of the service."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", include("hven.api.urls")),
    path("", include("hven.vo.urls")),
    path("", include("hven.portal.urls")),
]

handler400 = "hven.portal.failures.bad_request"
handler403 = "hven.portal.failures.forbidden"
handler404 = "hven.server.middleware.not_found"
handler500 = "hven.server.middleware.server_error"
