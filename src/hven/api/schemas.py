"""The documents of the API, as its OpenAPI description has them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

LaneName = Literal["real-time", "interactive", "batch"]
MailOn = Literal["", "end", "failure"]
ScopeName = Literal["read", "submit", "manage", "account", "admin"]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobRequest(_Request):
    """A job that is to be made."""

    application: str = Field(description="Name of the application")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="By name; files as upload:ID, dataset:NAME/FILE or job:ID/RESULT",
    )
    run: bool = Field(True, description="Queued at once; else it stays PENDING")
    label: str = Field("", description="The client's own words for it")
    lane: LaneName = "interactive"
    destruction: datetime | None = Field(None, description="When its files are removed")
    execution_duration: int | None = Field(None, description="Seconds it may run; 0 is the longest")
    not_before: datetime | None = Field(None, description="Not to be begun earlier")
    mail_to: str = Field("", description="Addresses, separated by commas")
    mail_on: MailOn = Field("", description="When mail is sent")
    rerun_of: UUID | None = Field(None, description="The job that it repeats")
    fresh: bool = Field(False, description="Kept products are left aside")
    memory_bytes: int | None = Field(None, description="What it may take at first")


class JobChange(_Request):
    """What is to be changed of a job."""

    parameters: dict[str, Any] | None = Field(None, description="While it is PENDING")
    destruction: datetime | None = None
    execution_duration: int | None = None
    mail_to: str | None = None
    mail_on: MailOn | None = None


class RerunRequest(_Request):
    """A job that is to be repeated."""

    parameters: dict[str, Any] = Field(default_factory=dict, description="Those that change")
    fresh: bool = False
    run: bool = True


class TokenRequest(_Request):
    """A token that is to be made."""

    name: str = Field(description="What its owner calls it")
    expires: datetime | None = Field(None, description="When it stops being of use")
    scopes: list[ScopeName] = Field(["read", "submit", "manage"], description="What it is for")
    applications: list[str] = Field(
        default_factory=list, description="Whose jobs it is for; none named is all"
    )


class ScheduleRequest(_Request):
    """A job that is to be submitted by itself."""

    application: str = Field(description="Name of the application")
    parameters: dict[str, Any] = Field(default_factory=dict, description="As those of a job")
    first: datetime | None = Field(None, description="When the first job is submitted; needed")
    every_seconds: int = Field(0, description="From one to the next, at least 60; 0 is once only")
    until: datetime | None = Field(None, description="No job is submitted later")
    label: str = Field("", description="The client's own words for the jobs")
    lane: LaneName = "batch"


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


class ApplicationDocument(BaseModel):
    """An application."""

    name: str
    url: str
    title: str
    summary: str
    version: int
    parameters: dict[str, Any] | None = None


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
