"""Programs that tests compare with or drive, and what becomes of a test where one is missing."""

from __future__ import annotations

import os

import pytest

_REQUIRE_ALL = os.environ.get("HVEN_REQUIRE_ALL") == "1"


def missing(program: str, package: str) -> None:
    """Skip the test, or fail it where all must run."""
    reason = f"wants {program}: apt-get install {package}"
    if _REQUIRE_ALL:
        pytest.fail(reason)
    pytest.skip(reason)
