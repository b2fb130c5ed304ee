"""What every test may ask for: real data, programs to compare with."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_REQUIRE_ALL = os.environ.get("HVEN_REQUIRE_ALL") == "1"


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
            reason = f"wants {program}: apt-get install {package}"
            if _REQUIRE_ALL:
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find


@pytest.fixture(scope="session", autouse=True)
def _own_store(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the tests out of the user's store."""
    os.environ["HVEN_STORE"] = str(tmp_path_factory.mktemp("store"))
