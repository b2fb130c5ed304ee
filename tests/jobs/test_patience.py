"""Waiting for a database that is away."""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction

import postgresql
from hven.errors import UnavailableError
from hven.jobs import patience


class Trouble:
    """Fails some times, as a lost connection does, before it succeeds."""

    def __init__(self, times: int, make: Callable[[], Exception]) -> None:
        self.calls = 0
        self._times = times
        self._make = make

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._times:
            raise self._make()
        return self.calls


def lost() -> Exception:
    error = OperationalError("server closed the connection unexpectedly")
    error.__cause__ = psycopg.OperationalError(str(error))
    return error


@pytest.mark.django_db(transaction=True)
def test_a_call_is_tried_again_until_the_database_is_back() -> None:
    trouble = Trouble(3, lost)
    assert patience.patient(trouble) == 4


@pytest.mark.django_db(transaction=True)
def test_patience_ends() -> None:
    trouble = Trouble(1000, lost)
    with pytest.raises(UnavailableError, match="does not answer") as caught:
        patience.patient(trouble, limit=0.2)
    assert 1 < trouble.calls < 10
    assert caught.value.retry_after == patience.RETRY_AFTER


@pytest.mark.django_db(transaction=True)
def test_within_a_transaction_nothing_is_tried_again() -> None:
    trouble = Trouble(1, lost)
    with pytest.raises(OperationalError), transaction.atomic():
        patience.patient(trouble)
    assert trouble.calls == 1


@pytest.mark.django_db(transaction=True)
def test_a_fault_of_the_program_is_not_tried_again() -> None:
    calls = []

    def wrong() -> None:
        calls.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT nonsense FROM nowhere")

    with pytest.raises((OperationalError, ProgrammingError)):
        patience.patient(wrong)
    assert len(calls) == 1


def test_a_locked_database_is_away_and_a_missing_table_is_not(tmp_path: Path) -> None:
    path = tmp_path / "some.sqlite3"
    with sqlite3.connect(path) as holder:
        holder.execute("CREATE TABLE some (number)")
        holder.commit()
        holder.execute("BEGIN IMMEDIATE")
        other = sqlite3.connect(path, timeout=0)
        error = translated_sqlite(other, "INSERT INTO some VALUES (1)")
        assert patience.is_away(error)
        error = translated_sqlite(other, "SELECT * FROM nothing")
        assert not patience.is_away(error)
        other.close()
    holder.close()


def test_a_full_database_is_not_away_but_full(tmp_path: Path) -> None:
    found = sqlite3.connect(tmp_path / "some.sqlite3")
    found.execute("CREATE TABLE some (content)")
    found.execute("PRAGMA max_page_count = 4")
    error = translated_sqlite(found, "INSERT INTO some VALUES (zeroblob(100000))")
    found.close()
    assert patience.is_full(error)
    assert not patience.is_away(error)
    text = patience.unavailable(error)
    assert text is not None
    assert "disk of the service is full" in str(text)


def translated_sqlite(found: sqlite3.Connection, statement: str) -> Exception:
    with pytest.raises(sqlite3.Error) as caught:
        found.execute(statement)
    error = OperationalError(str(caught.value))
    error.__cause__ = caught.value
    return error


@pytest.mark.parametrize(
    ("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_a_full_disk_is_told_from_other_errors_of_files(number: int, full: bool) -> None:
    assert patience.is_full(OSError(number, "x")) is full
    assert (patience.unavailable(OSError(number, "x")) is not None) is full


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_not_waited_for() -> None:
    trouble = Trouble(1000, lambda: OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(UnavailableError, match="full"):
        patience.patient(trouble)
    assert trouble.calls == 1


@pytest.fixture
def elsewhere(cluster: postgresql.Cluster) -> Any:
    """Point this thread's connection to a server that may be killed."""
    settings = connection.settings_dict
    if connection.vendor != "postgresql":
        pytest.skip("wants --database postgresql")
    before = settings["HOST"], settings["NAME"]
    connection.close()
    settings.update(HOST=str(cluster.folder), NAME="hven")
    yield cluster
    connection.close()
    settings.update(HOST=before[0], NAME=before[1])


@pytest.mark.django_db(transaction=True)
def test_a_killed_server_is_waited_for_until_it_is_back(elsewhere: postgresql.Cluster) -> None:
    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 42")
            return int(cursor.fetchone()[0])

    assert patience.patient(ask) == 42
    elsewhere.kill()
    with pytest.raises(OperationalError) as caught:
        ask()
    assert patience.is_away(caught.value)
    starter = threading.Thread(target=elsewhere.start)
    starter.start()
    assert patience.patient(ask, limit=30) == 42
    starter.join()


@pytest.mark.django_db(transaction=True)
def test_a_stopped_server_is_away(elsewhere: postgresql.Cluster) -> None:
    connection.ensure_connection()
    elsewhere.stop()
    with pytest.raises(OperationalError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert patience.is_away(caught.value)
    connection.close()
    with pytest.raises(OperationalError) as caught:
        patience.reach()
    assert patience.is_away(caught.value)
    elsewhere.start()
    patience.reach()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_was_lost_is_made_anew(elsewhere: postgresql.Cluster) -> None:
    patience.reach()
    elsewhere.kill()
    elsewhere.start()
    patience.reach()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        assert cursor.fetchone() == (42,)
