"""Clients that wait or listen: what they cost, how soon they are told, how others fare meanwhile.

    python benchmarks/waiting.py [--database sqlite|postgresql|both] [--waits 500] [--streams 1000]

The service is a real one, started for this in a temporary folder; its clients are one process that
speaks HTTP by itself, so that they weigh little beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from jobs import APPLICATIONS, ROOT, service_database
from report import publish, table

sys.path.insert(0, str(ROOT / "tests"))
from service import Service

#: How many jobs the clients are spread over.
JOBS = 50
ASKED = 400


class Answer(NamedTuple):
    """What came, and when."""

    status: int
    body: str
    location: str
    seconds: float


class Client:
    """One connection."""

    def __init__(self, service: Service) -> None:
        place = urlsplit(service.url)
        self._host, self._port, self._token = place.hostname, place.port, service.token

    async def open(self) -> Client:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection(self._host, self._port)
        return self

    def send(self, method: str, path: str, form: str = "") -> None:
        """Send a request."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Authorization: Bearer {self._token}\r\nContent-Length: {len(form)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        self.writer.write(head.encode() + form.encode())

    async def answer(self) -> Answer:
        """The answer to what was sent."""
        begun = time.perf_counter()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        body = await self.reader.readexactly(int(lines.get("content-length", 0)))
        status = int(head.split()[1])
        seconds = time.perf_counter() - begun
        return Answer(status, body.decode(), lines.get("location", ""), seconds)

    async def ask(self, method: str, path: str, form: str = "") -> Answer:
        """Send a request and take its answer."""
        self.send(method, path, form)
        return await self.answer()

    async def make(self, form: str = "") -> str:
        """The path of a new job."""
        return urlsplit((await self.ask("POST", "/vo/tiles/async", form)).location).path

    def close(self) -> None:
        """Hang up."""
        self.writer.close()


def main() -> None:
    """Measure on each database."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--waits", type=int, default=500)
    parser.add_argument("--streams", type=int, default=1000)
    options = parser.parse_args()
    rows: list[list[str]] = []
    wanted = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    for database in wanted:
        with service_database(database) as address, tempfile.TemporaryDirectory() as folder:
            settings = {
                "HVEN_DATABASE": address,
                "HVEN_APPLICATIONS": "echo\ntiles",
                "HVEN_USER_WAITS": str(options.waits),
                "PYTHONPATH": str(APPLICATIONS),
                "HVEN_LOG_LEVEL": "warning",
                "HVEN_RATE_REQUESTS": "0",
            }
            service = Service(Path(folder) / "service", settings)
            try:
                service.start()
                found = asyncio.run(measure(service, options.waits, options.streams))
            finally:
                service.remove()
            rows += [[database, *row] for row in found]
    header = ("database", "what", "measured", "aim")
    load = f"Load of the machine over the last five minutes: {os.getloadavg()[1]:.1f}."
    peers = ("django", "uvicorn")
    publish("waiting", "Who waits, who listens", table(header, rows), load, peers=peers)


async def measure(service: Service, waits: int, streams: int) -> list[list[str]]:
    """The rows of one database."""
    one = await Client(service).open()
    jobs = [await one.make() for _ in range(JOBS)]
    await asked(one, jobs[0])  # Warm.
    alone = await asked(one, jobs[0])
    memory = resident(service)
    crowd = [await Client(service).open() for _ in range(waits)]
    for number, client in enumerate(crowd):
        client.send("GET", f"{jobs[number % JOBS]}?WAIT=-1")
    await asyncio.sleep(4)
    more = resident(service) - memory
    meanwhile = await asked(one, jobs[0])
    woken = await wake(one, jobs, crowd)
    for client in crowd:
        client.close()
    told = await listen(service, one, streams)
    one.close()
    return [
        ["GET /phase, nobody waits", milliseconds(alone), ""],
        [f"GET /phase, {waits} wait", milliseconds(meanwhile), "p95 below 50 ms"],
        [f"memory a client of {waits} that wait", f"{more / waits / 1000:.0f} kB", "below 100 kB"],
        [f"from the change of a phase to {waits // JOBS} answers", milliseconds(woken), "200 ms"],
        [f"from a request to its event at {streams} listeners", milliseconds(told), "all in 1 s"],
    ]


async def asked(client: Client, job: str) -> list[float]:
    """Seconds that it takes to be told a phase, one request after another."""
    return [(await client.ask("GET", f"{job}/phase")).seconds for _ in range(ASKED)]


async def wake(one: Client, jobs: list[str], crowd: list[Client]) -> list[float]:
    """Seconds from the answer that a job is aborted to those of all who wait for it."""
    found = []
    for number, job in enumerate(jobs):
        mine = [asyncio.create_task(at_end(client.answer)) for client in crowd[number :: len(jobs)]]
        await asyncio.sleep(0)
        assert (await one.ask("POST", f"{job}/phase", "PHASE=ABORT")).status == 303
        begun = time.perf_counter()
        found.append(max(await asyncio.gather(*mine)) - begun)
    return found


async def at_end(call: Callable[[], Awaitable[Answer]]) -> float:
    """When an answer has come."""
    answer = await call()
    assert answer.status == 200, answer
    assert "ABORTED" in answer.body
    return time.perf_counter()


async def listen(service: Service, one: Client, streams: int) -> list[float]:
    """Seconds from a request to run a job to its event, at each of many who listen."""
    job = await one.make("count=0")
    path = f"/api/v1/jobs/{job.rpartition('/')[2]}/stream"
    crowd = [await Client(service).open() for _ in range(streams)]
    for client in crowd:
        client.send("GET", path)
    for client in crowd:
        await client.reader.readuntil(b"id: 1\n")
    waiting = [asyncio.create_task(heard(client)) for client in crowd]
    await asyncio.sleep(1)
    begun = time.perf_counter()
    assert (await one.ask("POST", f"{job}/phase", "PHASE=RUN")).status == 303
    found = [moment - begun for moment in await asyncio.gather(*waiting)]
    for client in crowd:
        client.close()
    return found


async def heard(client: Client) -> float:
    """When the second event has come."""
    await client.reader.readuntil(b"id: 2\n")
    return time.perf_counter()


def resident(service: Service) -> int:
    """Bytes that the web processes take together, each page shared out to those that share it."""
    kib = 0
    for process in service.parts("web"):
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
        kib += int(text.partition("Pss:")[2].split()[0])
    return 1024 * kib


def milliseconds(seconds: list[float]) -> str:
    """Median, 95th percentile and largest, as text."""
    ranks = statistics.quantiles([1000 * each for each in seconds], n=20)
    return f"{ranks[9]:.1f} ms, p95 {ranks[18]:.1f} ms, most {1000 * max(seconds):.0f} ms"


if __name__ == "__main__":
    main()
