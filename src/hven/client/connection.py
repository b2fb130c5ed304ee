"""Requests to a service: who asks is shown, what is passing is tried again, refusals are raised."""

from __future__ import annotations

import base64
import contextlib
import random
import time
import urllib.parse
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hven.client.refusals import PASSING, refusal
from hven.errors import Fault, HvenError, ParameterError, UnavailableError, UnreachableError

if TYPE_CHECKING:
    import httpx

ROOT = "/api/v1"
#: Seconds for which what is passing is tried again.
PATIENCE = 60.0
_CONNECT_SECONDS, READ_SECONDS = 10.0, 60.0
#: Event streams send something every 15 seconds.
STREAM_SECONDS = 40.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
#: Methods whose request can be sent again when its answer was lost.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})


class Credentials(NamedTuple):
    """What shows who asks."""

    token: str = ""
    name: str = ""
    password: str = ""

    @property
    def authorization(self) -> str:
        """The header of a request; empty without credentials."""
        if self.token:
            return f"Bearer {self.token}"
        pair = base64.b64encode(f"{self.name}:{self.password}".encode()).decode()
        return f"Basic {pair}" if self.name else ""


class Connection:
    """A service, as far as HTTP goes; may be used by several threads.

    Parameters
    ----------
    url
        Where it answers, without the path of its API.
    credentials
        Who asks; empty ones ask without an account.
    patience
        Seconds for which what is passing is tried again.
    whole_address
        Whether addresses are asked for as they are: the service has another API than ours.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        patience: float = PATIENCE,
        *,
        whole_address: bool = False,
    ) -> None:
        self.url = checked_url(url)
        self.patience = patience
        self._start = "" if whole_address else ROOT
        self._authorization = credentials.authorization
        found = weakref.ref(self)
        self.http = _http_client(self.url, lambda request: _showing(found(), request))
        # Who forgets to close it leaves no open connection behind.
        weakref.finalize(self, self.http.close)

    def close(self) -> None:
        """Close all connections."""
        self.http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The document at a path of the API."""
        return document(self.ask("GET", path, params=params or None))

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        patience: float | None = None,
    ) -> httpx.Response:
        """The answer to a request, when it is no refusal.

        Parameters
        ----------
        method, path, json, params, headers
            The request; the path is one of the API, or begins with it.
        repeatable
            Whether it can be sent again when its answer was lost; None is what its method says.
        patience
            Seconds for which what is passing is tried again; None is that of the connection.

        Raises
        ------
        UserError
            It was refused; with all faults.
        UnavailableError, UnreachableError
            Passing trouble that did not pass in time.
        ServiceError
            The service failed, or it is no Hven.
        """
        again = method in _REPEATABLE if repeatable is None else repeatable
        pauses = Pauses(self.patience if patience is None else patience)
        while True:
            try:
                response = self.http.request(
                    method, self.address(path), json=json, params=params, headers=headers
                )
            except transport_errors() as error:
                pauses.after(self.unreachable(error), again=again or never_sent(error))
                continue
            if response.is_success:
                return response
            trouble = refusal(response)
            # What is refused for its rate was not done; behind 503 there may be more.
            passing = response.status_code in PASSING and (again or response.status_code == 429)
            pauses.after(trouble, again=passing)

    @contextlib.contextmanager
    def stream(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: Any = None,
        read_seconds: float = READ_SECONDS,
    ) -> Iterator[httpx.Response]:
        """The answer to one request, its body not yet read; tried once.

        Raises
        ------
        UnreachableError
            The connection could not be made or broke, also while the body is read inside.
        """
        timeout = self.timeout(read_seconds)
        try:
            with self.http.stream(
                method, self.address(path), headers=headers, content=content, timeout=timeout
            ) as response:
                if not response.is_success and response.status_code not in (304, 416):
                    response.read()
                    raise refusal(response)
                yield response
        except transport_errors() as error:
            raise self.unreachable(error) from error

    def address(self, path: str) -> str:
        """The absolute address of a path of the API."""
        return f"{self.url}{self._start}{path}" if self._start else path

    @staticmethod
    def timeout(read_seconds: float) -> httpx.Timeout:
        """How long is waited for an answer, or the next piece of it."""
        import httpx

        return httpx.Timeout(READ_SECONDS, connect=_CONNECT_SECONDS, read=read_seconds)

    def moved(self, response: httpx.Response) -> None:
        """Ask from now on where a redirect led: a POST is never sent through one."""
        self.url = str(response.url).partition(ROOT)[0]

    def authorization(self, url: str) -> str:
        """What shows who asks; nothing where the address is not the service's own."""
        return self._authorization if _origin(url) == _origin(self.url) else ""

    def unreachable(self, error: Exception) -> UnreachableError:
        """What to tell of a connection that failed."""
        reason = str(error) or type(error).__name__
        found = UnreachableError(f"service: {self.url} does not answer ({reason})")
        found.__cause__ = error
        return found


class Pauses:
    """Pauses that grow, between tries of the same, until there is no patience left.

    Parameters
    ----------
    patience
        Seconds after which the next trouble is raised.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._pause = _FIRST_PAUSE
        self._deadline = time.monotonic() + patience

    def after(self, trouble: HvenError, *, again: bool = True, until: float | None = None) -> None:
        """Pause, or raise the trouble where it does not pass or lasts too long.

        Parameters
        ----------
        trouble
            What went wrong.
        again
            Whether it can be tried again.
        until
            When to be back at the latest, on the monotonic clock; None is whenever.
        """
        pause = self._pause * random.uniform(0.8, 1.2)
        if isinstance(trouble, UnavailableError):
            pause = max(pause, trouble.retry_after)
        if not again or time.monotonic() + pause > self._deadline:
            raise trouble
        if until is not None:
            pause = min(pause, max(0.0, until - time.monotonic()))
        time.sleep(pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def reset(self) -> None:
        """Begin anew: there was progress."""
        self._pause = _FIRST_PAUSE
        self._deadline = time.monotonic() + self._patience


def document(response: httpx.Response) -> Any:
    """The JSON of an answer.

    Raises
    ------
    ServiceError
        It has none: something else than a Hven answers.
    """
    if "json" in response.headers.get("Content-Type", ""):
        with contextlib.suppress(ValueError):
            return response.json()
    raise refusal(response)


def checked_url(url: str) -> str:
    """The address of a service without what may be behind it; `host:port` is http.

    Raises
    ------
    ParameterError
        It is none.
    """
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    parts = urllib.parse.urlsplit(text)
    path = parts.path.partition(ROOT)[0].rstrip("/")
    try:
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in parts.netloc:
        told = f"must be an address such as https://hven.example.org, got '{url}'"
        raise ParameterError([Fault("service", told)])
    return f"{parts.scheme}://{parts.netloc}{path}"


def never_sent(error: Exception) -> bool:
    """Whether the request cannot have reached the service."""
    import httpx

    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


def transport_errors() -> type[Exception]:
    """What a connection that fails raises."""
    import httpx

    return httpx.RequestError


def _showing(connection: Connection | None, request: httpx.Request) -> httpx.Request:
    shown = connection.authorization(str(request.url)) if connection is not None else ""
    if shown:
        request.headers["Authorization"] = shown
    return request


def _http_client(url: str, shown: Callable[[httpx.Request], httpx.Request]) -> httpx.Client:
    # Imported only where a service is spoken to: it takes longer than all the rest.
    import httpx

    return httpx.Client(
        headers={"User-Agent": "hven-client", "Accept": "application/json, */*;q=0.5"},
        auth=shown,
        timeout=httpx.Timeout(READ_SECONDS, connect=_CONNECT_SECONDS),
        follow_redirects=True,
        # A proxy of the environment is for the world outside, not for this machine.
        trust_env=urllib.parse.urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"),
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urllib.parse.urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or usual
