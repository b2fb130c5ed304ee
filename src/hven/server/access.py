"""Who may read a job, for what is answered without Django."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.db import close_old_connections

from hven.errors import ForbiddenError
from hven.jobs.access import readable
from hven.jobs.configuration import configuration
from hven.jobs.models import Job
from hven.jobs.patience import patient
from hven.server import asgi
from hven.web.authentication import CredentialsError, user_of
from hven.web.scopes import Scope

_THREADS = 4


class Access:
    """Looks at requests in a few threads of its own, each for some milliseconds."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="access")

    async def readable(self, scope: asgi.Scope, text: str) -> Job:
        """The job of that identifier, if who asks may read it.

        Raises
        ------
        UserError
            There is none, or it is not for who asks.
        UnavailableError, django.db.Error
            The database does not answer.
        """
        found = asgi.headers(scope)

        def look() -> Job:
            try:
                return patient(lambda: _readable(found, text))
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._threads, look)


def _readable(found: dict[str, str], text: str) -> Job:
    user = user_of(found, [Scope.READ])
    if user is None and not configuration().anonymous:
        raise CredentialsError("authorization: must be given: a token, or name and password")
    try:
        return readable(user, text)
    except ForbiddenError as error:
        if user is None:
            raise CredentialsError(str(error)) from error
        raise


async def disconnected(receive: asgi.Receive) -> None:
    """Wait until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
