"""What a form, an address, a job or a preset gives: texts by the parameter's name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import QueryDict

from hven.declare import Application, Field
from hven.errors import ParameterError
from hven.jobs.models import Job

#: Texts as typed: one, or the items of a list.
Given = dict[str, str | list[str]]

#: Begins the names in forms and addresses that are no parameters; none of these has a dot.
OWN = "job."
_TOKEN = "csrfmiddlewaretoken"


def from_form(made: Application, form: QueryDict) -> Given:
    """The parameters within a form or an address, those of unknown names among them.

    What is left empty is not given, so that the default holds; but a text can be empty.
    """
    fields = {field.name: field for field in made.fields}
    given: Given = {}
    for name, texts in form.lists():
        if name == _TOKEN or name.startswith(OWN):
            continue
        value = _value(fields.get(name), [_plain(str(text)) for text in texts])
        if value is not None:
            given[name] = value
    return given


def from_job(made: Application, job: Job) -> Given:
    """The parameters of a job that differ from the defaults."""
    return from_values(made, job.parameters)


def from_values(made: Application, values: Mapping[str, Any]) -> Given:
    """Values, as JSON has them, as texts; what is not declared any more, or not so, is left out."""
    given: Given = {}
    for field in made.fields:
        if field.name not in values:
            continue
        try:
            value = field.check(values[field.name])
        except ParameterError:
            continue
        if value is None or (not field.required and value == field.default):
            continue
        text = (
            [field.single.to_text(item) for item in value] if field.many else field.to_text(value)
        )
        given[field.name] = text
    return given


def from_kept(kept: Any) -> Given:
    """What a preset keeps, whatever has become of it in the database."""
    if not isinstance(kept, dict):
        return {}
    return {
        str(name): value if isinstance(value, str) else [str(item) for item in value]
        for name, value in kept.items()
        if isinstance(value, str | list)
    }


def changed(made: Application, given: Given) -> Given:
    """What is given without what says no more than the default."""
    return {name: value for name, value in given.items() if not _is_default(made, name, value)}


def read(field: Field, value: str | list[str]) -> Any:
    """The value that texts mean; see `Field.parse`."""
    return field.parse(value)


def lines(value: str | list[str]) -> list[str]:
    """The items of a list as texts."""
    texts = value.split("\n") if isinstance(value, str) else value
    return [text.strip() for text in texts if text.strip()]


def _value(field: Field | None, texts: list[str]) -> str | list[str] | None:
    if field is None:
        return texts[-1] if len(texts) == 1 else texts
    if field.many:
        return _items(field, texts) or None
    if field.kind == "file":
        # A text box beside a list to choose from: the last that says something.
        texts = [text for text in texts if text.strip()] or texts
    text = texts[-1]
    is_free = field.kind == "text" and not field.required
    return text if is_free or text.strip() else None


def _items(field: Field, texts: list[str]) -> list[str] | str:
    """The items of several boxes together; a JSON list stays a text, which `Field` reads."""
    told = [text for text in texts if text.strip()]
    if len(told) == 1 and told[0].lstrip().startswith("["):
        return told[0]
    split: Iterable[str] = (item for text in told for item in text.split("\n"))
    if field.kind == "file":
        return list(dict.fromkeys(item.strip() for item in split if item.strip()))
    return "\n".join(told)


def _plain(text: str) -> str:
    """Lines as Python has them: browsers end them by two characters."""
    return text.replace("\r\n", "\n")


def _is_default(made: Application, name: str, value: str | list[str]) -> bool:
    try:
        field = made.field(name)
        return not field.required and bool(read(field, value) == field.default)
    except (KeyError, ParameterError):
        return False
