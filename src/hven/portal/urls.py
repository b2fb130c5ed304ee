"""Addresses of the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from hven.portal import job_urls
from hven.portal.views import (
    about,
    account,
    applications,
    contact,
    data,
    home,
    status,
)

pages: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("about/", about.about, name="about"),
    path("help/", about.help_page, name="help"),
    path("status/", status.status, name="status"),
    path("contact/", contact.contact, name="contact"),
    path("language/", set_language, name="language"),
    path("applications/", applications.catalogue, name="applications"),
    path("applications/<slug:name>/", applications.application, name="application"),
    path("applications/<slug:name>/run/", applications.run, name="run"),
    *job_urls.patterns,
    path("data/", data.data, name="data"),
    path("account/", account.account, name="account"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((pages, "portal"))),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
