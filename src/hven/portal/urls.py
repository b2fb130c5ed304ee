"""Addresses of the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from hven.portal import account_urls, job_urls
from hven.portal.views import (
    about,
    applications,
    contact,
    data,
    home,
    inputs,
    run,
    status,
)

pages: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("about/", about.about, name="about"),
    path("help/", about.help_page, name="help"),
    path("status/", status.status, name="status"),
    path("contact/", contact.contact, name="contact"),
    path("applications/", applications.catalogue, name="applications"),
    path("applications/<slug:name>/", applications.application, name="application"),
    path("applications/<slug:name>/example/", applications.example, name="example"),
    path(
        "applications/<slug:name>/example.webp",
        applications.example_picture,
        name="example-picture",
    ),
    path("applications/<slug:name>/run/", run.run, name="run"),
    path("applications/<slug:name>/run/check/", run.check, name="run-check"),
    path("applications/<slug:name>/inputs/", inputs.inputs, name="inputs"),
    path(
        "applications/<slug:name>/presets/<int:preset>/remove/",
        run.remove_preset,
        name="preset-remove",
    ),
    *job_urls.patterns,
    path("jobs/<uuid:job>/again/", run.again, name="again"),
    path("data/", data.data, name="data"),
    path("data/look/", inputs.look, name="look"),
    path("data/upload/", data.upload, name="upload"),
    path("data/uploads/<uuid:upload>/remove/", data.remove, name="upload-remove"),
    path("data/datasets/<slug:name>/", data.dataset, name="dataset"),
    *account_urls.pages,
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((pages, "portal"))),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
