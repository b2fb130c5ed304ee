"""A Hven somewhere, as an object: its applications are functions, its jobs can be followed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from hven.client.connection import PATIENCE, Connection, document
from hven.client.credentials import credentials_for
from hven.client.datasets import Datasets
from hven.client.job import Job
from hven.client.listing import JobList
from hven.client.remote import RemoteApplication
from hven.client.telling import Listener, nobody
from hven.client.upload import send_all
from hven.client.uploads import Upload
from hven.client.versions import require_like_ours
from hven.errors import ForbiddenError, MissingError, ServiceError, UserError
from hven.progress.display import display

#: A service that does not answer the first request within this is told of at once.
_GREETING_SECONDS = 3.0


class Usage(NamedTuple):
    """What an account has at a service, and may have; a limit of None is none."""

    user: str
    administrator: bool
    #: Number of jobs by phase.
    jobs: Mapping[str, int]
    active_jobs: int
    active_jobs_limit: int | None
    result_bytes: int
    upload_bytes: int
    bytes_limit: int | None


class Service:
    """A Hven that runs somewhere.

    Each application that it offers is a method, with signature, help and completion:
    `service.mosaic(images=["a.fits", "b.fits"], pixel_scale=1)` sends the files and gives a `Job`.

    Parameters
    ----------
    url
        Where it answers, as `https://hven.example.org`.
    token
        Who asks. None is what `hven login` keeps for this service, or `$HVEN_TOKEN`.
    name, password
        Who asks, instead of a token.
    patience
        Seconds for which passing trouble, such as a service that is being started, is waited for.

    Raises
    ------
    UnreachableError
        Nobody answers there.
    ServiceError
        Who answers there is no Hven, or one of another version.
    CredentialsError
        The token, or name and password, are wrong.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        name: str | None = None,
        password: str | None = None,
        patience: float = PATIENCE,
    ) -> None:
        credentials = credentials_for(url, token, name, password)
        self.connection = Connection(url, credentials, patience)
        try:
            #: Its version.
            self.version = self._greet()
            if any(credentials):
                self._check_credentials()
        except BaseException:
            self.connection.close()
            raise

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.connection.url

    @cached_property
    def applications(self) -> Mapping[str, RemoteApplication]:
        """What it offers, by name; asked for once."""
        found = self.connection.get("/applications")["applications"]
        return {each["name"]: RemoteApplication(self, each) for each in found}

    @property
    def datasets(self) -> Datasets:
        """Collections of files at the service that can be taken as inputs, by name."""
        return Datasets(self.connection)

    @property
    def usage(self) -> Usage:
        """What one has, and may have."""
        found = self.connection.get("/usage")
        return Usage(**{name: found[name] for name in Usage._fields})

    def submit(
        self,
        application: str,
        parameters: Mapping[str, Any],
        *,
        run: bool = True,
        progress: bool = False,
        **wishes: Any,
    ) -> Job:
        """Make a job, whatever the application.

        Parameters
        ----------
        application
            Its name.
        parameters
            As the application's function takes them.
        run
            Whether it is queued at once; else it stays PENDING until `Job.run`.
        progress
            Whether the sending of files is shown.
        **wishes
            More of the job: label, lane, fresh, not_before, destruction, execution_duration,
            mail_to, mail_on, memory_bytes; as the API takes them.

        Raises
        ------
        ParameterError, InputError
            With all faults of the request at once, as a run on this machine.
        """
        with display(shown=progress) as listener:
            given = self._application(application).prepared(parameters, listener)
        return self.make(application, given, run=run, **wishes)

    def make(self, application: str, parameters: Mapping[str, Any], **wishes: Any) -> Job:
        """Make a job of parameters as JSON has them; files are references."""
        wish = {"application": application, "parameters": dict(parameters)}
        wish |= {name: _json(value) for name, value in wishes.items()}
        # With the key the same request can be sent again when its answer was lost.
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self.connection.ask("POST", "/jobs", json=wish, headers=key, repeatable=True)
        return Job(self, document(answer))

    def job(self, job: str) -> Job:
        """The job of that id.

        Raises
        ------
        MissingError, ForbiddenError
            There is none, or it is another's.
        """
        name = str(job).rstrip("/").rpartition("/")[2]
        return Job(self, self.connection.get(f"/jobs/{name}"))

    def jobs(
        self,
        *,
        phase: str | Sequence[str] = (),
        application: str = "",
        everybody: bool = False,
    ) -> JobList:
        """One's jobs, newest first; pages of the list are asked for as they are needed.

        Parameters
        ----------
        phase
            Only those in this phase, or in one of these.
        application
            Only those of this application.
        everybody
            Those of others as well; for administrators.
        """
        phases = [phase] if isinstance(phase, str) else list(phase)
        filters: dict[str, Any] = {"phase": [each.upper() for each in phases if each]}
        if application:
            filters["application"] = application
        if everybody:
            filters["everybody"] = "true"
        return JobList(self, filters)

    def upload(
        self, path: str | Path, name: str | None = None, *, progress: bool = False
    ) -> Upload:
        """Send a file, unless the service has it already; it can be an input of many jobs.

        Parameters
        ----------
        path
            Where it lies.
        name
            What it is to be called; None is its own name.
        progress
            Whether it is shown how much has come.

        Notes
        -----
        A sending that broke off, also in an earlier process, is gone on with; in the end the
        digests are compared.
        """
        with display(shown=progress) as listener:
            found = send_all(self.connection, [Path(path).expanduser()], listener, name)
        return Upload(self.connection, found[0])

    def uploads(self) -> list[Upload]:
        """The files that one has sent, newest first."""
        found = self.connection.get("/uploads")["uploads"]
        return [Upload(self.connection, each) for each in found]

    def send(self, files: Sequence[Path], tell: Listener = nobody) -> list[str]:
        """Send files, and give their references."""
        return [str(found["reference"]) for found in send_all(self.connection, files, tell)]

    def close(self) -> None:
        """Close all connections; jobs go on."""
        self.connection.close()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self.applications:
            return self.applications[name].function
        known = ", ".join(self.applications) if not name.startswith("_") else ""
        hint = f"; its applications are {known}" if known else ""
        raise AttributeError(f"'Service' has no attribute '{name}'{hint}", name=name, obj=self)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.applications})

    def __repr__(self) -> str:
        return f"<Hven {self.version} at {self.url}: {', '.join(self.applications)}>"

    def _application(self, name: str) -> RemoteApplication:
        if name not in self.applications:
            known = ", ".join(self.applications) or "(none)"
            raise MissingError(f"application: must be one of {known}, got '{name}'")
        return self.applications[name]

    def _greet(self) -> str:
        patience = min(_GREETING_SECONDS, self.connection.patience)
        try:
            answer = self.connection.ask("GET", "/health", patience=patience)
        except UserError as error:
            told = f"must be the address of a Hven, {self.url} answers: {error}"
            raise ServiceError(f"service: {told}") from error
        found = document(answer)
        if not (isinstance(found, dict) and isinstance(found.get("version"), str)):
            told = f"must be the address of a Hven, {answer.url} answers something else"
            raise ServiceError(f"service: {told}")
        self.connection.moved(answer)
        require_like_ours(found["version"], self.url)
        return str(found["version"])

    def _check_credentials(self) -> None:
        try:
            self.connection.get("/usage")
        except ForbiddenError:
            # A token that is for other things than this one is a right one.
            return


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
