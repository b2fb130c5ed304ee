"""The Django app of what all doors share."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Tokens, and who asks."""

    name = "hven.web"
    label = "web"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"
