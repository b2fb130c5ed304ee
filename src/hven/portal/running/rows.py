"""An application's parameters as rows of a form: which widget, what stands in it, what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from hven.declare import Application, Fault, Field
from hven.errors import ParameterError
from hven.jobs.references import Lookup
from hven.portal.running.filling import Given, lines, read


@dataclass(frozen=True)
class Row:
    """One parameter within the form."""

    field: Field
    #: Texts that were given; empty when none was.
    texts: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    #: What was chosen, of a file.
    inputs: tuple[Lookup, ...] = ()

    @property
    def name(self) -> str:
        """As forms and addresses have it."""
        return self.field.name

    @property
    def label(self) -> str:
        """As people read it."""
        return self.name.replace("_", " ").capitalize()

    @cached_property
    def widget(self) -> str:
        """The template below `portal/run/widgets`."""
        field = self.field
        if field.kind == "file":
            return "files" if field.many else "file"
        if field.many:
            return "checks" if field.choices else "lines"
        if field.kind == "boolean":
            return "choice" if field.optional or field.required else "check"
        if field.kind == "choice":
            return "choice"
        return "area" if "\n" in self.text else "text"

    @property
    def changed(self) -> bool:
        """Whether it was given and says more than the default."""
        return bool(self.texts) and self.text != (self.default_text or self.text + " ")

    @property
    def wide(self) -> bool:
        """Whether it takes the whole width of the form."""
        return self.widget in ("files", "file", "area", "lines", "checks")

    @property
    def text(self) -> str:
        """What stands in a box of text."""
        if self.texts:
            return "\n".join(self.texts)
        is_free = self.field.kind == "text" and not self.field.many and not self.field.required
        return str(self.field.default or "") if is_free else ""

    @property
    def chosen(self) -> tuple[str, ...]:
        """What is chosen of a choice: as given, else the default."""
        if self.texts or self.field.required or self.field.default is None:
            return self.texts
        default = self.field.default
        items = default if self.field.many else [default]
        return tuple(self.field.single.to_text(item) for item in items)

    @property
    def options(self) -> list[tuple[str, str]]:
        """Value and words of each choice; the empty one is none."""
        field = self.field
        words = field.choices or ("true", "false")
        found = [(word, word) for word in words]
        if field.many:
            return found
        if field.required:
            return [("", "—"), *found]
        return [("", field.param.placeholder or "—"), *found] if field.default is None else found

    @property
    def strange(self) -> list[str]:
        """What was given and is no choice: it stays as it is, so that it can be seen."""
        known = {value for value, _ in self.options}
        return [text for text in self.texts if text not in known]

    @property
    def checked(self) -> bool:
        """Whether a box is ticked."""
        return self.chosen[-1:] in (("true",), ("yes",), ("on",), ("1",))

    @property
    def default_text(self) -> str:
        """The default, as typed; empty when there is none."""
        field = self.field
        if field.required or field.default is None:
            return ""
        return ", ".join(field.to_text(field.default).splitlines())

    @property
    def placeholder(self) -> str:
        """What happens when nothing is typed, or an example."""
        field = self.field
        if field.param.placeholder:
            return field.param.placeholder
        if self.default_text:
            return self.default_text
        return field.param.example or ""

    @property
    def mode(self) -> str:
        """Which keys a telephone shows."""
        return {"integer": "numeric", "number": "decimal"}.get(self.field.kind, "text")

    @property
    def reading(self) -> str:
        """What was understood, where that is not what was typed: `0.5 deg` of `30 arcmin`."""
        if (
            self.faults
            or not self.texts
            or self.field.kind not in ("number", "integer", "position")
        ):
            return ""
        try:
            value = read(self.field, list(self.texts) if self.field.many else self.text)
        except ParameterError:
            return ""
        said = ", ".join(self.field.to_text(value).splitlines())
        if said == self.text.strip() or value is None:
            return ""
        if self.field.kind == "position" and not self.field.many:
            return f"{value.ra_deg:.6f} {value.dec_deg:+.6f} deg (ICRS)"
        return f"{said} {self.field.unit or ''}".strip()

    @property
    def total_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(each.bytes for each in self.files)

    @cached_property
    def files(self) -> tuple[Any, ...]:
        """The inputs as `inputs.Input`."""
        from hven.portal.running.inputs import described

        return described(self.inputs)


@dataclass(frozen=True)
class Group:
    """The parameters under a heading."""

    title: str
    rows: tuple[Row, ...]
    #: Those for who looks for them.
    advanced: tuple[Row, ...]

    @property
    def all(self) -> tuple[Row, ...]:
        """All of them."""
        return self.rows + self.advanced

    @property
    def opened(self) -> bool:
        """Whether an advanced one was given, or is wrong."""
        return any(row.changed or row.faults for row in self.advanced)


def rows(
    made: Application,
    given: Given,
    faults: Iterable[Fault] = (),
    inputs: dict[str, tuple[Lookup, ...]] | None = None,
) -> list[Row]:
    """A row for each parameter, in order."""
    wrong: dict[str, list[str]] = {}
    for fault in faults:
        wrong.setdefault(fault.name, []).append(fault.text)
    return [
        Row(
            field,
            _texts(field, given.get(field.name)),
            tuple(wrong.get(field.name, ())),
            (inputs or {}).get(field.name, ()),
        )
        for field in made.fields
    ]


def grouped(made: Sequence[Row]) -> list[Group]:
    """The rows by their headings, in order of the first of each."""
    headings: dict[str, list[Row]] = {}
    for row in made:
        headings.setdefault(row.field.group or "", []).append(row)
    return [
        Group(
            title,
            tuple(row for row in found if not row.field.advanced),
            tuple(row for row in found if row.field.advanced),
        )
        for title, found in headings.items()
    ]


def unplaced(made: Application, faults: Iterable[Fault], also: Sequence[str]) -> list[Fault]:
    """The faults that belong to no row."""
    names = {field.name for field in made.fields} | set(also)
    return [fault for fault in faults if fault.name not in names]


def _texts(field: Field, value: str | list[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    if field.many and (field.kind == "file" or field.choices):
        return tuple(lines(value))
    return (value,) if isinstance(value, str) else tuple(value)
