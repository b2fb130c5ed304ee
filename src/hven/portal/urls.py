"""Addresses of the pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from hven.portal import account_urls
from hven.portal.views import (
    about,
    applications,
    contact,
    data,
    home,
    jobs,
    sharing,
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
    path("applications/<slug:name>/run/", applications.run, name="run"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<uuid:job>/", jobs.job, name="job"),
    path("jobs/<uuid:job>/results/<str:name>/", jobs.result, name="result"),
    path("shared/<str:token>/", sharing.shared, name="shared"),
    path("data/", data.data, name="data"),
    *account_urls.pages,
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include((pages, "portal"))),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
