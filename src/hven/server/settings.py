"""Django's settings, made from the service's own."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path
from typing import Any

from hven.errors import Fault, ParameterError
from hven.server import settings_source
from hven.server.databases import database

HVEN = settings_source.read()


def _secret_key() -> str:
    """What signs sessions: as set, or made on first use and kept for its owner's eyes only."""
    if HVEN.secret_key:
        return HVEN.secret_key
    path: Path = HVEN.data / "secret-key"
    try:
        if not path.exists():
            _make_secret_key(path)
        return path.read_text().strip()
    except OSError as error:
        text = f"must be a folder that can be written, got {HVEN.data} ({error.strerror})"
        raise ParameterError([Fault("data", text)]) from error


def _make_secret_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(48))
    # Of several that make one at a time the first one's stays.
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = ["*"]
DATABASES: dict[str, Any] = {"default": database(HVEN)}
AUTH_USER_MODEL = "jobs.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "hven.portal",  # Before those whose templates it replaces.
    "hven.portal.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "hven.jobs",
    "hven.web",
    "hven.api",
    "hven.vo",
]
MIDDLEWARE: list[str] = [
    "hven.web.middleware.RequestIds",
    "hven.server.middleware.RequestLog",
    "hven.portal.assets.Assets",
    "hven.web.middleware.AnswersForPrograms",
    "hven.server.middleware.PatientRequests",
    "django.middleware.security.SecurityMiddleware",
    "hven.portal.middleware.Packing",
    "hven.portal.middleware.Sessions",
    "hven.portal.middleware.Languages",
    "hven.portal.middleware.Forgery",
    "hven.portal.middleware.Users",
    "hven.portal.accounts.preferences.Preferred",
    "hven.portal.middleware.Messages",
    "allauth.account.middleware.AccountMiddleware",
    "hven.portal.middleware.Pages",
]
#: Of a request that is no upload; a list of ten thousand images takes one.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 2**20
#: Forms name each image of a list, or bring it.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 100_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1000
ROOT_URLCONF = "hven.server.urls"
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING_CONFIG = None

from hven.portal.settings import *  # noqa: E402, F403
from hven.portal.settings import of  # noqa: E402

globals().update(of(HVEN))
