"""What the service says of itself: VOSI, descriptions of applications, links by identifier."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from django.http import HttpResponse

from hven.errors import Fault, ForbiddenError, MissingError, ParameterError
from hven.jobs import limits
from hven.jobs.applications import offered as all_offered
from hven.jobs.clock import now
from hven.vo.asking import Asked, door, xml
from hven.vo.creating import offered
from hven.vo.links import links_of
from hven.vo.vosi import Capability, availability_document, capabilities_document
from hven.vo.votables import (
    LINKS_TYPE,
    VOTABLE_TYPE,
    Link,
    Offer,
    description_document,
    links_document,
)
from hven.web.addresses import absolute
from hven.web.instants import instant
from hven.web.scopes import Scope

_SINCE = now()
_UWS = "UWS#rest-1.1"
_ROOT = "/vo"
#: Jobs whose links are asked for at a time.
_MOST_IDS = 100


@door("GET", public=True)
def capabilities(asked: Asked) -> HttpResponse:
    """What can be done here: with one application, or with all jobs."""
    found = [*_own(asked), *(_of_application(asked) if asked.application else _of_all(asked))]
    return xml(capabilities_document(found))


@door("GET", public=True)
def availability(asked: Asked) -> HttpResponse:
    """Whether jobs are taken."""
    if asked.application:
        offered(asked.application)
    reason = limits.drained()
    note = "" if reason is None else reason or "it takes no jobs now"
    if not note and not limits.has_space():
        note = "there is too little space"
    return xml(availability_document(not note, instant(_SINCE) or "", note))


@door("GET", public=True)
def description(asked: Asked) -> HttpResponse:
    """The parameters of an application, and how it is run."""
    made = offered(asked.application)
    main = next((output for output in made.outputs if output.is_file), None)
    gives = (main and main.media_type) or "application/octet-stream"
    place = f"{_ROOT}/{made.name}"
    offers = [
        Offer(
            "sync",
            absolute(asked.request, f"{place}/sync"),
            "",
            gives,
            f"{made.summary}. Answers with the main result.",
        ),
        Offer(
            "async",
            absolute(asked.request, f"{place}/async"),
            f"ivo://ivoa.net/std/{_UWS}",
            "application/xml",
            f"{made.summary}. Makes a job of UWS 1.1.",
        ),
    ]
    return xml(description_document(made, offers), VOTABLE_TYPE)


@door("GET", "POST", needs=Scope.READ)
def links_by_id(asked: Asked) -> HttpResponse:
    """The links of jobs, by their identifiers."""
    names = asked.given.getlist("id")
    if not 0 < len(names) <= _MOST_IDS:
        told = f"must be given 1 to {_MOST_IDS} times, got {len(names)} of them"
        raise ParameterError([Fault("ID", told)])
    jobs = replace(asked, root=f"{_ROOT}/jobs")
    return xml(links_document(link for name in names for link in _links(jobs, name)), LINKS_TYPE)


def _links(asked: Asked, name: str) -> Iterator[Link]:
    """Those of one job, or why there are none."""
    try:
        yield from links_of(asked, replace(asked, job=name).found())
    except (MissingError, ForbiddenError) as error:
        kind = "NotFoundFault" if isinstance(error, MissingError) else "AuthorizationFault"
        yield Link(name, error_message=f"{kind}: {error}")


def _own(asked: Asked) -> Iterator[Capability]:
    here = asked.request.path.rpartition("/")[0]
    for what in ("capabilities", "availability"):
        place = absolute(asked.request, f"{here}/{what}")
        yield Capability(f"VOSI#{what}", place, public=True, methods=("GET",), result="text/xml")


def _of_application(asked: Asked) -> Iterator[Capability]:
    made = offered(asked.application)
    place = f"{_ROOT}/{made.name}"
    yield Capability(
        _UWS,
        absolute(asked.request, f"{place}/async"),
        "base",
        application=made,
        methods=("POST",),
        result="text/xml",
    )
    yield Capability(
        "",
        absolute(asked.request, f"{place}/sync"),
        application=made,
        methods=("GET", "POST"),
    )


def _of_all(asked: Asked) -> Iterator[Capability]:
    yield Capability(_UWS, absolute(asked.request, f"{_ROOT}/jobs"), "base", methods=("GET",))
    for made in all_offered():
        place = absolute(asked.request, f"{_ROOT}/{made.name}/async")
        yield Capability(_UWS, place, "base", application=made, methods=("POST",))
    yield Capability(
        "DataLink#links-1.1",
        absolute(asked.request, f"{_ROOT}/links"),
        "base",
        methods=("GET", "POST"),
        result=LINKS_TYPE,
    )
