"""Browsers without a screen."""

from __future__ import annotations

from django.test import Client

from hven.jobs.models import User


def page_client(user: User | None) -> Client:
    """A browser of somebody's; failures are answered, not raised."""
    client = Client(raise_request_exception=False)
    if user is not None:
        client.force_login(user)
    return client
