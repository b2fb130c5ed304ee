"""Telling those who follow jobs that something happened, where the database can (PostgreSQL).

An announcement may be lost, with whoever was to make it; who listens also looks by itself.
"""

from __future__ import annotations

import uuid

from django.db import Error, connection, transaction

CHANNEL = "hven_jobs"


def announce(job: uuid.UUID) -> None:
    """Tell that something happened to a job, when the running transaction has been committed.

    It is a transaction of its own, which waits for no disk: commits that notify wait for each
    other, and those that matter are to wait for the disk together.
    """
    if connection.vendor == "postgresql":
        transaction.on_commit(lambda: _notify(job))


def _notify(job: uuid.UUID) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                f"BEGIN; SET LOCAL synchronous_commit TO off; NOTIFY {CHANNEL}, '{job}'; COMMIT"
            )
    except Error:
        # What is left of the connection is of no use; whoever goes on gets another.
        connection.close()
