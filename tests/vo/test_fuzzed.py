"""Whatever is sent as parameters: a job with just these values, or a refusal that names them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hven.declare import Application
from hven.jobs.applications import application
from hven.jobs.models import Job, Upload, User
from hven.jobs.phases import Phase
from job_rows import make_job
from vo_client import FORM, Vo, job_of

pytestmark = pytest.mark.django_db
#: Words that are near to what is wanted, and far from it.
WORDS = [
    *("0", "1", "-1", "1.5", "1e400", "nan", "inf", "0x1F", "٣", "1_000", "1,2", "9" * 400),
    *("3 s", "30 arcmin", "true", "RUN", "", " ", "\0", "\r\n", "[1, 2]", '["a"]', "[", "{}"),
    *("10 -20", "galactic 17 0.8", "18h -95d", "none", "NONE", "bug", "param:a", "param:"),
    *("upload:1", "upload:00000000-0000-0000-0000-000000000000", "dataset:../../etc/passwd"),
    *("job:x/y", "/etc/passwd", "~root", "2026-11-25", "2999-01-01T00:00:00Z", "9999-99-99"),
]
CONTROLS = ["PHASE", "RUNID", "DESTRUCTION", "EXECUTIONDURATION", "UPLOAD"]
QUICK = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def names(made: Application) -> list[str]:
    own = [field.name for field in made.fields]
    return [*own, *map(str.upper, own), *CONTROLS, "spam", "WAIT", "ACTION", ""]


def forms(name: str) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Names and texts of a form of an application."""
    text = st.sampled_from(WORDS) | st.text(max_size=20)
    known = st.sampled_from(["repeat", "files", "pause", "center", "trouble", "masks", "words"])
    pair = st.tuples(known | st.sampled_from(names(_made(name))) | st.text(max_size=5), text)
    return st.lists(pair, max_size=4)


def _made(name: str) -> Application:
    import sys

    from input_files import PACKAGES

    sys.path[:0] = map(str, PACKAGES)
    try:
        return application(name)
    finally:
        del sys.path[: len(PACKAGES)]


def send(vo: Vo, path: str, pairs: list[tuple[str, str]], query: bool) -> Any:
    """The answer to a form, in the body or in the query."""
    text = urlencode(pairs, errors="surrogatepass")
    address, body = (f"{path}?{text}", b"") if query else (path, text.encode())
    return vo.client.generic("POST", address, body, FORM, headers=vo.headers)


def is_refused_in_order(answer: Any, pairs: list[tuple[str, str]], made: Application) -> None:
    """Whether a refusal names what was sent, or what is missing."""
    assert 400 <= answer.status_code < 500, (answer.status_code, pairs)
    told = answer.content.decode()
    known = {name.lower() for name, _ in pairs}
    known |= {field.name for field in made.fields if field.required} | {"body"}
    # A name of a parameter of tables stands within the value of UPLOAD.
    known |= {text.partition(",")[0].strip().lower() for _, text in pairs}
    named = told.partition(":")[0].lower()
    assert named in known or told.startswith(":"), (told, pairs)
    assert ": " in told


@pytest.mark.parametrize("name", ["weigh", "echo"])
@pytest.mark.parametrize("query", [False, True])
def test_C09_a_fuzzed_form_makes_its_job_or_is_refused_by_name_and_leaves_none(
    alice: Vo, name: str, query: bool
) -> None:
    made = _made(name)

    @QUICK
    @given(forms(name))
    def try_one(pairs: list[tuple[str, str]]) -> None:
        Job.objects.all().delete()
        answer = send(alice, f"/vo/{name}/async", pairs, query)
        if answer.status_code == 303:
            (job,) = Job.objects.all()
            assert job == job_of(answer["Location"])
            for path in ("", "/parameters"):
                assert alice.document(answer["Location"] + path) is not None
            return
        is_refused_in_order(answer, pairs, made)
        assert not Job.objects.exists()
        assert not Upload.objects.exists()

    try_one()


def test_A01_a_fuzzed_change_is_made_or_refused_by_name_and_changes_nothing(
    alice: Vo, user: User
) -> None:
    made = _made("echo")

    @QUICK
    @given(forms("echo"), st.sampled_from(["", "/parameters", "/phase", "/destruction"]))
    def try_one(pairs: list[tuple[str, str]], path: str) -> None:
        Job.objects.all().delete()
        job = make_job(user, Phase.PENDING, application="echo", parameters={"words": "hello"})
        before = Job.objects.values().get()
        answer = send(alice, f"/vo/echo/async/{job.pk}{path}", pairs, False)
        if answer.status_code != 303:
            sent = [*pairs, ("request", ""), ("PHASE", ""), ("DESTRUCTION", "")]
            is_refused_in_order(answer, sent, made)
            assert Job.objects.values().get() == before

    try_one()


@pytest.mark.parametrize("path", ["/vo/jobs", "/vo/echo/async"])
def test_L01_a_fuzzed_filter_filters_or_is_refused_by_name(alice: Vo, path: str) -> None:
    words = st.sampled_from(["AFTER", "LAST", "PHASE", "after", "WAIT", "x"])

    @QUICK
    @given(st.lists(st.tuples(words, st.sampled_from(WORDS) | st.text(max_size=12)), max_size=3))
    def try_one(pairs: list[tuple[str, str]]) -> None:
        query = urlencode(pairs, errors="surrogatepass")
        answer = alice("GET", f"{path}?{query}")
        if answer.status_code != 200:
            assert answer.status_code == 400
            assert answer.content.decode().partition(":")[0] in ("AFTER", "LAST", "PHASE")

    try_one()
