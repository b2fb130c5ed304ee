"""Files that are chosen as inputs: their names, sizes and origins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hven.declare import Application
from hven.declare.url import is_url
from hven.jobs import references
from hven.jobs.models import User
from hven.jobs.references import Lookup
from hven.portal.running.filling import Given, lines


@dataclass(frozen=True)
class Input:
    """One chosen reference."""

    reference: str
    name: str
    bytes: int
    #: How many files it stands for.
    count: int = 1
    fault: str = ""

    @property
    def origin(self) -> str:
        """`upload`, `dataset`, `job` or `url`; empty when it is none of these."""
        if is_url(self.reference):
            return "url"
        kind = self.reference.partition(":")[0]
        return kind if kind in ("upload", "dataset", "job") else ""


def looked_up(owner: User | None, made: Application, given: Given) -> dict[str, tuple[Lookup, ...]]:
    """What the file parameters of a request stand for, by name; a few queries for all."""
    wanted = {
        field.name: lines(given[field.name])
        for field in made.fields
        if field.kind == "file" and field.name in given
    }
    found = iter(references.look_up(owner, [text for texts in wanted.values() for text in texts]))
    return {name: tuple(next(found) for _ in texts) for name, texts in wanted.items()}


def described(found: Iterable[Lookup]) -> tuple[Input, ...]:
    """What is told of references."""
    return tuple(
        Input(each.reference, _name(each), _bytes(each), len(each.sources), each.fault)
        for each in found
    )


def bytes_of(inputs: Mapping[str, Iterable[Lookup]]) -> int:
    """Bytes of all inputs of a request; a file that is given twice counts once."""
    paths = {source.path for found in inputs.values() for each in found for source in each.sources}
    return sum(map(_size, paths))


def _name(found: Lookup) -> str:
    known = len(found.sources) == 1 and not is_url(found.reference)
    return found.sources[0].name if known else found.reference


def _bytes(found: Lookup) -> int:
    return sum(_size(source.path) for source in found.sources)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
