"""What a client reads of a service's schema is what was declared there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hven.declare import Application, SkyPosition, applications, schema
from hven.declare.field import MISSING
from hven.declare.schema_reading import application_of
from hven.declare.signature import parameter_section, signature
from hven.errors import DeclarationError, ParameterError

TESTS = Path(__file__).parent.parent


@pytest.fixture(params=["mosaic", "weigh", "echo", "tiles", "copy", "listed", "trouble"])
def declared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Application:
    monkeypatch.syspath_prepend(TESTS / "cli" / "toy_package")
    monkeypatch.syspath_prepend(TESTS / "service_applications")
    yield applications()[request.param]
    for name in ("hven_toys", "hven_test_applications"):
        sys.modules.pop(name, None)


def test_what_was_read_describes_itself_as_what_was_declared(declared: Application) -> None:
    assert schema(application_of(schema(declared))) == schema(declared)


def test_what_was_read_has_the_same_signature_and_help(declared: Application) -> None:
    read = application_of(schema(declared))
    shown = [signature(each, (), None).parameters for each in (read, declared)]
    assert [str(parameter.kind) for parameter in shown[0].values()] == [
        str(parameter.kind) for parameter in shown[1].values()
    ]
    assert list(shown[0]) == list(shown[1])
    assert [parameter.default for parameter in shown[0].values()] == [
        parameter.default for parameter in shown[1].values()
    ]
    assert parameter_section(read, ()) == parameter_section(declared, ())
    for field in declared.fields:
        mine = read.field(field.name)
        assert (mine.kind, mine.required, mine.bounds) == (field.kind, field.required, field.bounds)
        assert str(mine.type) == str(field.type)


@pytest.mark.parametrize(
    "given",
    [
        {"files": "a.dat\nb.dat", "repeat": "0", "pause": "5m", "center": "north", "colour": "red"},
        {"files": [], "masks": [""], "trouble": "bugs", "patient": "perhaps"},
        {"files": ["a.dat"], "pause": "1 min", "center": "10 -20", "offset": "0.5"},
        {},
    ],
)
def test_the_same_faults_are_found_in_the_same_words(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(TESTS / "cli" / "toy_package")
    declared = applications()["weigh"]
    told = []
    for each in (declared, application_of(schema(declared))):
        try:
            told.append(each.to_json(each.parse(given)))
        except ParameterError as error:
            told.append(error.faults)
    assert told[0] == told[1]
    assert told[0]


def test_a_kind_that_is_not_known_passes_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _described({"region": {"type": "object", "description": "Where"}})
    read = application_of(found)
    assert read.parse({"region": {"circle": [1, 2, 3]}}) == {"region": {"circle": [1, 2, 3]}}
    assert read.parse({"region": '{"circle": 1}'}) == {"region": {"circle": 1}}
    assert read.parse({"region": "CIRCLE 1 2 3"}) == {"region": "CIRCLE 1 2 3"}
    assert schema(read) == found


def test_a_position_of_a_service_is_read_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TESTS / "cli" / "toy_package")
    read = application_of(schema(applications()["weigh"]))
    assert read.field("center").check("10 -20") == SkyPosition(10, -20)
    assert read.field("center").default is None
    assert read.field("files").default is MISSING


@pytest.mark.parametrize("found", [{}, {"properties": []}, [], {"x-name": "mosaic"}])
def test_what_describes_no_application_is_told(found: Any) -> None:
    with pytest.raises(DeclarationError, match="must be the JSON Schema of an application"):
        application_of(found)


def test_a_default_that_is_refused_is_told() -> None:
    found = _described({"count": {"type": "integer", "minimum": 1, "description": "How many"}})
    found["properties"]["count"]["default"] = 0
    found["required"] = []
    with pytest.raises(DeclarationError, match="at least 1"):
        application_of(found)


def test_the_body_of_what_was_read_is_elsewhere() -> None:
    with pytest.raises(DeclarationError, match="runs on a service"):
        application_of(_described({}))(None)


def _described(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Cutout",
        "description": "Cuts out.",
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "x-name": "cutout",
        "x-version": 1,
        "x-references": [],
        "x-outputs": [],
    }
