"""What `jobs.py` measures on one database, in a process of its own: one line of JSON a figure."""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command
from django.db import connection, connections

from hven.jobs.clock import now
from hven.jobs.models import Event, Job, User
from hven.jobs.phases import Phase
from hven.jobs.queue import claim_next, position
from hven.jobs.submission import Submission, submit

SETTINGS = json.loads(os.environ["BENCHMARK"])
DISPATCHERS, CLAIMED, LATENCIES, POSTS = 8, 2000, 60, 2000


def main() -> None:
    """Measure one after another; each leaves an empty queue."""
    call_command("migrate", verbosity=0)
    user = User.objects.create_superuser("alice", "alice@example.org", "wonderland")
    submission(user)
    claims(user)
    latency(user)
    lists(user)


def tell(name: str, figure: str, aim: str = "") -> None:
    """Print one figure."""
    print(json.dumps([name, aim, figure]), flush=True)


def submission(user: User) -> None:
    """`submit` in one process, as many at once as are asked for, all queued."""
    count = SETTINGS["jobs"]
    wish = Submission("echo", {"words": "hello"})
    begun = time.perf_counter()
    for _ in range(count):
        submit(user, wish)
    seconds = time.perf_counter() - begun
    tell(
        f"submit, {count:,} jobs queued at once, one process",
        f"{count / seconds:.0f} a second",
        "submit",
    )
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        assert claim_next("here", f"w{len(times)}", lease_seconds=30)
        times.append(time.perf_counter() - begun)
    tell(f"claim, {count:,} queued", f"{milliseconds(times)}")
    job = Job.objects.filter(phase=Phase.QUEUED).latest("queued")
    begun = time.perf_counter()
    place = position(job)
    tell(
        f"position in the queue of the last ({place.number})",
        f"{1000 * (time.perf_counter() - begun):.1f} ms",
    )
    empty()


def claims(user: User) -> None:
    """Eight dispatchers that take all there is, as fast as they can."""
    for _ in range(CLAIMED):
        submit(user, Submission("echo", {}))
    connections.close_all()
    context = multiprocessing.get_context("fork")
    taken = context.Queue()
    processes = [
        context.Process(target=take, args=(number, taken)) for number in range(DISPATCHERS)
    ]
    begun = time.perf_counter()
    for process in processes:
        process.start()
    lists = [taken.get() for _ in processes]
    seconds = time.perf_counter() - begun
    for process in processes:
        process.join()
    ids = [job for found in lists for job in found]
    twice = len(ids) - len(set(ids))
    tell(
        f"{DISPATCHERS} dispatchers on {CLAIMED:,} jobs",
        f"{len(set(ids)):,} taken, {twice} twice, {CLAIMED / seconds:.0f} a second",
        "claims",
    )
    empty()


def take(number: int, taken: Any) -> None:
    """Claim until there is nothing left."""
    found = []
    while (
        job := claim_next(f"node{number}", f"w{number}-{len(found)}", lease_seconds=30)
    ) is not None:
        found.append(str(job.pk))
    taken.put(found)


def latency(user: User) -> None:
    """An idle service: from the request to COMPLETED; then many requests at a time."""
    from hven.web.tokens import make

    secret = make(user, "benchmark").secret
    with service() as url:
        post(url, secret)  # The first one brings connections up.
        took, seen = [], []
        for _ in range(LATENCIES):
            time.sleep(0.1)
            begun = time.perf_counter()
            job = Job.objects.get(pk=post(url, secret))
            while job.phase not in (Phase.COMPLETED, Phase.ERROR):
                time.sleep(0.002)
                job.refresh_from_db()
            assert job.phase == Phase.COMPLETED, job.error
            seen.append(time.perf_counter() - begun)
            assert job.ended
            took.append((job.ended - job.created).total_seconds())
        tell("submit to COMPLETED, idle service, by the job's times", milliseconds(took), "latency")
        tell(
            "the same, by the client's clock from before its request", milliseconds(seen), "latency"
        )
    with service("HVEN_SLOTS=1") as url:
        # Nothing is begun meanwhile: taking in is measured, not running.
        later = (now() + timedelta(days=7)).isoformat()
        begun = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: post(url, secret, not_before=later), range(POSTS)))
        seconds = time.perf_counter() - begun
        tell(
            f"POST of {POSTS:,} jobs by 8 clients, two web processes",
            f"{POSTS / seconds:.0f} a second",
            "submit",
        )
    empty()


def lists(user: User) -> None:
    """The newest hundred of very many, by the API."""
    count, moment = SETTINGS["rows"], now()
    Job.objects.bulk_create(
        (
            Job(
                application="echo",
                application_version=1,
                owner=user,
                parameters={"words": "hello"},
                phase=Phase.COMPLETED,
                created=moment - timedelta(seconds=number),
                queued=moment,
                started=moment,
                ended=moment,
                destruction=moment + timedelta(days=30),
            )
            for number in range(count)
        ),
        batch_size=1000,
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    from hven.web.tokens import make

    secret = make(user, "lists").secret
    with service() as url:
        times = []
        for _ in range(60):
            begun = time.perf_counter()
            answer = ask(f"{url}/api/v1/jobs?limit=100", secret)
            times.append(time.perf_counter() - begun)
            assert len(answer["jobs"]) == 100
        tell(f"GET of the newest 100 of {count:,} jobs", milliseconds(times[10:]), "list")


@contextmanager
def service(*more: str) -> Iterator[str]:
    """`hven serve` on a free port; gives its address."""
    environment = {**os.environ, "HVEN_PORT": "0", **dict(word.split("=") for word in more)}
    process = subprocess.Popen(
        [Path(sys.executable).with_name("hven"), "serve"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout
    try:
        for line in process.stdout:
            if " answers at " in line:
                time.sleep(4)  # The dispatcher imports the applications.
                yield line.split()[-1]
                break
    finally:
        process.terminate()
        process.communicate()


def post(url: str, secret: str, **more: Any) -> str:
    """Submit a job; gives its id."""
    request = {"application": "echo", "parameters": {"words": "hello"}, **more}
    answer = ask(f"{url}/api/v1/jobs", secret, json.dumps(request).encode())
    return str(answer["id"])


def ask(url: str, secret: str, content: bytes | None = None) -> Any:
    """One request."""
    request = urllib.request.Request(url, content)
    request.add_header("Authorization", f"Bearer {secret}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def milliseconds(seconds: list[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(1000 * second for second in seconds)
    return f"{statistics.median(ordered):.1f} ms, p95 {ordered[int(0.95 * len(ordered))]:.1f} ms"


def empty() -> None:
    """Remove all jobs."""
    Event.objects.all().delete()
    Job.objects.all().delete()
    for path in Path(os.environ["HVEN_DATA"]).glob("jobs/*"):
        subprocess.run(["rm", "-rf", str(path)], check=True)


if __name__ == "__main__":
    main()
