"""Jobs: how fast they are taken in, listed, claimed and run, on both databases.

    python benchmarks/jobs.py [--database sqlite|postgresql|both] [--jobs 10000]

The service is a real one, started for this in a temporary folder; PostgreSQL is a server of the
benchmark's own, with fsync as in real use.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from report import publish, table

ROOT = Path(__file__).resolve().parent.parent
APPLICATIONS = ROOT / "tests" / "service_applications"
#: What is aimed at, printed beside what was reached.
AIMS = {
    "submit": "200 a second (PostgreSQL)",
    "list": "below 50 ms",
    "latency": "median below 150 ms",
    "claims": "none taken twice",
}


def main() -> None:
    """Measure one database in this process, or each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--jobs", type=int, default=10_000, help="how many are queued at once")
    parser.add_argument("--rows", type=int, default=100_000, help="jobs in the table for lists")
    options = parser.parse_args()
    asked = {"jobs": options.jobs, "rows": options.rows}
    rows = [
        [database, name, figure, AIMS.get(aim, "")]
        for database, (name, aim, figure) in on_databases(
            options.database, "jobs_measured.py", asked, HVEN_APPLICATIONS="echo\ntiles"
        )
    ]
    header = ("database", "what", "measured", "aim")
    publish("jobs", "Jobs: taken in, listed, claimed, run", table(header, rows), peers=("django",))


def on_databases(
    wanted: str, program: str, asked: Mapping[str, Any], **settings: str
) -> Iterator[tuple[str, list[str]]]:
    """What a program measures on each database, line by line, in a process and folder of its own.

    Parameters
    ----------
    wanted
        `sqlite`, `postgresql` or `both`.
    program
        File beside this one; prints a list as JSON a line.
    asked
        What it finds as JSON in the variable `BENCHMARK`.
    **settings
        Of the service, as variables.
    """
    for database in ("sqlite", "postgresql") if wanted == "both" else (wanted,):
        with service_database(database) as address, tempfile.TemporaryDirectory() as folder:
            environment = {
                **os.environ,
                "HVEN_DATA": folder,
                "HVEN_DATABASE": address,
                "PYTHONPATH": str(APPLICATIONS),
                "DJANGO_SETTINGS_MODULE": "hven.server.settings",
                "BENCHMARK": json.dumps(asked),
                **settings,
            }
            command = [sys.executable, str(Path(__file__).with_name(program))]
            found = subprocess.run(
                command, env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            for line in found.stdout.splitlines():
                figures = json.loads(line)
                print(database, *figures, sep=" | ", flush=True)
                yield database, figures


@contextmanager
def service_database(kind: str) -> Iterator[str]:
    """The address of an empty database."""
    if kind == "sqlite":
        yield "sqlite"
        return
    sys.path.insert(0, str(ROOT / "tests"))
    from postgresql import Cluster

    server = Cluster(durable=True)
    server.start()
    try:
        yield server.url()
    finally:
        server.remove()


if __name__ == "__main__":
    main()
