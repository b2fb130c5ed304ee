"""The documents that the API gives, as its OpenAPI description has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from hven.api.requests import LaneName, ScopeName


class Fault(BaseModel):
    """One thing that is wrong."""

    name: str
    text: str


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    faults: list[Fault] = Field(default_factory=list)
    request_id: str | None = None


class Progress(BaseModel):
    """How far a job is."""

    total: int
    done: int
    reused: int
    words: str
    stages: list[dict[str, Any]] | None = None
    reused_from: dict[str, int] | None = None


class Place(BaseModel):
    """Where a job is in the queue."""

    position: int
    reason: str


class AttemptDocument(BaseModel):
    """One time a job was run."""

    number: int
    node: str
    started: datetime
    ended: datetime | None
    outcome: str
    cause: str
    message: str
    steps_done: int
    steps_reused: int
    cpu_seconds: float
    peak_bytes: int


class ResultDocument(BaseModel):
    """A file that a job gives."""

    name: str
    url: str
    help: str
    media_type: str
    bytes: int
    sha256: str | None
    role: str
    final: bool
    created: datetime


class ErrorDocument(BaseModel):
    """Why a job failed."""

    type: str
    code: str
    message: str
    faults: list[Fault]


class JobSummary(BaseModel):
    """A job in a list."""

    id: UUID
    url: str
    application: str
    label: str
    phase: str
    stop: str
    lane: LaneName
    owner: str | None
    created: datetime
    queued: datetime | None
    started: datetime | None
    ended: datetime | None
    destruction: datetime
    not_before: datetime | None
    execution_duration: int
    attempt: int
    progress: Progress
    error: ErrorDocument | None
    result_bytes: int
    events: int
    rerun_of: UUID | None


class JobDocument(JobSummary):
    """All that is to be known of a job."""

    application_version: int
    parameters: dict[str, Any]
    archived: datetime | None
    fresh: bool
    mail_to: str
    mail_on: str
    queue: Place | None
    attempts: list[AttemptDocument]
    results: list[ResultDocument]
    links: dict[str, str]


class JobList(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobSummary]
    next: str | None


class EventDocument(BaseModel):
    """One thing that happened to a job."""

    number: int
    attempt: int
    time: datetime
    kind: str
    text: str
    data: dict[str, Any]


class EventList(BaseModel):
    """Events of a job, in order."""

    events: list[EventDocument]
    newest: int
    phase: str


class LiveEventDocument(EventDocument):
    """One thing that happened to one of somebody's jobs."""

    id: int
    job: UUID
    application: str
    label: str


class LiveEventList(BaseModel):
    """Events of all jobs of a user, in order."""

    events: list[LiveEventDocument]
    newest: int


class ResultList(BaseModel):
    """The files of a job."""

    results: list[ResultDocument]


class UploadDocument(BaseModel):
    """A file that a user sent."""

    id: UUID
    url: str
    reference: str
    name: str
    bytes: int | None
    received: int
    complete: bool
    sha256: str | None
    fetched_from: str | None
    created: datetime
    expires: datetime


class UploadList(BaseModel):
    """Files that a user sent, newest first."""

    uploads: list[UploadDocument]


class DatasetDocument(BaseModel):
    """A collection of files that can be taken as inputs."""

    name: str
    url: str
    title: str
    description: str


class DatasetList(BaseModel):
    """Collections of files."""

    datasets: list[DatasetDocument]


class DatasetFileDocument(BaseModel):
    """A file of a dataset."""

    name: str
    reference: str
    bytes: int
    modified: datetime


class DatasetFileList(BaseModel):
    """The files of a dataset."""

    files: list[DatasetFileDocument]
    complete: bool


class GroupDocument(BaseModel):
    """Parameters that belong together; a title of None is those that stand first."""

    title: str | None
    parameters: list[str]


class OutputDocument(BaseModel):
    """Something that an application gives."""

    name: str
    help: str
    media_type: str | None
    file: bool


class ApplicationDocument(BaseModel):
    """An application."""

    name: str
    url: str
    title: str
    summary: str
    version: int
    help: str | None = None
    references: list[str] | None = None
    parameters: dict[str, Any] | None = Field(None, description="JSON Schema 2020-12")
    groups: list[GroupDocument] | None = None
    outputs: list[OutputDocument] | None = None
    examples: dict[str, Any] | None = Field(None, description="Values by parameter")


class ApplicationList(BaseModel):
    """Applications."""

    applications: list[ApplicationDocument]


class TokenDocument(BaseModel):
    """A token; the secret itself is shown once, when it is made."""

    id: int
    name: str
    start: str
    scopes: list[ScopeName]
    applications: list[str]
    created: datetime
    expires: datetime | None
    last_used: datetime | None
    token: str | None = None


class TokenList(BaseModel):
    """The tokens of a user."""

    tokens: list[TokenDocument]


class Usage(BaseModel):
    """What a user has, and may have; a limit of None is none."""

    user: str
    administrator: bool
    jobs: dict[str, int]
    active_jobs: int
    active_jobs_limit: int | None
    result_bytes: int
    upload_bytes: int
    bytes_limit: int | None


class Health(BaseModel):
    """Whether the service takes jobs."""

    status: Literal["ok", "drained", "full"]
    reason: str
    version: str


class ScheduleDocument(BaseModel):
    """A job that is submitted by itself."""

    id: UUID
    application: str
    parameters: dict[str, Any]
    label: str
    lane: str
    next: str | None
    every_seconds: int
    until: str | None
    last_job: str | None
    fault: str


class ScheduleList(BaseModel):
    """The schedules of a user."""

    schedules: list[ScheduleDocument]
