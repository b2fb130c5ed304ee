"""The Django app of the pages."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as administration


class PortalConfig(AppConfig):
    """Pages, their looks and their words."""

    default = True
    name = "hven.portal"
    label = "portal"
    verbose_name = "Portal"
    default_auto_field = "django.db.models.BigAutoField"


class AdministrationConfig(administration.AdminConfig):
    """Django's administration with our site."""

    default = False
    default_site = "hven.portal.administration.Site"
