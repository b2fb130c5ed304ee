"""Addresses of one's own account."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from hven.portal.views import account, leaving, tokens

pages: list[URLPattern | URLResolver] = [
    path("language/", account.language, name="language"),
    path("account/", account.account, name="account"),
    path("account/preferences/", account.preferred, name="preferences"),
    path("account/invitations/<str:secret>/", account.invitation, name="invitation"),
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/<int:token>/revoke/", tokens.revoke, name="token-revoke"),
    path("account/data/", leaving.own_data, name="own-data"),
    path("account/data/export/", leaving.export, name="export"),
    path("account/data/delete/", leaving.delete, name="delete-account"),
]
