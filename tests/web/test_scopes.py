"""What tokens are for: one list, held to by all doors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from api_client import Api, faults
from hven.errors import ForbiddenError, ParameterError
from hven.jobs.access import is_administrator, listed, readable
from hven.jobs.clock import now
from hven.jobs.models import Job, User
from hven.jobs.phases import Phase
from hven.jobs.submission import Submission, submit
from hven.web import scopes, tokens
from hven.web.authentication import credential_of, user_of
from hven.web.models import ApiToken
from hven.web.scopes import EVERY, USUAL, Scope, ScopeError
from job_rows import make_job

pytestmark = pytest.mark.django_db


def client(user: User, *words: str, **more: Any) -> Api:
    """A client with a token for these scopes."""
    secret = tokens.make(user, "limited", scopes=frozenset(map(Scope, words)), **more).secret
    found = Api(None)
    found.headers = {"Authorization": f"Bearer {secret}"}
    return found


def shown(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_token_for_reading_changes_nothing(user: User) -> None:
    job = make_job(user, Phase.PENDING)
    reader = client(user, "read")
    assert reader.get(f"/jobs/{job.pk}")["id"] == str(job.pk)
    for method, path in (
        ("POST", "/jobs"),
        ("POST", f"/jobs/{job.pk}/run"),
        ("DELETE", f"/jobs/{job.pk}"),
        ("PUT", "/uploads?name=a"),
        ("GET", "/tokens"),
    ):
        answer = reader(method, path)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope")
        assert "it is for read" in answer.json()["detail"]
    assert Job.objects.get().events == job.events


def test_a_token_for_submitting_sees_nothing(user: User) -> None:
    sender = client(user, "submit")
    job = sender.make()
    assert sender("GET", f"/jobs/{job['id']}").status_code == 403
    assert sender("POST", f"/jobs/{job['id']}/abort").status_code == 403


def test_a_door_that_names_nothing_asks_for_the_usual(user: User) -> None:
    assert user_of(shown(tokens.make(user, "a", scopes=USUAL).secret)) == user
    with pytest.raises(ScopeError, match="must be for manage submit, it is for read"):
        user_of(shown(tokens.make(user, "b", scopes=frozenset({Scope.READ})).secret))


def test_a_token_for_an_application_is_for_its_jobs_alone(user: User, api: Any) -> None:
    mine, other = make_job(user, application="echo"), make_job(user, application="weigh")
    limited = client(user, "read", "submit", "manage", only=["echo"])
    assert [job["id"] for job in limited.get("/jobs")["jobs"]] == [str(mine.pk)]
    assert limited.get(f"/jobs/{mine.pk}")["id"] == str(mine.pk)
    answer = limited("GET", f"/jobs/{other.pk}")
    assert answer.status_code == 403
    assert "of weigh, which this token is not for" in answer.json()["detail"]
    limited.make("echo")
    assert (
        "the token is for"
        in faults(limited("POST", "/jobs", {"application": "tiles"}))["application"]
    )
    assert Job.objects.count() == 3


def test_the_limits_of_a_token_hold_below_the_doors(user: User) -> None:
    other = make_job(user, application="weigh")
    secret = tokens.make(user, "one", only=["echo"]).secret
    found = user_of(shown(secret))
    assert found is not None
    assert list(listed(found)) == []
    with pytest.raises(ForbiddenError):
        readable(found, other.pk)
    with pytest.raises(ParameterError, match="application"):
        submit(found, Submission("weigh", {}))


def test_an_administrators_token_is_one_only_where_it_says_so(admin_user: User, user: User) -> None:
    job = make_job(user)
    for words, status in ((("read",), 403), (("read", "admin"), 200)):
        assert client(admin_user, *words)("GET", f"/jobs/{job.pk}").status_code == status
        assert client(admin_user, *words)("GET", "/jobs?everybody=true").status_code == status
    secret = tokens.make(admin_user, "usual", scopes=USUAL).secret
    assert not is_administrator(user_of(shown(secret)))


def test_tokens_that_were_made_before_there_were_scopes_are_for_everything(user: User) -> None:
    made = tokens.make(user, "old")
    ApiToken.objects.update(scopes=ApiToken._meta.get_field("scopes").default)
    assert credential_of(shown(made.secret)).scopes == EVERY


def test_a_token_over_http_is_usual_unless_it_says_something_else(alice: Api) -> None:
    made = alice("POST", "/tokens", {"name": "notebook"}).json()
    assert made["scopes"] == ["read", "submit", "manage"]
    made = alice("POST", "/tokens", {"name": "one", "scopes": ["read"], "applications": ["echo"]})
    assert (made.json()["scopes"], made.json()["applications"]) == (["read"], ["echo"])
    assert (
        "spam"
        in faults(alice("POST", "/tokens", {"name": "a", "applications": ["spam"]}))["applications"]
    )
    assert set(faults(alice("POST", "/tokens", {"name": "a", "scopes": ["spam"]}))) == {"scopes.0"}
    assert "none" in faults(alice("POST", "/tokens", {"name": "a", "scopes": []}))["scopes"]


def test_a_token_makes_none_that_can_do_more(user: User) -> None:
    end = now() + timedelta(days=1)
    maker = client(user, "read", "account", only=["echo"], expires=end)
    wanted = {"name": "child", "scopes": ["read"], "applications": ["echo"]}
    good = {**wanted, "expires": (end - timedelta(hours=1)).isoformat()}
    assert maker("POST", "/tokens", good).status_code == 201
    for change, name in (
        ({"scopes": ["submit"]}, "scopes"),
        ({"applications": []}, "applications"),
        ({"applications": ["echo", "weigh"]}, "applications"),
        ({"expires": None}, "expires"),
        ({"expires": (end + timedelta(hours=1)).isoformat()}, "expires"),
    ):
        assert set(faults(maker("POST", "/tokens", {**good, **change}))) == {name}


def test_scopes_that_there_are_not_are_named() -> None:
    with pytest.raises(ParameterError, match="must be of read, submit"):
        scopes.read(["spam"])
