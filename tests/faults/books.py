"""What a service's database says, read past the service."""

from __future__ import annotations

import json
import sqlite3
import uuid
from contextlib import closing
from typing import Any

import psycopg
from psycopg.rows import dict_row

import postgresql
from service import Service

Row = dict[str, Any]


class Books:
    """The tables of a service.

    Parameters
    ----------
    service
        Whose.
    server
        Where they are; None is the file in its data folder.
    """

    def __init__(self, service: Service, server: postgresql.Cluster | None) -> None:
        self._service = service
        self._server = server

    def jobs(self) -> dict[str, Row]:
        """All jobs by id."""
        return {row["id"]: row for row in self.rows("SELECT * FROM jobs_job")}

    def of_jobs(self, table: str, order: str) -> dict[str, list[Row]]:
        """The rows of a table that belong to jobs, by the id of the job, in order."""
        found: dict[str, list[Row]] = {}
        for row in self.rows(f"SELECT * FROM jobs_{table} ORDER BY job_id, {order}"):
            found.setdefault(row["job_id"], []).append(row)
        return found

    def driver(self, job: str) -> int:
        """The process that drives a job now; 0 while there is none."""
        query = "SELECT process, job_id FROM jobs_attempt WHERE ended IS NULL"
        return next((row["process"] for row in self.rows(query) if row["job_id"] == job), 0)

    def damage(self) -> list[str]:
        """What the database finds wrong with itself."""
        if self._server is not None:
            return []  # Checked by PostgreSQL itself as it starts again.
        found = [row["integrity_check"] for row in self.rows("PRAGMA integrity_check")]
        return [text for text in found if text != "ok"]

    def rows(self, query: str) -> list[Row]:
        """What a query gives; ids as text, documents as they are."""
        if self._server is not None:
            with psycopg.connect(self._server.url(), row_factory=dict_row) as connection:
                found: list[Row] = connection.execute(query).fetchall()
        else:
            path = self._service.data / "hven.sqlite3"
            with closing(sqlite3.connect(path, timeout=30)) as file:
                file.row_factory = sqlite3.Row
                found = [dict(row) for row in file.execute(query)]
        return [{name: _plain(name, value) for name, value in row.items()} for row in found]


def _plain(name: str, value: Any) -> Any:
    if name in ("id", "job_id") and value is not None and not isinstance(value, int):
        return str(uuid.UUID(str(value)))
    if name in ("data", "parameters", "stages") and isinstance(value, str):
        return json.loads(value)
    return value
