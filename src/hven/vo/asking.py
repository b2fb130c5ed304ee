"""What a request says: who asks, and below which list of jobs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDict
from django.views.decorators.csrf import csrf_exempt

from hven.errors import (
    ConflictError,
    Fault,
    MissingError,
    ParameterError,
    UnavailableError,
    UserError,
)
from hven.jobs.access import readable
from hven.jobs.models import Job, User
from hven.vo.phases import named, wants_held
from hven.web.addresses import absolute
from hven.web.authentication import permit
from hven.web.incoming import Incoming
from hven.web.problems import ForgeryError, problem_of
from hven.web.scopes import Scope

_SAFE = ("GET", "HEAD")
_TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


@dataclass(frozen=True)
class Asked:
    """A request.

    Parameters
    ----------
    request
        As Django has it.
    user
        Who asks; None is anonymous.
    root
        The list of jobs below which is asked, as `/vo/mosaic/async`.
    application
        Whose jobs it lists; empty for those of all.
    job
        The identifier of a job, where one is asked for.
    """

    request: HttpRequest
    user: User | None
    root: str
    application: str = ""
    job: str = ""

    @functools.cached_property
    def query(self) -> MultiValueDict[str, str]:
        """What stands behind the question mark, by names in small letters."""
        return named(self.request.GET)

    @functools.cached_property
    def given(self) -> MultiValueDict[str, str]:
        """What is given in the query and in the body, by names in small letters."""
        found = named(self.request.POST)
        for name, texts in self.query.lists():
            found.setlist(name, [*texts, *found.getlist(name)])
        return found

    @property
    def wants_held(self) -> bool:
        """Whether the client knows what a job is that is HELD, and says so."""
        return wants_held(self.query)

    def address(self, *parts: object) -> str:
        """The absolute address of something below the list of jobs."""
        return absolute(self.request, self.root, *parts)

    def found(self) -> Job:
        """The job that is asked for.

        Raises
        ------
        MissingError
            There is none in this list.
        ForbiddenError
            It belongs to somebody else.
        """
        job = readable(self.user, self.job)
        if self.application and job.application != self.application:
            raise MissingError(f"job: there is none of {self.application} with the id {self.job}")
        return job


View = Callable[..., HttpResponseBase]


def door(
    *methods: str, public: bool = False, by_get: bool = False, needs: Scope = Scope.MANAGE
) -> Callable[[View], Any]:
    """Make a function that takes what was asked a view of Django.

    Parameters
    ----------
    methods
        Those that it answers; HEAD goes with GET.
    public
        Whether everybody may ask, without saying who it is.
    by_get
        Whether GET makes something: then a session, whose cookie any page can make a browser
        send, is not enough.
    needs
        What a token must be for that does more than read.
    """
    allowed = [*methods, "HEAD"] if "GET" in methods and not by_get else list(methods)

    def decorate(view: View) -> Any:
        @csrf_exempt
        @functools.wraps(view)
        def answer(
            request: HttpRequest, root: str = "", application: str = "", job: str = "", **more: Any
        ) -> HttpResponseBase:
            if request.method not in allowed:
                return HttpResponseNotAllowed(allowed)
            user = None
            try:
                request.upload_handlers = [Incoming(request)]
                if not public:
                    user = _asker(request, by_get, needs)
                _require_form(request)
                asked = Asked(request, user, f"/{root}", application, job)
                response = view(asked, **more)
            except (UserError, UnavailableError) as error:
                response = refusal(error, known=user is not None)
            except (BadRequest, SuspiciousOperation, MultiPartParserError) as error:
                status = 413 if isinstance(error, _TOO_LARGE) else 400
                response = plain(f"body: must be a form that can be read, {error}", status)
            response.setdefault("Cache-Control", "no-store")
            if isinstance(response, HttpResponse):
                response.setdefault("Content-Length", str(len(response.content)))
            return response

        return answer

    return decorate


def plain(content: str, status: int = 200) -> HttpResponse:
    """Text as an answer."""
    return HttpResponse(
        content.encode(errors="replace"), "text/plain; charset=utf-8", status=status
    )


def xml(content: bytes, media_type: str = "text/xml; charset=utf-8") -> HttpResponse:
    """A document as an answer."""
    return HttpResponse(content, media_type)


def see_other(address: str) -> HttpResponse:
    """The answer that what is asked for is elsewhere."""
    return HttpResponse(status=303, content_type="text/plain", headers={"Location": address})


def refusal(error: UserError | UnavailableError, *, known: bool = True) -> HttpResponse:
    """The answer to an error: what is wrong, a line each.

    What cannot be done in the phase of a job is forbidden, by the words of UWS.
    """
    found = problem_of(error, known=known)
    status = 403 if isinstance(error, ConflictError) else found.status
    response = plain(f"{error}\n", status)
    for name, value in found.headers.items():
        response[name] = value
    return response


def _asker(request: HttpRequest, by_get: bool, needs: Scope) -> User | None:
    """Who asks, found to be allowed to.

    Raises
    ------
    UserError
        It is not.
    """
    if request.method in _SAFE and not by_get:
        return permit(request, Scope.READ).user
    found = permit(request, needs, submits=needs == Scope.SUBMIT)
    if found.by_session and request.method in _SAFE:
        # A browser asks by itself, perhaps for a page that means no good.
        raise ForgeryError("authorization: must be given with GET, or use POST")
    return found.user


def _require_form(request: HttpRequest) -> None:
    """Refuse a body of which nothing can be read: a job without what it was to have."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.method == "POST" and length != "0" and not (request.POST or request.FILES):
        told = f"must be a form, {request.content_type or 'what came'} has nothing of one"
        raise ParameterError([Fault("body", told)])
