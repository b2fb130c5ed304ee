"""What an exception means for a job."""

from __future__ import annotations

import errno

import pytest

from hven.errors import (
    CancelledError,
    Fault,
    InputError,
    ParameterError,
    ResourceError,
    StepError,
    StepTimeoutError,
    StoreError,
    WorkerLostError,
)
from hven.jobs.outcomes import failed


@pytest.mark.parametrize(
    ("error", "cause", "code", "kind"),
    [
        (ParameterError([Fault("scale", "must be positive")]), "input", "input.parameter", "fatal"),
        (InputError([Fault("a.fits", "must have a WCS")]), "input", "input.file", "fatal"),
        (ResourceError("must fit"), "input", "resource.estimate", "fatal"),
        (MemoryError(), "memory", "resource.memory", "transient"),
        (OSError(errno.ENOSPC, "full"), "disk", "resource.disk_full", "transient"),
        (OSError(errno.EDQUOT, "quota"), "disk", "resource.disk_full", "transient"),
        (StepTimeoutError("slow"), "wall_time", "resource.wall_time", "transient"),
        (WorkerLostError("died"), "infrastructure", "engine.lost", "transient"),
        (StoreError("damaged"), "infrastructure", "engine.lost", "transient"),
        (KeyError("x"), "code", "app.code", "fatal"),
        (SystemExit(3), "code", "app.code", "fatal"),
        (OSError(errno.ENOENT, "gone"), "code", "app.code", "fatal"),
    ],
)
def test_the_cause_decides_whose_fault_it_is(
    error: BaseException, cause: str, code: str, kind: str
) -> None:
    found = failed(error)
    assert found is not None
    assert (found.cause, found.code, found.kind) == (cause, code, kind)
    assert found.message


def test_a_cause_within_a_failed_step_is_found() -> None:
    error = StepError("project(...) failed")
    error.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    found = failed(error)
    assert found is not None
    assert found.cause == "disk"
    assert "There is no space left" in found.message


def test_a_wish_to_stop_is_no_failure() -> None:
    assert failed(CancelledError("asked")) is None


def test_the_users_faults_are_told_one_by_one() -> None:
    found = failed(InputError([Fault("a.fits", "must be whole"), Fault("b.fits", "must be there")]))
    assert found is not None
    assert found.faults == [["a.fits", "must be whole"], ["b.fits", "must be there"]]
