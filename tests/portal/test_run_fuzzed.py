"""Forms with anything in them: never a failure of the service, never a job of a refused one."""

from __future__ import annotations

import io
from typing import Any

from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hven.declare import registry
from hven.jobs.models import Job, User
from hven.portal.models import Preset

_SETTINGS = settings(
    max_examples=30, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
_OWN = [
    "job.label", "job.lane", "job.start", "job.not_before", "job.days", "job.minutes", "job.fresh",
    "job.mail_on", "job.key", "job.rerun_of", "job.preset_name", "job.do", "job.other",
]  # fmt: skip
_TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", "-1", "1e999", "nan", "inf", "0x10", "1 deg", "[", '["a"]', "[1, 2]", "true", "\0",
         "upload:", "upload:x", "dataset:../x", "dataset:m/**", "job:1/../x", "preset", "check",
         "run", "later", "2099-99-99T00:00", "0001-01-01T00:00", "9999-12-31T23:59+14:00",
         "1" * 5000, "١", "1e308", "-0", "draft", "<script>", "{% now %}", "file://x", "~root/x"]
    ),
)  # fmt: skip


def forms(name: str) -> st.SearchStrategy[dict[str, Any]]:
    names = [field.name for field in registry.find(name).fields]
    keys = st.one_of(st.sampled_from([*names, *_OWN]), st.text(min_size=1, max_size=10))
    return st.dictionaries(keys, st.one_of(_TEXTS, st.lists(_TEXTS, max_size=3)), max_size=8)


def _hold(client: Client, name: str, form: dict[str, Any]) -> None:
    before = Job.objects.count(), Preset.objects.count()
    answer = client.post(f"/applications/{name}/run/", form)
    after = Job.objects.count(), Preset.objects.count()
    assert answer.status_code in (200, 302, 409, 422), answer.status_code
    if answer.status_code != 302:
        assert after == before
    checked = client.post(f"/applications/{name}/run/check/", form)
    assert checked.status_code == 200
    assert (Job.objects.count(), Preset.objects.count()) == after
    opened = client.get(f"/applications/{name}/run/", form)
    assert opened.status_code in (200, 404)


@_SETTINGS
@given(data=st.data())
def test_the_form_of_many_kinds_bears_anything(alice: Client, data: Any) -> None:
    _hold(alice, "weigh", data.draw(forms("weigh")))


@_SETTINGS
@given(data=st.data())
def test_the_form_of_few_kinds_bears_anything(alice: Client, data: Any) -> None:
    _hold(alice, data.draw(st.sampled_from(["echo", "trouble", "tiles"])), data.draw(forms("echo")))


@_SETTINGS
@given(name=st.text(min_size=1, max_size=300), content=st.binary(max_size=50))
@example(name="../../etc/passwd", content=b"x")
@example(name="/", content=b"x")
def test_files_of_any_name_are_files(alice: Client, user: User, name: str, content: bytes) -> None:
    before = Job.objects.count()
    file = io.BytesIO(content)
    file.name = name  # Django's own file would refuse some names before they are sent.
    answer = alice.post("/applications/copy/run/", {"files": file})
    assert answer.status_code in (302, 422)
    if answer.status_code == 422:
        assert Job.objects.count() == before


@_SETTINGS
@given(query=st.dictionaries(st.sampled_from(["q", "page", "source", "field", "of"]), _TEXTS))
def test_lists_and_looks_bear_anything(alice: Client, query: dict[str, str]) -> None:
    given_field = {"field": "files", **query}
    assert alice.get("/applications/copy/inputs/", given_field).status_code in (200, 404)
    for path in ("/data/", "/data/look/", "/applications/"):
        assert alice.get(path, query).status_code == 200
