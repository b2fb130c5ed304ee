"""What the service offers, what one has of it, and how it describes itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api_client import Api
from hven.api import schemas
from hven.api.urls import api as ninja_api
from hven.jobs.models import Dataset, Switch, User
from hven.jobs.phases import Phase
from input_files import make_dataset, make_upload
from job_rows import make_job

pytestmark = pytest.mark.django_db


def test_anybody_sees_which_applications_there_are(nobody: Api) -> None:
    found = nobody.get("/applications")
    names = [made["name"] for made in found["applications"]]
    assert {"echo", "mosaic", "weigh"} <= set(names)
    schemas.ApplicationList.model_validate(found)


def test_an_application_tells_its_parameters(nobody: Api) -> None:
    found = nobody.get("/applications/weigh")
    assert (found["title"], found["version"]) == ("File weights", 4)
    assert found["parameters"]["required"] == ["files"]
    assert found["url"].endswith("/api/v1/applications/weigh")
    assert nobody("GET", "/applications/spam").status_code == 404
    assert found["references"] == ["Archimedes, -250"]
    assert found["help"].splitlines()[0] == found["summary"] + "."
    assert {"title": "Sky", "parameters": ["center", "offset"]} in found["groups"]
    named = [name for group in found["groups"] for name in group["parameters"]]
    assert sorted(named) == sorted(found["parameters"]["properties"])
    assert found["examples"]["center"] == {"ra_deg": 10.0, "dec_deg": -20.0}
    assert found["outputs"][0] == {
        "name": "table",
        "help": "Weight of each file",
        "media_type": "text/plain",
        "file": True,
    }
    schemas.ApplicationDocument.model_validate(found)


def test_only_what_is_offered_is_shown(nobody: Api, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, applications=["echo"])
    assert [made["name"] for made in nobody.get("/applications")["applications"]] == ["echo"]
    assert nobody("GET", "/applications/weigh").status_code == 404


def test_datasets_are_listed_with_their_files(alice: Api, tmp_path: Path) -> None:
    make_dataset(tmp_path / "m17")
    (dataset,) = alice.get("/datasets")["datasets"]
    assert (dataset["name"], dataset["title"]) == ("m17", "Omega nebula")
    assert "folder" not in dataset
    found = alice.get("/datasets/m17/files")
    assert found["complete"]
    reference = found["files"][1]["reference"]
    assert reference == "dataset:m17/j/one.fits"
    schemas.DatasetFileList.model_validate(found)
    alice.make("copy", parameters={"files": [reference]})


def test_a_dataset_that_is_not_offered_is_forbidden(alice: Api, tmp_path: Path) -> None:
    make_dataset(tmp_path / "m17", public=False)
    assert alice.get("/datasets")["datasets"] == []
    assert alice("GET", "/datasets/m17/files").status_code == 403
    Dataset.objects.update(enabled=False)
    assert alice("GET", "/datasets/m17/files").status_code == 404


def test_usage_counts_what_one_has(alice: Api, user: User, stranger: User, settings: Any) -> None:
    make_job(user, Phase.QUEUED)
    make_job(user, Phase.COMPLETED, result_bytes=100)
    make_job(stranger, Phase.QUEUED)
    make_upload(user)
    found = alice.get("/usage")
    assert found["jobs"] == {"QUEUED": 1, "COMPLETED": 1}
    assert (found["active_jobs"], found["active_jobs_limit"]) == (1, None)
    assert (found["result_bytes"], found["upload_bytes"]) == (100, 5)
    schemas.Usage.model_validate(found)
    settings.HVEN = replace(settings.HVEN, user_jobs=7, user_bytes=8)
    found = alice.get("/usage")
    assert (found["active_jobs_limit"], found["bytes_limit"]) == (7, 8)


def test_anybody_sees_whether_the_service_is_well(nobody: Api, settings: Any) -> None:
    assert nobody.get("/health")["status"] == "ok"
    Switch.objects.create(name="drain", reason="a new disk")
    found = nobody.get("/health")
    assert (found["status"], found["reason"]) == ("drained", "a new disk")
    Switch.objects.all().delete()
    settings.HVEN = replace(settings.HVEN, disk_reserve=2**62)
    assert nobody.get("/health")["status"] == "full"


def test_the_description_of_the_api_is_served_and_whole(nobody: Api) -> None:
    found = nobody.get("/openapi.json")
    operations = [operation for path in found["paths"].values() for operation in path.values()]
    assert len(operations) > 30
    for operation in operations:
        assert operation["description"]
        assert set(operation["responses"]) & {"200", "201", "204"}
        assert ("403" in operation["responses"]) == bool(operation["security"])
    wanted = found["paths"]["/api/v1/jobs"]["post"]["requestBody"]["content"]["application/json"]
    assert wanted["schema"]["required"] == ["application"]
    assert ninja_api.docs_url is None


@pytest.mark.parametrize(("method", "path"), [("GET", "/spam"), ("GET", "/jobs/a/b/c/d")])
def test_what_there_is_not_is_missing_as_a_problem(alice: Api, method: str, path: str) -> None:
    assert alice(method, path).status_code == 404


def test_a_wrong_method_is_told_those_that_there_are(alice: Api) -> None:
    answer = alice("PUT", "/jobs")
    assert answer.status_code == 405
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}
