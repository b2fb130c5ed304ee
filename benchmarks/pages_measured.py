"""What `pages.py` measures on one database, in a process of its own: one line of JSON a page."""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import django

django.setup()

from django.conf import settings
from django.contrib.auth import login
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest

from hven.jobs.clock import now
from hven.jobs.models import Event, Job, Result, User
from hven.jobs.phases import TERMINAL, Phase
from hven.portal.models import Tag
from process_memory import descendants

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from service import Service

SETTINGS = json.loads(os.environ["BENCHMARK"])
#: Of forty jobs; the rest is complete.
OTHERS = {3: Phase.ERROR, 7: Phase.ABORTED, 11: Phase.QUEUED, 19: Phase.ARCHIVED, 23: Phase.QUEUED}
FILES = [f"upload:00000000-0000-0000-0000-{number:012d}" for number in range(45)]
RESULTS = (("mosaic", "main"), ("area", ""), ("preview", "preview"), ("log", "log"))
EVENTS = 12


def main() -> None:
    """Fill the database, start web processes over it and ask them for pages."""
    call_command("migrate", verbosity=0)
    user = User.objects.create_user("alice", "alice@example.org", "wonderland")
    for owner in (user, User.objects.create_user("bob", "bob@example.org", "builder")):
        fill(owner, SETTINGS["jobs"])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # As PostgreSQL itself does within a minute.
    cookie = f"{settings.SESSION_COOKIE_NAME}={session_of(user)}"
    job = Job.objects.filter(owner=user, phase=Phase.COMPLETED).first()
    connection.close()
    names = ("HVEN_", "PYTHONPATH")
    kept = {name: text for name, text in os.environ.items() if name.startswith(names)}
    data = Path(kept.pop("HVEN_DATA"))
    service = Service(data, kept, "web")
    try:
        service.start()
        for words, path in pages(job):
            measure(service, cookie, words, path)
    finally:
        # Not `remove`, which would find this process as well: it works on the same data.
        service.stop()


def pages(job: Job | None) -> Iterator[tuple[str, str]]:
    """What is asked for."""
    assert job is not None
    last = -(-SETTINGS["jobs"] // 25)
    yield "the table, newest first", "/jobs/"
    yield "its last page", f"/jobs/?page={last}"
    yield "only what failed", "/jobs/?state=failed"
    yield "only what waits or runs", "/jobs/?state=active"
    yield "of one application and tag", "/jobs/?application=echo&tag=paper"
    yield "searched by label", "/jobs/?search=field+777"
    yield "sorted by label", "/jobs/?order=label"
    yield "sorted by state", "/jobs/?order=state"
    yield "sorted by end", "/jobs/?order=-ended"
    yield "rows alone", "/jobs/rows/"
    yield "a job", f"/jobs/{job.pk}/"


def measure(service: Service, cookie: str, words: str, path: str) -> None:
    """Ask for one page many times over one connection."""
    place = urlsplit(service.url)
    line = HTTPConnection(place.hostname or "", place.port or 80, timeout=60)
    times: list[float] = []
    for number in range(SETTINGS["repeats"] + 5):
        if number == 5:  # The first ones read templates.
            times, used = [], processor_seconds(service)
        begun = time.perf_counter()
        line.request("GET", path, headers={"Cookie": cookie, "Accept-Encoding": "gzip"})
        answer = line.getresponse()
        content = answer.read()
        times.append(1000 * (time.perf_counter() - begun))
        assert answer.status == 200, (path, answer.status)
    used = 1000 * (processor_seconds(service) - used) / len(times)
    ranks = statistics.quantiles(times, n=20)
    row = [words, f"{ranks[9]:.1f}", f"{ranks[18]:.1f}", f"{used:.0f}", f"{len(content) / 1e3:.0f}"]
    print(json.dumps(row), flush=True)
    line.close()


def processor_seconds(service: Service) -> float:
    """What the service has used."""
    ticks = 0
    for process in (service.process, *descendants(service.process)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def session_of(user: User) -> str:
    """The key of a session in which somebody has logged in."""
    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, settings.AUTHENTICATION_BACKENDS[0])
    request.session.save()
    return str(request.session.session_key)


def fill(owner: User, count: int) -> None:
    """Jobs of somebody, with all that belongs to them."""
    moment = now()
    jobs = [make(owner, number, moment - timedelta(minutes=number)) for number in range(count)]
    Job.objects.bulk_create(jobs, batch_size=500)
    ended = [job for job in jobs if job.phase == Phase.COMPLETED]
    Result.objects.bulk_create(
        (
            Result(job=job, attempt=1, name=name, role=role, file=f"{job.pk}/{name}.fits",
                   help="What came of it", media_type="image/fits", bytes=10**8, sha256="0" * 64,
                   final=True, order=order)
            for job in ended for order, (name, role) in enumerate(RESULTS)
        ),
        batch_size=1000,
    )  # fmt: skip
    Event.objects.bulk_create(
        (
            Event(job=job, sequence=number + 1, kind="say", text="Projecting tiles of the sky")
            for job in jobs for number in range(EVENTS)
        ),
        batch_size=1000,
    )  # fmt: skip
    Tag.objects.bulk_create((Tag(job=job, name="paper") for job in jobs[::3]), batch_size=1000)
    Tag.objects.bulk_create(
        (Tag(job=job, name=f"run {number % 40}") for number, job in enumerate(jobs[::5])),
        batch_size=1000,
    )


def make(owner: User, number: int, moment: datetime) -> Job:
    """A job that was made some time ago."""
    phase = OTHERS.get(number % 40, Phase.COMPLETED)
    over = phase in TERMINAL
    return Job(
        owner=owner,
        application=("tiles", "echo", "echo")[number % 3],
        application_version=1,
        label=f"field {number}",
        parameters={"files": FILES, "words": "hello"},
        phase=phase.value,
        created=moment,
        queued=moment,
        started=moment if over else None,
        ended=moment + timedelta(seconds=47) if over else None,
        destruction=moment + timedelta(days=30),
        events=EVENTS,
        error_kind="fatal" if phase == Phase.ERROR else "",
        error_message="files: tile 7 has no celestial WCS" if phase == Phase.ERROR else "",
        steps_total=120,
        steps_done=120 if over else 0,
        stages=[
            {"step": f"step {n}", "text": "Project", "total": 45, "done": 45} for n in range(6)
        ],
    )


if __name__ == "__main__":
    main()
