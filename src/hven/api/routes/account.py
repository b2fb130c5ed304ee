"""What belongs to who asks: tokens and usage; and whether the service is well."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from ninja import Router

from hven.api import requests, schemas
from hven.api.asking import ACCOUNT, EVERYBODY, READ, account, answer, credential, read_body
from hven.api.routes.answers import answers, body
from hven.errors import MissingError, ParameterError, UnavailableError
from hven.jobs import limits
from hven.jobs.access import is_administrator
from hven.jobs.models import Job
from hven.web import scopes, tokens
from hven.web.instants import instant
from hven.web.models import ApiToken

router = Router()


@router.get("/tokens", auth=ACCOUNT, response=answers(200, schemas.TokenList), tags=["account"])
def list_tokens(request: HttpRequest) -> HttpResponse:
    """The tokens of who asks, newest first."""
    found = ApiToken.objects.filter(owner=account(request)).order_by("-pk")
    return answer({"tokens": [_token(token) for token in found]})


@router.post(
    "/tokens",
    auth=ACCOUNT,
    response=answers(201, schemas.TokenDocument),
    openapi_extra=body(requests.TokenRequest),
    tags=["account"],
)
def make_token(request: HttpRequest) -> HttpResponse:
    """Make a token; it is shown in this answer and never again."""
    owner = account(request)
    wanted, faults = read_body(request, requests.TokenRequest)
    if faults:
        raise ParameterError(faults)
    made = tokens.make(
        owner,
        wanted.name,
        wanted.expires,
        scopes=scopes.read(wanted.scopes),
        only=wanted.applications,
        within=credential(request).token,
    )
    return answer({**_token(made.token), "token": made.secret}, 201)


@router.delete("/tokens/{token}", auth=ACCOUNT, response=answers(204, None), tags=["account"])
def revoke_token(request: HttpRequest, token: str) -> HttpResponse:
    """Make a token useless."""
    owner = account(request)
    if not (token.isascii() and token.isdecimal() and len(token) < 19):
        raise MissingError(f"token: you have none with the id {token}")
    tokens.revoke(owner, int(token))
    return HttpResponse(status=204)


@router.get("/usage", auth=READ, response=answers(200, schemas.Usage), tags=["account"])
def read_usage(request: HttpRequest) -> HttpResponse:
    """What who asks has, and may have."""
    user = account(request)
    phases = Job.objects.filter(owner=user, deleted=None).order_by().values_list("phase")
    return answer(
        {
            "user": user.get_username(),
            "administrator": is_administrator(user),
            "jobs": dict(phases.annotate(count=Count("pk"))),
            "active_jobs": limits.active_jobs(user),
            "active_jobs_limit": limits.job_limit(user) or None,
            "result_bytes": limits.result_bytes(user),
            "upload_bytes": limits.upload_bytes(user),
            "bytes_limit": limits.byte_limit(user) or None,
        }
    )


@router.get("/health", auth=EVERYBODY, response=answers(200, schemas.Health), tags=["service"])
def read_health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Whether the service takes jobs; anybody may ask. Without its database it gives 503."""
    status, reason = "ok", limits.drained()
    if reason is not None:
        status = "drained"
    else:
        try:
            limits.require_space()
        except UnavailableError as error:
            status, reason = "full", str(error)
    return answer({"status": status, "reason": reason or "", "version": version("hven")})


def _token(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.pk,
        "name": token.name,
        "start": token.start,
        "scopes": token.scopes.split(),
        "applications": token.applications,
        "created": instant(token.created),
        "expires": instant(token.expires),
        "last_used": instant(token.last_used),
    }
