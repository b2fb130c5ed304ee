"""Who asks: by token, password or session; what is wrong is never let through."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from api_client import Api, faults
from hven.errors import ParameterError
from hven.jobs.clock import now
from hven.jobs.models import User
from hven.web import tokens
from hven.web.authentication import CredentialsError, user_of
from hven.web.models import ApiToken

pytestmark = pytest.mark.django_db


def basic(name: str, password: str) -> dict[str, str]:
    shown = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"authorization": f"Basic {shown}"}


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_token_says_who_it_is(user: User) -> None:
    made = tokens.make(user, "notebook")
    assert made.secret.startswith("hven_")
    assert user_of(bearer(made.secret)) == user
    assert user_of(basic("alice", made.secret)) == user
    assert user_of(basic("", made.secret)) == user
    assert made.secret not in str(ApiToken.objects.values().get())


def test_the_last_use_of_a_token_is_written_down_now_and_then(
    user: User, django_assert_num_queries: Any
) -> None:
    made = tokens.make(user, "notebook")
    user_of(bearer(made.secret))
    used = ApiToken.objects.get().last_used
    assert used is not None
    with django_assert_num_queries(1):
        user_of(bearer(made.secret))
    ApiToken.objects.update(last_used=used - timedelta(hours=1))
    user_of(bearer(made.secret))
    assert ApiToken.objects.get().last_used != used - timedelta(hours=1)


def test_a_password_says_who_it_is(user: User) -> None:
    assert user_of(basic("alice", "wonderland")) == user
    assert user_of(basic("alice", "wonderland")) == user
    user.set_password("looking glass")
    user.save()
    assert user_of(basic("alice", "looking glass")) == user
    with pytest.raises(CredentialsError):
        user_of(basic("alice", "wonderland"))


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "Bearer",
        "Bearer hven_spam",
        "Bearer \ud800",
        "Basic",
        "Basic spam",
        "Basic /w==",
        basic("alice", "spam")["authorization"],
        basic("bob", "wonderland")["authorization"],
        basic("alice\0", "wonderland")["authorization"],
        "Digest username=alice",
    ],
)
def test_what_is_wrong_is_nobody(user: User, shown: str) -> None:
    if not shown:
        assert user_of({}) is None
        return
    with pytest.raises(CredentialsError):
        user_of({"authorization": shown})


def test_a_token_is_of_no_use_when_revoked_over_or_its_owner_disabled(user: User) -> None:
    for end in (
        lambda token: token.delete(),
        lambda token: ApiToken.objects.update(expires=now()),
        lambda token: User.objects.update(is_active=False),
    ):
        made = tokens.make(user, "notebook", now() + timedelta(hours=1))
        assert user_of(bearer(made.secret)) == user
        end(made.token)
        with pytest.raises(CredentialsError):
            user_of(bearer(made.secret))


def test_a_disabled_user_has_no_password_either(user: User) -> None:
    assert user_of(basic("alice", "wonderland")) == user
    User.objects.update(is_active=False)
    with pytest.raises(CredentialsError):
        user_of(basic("alice", "wonderland"))


def test_somebody_elses_name_does_not_go_with_a_token(user: User) -> None:
    with pytest.raises(CredentialsError):
        user_of(basic("bob", tokens.make(user, "notebook").secret))


def test_tokens_need_a_name_and_a_future(user: User) -> None:
    for name in ("", " ", "x" * 101, "a\nb"):
        with pytest.raises(ParameterError, match=r"^name"):
            tokens.make(user, name)
    with pytest.raises(ParameterError, match=r"^expires"):
        tokens.make(user, "a", now() - timedelta(seconds=1))


def test_wrong_credentials_are_refused_also_where_none_are_needed(
    nobody: Api, settings: Any
) -> None:
    settings.HVEN = replace(settings.HVEN, anonymous=True)
    assert nobody("GET", "/jobs").status_code == 200
    answer = nobody("GET", "/jobs", Authorization="Bearer spam")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_who_has_no_account_has_neither_tokens_nor_usage(nobody: Api, settings: Any) -> None:
    settings.HVEN = replace(settings.HVEN, anonymous=True)
    for method, path in (("GET", "/tokens"), ("POST", "/tokens"), ("GET", "/usage")):
        assert nobody(method, path).status_code == 401


def test_a_session_reads_and_changes_only_with_its_own_mark(user: User, settings: Any) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    assert client.get("/api/v1/usage").json()["user"] == "alice"
    body = {"application": "echo"}
    forged = client.post("/api/v1/jobs", body, content_type="application/json")
    assert forged.status_code == 403
    assert "X-CSRFToken" in forged.json()["detail"]
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    meant = client.post(
        "/api/v1/jobs", body, content_type="application/json", headers={"X-CSRFToken": "a" * 32}
    )
    assert meant.status_code == 201
    User.objects.update(is_active=False)
    assert client.get("/api/v1/usage").status_code == 401


def test_a_cookie_that_is_none_is_nobody(db: None, settings: Any) -> None:
    name = settings.SESSION_COOKIE_NAME
    for cookie in (f"{name}=spam", "spam", f"{name}=", "=;;=\x01"):
        assert user_of({"cookie": cookie}) is None


def test_tokens_are_made_listed_and_revoked(alice: Api, charlie: Api) -> None:
    wanted = {"name": "notebook", "expires": (now() + timedelta(days=1)).isoformat()}
    answer = alice("POST", "/tokens", wanted)
    assert answer.status_code == 201
    made = answer.json()
    assert made["token"].startswith(made["start"])
    listed = alice.get("/tokens")["tokens"]
    assert [token["name"] for token in listed] == ["notebook", "of a test"]
    assert all("token" not in token for token in listed)
    assert charlie("DELETE", f"/tokens/{made['id']}").status_code == 404
    assert alice("DELETE", f"/tokens/{made['id']}").status_code == 204
    assert alice("DELETE", f"/tokens/{made['id']}").status_code == 404
    for name in ("spam", "-1", "9" * 30):
        assert alice("DELETE", f"/tokens/{name}").status_code == 404
    assert len(alice.get("/tokens")["tokens"]) == 1
    assert "name" in faults(alice("POST", "/tokens", {"name": ""}))
    assert set(faults(alice("POST", "/tokens", {"expires": "x"}))) == {"name", "expires"}
