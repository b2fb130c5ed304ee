"""Presets: kept, found, listed."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from hven.errors import MissingError
from hven.jobs.models import User
from hven.portal.models import Preset
from hven.portal.running.request import Request

#: Of a user and an application.
MOST = 100
_LONGEST_NAME = 80
_MOST_BYTES = 2**20


class PresetError(Exception):
    """It cannot be saved; says what its name must be."""


def presets_of(owner: User, application: str) -> QuerySet[Preset]:
    """Those of a user, by name."""
    return Preset.objects.filter(owner=owner, application=application).order_by("name")


def preset_of(owner: User | None, application: str, preset: Any) -> Preset:
    """One of a user.

    Raises
    ------
    MissingError
        There is none, or it is another's.
    """
    text = str(preset)
    if owner is not None and text.isascii() and text.isdecimal() and len(text) < 18:
        row = Preset.objects.filter(owner=owner, application=application, pk=int(text)).first()
        if row is not None:
            return row
    raise MissingError(f"preset: you have none with the id {text[:40]}")


def save(owner: User, asked: Request, name: str) -> Preset:
    """Keep what stands in a form; the same name again takes the place of the first.

    Raises
    ------
    PresetError
        The name is none, or there are too many.
    """
    name = name.strip()
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise PresetError(f"must be one line of 1 to {_LONGEST_NAME} characters, got {len(name)}")
    names = {field.name for field in asked.made.fields}
    kept = {key: value for key, value in asked.given.items() if key in names}
    whole = "".join(text for value in kept.values() for text in value)
    if "\0" in whole or len(whole) > _MOST_BYTES:
        raise PresetError(f"must keep plain text of at most {_MOST_BYTES} bytes")
    with transaction.atomic():
        mine = presets_of(owner, asked.made.name)
        if mine.count() >= MOST and not mine.filter(name=name).exists():
            raise PresetError(f"must be one of the {MOST} that you have; remove some first")
        row, _ = Preset.objects.update_or_create(
            owner=owner, application=asked.made.name, name=name, defaults={"parameters": kept}
        )
    return row
