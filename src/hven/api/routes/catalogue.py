"""What the service offers: applications and datasets."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from hven.api import schemas
from hven.api.asking import EVERYBODY, READ, address, answer, asker
from hven.api.routes.answers import answers
from hven.declare import Application, schema
from hven.errors import MissingError, ParameterError
from hven.jobs import applications, datasets
from hven.jobs.access import offered
from hven.jobs.models import Dataset
from hven.web.instants import instant

router = Router()
#: Files of a dataset that are listed.
_MOST = 10_000


@router.get(
    "/applications",
    auth=EVERYBODY,
    response=answers(200, schemas.ApplicationList),
    tags=["catalogue"],
)
def list_applications(request: HttpRequest) -> HttpResponse:
    """All applications; anybody may look."""
    found = applications.offered()
    return answer({"applications": [_application(request, made) for made in found]})


@router.get(
    "/applications/{name}",
    auth=EVERYBODY,
    response=answers(200, schemas.ApplicationDocument),
    tags=["catalogue"],
)
def read_application(request: HttpRequest, name: str) -> HttpResponse:
    """An application: its parameters as JSON Schema, its outputs, all that a form needs."""
    try:
        made = applications.application(name)
        applications.require_on(name)
    except ParameterError as error:
        raise MissingError(str(error)) from error
    return answer({**_application(request, made), **_particulars(made)})


@router.get("/datasets", auth=READ, response=answers(200, schemas.DatasetList), tags=["catalogue"])
def list_datasets(request: HttpRequest) -> HttpResponse:
    """The collections from which who asks may take inputs."""
    found = offered(asker(request)).order_by("name")
    return answer({"datasets": [_dataset(request, dataset) for dataset in found]})


@router.get(
    "/datasets/{name}",
    auth=READ,
    response=answers(200, schemas.DatasetDocument),
    tags=["catalogue"],
)
def read_dataset(request: HttpRequest, name: str) -> HttpResponse:
    """A collection of files."""
    return answer(_dataset(request, datasets.dataset_for(asker(request), name)))


@router.get(
    "/datasets/{name}/files",
    auth=READ,
    response=answers(200, schemas.DatasetFileList),
    tags=["catalogue"],
)
def list_files(request: HttpRequest, name: str) -> HttpResponse:
    """The files of a collection."""
    found = datasets.files(datasets.dataset_for(asker(request), name), _MOST + 1)
    return answer(
        {
            "files": [
                {
                    "name": file.name,
                    "reference": f"dataset:{name}/{file.name}",
                    "bytes": file.bytes,
                    "modified": instant(file.modified),
                }
                for file in found[:_MOST]
            ],
            "complete": len(found) <= _MOST,
        }
    )


def _application(request: HttpRequest, made: Application) -> dict[str, Any]:
    return {
        "name": made.name,
        "url": address(request, "applications", made.name),
        "title": made.title,
        "summary": made.summary,
        "version": made.version,
    }


def _particulars(made: Application) -> dict[str, Any]:
    """What forms and signatures are made from."""
    parameters = schema(made)
    groups: dict[str | None, list[str]] = {}
    for field in made.fields:
        groups.setdefault(field.group, []).append(field.name)
    return {
        "help": made.help,
        "references": list(made.references),
        "parameters": parameters,
        "groups": [{"title": title, "parameters": names} for title, names in groups.items()],
        "outputs": [
            {
                "name": output.name,
                "help": output.help,
                "media_type": output.media_type,
                "file": output.is_file,
            }
            for output in made.outputs
        ],
        "examples": {
            name: found["examples"][0]
            for name, found in parameters["properties"].items()
            if "examples" in found
        },
    }


def _dataset(request: HttpRequest, dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "url": address(request, "datasets", dataset.name),
        "title": dataset.title,
        "description": dataset.description,
    }
