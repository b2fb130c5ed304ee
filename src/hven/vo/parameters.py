"""A job's parameters as clients of UWS see them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hven.declare import Field
from hven.errors import DeclarationError, ParameterError
from hven.jobs.access import identifier
from hven.jobs.applications import application
from hven.jobs.models import Job, Upload
from hven.vo.writing import ILLEGAL

_UPLOAD = "upload:"


class Shown(NamedTuple):
    """One value of a parameter."""

    name: str
    text: str
    #: Counts from 1 where there may be several; else 0.
    number: int

    @property
    def by_reference(self) -> bool:
        """Whether a document names where the value is, since it is a file or no text of XML."""
        return self.text.startswith(_UPLOAD) or bool(ILLEGAL.search(self.text))

    @property
    def place(self) -> tuple[str, ...]:
        """Where it is below the job's parameters."""
        return (self.name, str(self.number)) if self.number else (self.name,)


def shown_parameters(job: Job) -> Iterator[Shown]:
    """Every value of a job; those that are none are left out."""
    fields = _fields(job.application)
    # As declared: PostgreSQL keeps no order.
    for name in (*(each for each in fields if each in job.parameters), *_others(job, fields)):
        value, field = job.parameters[name], fields.get(name)
        if value is None:
            continue
        if isinstance(value, list):
            for number, item in enumerate(value, start=1):
                yield Shown(name, _text(field, item), number)
        else:
            yield Shown(name, _text(field, value), 0)


def upload_of(job: Job, shown: Shown) -> Upload | None:
    """The file that a value stands for; None where it is a text, or the file is gone."""
    if not shown.text.startswith(_UPLOAD):
        return None
    wanted = identifier(shown.text.removeprefix(_UPLOAD))
    return Upload.objects.filter(pk=wanted, owner=job.owner_id).first()


def _others(job: Job, fields: Mapping[str, Field]) -> list[str]:
    return [name for name in job.parameters if name not in fields]


def _fields(name: str) -> dict[str, Field]:
    """The parameters of an application; of one that is not offered any more none are known."""
    try:
        return {field.name: field for field in application(name).fields}
    except (ParameterError, DeclarationError):
        return {}


def _text(field: Field | None, value: Any) -> str:
    if field is not None:
        try:
            return field.single.to_text(field.single.check(value))
        except ValueError:
            pass  # It was declared otherwise when the job was made.
    return value if isinstance(value, str) else json.dumps(value)
