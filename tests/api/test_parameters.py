"""Parameters as clients make them up: the schema says what is taken, and refusals name them."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from api_client import Api
from hven.declare import Application, registry, schema
from hven.errors import ParameterError
from hven.jobs.models import Job, User
from input_files import PACKAGES
from job_rows import make_job

pytestmark = pytest.mark.django_db
NAMES = ("mosaic", "weigh", "tiles", "trouble", "copy", "stubborn")
QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
#: Values that no text stands for: only texts can be taken that the schema does not admit.
ODD = (
    some.none()
    | some.booleans()
    | some.integers(-20_000, 20_000)
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.just({})
)
TEXTS = some.text(some.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def values_of(found: dict[str, Any]) -> some.SearchStrategy[Any]:
    """Values that a parameter's schema admits, and others that it may not."""
    kind = found.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    made: some.SearchStrategy[Any] = ODD
    if "enum" in found:
        made |= some.sampled_from(found["enum"])
    if "array" in kinds:
        made |= some.lists(values_of(found["items"]), max_size=3)
    if "integer" in kinds or "number" in kinds:
        bounds = [
            found[name]
            for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
            if name in found
        ]
        made |= some.sampled_from([bound + more for bound in [*bounds, 1] for more in (-1, 0, 1)])
    if "object" in kinds:
        number = some.floats(-400, 400) | some.sampled_from([-360, 360, -90, 90, 0])
        made |= some.fixed_dictionaries({"ra_deg": number, "dec_deg": number})
        made |= some.fixed_dictionaries({"ra_deg": number})
    if "string" in kinds:
        made |= TEXTS
    return made


@pytest.fixture(params=NAMES)
def application(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Application:
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)
    return registry.find(request.param)


@QUICK
@given(data=some.data())
def test_the_schema_admits_what_is_taken(application: Application, data: some.DataObject) -> None:
    whole = schema(application)
    checker = jsonschema.Draft202012Validator(whole)
    checker.check_schema(whole)
    for field in application.fields:
        found = whole["properties"][field.name]
        value = data.draw(values_of(found), label=field.name)
        assume(not _is_blank(value))  # JSON Schema has no short word for a name of blanks alone.
        admitted = jsonschema.Draft202012Validator(found).is_valid(value)
        assert _is_taken(field, value) == admitted or _is_shorthand(field, value, admitted), value


def _is_taken(field: Any, value: Any) -> bool:
    try:
        field.check(value)
    except ParameterError:
        return False
    return True


def _is_blank(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, str) and not item.strip() for item in items)


def _is_shorthand(field: Any, value: Any, admitted: bool) -> bool:
    """Whether it is what is taken beyond the schema: a single value for a list of one, a text."""
    return not admitted and (field.many and not isinstance(value, list))


@pytest.mark.parametrize("name", ["weigh", "tiles", "trouble"])
@QUICK
@given(data=some.data())
def test_a_refusal_names_the_parameter_and_leaves_no_job(
    alice: Api, name: str, data: some.DataObject
) -> None:
    properties = schema(registry.find(name))["properties"]
    wanted = {
        field: data.draw(values_of(found), label=field)
        for field, found in properties.items()
        if data.draw(some.booleans())
    }
    wanted |= data.draw(some.dictionaries(TEXTS, ODD | TEXTS, max_size=1))
    before = Job.objects.count()
    with transaction.atomic():
        answer = alice("POST", "/jobs", {"application": name, "parameters": wanted})
        if answer.status_code == 201:
            assert Job.objects.count() == before + 1
        else:
            assert answer.status_code == 400
            names = {fault["name"] for fault in answer.json()["faults"]}
            assert names
            assert names <= {*properties, *wanted}
            assert Job.objects.count() == before
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_of_a_hundred_that_run_a_job_at_once_one_starts_it(user: User) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connection

    from hven.jobs.phases import Phase

    job = make_job(user, Phase.PENDING, application="echo")
    client = Api(user)

    def run(_: int) -> tuple[int, str]:
        try:
            answer = client("POST", f"/jobs/{job.pk}/run")
            return answer.status_code, answer.json().get("phase", "")
        finally:
            connection.close()

    with ThreadPoolExecutor(25) as threads:
        told = list(threads.map(run, range(100)))
    assert sorted(told)[0] == (200, "QUEUED")
    assert [status for status, _ in told].count(200) == 1
    assert {status for status, _ in told} == {200, 409}
    moves = job.event_rows.filter(kind="phase").values_list("data__phase", flat=True)
    assert list(moves) == ["QUEUED"]
