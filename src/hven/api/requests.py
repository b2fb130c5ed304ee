"""What clients send, as the OpenAPI description of the API has it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

LaneName = Literal["real-time", "interactive", "batch"]
MailOn = Literal["", "end", "failure"]
ScopeName = Literal["read", "submit", "manage", "account", "admin"]


def _written(value: Any) -> Any:
    """A time as a text that begins with a date: a bare number would be taken for seconds."""
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        return value
    raise PydanticCustomError("moment", "must be a time such as 2026-01-01T00:00:00Z")


#: A time as clients give it.
Moment = Annotated[datetime, BeforeValidator(_written)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class JobRequest(_Request):
    """A job that is to be made."""

    application: str = Field(description="Name of the application")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="By name; files as upload:ID, dataset:NAME/FILE, job:ID/RESULT or https://...",
    )
    run: bool = Field(True, description="Queued at once; else it stays PENDING")
    label: str = Field("", description="The client's own words for it")
    lane: LaneName = "interactive"
    destruction: Moment | None = Field(None, description="When its files are removed")
    execution_duration: int | None = Field(None, description="Seconds it may run; 0 is the longest")
    not_before: Moment | None = Field(None, description="Not to be begun earlier")
    mail_to: str = Field("", description="Addresses, separated by commas")
    mail_on: MailOn = Field("", description="When mail is sent")
    rerun_of: UUID | None = Field(None, description="The job that it repeats")
    fresh: bool = Field(False, description="Kept products are left aside")
    memory_bytes: int | None = Field(None, description="What it may take at first")


class JobChange(_Request):
    """What is to be changed of a job."""

    parameters: dict[str, Any] | None = Field(None, description="While it is PENDING")
    destruction: Moment | None = None
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
    expires: Moment | None = Field(None, description="When it stops being of use")
    scopes: list[ScopeName] = Field(["read", "submit", "manage"], description="What it is for")
    applications: list[str] = Field(
        default_factory=list, description="Whose jobs it is for; none named is all"
    )


class ScheduleRequest(_Request):
    """A job that is to be submitted by itself."""

    application: str = Field(description="Name of the application")
    parameters: dict[str, Any] = Field(default_factory=dict, description="As those of a job")
    first: Moment | None = Field(None, description="When the first job is submitted; needed")
    every_seconds: int = Field(0, description="From one to the next, at least 60; 0 is once only")
    until: Moment | None = Field(None, description="No job is submitted later")
    label: str = Field("", description="The client's own words for the jobs")
    lane: LaneName = "batch"
