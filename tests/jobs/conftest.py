"""What tests of jobs may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hven.jobs.configuration import Configuration
from parts import Parts


@pytest.fixture
def parts(configuration: Configuration, transactional_db: None) -> Iterator[Parts]:
    """Starts parts of the service as processes; all are gone at the end."""
    found = Parts(configuration)
    yield found
    found.end()
