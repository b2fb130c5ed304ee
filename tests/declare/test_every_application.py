"""What every installed application is held to."""

import json

import pytest

from hven.declare import registry, schema
from hven.declare.units import is_unit

APPLICATIONS = registry.applications()
FIELDS = [
    pytest.param(application, field, id=f"{application.name}-{field.name}")
    for application in APPLICATIONS.values()
    for field in application.fields
]


def test_every_installed_application_can_be_used():
    assert registry.broken() == []
    assert APPLICATIONS


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
def test_an_application_explains_itself(application):
    assert application.help.splitlines()[0].endswith(".")
    assert not application.title.endswith(".")
    assert application.outputs
    for output in application.outputs:
        assert is_phrase(output.help), output.name
        if output.is_file:
            assert output.media_type, output.name


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
def test_an_example_can_be_made_and_its_values_are_right(application, tmp_path):
    example = application.example
    if example is None:
        return
    example.make(tmp_path)
    values = application.parse(example.values)
    files = [values[field.name] for field in application.fields if field.kind == "file"]
    for value in files:
        for path in value if isinstance(value, list) else filter(None, [value]):
            assert (tmp_path / path).is_file()
    if example.picture is not None:
        content = example.picture.read_bytes()
        assert content[8:12] == b"WEBP"
        assert len(content) < 80_000
    if application.cost is not None:
        assert min(application.cost(values, 10**6)) > 0


@pytest.mark.parametrize(("application", "field"), FIELDS)
def test_help_is_a_phrase(application, field):
    assert is_phrase(field.help)


@pytest.mark.parametrize(("application", "field"), FIELDS)
def test_a_unit_is_known(application, field):
    assert field.unit is None or is_unit(field.unit)


@pytest.mark.parametrize(("application", "field"), FIELDS)
def test_a_default_passes_its_own_check_and_survives_text_and_json(application, field):
    if field.required:
        return
    assert field.check(field.default) == field.default
    assert field.parse(field.to_text(field.default)) == field.default
    assert field.check(json.loads(json.dumps(field.to_json(field.default)))) == field.default


@pytest.mark.parametrize(("application", "field"), FIELDS)
def test_an_example_can_be_read(application, field):
    if field.param.example is not None:
        field.parse(field.param.example)


@pytest.mark.parametrize("application", APPLICATIONS.values(), ids=APPLICATIONS)
def test_the_schema_is_json_and_has_every_parameter(application):
    found = json.loads(json.dumps(schema(application), allow_nan=False))
    assert list(found["properties"]) == [field.name for field in application.fields]


def is_phrase(text: str) -> bool:
    """Whether it begins with a capital, a digit or a symbol and ends without a full stop."""
    return bool(text) and text == text.strip() and not text[0].islower() and text[-1] not in ".!,;:"
