"""The phase machine: pure, so every phase is held against every move."""

from __future__ import annotations

import pytest

from hven.jobs.phases import ACTIVE, EDGES, TERMINAL, Move, Phase, after

#: UWS 1.1, section 2.1.3: where each phase may lead.
UWS = {
    Phase.PENDING: {Phase.QUEUED, Phase.HELD, Phase.ABORTED, Phase.ERROR},
    Phase.QUEUED: {Phase.EXECUTING, Phase.HELD, Phase.ABORTED, Phase.ERROR},
    Phase.HELD: {Phase.QUEUED, Phase.ABORTED, Phase.ERROR},
    Phase.EXECUTING: {
        Phase.COMPLETED, Phase.ERROR, Phase.ABORTED, Phase.HELD, Phase.QUEUED,
    },
    Phase.COMPLETED: {Phase.ARCHIVED},
    Phase.ERROR: {Phase.ARCHIVED},
    Phase.ABORTED: {Phase.ARCHIVED},
    Phase.ARCHIVED: set(),
}  # fmt: skip


@pytest.mark.parametrize("phase", Phase)
def test_a_phase_leads_where_the_standard_says(phase: Phase) -> None:
    assert {after(phase, move) for move in Move} - {None} == UWS[phase]


@pytest.mark.parametrize("move", Move)
def test_a_move_leads_to_one_phase_whatever_it_leaves(move: Move) -> None:
    targets = {after(phase, move) for phase in Phase} - {None}
    assert targets == {EDGES[move].target}


def test_what_has_ended_is_not_active() -> None:
    assert set(Phase) == ACTIVE | TERMINAL | {Phase.ARCHIVED}
    assert not ACTIVE & TERMINAL


@pytest.mark.parametrize("phase", sorted(TERMINAL))
def test_the_end_is_left_only_for_the_archive(phase: Phase) -> None:
    assert [move for move in Move if after(phase, move)] == [Move.ARCHIVE]
