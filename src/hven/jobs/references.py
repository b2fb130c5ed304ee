"""Files in a job's parameters: `upload:ID`, `dataset:NAME/FILE`, `job:ID/RESULT`, `https://...`.

A client names what the service keeps, never a path of the server. A reference is checked when the
job is taken in, by looks at the database and the folder alone, and again when it begins: what was
there may be gone, and what was allowed may not be any more. What is named by an address is fetched
before that; `hven.jobs.fetching` has how.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hven.declare import Application, Field
from hven.declare.url import Url, is_url
from hven.errors import Fault, InputError, ParameterError
from hven.jobs import datasets
from hven.jobs.access import identifier, may, offered
from hven.jobs.applications import application
from hven.jobs.contents import result_path, upload_path
from hven.jobs.fetching import allowed
from hven.jobs.fetching.address import read, shown
from hven.jobs.models import Dataset, Job, Result, Upload, User
from hven.jobs.phases import ACTIVE
from hven.jobs.staging import link_all

FORMS = "upload:ID, dataset:NAME/FILE, job:ID/RESULT or an address"
_KINDS = ("upload", "dataset", "job")


class Source(NamedTuple):
    """A file that a reference stands for."""

    #: The reference to this one file.
    reference: str
    #: Where it lies on the server; of one that has still to be fetched, its address.
    path: Path
    #: As its owner calls it.
    name: str
    #: Empty when it is not known without reading the file.
    sha256: str


class Lookup(NamedTuple):
    """What became of one reference."""

    reference: str
    #: Empty when it cannot be used.
    sources: tuple[Source, ...]
    #: Why not; empty when it can.
    fault: str


class Staged(NamedTuple):
    """A job's parameters as its application takes them."""

    #: Files by path, in the folder `inputs` of the attempt.
    parameters: dict[str, Any]
    #: SHA-256 of those files of which it is known.
    digests: dict[Path, str]


class Checked(NamedTuple):
    """Parameters in which every reference stands for one file that is there."""

    #: As given, but wildcards opened.
    parameters: dict[str, Any]
    faults: list[Fault]
    #: The uploads among them.
    uploads: set[uuid.UUID]


def check(owner: User | None, made: Application, given: Mapping[str, Any]) -> Checked:
    """Open the wildcards in `given`, and find the references that cannot be used.

    Parameters
    ----------
    owner
        Whose job it is to be; None is anonymous.
    made
        The application whose parameters they are.
    given
        Texts or values; what is wrong with them otherwise is left to `Application.parse`.
    """
    wanted = dict(_references(made, given))
    found = _Found(owner, (text for texts in wanted.values() for text in texts))
    opened, faults = dict(given), list[Fault]()
    for name, texts in wanted.items():
        field = made.field(name)
        sources = _sources(field, texts, found, faults)
        if field.many:
            opened[name] = [source.reference for source in sources]
        elif sources:
            opened[name] = sources[0].reference
    # What is at fault stays as it was given, so that it is no missing value besides.
    for name in {fault.name for fault in faults}:
        opened[name] = given[name]
    return Checked(opened, faults, set(found.uploads))


def urls_of(job: Job) -> dict[str, list[str]]:
    """The addresses among a job's inputs, each with the parameters that name it."""
    found: dict[str, list[str]] = {}
    for name, texts in _references(application(job.application), job.parameters):
        for text in dict.fromkeys(filter(is_url, texts)):
            found.setdefault(text, []).append(name)
    return found


def stage(job: Job, folder: Path, fetched: Mapping[str, str] | None = None) -> Staged:
    """Link a job's input files into `folder / "inputs"`, and give its parameters with those paths.

    Parameters
    ----------
    job
        Whose.
    folder
        The attempt's.
    fetched
        References to what was fetched, by address.

    Raises
    ------
    InputError
        Files that are gone, or that its owner may not have any more.
    """
    made = application(job.application)
    owner = None if job.owner_id is None else job.owner
    wanted = {
        name: [(fetched or {}).get(text, text) for text in texts]
        for name, texts in _references(made, job.parameters)
    }
    found = _Found(owner, (text for texts in wanted.values() for text in texts))
    faults: list[Fault] = []
    chosen = {
        name: _sources(made.field(name), texts, found, faults) for name, texts in wanted.items()
    }
    if faults:
        raise InputError(faults)
    unique = {source.path: source for sources in chosen.values() for source in sources}
    links = link_all(folder / "inputs", {path: each.name for path, each in unique.items()})
    parameters = dict(job.parameters)
    for name, sources in chosen.items():
        paths = [links[source.path] for source in sources]
        parameters[name] = paths if made.field(name).many else paths[0]
    return Staged(
        parameters,
        {links[path]: source.sha256 for path, source in unique.items() if source.sha256},
    )


def look_up(owner: User | None, texts: Sequence[str]) -> list[Lookup]:
    """What each reference stands for, one after the other; for people who choose inputs.

    Parameters
    ----------
    owner
        Who must be allowed to have the files.
    texts
        The references, wildcards among them.
    """
    found = _Found(owner, texts)
    looked: list[Lookup] = []
    for text in texts:
        try:
            looked.append(Lookup(text, tuple(found.sources(text)), ""))
        except _RefusedError as refusal:
            looked.append(Lookup(text, (), f"{refusal}, got '{shown(text)}'"))
    return looked


def _references(made: Application, given: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """The texts of each file parameter; not those that are wrong otherwise, or the default."""
    for field in made.fields:
        if field.kind != "file" or field.name not in given:
            continue
        try:
            value = field.check(given[field.name])
        except ParameterError:
            continue
        if value is not None and (field.required or value != field.default):
            yield field.name, [str(item) for item in (value if field.many else [value])]


def _sources(field: Field, texts: list[str], found: _Found, faults: list[Fault]) -> list[Source]:
    """The files of one parameter, and a fault for each reference that cannot be used."""
    sources: list[Source] = []
    for number, text in enumerate(texts, start=1):
        place = f"value {number} of {len(texts)} " if len(texts) > 1 else ""
        try:
            several = found.sources(text)
        except _RefusedError as refusal:
            faults.append(Fault(field.name, f"{place}{refusal}, got '{shown(text)}'"))
            continue
        if len(several) > 1 and not field.many:
            faults.append(Fault(field.name, f"must be one file, '{text}' is {len(several)}"))
        sources.extend(several)
    return sources


class _RefusedError(Exception):
    """A reference cannot be used; says what it must be."""


class _Found:
    """What the references of a request stand for: a query a kind, however many there are."""

    def __init__(self, owner: User | None, texts: Iterable[str]) -> None:
        self._owner = owner
        names: dict[str, set[str]] = {kind: set() for kind in _KINDS}
        for text in texts:
            kind, name, _ = _parts(text)
            names.get(kind, set()).add(name)
        self.uploads: dict[uuid.UUID, Upload] = Upload.objects.in_bulk(list(_ids(names["upload"])))
        self._jobs = Job.objects.filter(deleted=None).in_bulk(list(_ids(names["job"])))
        results = Result.objects.filter(job__in=self._jobs) if self._jobs else ()
        self._results = {(result.job_id, result.name): result for result in results}
        self._datasets: dict[str, Dataset] = {}
        self._forbidden: set[str] = set()
        if names["dataset"]:
            named = offered(owner).filter(name__in=names["dataset"])
            self._datasets = {dataset.name: dataset for dataset in named}
            hidden = Dataset.objects.filter(name__in=names["dataset"] - set(self._datasets))
            self._forbidden = set(hidden.filter(enabled=True).values_list("name", flat=True))

    def sources(self, text: str) -> list[Source]:
        """The files that a reference stands for; at least one."""
        if is_url(text):
            return [_address(text)]
        kind, name, file = _parts(text)
        if kind == "upload" and not file:
            return [self._upload(identifier(name))]
        if kind == "job" and file:
            return [self._result(identifier(name), file)]
        if kind == "dataset":
            return self._dataset(name, file)
        raise _RefusedError(f"must be {FORMS}")

    def _upload(self, upload: uuid.UUID) -> Source:
        found = self.uploads.get(upload)
        if found is None:
            raise _RefusedError("must be an upload that exists")
        if not may(self._owner, found.owner_id):
            raise _RefusedError("must be an upload of yours")
        if found.completed is None:
            come = f"{found.received} of {found.size or '?'} bytes"
            raise _RefusedError(f"must be an upload that is complete, {come} have come")
        path = upload_path(found.pk)
        if not path.is_file():
            raise _RefusedError("must be an upload whose file is still there")
        return Source(f"upload:{found.pk}", path, found.name, found.sha256)

    def _result(self, job: uuid.UUID, name: str) -> Source:
        found = self._jobs.get(job)
        if found is None:
            raise _RefusedError("must be a result of a job that exists")
        if not may(self._owner, found.owner_id):
            raise _RefusedError("must be a result of a job of yours")
        if found.phase in ACTIVE:
            raise _RefusedError(f"must be a result of a job that has ended, it is {found.phase}")
        if found.archived is not None:
            raise _RefusedError("must be a result of a job whose files are kept, it is ARCHIVED")
        result = self._results.get((job, name))
        if result is None:
            names = sorted(name for owner, name in self._results if owner == job)
            told = f"one of {', '.join(names)}" if names else "of another job, this one has none"
            raise _RefusedError(f"must be a result that exists: {told}")
        path = result_path(result)
        if path.is_symlink() or not path.is_file():
            raise _RefusedError("must be a result whose file is still there")
        return Source(f"job:{job}/{name}", path, path.name, result.sha256)

    def _dataset(self, name: str, file: str) -> list[Source]:
        dataset = self._datasets.get(name)
        if dataset is None:
            offered_one = "offered to you" if name in self._forbidden else "that exists"
            raise _RefusedError(f"must be of a dataset {offered_one}")
        matches = datasets.matching(dataset, file)
        if not matches:
            raise _RefusedError("must be at least one file of the dataset")
        return [
            Source(
                f"dataset:{name}/{match}" if match else f"dataset:{name}",
                datasets.path_of(dataset, match),
                Path(match).name or name,
                "",
            )
            for match in matches
        ]


def _address(text: str) -> Source:
    refusal = allowed.refusal_of(text)
    if refusal:
        raise _RefusedError(refusal)
    address = read(text)
    return Source(text, Url(text), address.name or address.host, address.sha256)


def _parts(text: str) -> tuple[str, str, str]:
    """Kind, name and file of a reference."""
    kind, _, rest = text.partition(":")
    name, _, file = rest.partition("/")
    return kind, name, file


def _ids(texts: Iterable[str]) -> Iterator[uuid.UUID]:
    return (found for found in map(identifier, texts) if found.int)
