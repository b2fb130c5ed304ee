"""What an administrator can set: one record, each setting declared once.

`hven.server.settings_source` reads it from the environment and a TOML file; everything below the
server finds it as `django.conf.settings.HVEN`, through `configuration()`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from django.conf import settings

from hven.declare import Param

_GIB = 2**30


@dataclass(frozen=True)
class Configuration:
    """All settings of a service."""

    data: Annotated[
        Path, Param("Folder of the database, the jobs' files, uploads, kept products and logs")
    ] = Path("~/.local/share/hven")
    database: Annotated[
        str,
        Param(
            "Where jobs are kept: `sqlite` is a file in the data folder, `sqlite:PATH` another",
            example="postgresql://hven:secret@localhost/hven",
        ),
    ] = "sqlite"
    store: Annotated[
        str | None,
        Param(
            "Folder or URL of kept products", placeholder="the folder `store` in the data folder"
        ),
    ] = None
    host: Annotated[str, Param("Address on which the service listens")] = "127.0.0.1"
    port: Annotated[int, Param("Port on which the service listens", low=0, high=65535)] = 8642
    url: Annotated[
        str | None,
        Param(
            "Address under which clients reach the service, where a proxy stands in front",
            example="https://hven.example.org",
        ),
    ] = None
    secret_key: Annotated[
        str | None,
        Param(
            "What signs sessions and links",
            placeholder="made on first use and kept in the data folder",
        ),
    ] = None
    node: Annotated[str, Param("Name of this machine among those that run jobs")] = (
        os.uname().nodename
    )
    web_processes: Annotated[int, Param("Web server processes", low=1, high=64)] = 2
    web_threads: Annotated[int, Param("Requests a web process answers at a time", low=1)] = 8
    slots: Annotated[int, Param("Jobs that run at a time on this machine", low=1)] = max(
        2, os.cpu_count() or 1
    )
    workers: Annotated[
        int | None, Param("Processes a job may use", low=1, placeholder="one a processor")
    ] = None
    executor: Annotated[str, Param("Where steps run", example="dask:tls://scheduler:8786")] = (
        "local"
    )
    lease_seconds: Annotated[
        float, Param("How long a job may go unheard of before another driver takes it", low=1)
    ] = 30.0
    retries: Annotated[
        int,
        Param("How often a job is tried again by itself when no step was finished", low=0, high=20),
    ] = 3
    retry_seconds: Annotated[
        float, Param("Pause before the first such try; each further one is twice as long", low=0)
    ] = 2.0
    job_memory: Annotated[
        int | None,
        Param(
            "Bytes that a job may take at first", low=2**26, placeholder="half of this machine's"
        ),
    ] = None
    duration_limit: Annotated[
        int, Param("Longest time in seconds a job may run; 0 is without limit", low=0)
    ] = 0
    retention_days: Annotated[
        float, Param("How long results are kept unless the user says otherwise", low=0.0001)
    ] = 30.0
    longest_retention_days: Annotated[
        float, Param("How long a user can have results kept", low=0.0001)
    ] = 365.0
    keep_products_hours: Annotated[
        float, Param("How long kept products stay that no job stands on any more", low=0)
    ] = 24.0
    user_jobs: Annotated[
        int, Param("Jobs of a user that have not ended, at most; 0 is without limit", low=0)
    ] = 0
    user_bytes: Annotated[
        int, Param("Bytes of results and uploads of a user, at most; 0 is without limit", low=0)
    ] = 0
    upload_bytes: Annotated[int, Param("Largest upload in bytes", low=1)] = 64 * _GIB
    fetch_from: Annotated[
        list[str],
        Param(
            "Hosts from which inputs are fetched that are named by an address",
            example="*.example.org",
            placeholder="none: nothing is fetched",
        ),
    ] = ()  # type: ignore[assignment]
    fetch_bytes: Annotated[
        int | None,
        Param("Largest input that is fetched, in bytes", low=1, placeholder="`upload_bytes`"),
    ] = None
    fetch_seconds: Annotated[
        float, Param("How long the fetching of one input may take", unit="s", low=1)
    ] = 21600.0
    fetch_silence: Annotated[
        float,
        Param("How long a server may send nothing before it is given up", unit="s", low=0.1),
    ] = 30.0
    disk_reserve: Annotated[
        int, Param("Free bytes below which no job is taken and none is begun", low=0)
    ] = _GIB
    mail_server: Annotated[
        str | None,
        Param(
            "Where mails are handed in; the password may stand in the address",
            placeholder="mails are written into the folder `mail` in the data folder",
            example="smtp://user:secret@mail.example.org:587",
        ),
    ] = None
    mail_from: Annotated[str, Param("Sender of mails")] = "hven@localhost"
    registration: Annotated[
        Literal["open", "domain", "invitation", "closed"],
        Param("Who may register: anybody, mail addresses of `registration_domains`, or invited"),
    ] = "open"
    registration_domains: Annotated[
        list[str], Param("Ends of the mail addresses that may register", example="example.org")
    ] = ()  # type: ignore[assignment]
    sync_seconds: Annotated[
        float, Param("How long a job of `/vo/APPLICATION/sync` is waited for", unit="s", low=1)
    ] = 300.0
    user_waits: Annotated[
        int,
        Param("Requests of a user that a web process keeps waiting for a job (WAIT of UWS)", low=1),
    ] = 10
    anonymous: Annotated[bool, Param("Whether jobs can be run without an account")] = False
    rate_requests: Annotated[
        int,
        Param(
            "Requests a minute that a user may make, or an address where nobody has to say who it "
            "is; 0 is without limit",
            low=0,
            high=10**6,
        ),
    ] = 12_000
    rate_submissions: Annotated[
        int,
        Param("Jobs a minute that a user may submit; 0 is without limit", low=0, high=10**6),
    ] = 6_000
    rate_logins: Annotated[
        int,
        Param(
            "Wrong passwords for a name in five minutes, before the next one has to wait; ten "
            "times as many from one address; 0 is without limit",
            low=0,
            high=10**6,
        ),
    ] = 10
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Param("What the service's log tells")
    ] = "info"
    applications: Annotated[
        list[str], Param("Names of the applications that are offered", placeholder="all installed")
    ] = ()  # type: ignore[assignment]

    @property
    def jobs_folder(self) -> Path:
        """A folder a job: `jobs_folder / JOB / attempt-N`."""
        return self.data / "jobs"

    @property
    def uploads_folder(self) -> Path:
        """Uploaded files, each under its id."""
        return self.data / "uploads"

    @property
    def run_folder(self) -> Path:
        """Sockets and locks of running parts."""
        return self.data / "run"

    @property
    def logs_folder(self) -> Path:
        """The service's own logs."""
        return self.data / "logs"

    @property
    def store_location(self) -> str:
        """The folder or URL of kept products."""
        return self.store or str(self.data / "store")

    @property
    def fetched_bytes(self) -> int:
        """Bytes that an input may have that is fetched; it becomes an upload."""
        return min(self.fetch_bytes or self.upload_bytes, self.upload_bytes)

    @property
    def first_memory(self) -> int:
        """What a job may take at first, in bytes."""
        return self.job_memory or machine_memory() // 2


def configuration() -> Configuration:
    """The settings of this service."""
    found: Configuration = settings.HVEN
    return found


def machine_memory() -> int:
    """This machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
