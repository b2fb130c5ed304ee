"""How often anybody may ask, over HTTP."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from api_client import Api
from hven.errors import RateError
from hven.jobs.models import Job, User
from hven.web import rates, tokens
from hven.web.authentication import CredentialsError, credential_of

pytestmark = pytest.mark.django_db


def limit(settings: Any, **limits: int) -> None:
    settings.HVEN = replace(settings.HVEN, **limits)


def basic(name: str, password: str) -> dict[str, str]:
    shown = base64.b64encode(f"{name}:{password}".encode()).decode()
    return {"authorization": f"Basic {shown}"}


def test_who_asks_too_often_is_told_when_to_come_again(
    alice: Api, charlie: Api, settings: Any
) -> None:
    limit(settings, rate_requests=3)
    statuses = [alice("GET", "/usage").status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    answer = alice("GET", "/usage")
    assert 1 <= int(answer["Retry-After"]) <= 20
    assert answer.json()["code"] == "rate"
    assert "at most 3 a minute" in answer.json()["detail"]
    assert charlie("GET", "/usage").status_code == 200


def test_another_token_is_no_way_around_it(alice: Api, user: User, settings: Any) -> None:
    limit(settings, rate_requests=2)
    other = Api(user)
    assert [client("GET", "/usage").status_code for client in (alice, other, alice, other)] == [
        200,
        200,
        429,
        429,
    ]


def test_submissions_have_a_limit_of_their_own(alice: Api, settings: Any) -> None:
    limit(settings, rate_submissions=2)
    made = [alice("POST", "/jobs", {"application": "echo"}) for _ in range(4)]
    assert [answer.status_code for answer in made] == [201, 201, 429, 429]
    assert "Retry-After" in made[-1]
    assert Job.objects.count() == 2
    job = made[0].json()["id"]
    assert alice("POST", f"/jobs/{job}/rerun").status_code == 429
    assert alice.get(f"/jobs/{job}")["id"] == job
    assert alice("POST", f"/jobs/{job}/abort").status_code == 200


def test_who_has_no_account_is_counted_by_address(nobody: Api, settings: Any) -> None:
    limit(settings, rate_requests=2, anonymous=True)
    statuses = [nobody("GET", "/applications").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert nobody("GET", "/jobs").status_code == 429


def test_without_limits_nobody_is_refused(alice: Api, settings: Any) -> None:
    limit(settings, rate_requests=0, rate_submissions=0, rate_logins=0)
    assert {alice("GET", "/usage").status_code for _ in range(20)} == {200}


def test_wrong_passwords_for_a_name_are_slowed_down(
    user: User, stranger: User, settings: Any
) -> None:
    limit(settings, rate_logins=3)
    for _ in range(3):
        with pytest.raises(CredentialsError):
            credential_of(basic("alice", "spam"), "192.0.2.1")
    # Also the right one, from anywhere: or one could go on guessing.
    for name, password in (("alice", "spam"), ("alice", "wonderland"), ("ALICE", "wonderland")):
        with pytest.raises(RateError, match="wait"):
            credential_of(basic(name, password), "192.0.2.2")
    assert credential_of(basic("charlie", "chocolate"), "192.0.2.1").user == stranger
    secret = tokens.make(user, "notebook").secret
    assert credential_of(basic("alice", secret), "192.0.2.1").user == user


def test_who_is_logged_in_is_not_locked_out_by_others(user: User, settings: Any) -> None:
    limit(settings, rate_logins=3)
    assert credential_of(basic("alice", "wonderland")).user == user
    for _ in range(3):
        with pytest.raises(CredentialsError):
            credential_of(basic("alice", "spam"))
    assert credential_of(basic("alice", "wonderland")).user == user


def test_an_address_that_guesses_many_names_is_slowed_down(stranger: User, settings: Any) -> None:
    limit(settings, rate_logins=1)
    for number in range(10):
        with pytest.raises(CredentialsError):
            credential_of(basic(f"user{number}", "spam"), "2001:db8::1")
    with pytest.raises(RateError):
        credential_of(basic("charlie", "chocolate"), "2001:db8::2")
    assert credential_of(basic("charlie", "chocolate"), "2001:db8:0:1::1").user == stranger


def test_wrong_tokens_cannot_be_tried_without_end(db: None, settings: Any) -> None:
    limit(settings, rate_requests=5)
    for _ in range(5):
        with pytest.raises(CredentialsError):
            credential_of({"authorization": "Bearer hven_spam"}, "192.0.2.9")
    with pytest.raises(RateError):
        credential_of({"authorization": "Bearer hven_spam"}, "192.0.2.9")


def test_what_has_no_address_is_nobody_to_count(settings: Any, configuration: Any) -> None:
    limit(settings, rate_requests=1)
    for _ in range(3):
        rates.count_request(None, "")
