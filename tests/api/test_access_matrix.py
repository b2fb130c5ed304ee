"""Every operation, by everybody: who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api_client import Api, content
from hven.api.urls import api
from hven.jobs.configuration import Configuration
from hven.jobs.models import Dataset, Job, Result, Upload, User
from hven.jobs.phases import Phase
from input_files import make_dataset, make_upload
from job_rows import make_job, make_result, make_schedule

pytestmark = pytest.mark.django_db


class Row(NamedTuple):
    """What an operation answers to whom."""

    anonymous: int
    other: int
    owner: int
    administrator: int


#: Of what belongs to somebody: only its owner and administrators have it.
def private(status: int) -> Row:
    return Row(401, 403, status, status)


#: Open to everybody who has an account, each for himself.
def own(status: int) -> Row:
    return Row(401, status, status, status)


def public(status: int) -> Row:
    return Row(status, status, status, status)


MATRIX: dict[tuple[str, str], Row] = {
    ("GET", "/jobs"): own(200),
    ("POST", "/jobs"): own(201),
    ("GET", "/jobs/{job}"): private(200),
    ("PATCH", "/jobs/{job}"): private(200),
    ("DELETE", "/jobs/{job}"): private(204),
    ("POST", "/jobs/{job}/run"): private(200),
    ("POST", "/jobs/{job}/abort"): private(200),
    ("POST", "/jobs/{job}/hold"): private(200),
    ("POST", "/jobs/{job}/release"): private(409),
    ("POST", "/jobs/{job}/rerun"): private(201),
    ("GET", "/jobs/{job}/events"): private(200),
    ("GET", "/jobs/{job}/log"): private(200),
    ("GET", "/jobs/{job}/archive"): private(200),
    ("GET", "/archive"): private(200),
    ("GET", "/events"): own(200),
    ("GET", "/jobs/{job}/results"): private(200),
    ("GET", "/jobs/{job}/results/{name}"): private(200),
    ("HEAD", "/jobs/{job}/results/{name}"): private(200),
    ("OPTIONS", "/uploads"): public(204),
    ("GET", "/uploads"): own(200),
    ("POST", "/uploads"): own(201),
    ("PUT", "/uploads"): own(201),
    ("GET", "/uploads/{upload}"): private(200),
    ("HEAD", "/uploads/{upload}"): private(200),
    # The upload of this test is complete.
    ("PATCH", "/uploads/{upload}"): private(409),
    ("DELETE", "/uploads/{upload}"): private(204),
    ("POST", "/uploads/{upload}"): private(409),
    ("GET", "/uploads/{upload}/content"): private(200),
    ("HEAD", "/uploads/{upload}/content"): private(200),
    ("GET", "/applications"): public(200),
    ("GET", "/applications/{name}"): public(200),
    ("GET", "/datasets"): own(200),
    # The dataset of this test is for a group that only its owner here is in.
    ("GET", "/datasets/{name}"): private(200),
    ("GET", "/datasets/{name}/files"): private(200),
    ("GET", "/tokens"): own(200),
    ("POST", "/tokens"): own(201),
    # A token is nobody's but its owner's.
    ("DELETE", "/tokens/{token}"): Row(401, 404, 204, 404),
    ("GET", "/schedules"): own(200),
    ("POST", "/schedules"): own(201),
    # Nor is a schedule.
    ("DELETE", "/schedules/{schedule}"): Row(401, 404, 204, 404),
    ("GET", "/usage"): own(200),
    ("GET", "/health"): public(200),
}
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/jobs"): {"application": "echo"},
    ("POST", "/tokens"): {"name": "new"},
    ("POST", "/schedules"): {"application": "echo", "first": "2100-01-01T00:00:00Z"},
}
HEADERS: dict[tuple[str, str], dict[str, str]] = {
    ("POST", "/uploads"): {"Upload_Length": "5"},
    ("POST", "/uploads/{upload}"): {
        "X_HTTP_Method_Override": "PATCH",
        "Content_Type": "application/offset+octet-stream",
        "Upload_Offset": "0",
    },
    ("PATCH", "/uploads/{upload}"): {
        "Content_Type": "application/offset+octet-stream",
        "Upload_Offset": "0",
    },
}


def operations() -> set[tuple[str, str]]:
    """Each method and path that the API has."""
    return {
        (method, prefix + path)
        for prefix, router in api._routers
        for path, view in router.path_operations.items()
        for operation in view.operations
        for method in operation.methods
    }


def test_every_operation_is_in_the_matrix() -> None:
    assert operations() == set(MATRIX)


@pytest.fixture
def things(user: User, configuration: Configuration, tmp_path: Path) -> dict[str, str]:
    """What Alice owns: a job of any use, an upload, a dataset of her group, a token."""
    from django.contrib.auth.models import Group

    from hven.web import tokens

    job = make_job(user, Phase.PENDING, application="echo", parameters={"words": "hi"})
    make_result(job, configuration.jobs_folder)
    dataset = make_dataset(tmp_path / "m17", public=False)
    group = Group.objects.create(name="nebulae")
    dataset.groups.add(group)
    user.groups.add(group)
    return {
        "job": str(job.pk),
        "upload": str(make_upload(user).pk),
        "dataset": "m17",
        "token": str(tokens.make(user, "hers").token.pk),
        "schedule": str(make_schedule(user).pk),
    }


@pytest.mark.parametrize("who", Row._fields)
@pytest.mark.parametrize("operation", sorted(MATRIX), ids=" ".join)
def test_who_may_do_what(
    operation: tuple[str, str],
    who: str,
    things: dict[str, str],
    user: User,
    stranger: User,
    admin_user: User,
) -> None:
    method, template = operation
    askers = {"anonymous": None, "other": stranger, "owner": user, "administrator": admin_user}
    names = {
        "/jobs/{job}/results/{name}": "sum",
        "/applications/{name}": "echo",
        "/datasets/{name}": "m17",
        "/datasets/{name}/files": "m17",
    }
    path = template.format(**things, name=names.get(template, ""))
    before = state()
    expected = getattr(MATRIX[operation], who)
    queries = {("PUT", "/uploads"): "?name=a", ("GET", "/archive"): f"?job={things['job']}"}
    query = queries.get(operation, "")
    document, headers = BODIES.get(operation), HEADERS.get(operation, {})
    body = b"stars" if "/uploads" in template else b""
    answer = Api(askers[who])(method, path + query, document, body=body, **headers)
    assert answer.status_code == expected
    if answer.streaming:
        content(answer)  # Its file is closed at the end.
    if expected in (401, 403):
        assert state() == before


def state() -> list[Any]:
    """All that somebody could have changed."""
    models = (Job, Upload, Dataset, Result)
    return [sorted(map(str, model.objects.values_list())) for model in models]
