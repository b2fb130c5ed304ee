"""What every test may ask for: real data, programs to compare with, a service's settings."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import hypothesis
import pytest

# Several folders of tests share `postgresql`.
sys.path.insert(0, str(Path(__file__).parent))
import postgresql
from programs import missing

if TYPE_CHECKING:
    from hven.jobs.configuration import Configuration
    from hven.jobs.models import User

# No test is about how fast this machine is just now.
hypothesis.settings.register_profile("hven", deadline=None)
hypothesis.settings.load_profile("hven")

_ROOT = Path(__file__).resolve().parent.parent
#: Which database the tests of jobs run on; worker processes of the tests inherit it.
_VARIABLE = "HVEN_TEST_DATABASE"
_CHOICES = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    # Read in _set_up: other conftest files need Django's settings before options are parsed.
    parser.addoption("--database", choices=_CHOICES, default="sqlite", help="database of jobs")


def _wanted_database() -> str:
    for word, after in zip(sys.argv, [*sys.argv[1:], ""], strict=True):
        if word == "--database" or word.startswith("--database="):
            os.environ[_VARIABLE] = word.partition("=")[2] or after
    return os.environ.get(_VARIABLE, "sqlite")


def _set_up() -> postgresql.Cluster | None:
    """Give Django a data folder and a database of this process's own."""
    for name in [name for name in os.environ if name.startswith("HVEN_") and name in _settings()]:
        del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="hven-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["HVEN_DATA"] = str(folder)
    server = None
    if _wanted_database() == "postgresql" and postgresql.programs():
        server = postgresql.Cluster()
        atexit.register(shutil.rmtree, server.folder, ignore_errors=True)
        os.environ["HVEN_DATABASE"] = server.url()
    os.environ["DJANGO_SETTINGS_MODULE"] = "hven.server.settings"

    from django.conf import settings

    # A file, since other threads and processes have to reach it.
    name = "hven_test" if server else str(folder / "test.sqlite3")
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django.setup()
    # A worker process of the tests would take the folder of its parent for its own.
    for name in ("DJANGO_SETTINGS_MODULE", "HVEN_DATA", "HVEN_DATABASE"):
        os.environ.pop(name, None)
    return server


def _settings() -> set[str]:
    from hven.server.settings_source import FILE_VARIABLE, fields, variable

    return {FILE_VARIABLE, *map(variable, fields())}


_SERVER = _set_up()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; a test that needs it skips where it is absent."""
    folder = _ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("wants the real data in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def require_program() -> Callable[[str, str], str]:
    """The path of a reference program; without it the test skips, or fails where all must run."""

    def find(program: str, package: str) -> str:
        path = shutil.which(program)
        if path is None:
            missing(program, package)
        return str(path)

    return find


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests out of the user's store."""
    os.environ["HVEN_STORE"] = str(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """Start the server of the tests' database, where it has one; pytest-django asks for this."""
    if _wanted_database() == "postgresql" and _SERVER is None:
        missing("initdb", postgresql.PACKAGE)
    if _SERVER:
        _SERVER.start()
    yield
    if _SERVER:
        _SERVER.remove()


@pytest.fixture
def cluster() -> Iterator[postgresql.Cluster]:
    """A PostgreSQL server of the test's own, started; it may be killed."""
    with postgresql.running() as server:
        yield server


@pytest.fixture
def configuration(settings: Any, tmp_path: Path) -> Configuration:
    """The service's settings with a data folder of the test's own; change it by `replace`."""
    found: Configuration = replace(settings.HVEN, data=tmp_path / "data", node="here")
    found.data.mkdir()
    settings.HVEN = found
    return found


@pytest.fixture
def user(db: None) -> User:
    """Alice, who owns what the test makes."""
    from hven.jobs.models import User

    return User.objects.create_user("alice", "alice@example.org", "wonderland")


@pytest.fixture
def stranger(db: None) -> User:
    """Charlie, who has nothing to do with Alice."""
    from hven.jobs.models import User

    return User.objects.create_user("charlie", "charlie@example.org", "chocolate")
