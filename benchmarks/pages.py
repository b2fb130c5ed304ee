"""Pages: how long the server takes for the table of 10,000 jobs, and for one of them.

    python benchmarks/pages.py [--database sqlite|postgresql|both] [--jobs 10000]

The web processes are real ones, started for this over a database that is filled first: so many jobs
of who asks and as many of another, with parameters, results, tags and events.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from jobs import APPLICATIONS, service_database
from report import publish, table


def main() -> None:
    """Measure on each database, in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=40)
    options = parser.parse_args()
    rows: list[list[str]] = []
    wanted = ["sqlite", "postgresql"] if options.database == "both" else [options.database]
    for database in wanted:
        with service_database(database) as address, tempfile.TemporaryDirectory() as folder:
            environment = {
                **os.environ,
                "HVEN_DATA": folder,
                "HVEN_DATABASE": address,
                "HVEN_APPLICATIONS": "echo\ntiles",
                "HVEN_RATE_REQUESTS": "0",
                "HVEN_WEB_PROCESSES": "1",
                "PYTHONPATH": str(APPLICATIONS),
                "DJANGO_SETTINGS_MODULE": "hven.server.settings",
                "BENCHMARK": json.dumps({"jobs": options.jobs, "repeats": options.repeats}),
            }
            command = [sys.executable, str(Path(__file__).with_name("pages_measured.py"))]
            found = subprocess.run(
                command, env=environment, check=True, stdout=subprocess.PIPE, text=True
            )
            for line in found.stdout.splitlines():
                rows.append([database, *json.loads(line)])
                print(*rows[-1], sep=" | ", flush=True)
    header = ("database", "page", "wall ms, median", "p95", "CPU ms of the web process", "kB")
    load = f"Load of the machine over the last five minutes: {os.getloadavg()[1]:.1f}."
    title = f"Pages over {options.jobs:,} jobs of one user"
    publish("pages", title, table(header, rows), load, peers=("django",))


if __name__ == "__main__":
    main()
