"""The Django app of the Virtual Observatory's standards."""

from __future__ import annotations

from django.apps import AppConfig


class VoConfig(AppConfig):
    """The addresses under `/vo`."""

    name = "hven.vo"
    label = "vo"
    verbose_name = "Virtual Observatory"
    default_auto_field = "django.db.models.BigAutoField"
