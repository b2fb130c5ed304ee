"""Requests made up from the OpenAPI document: no 500, nothing that is not described."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase
from hypothesis import settings as examples
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from hven.api.urls import description
from hven.jobs.configuration import Configuration
from hven.jobs.models import User
from hven.jobs.phases import Phase as JobPhase
from hven.web import tokens
from input_files import make_dataset, make_upload
from job_rows import make_job, make_result, make_schedule

pytestmark = pytest.mark.django_db

APPLICATION = get_wsgi_application()
#: What is wrong is also refused by what it would lead to: too large, another version, other bytes.
_REFUSALS = [400, 401, 403, 404, 405, 406, 409, 411, 412, 413, 415, 460]
CONFIGURATION = SchemathesisConfig.from_dict(
    {
        "checks": {
            # JSON Schema does not know which applications, jobs and files there are.
            "positive_data_acceptance": {"enabled": False},
            "negative_data_rejection": {"expected-statuses": _REFUSALS},
            "missing_required_header": {"expected-statuses": _REFUSALS},
        }
    }
)
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
SCHEMA = schemathesis.openapi.from_dict(description(), config=CONFIGURATION)
SCHEMA.app = APPLICATION
#: Streams never end, and are answered before Django is asked; tests of the server have them.
SCHEMA = SCHEMA.exclude(path_regex="/stream$")
EXAMPLES = 6


@pytest.fixture(autouse=True)
def _kept_connection() -> Iterator[None]:
    """Have requests leave the transaction of the test open, as Django's client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def names(user: User, configuration: Configuration, tmp_path: Path) -> dict[str, str]:
    """One of each thing, which is Alice's, by the names that paths have for them."""
    job = make_job(user, JobPhase.COMPLETED, application="echo")
    make_result(job, configuration.jobs_folder)
    make_dataset(tmp_path / "m17")
    return {
        "job": str(job.pk),
        "upload": str(make_upload(user).pk),
        "schedule": str(make_schedule(user).pk),
        "token": str(tokens.make(user, "hers").token.pk),
        "name": "",
    }


@pytest.fixture(autouse=True)
def _without_limits(settings: Any, configuration: Configuration) -> None:
    """Wrong passwords are tried in every operation; being slowed down would hide what it gives."""
    settings.HVEN = replace(configuration, rate_logins=0, rate_requests=0, rate_submissions=0)


@pytest.fixture
def headers(user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.make(user, 'of a test').secret}"}


@SCHEMA.parametrize()
@examples(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_is_answered_as_described(
    case: Any, headers: dict[str, str], names: dict[str, str]
) -> None:
    with transaction.atomic():
        # Headers that nobody knows are of no account.
        extra = "x-schemathesis-unknown-property" in {name.lower() for name in case.headers or ()}
        case.call_and_validate(
            headers=headers if needs_account(case) else {},
            excluded_checks=CHECKS.get_by_names(["negative_data_rejection"]) if extra else None,
        )
        if case.path_parameters:
            # Once more with what there is.
            case.path_parameters = {
                name: names[name] or _NAMED[case.operation.path] for name in case.path_parameters
            }
            response = case.call(headers=headers)
            case.validate_response(response, checks=list(_DESCRIBED))
        # Each example finds all that there was.
        transaction.set_rollback(True)


#: Of checks those that hold whatever was asked.
_DESCRIBED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
#: What stands for `name`.
_NAMED = {
    "/api/v1/jobs/{job}/results/{name}": "sum",
    "/api/v1/applications/{name}": "echo",
    "/api/v1/datasets/{name}": "m17",
    "/api/v1/datasets/{name}/files": "m17",
}


def needs_account(case: Any) -> bool:
    return bool(case.operation.definition.raw["security"])
