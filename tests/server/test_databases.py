"""The databases a service can stand on."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import psycopg
import pytest
from django.db import connection

import postgresql
from hven.errors import ParameterError
from hven.jobs.configuration import Configuration
from hven.server.databases import database


def test_sqlite_is_a_file_in_the_data_folder(configuration: Configuration) -> None:
    assert database(replace(configuration, database="sqlite"))["NAME"] == str(
        configuration.data / "hven.sqlite3"
    )


def test_an_address_of_postgresql_may_escape_what_it_holds(configuration: Configuration) -> None:
    folder = quote("/run/Some Folder", safe="")
    address = f"postgresql://o%40me:p%2Fw@{folder}:5433/jobs"
    found = database(replace(configuration, database=address))
    names = ("USER", "PASSWORD", "HOST", "PORT", "NAME")
    assert [found[name] for name in names] == ["o@me", "p/w", "/run/Some Folder", "5433", "jobs"]


@pytest.mark.parametrize(
    ("place", "host", "port"),
    [("", "", ""), ("db.example.org", "db.example.org", ""), ("[::1]:5433", "::1", "5433")],
)
def test_the_server_of_an_address_is_found(
    configuration: Configuration, place: str, host: str, port: str
) -> None:
    found = database(replace(configuration, database=f"postgresql://{place}/hven"))
    assert (found["HOST"], found["PORT"]) == (host, port)


@pytest.mark.parametrize("address", ["mysql://localhost/hven", "postgresql://localhost", "oracle"])
def test_another_database_is_refused_without_showing_its_password(
    configuration: Configuration, address: str
) -> None:
    with pytest.raises(ParameterError, match="database: must be sqlite or postgresql://USER"):
        database(replace(configuration, database=address))


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_survives_the_loss_of_power() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA synchronous")
            assert cursor.fetchone() == (2,)
            cursor.execute("PRAGMA journal_mode")
            assert cursor.fetchone() == ("wal",)
        else:
            cursor.execute("SHOW synchronous_commit")
            assert cursor.fetchone() == ("on",)


def test_a_killed_server_comes_back_with_what_was_committed(cluster: postgresql.Cluster) -> None:
    with psycopg.connect(cluster.url()) as found:
        found.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        found.commit()
        cluster.kill()
        with pytest.raises(psycopg.OperationalError):
            found.execute("SELECT 1")
    cluster.start()
    with psycopg.connect(cluster.url()) as found:
        assert found.execute("SELECT answer FROM kept").fetchone() == (42,)
