"""Following jobs: what wakes those who wait."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from django.db import connection

from hven.jobs.clock import now
from hven.jobs.models import Job
from hven.jobs.phases import Move, Phase
from hven.jobs.transitions import News, change, move
from hven.server import following
from hven.server.following import Frame, Hub, State
from job_rows import make_job

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")


def with_hub(call: Callable[[Hub], Coroutine[Any, Any, T]]) -> T:
    """Run it in a loop of its own, and leave no connection open."""

    async def main() -> T:
        hub = Hub()
        try:
            return await call(hub)
        finally:
            hub.close()
            await hub.read(lambda: connection.close())

    return asyncio.run(main())


async def in_thread(call: Callable[[], T]) -> T:
    def closing() -> T:
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return await asyncio.get_running_loop().run_in_executor(threads, closing)


def say(job: Job, number: int = 1) -> None:
    for _ in range(number):
        change(now_is(job), job.pk, [News("say", "hello")])


def now_is(job: Job) -> Any:
    from django.db.models import Q

    return Q(pk=job.pk)


def test_a_change_of_phase_wakes_who_waits_for_it() -> None:
    job = make_job(phase=Phase.PENDING)

    async def wait(hub: Hub) -> State | None:
        waiting = asyncio.create_task(
            hub.wait_for(job.pk, lambda state: state.phase == Phase.QUEUED, 20)
        )
        await asyncio.sleep(0)
        assert await in_thread(lambda: move(job.pk, Move.RUN))
        return await waiting

    state = with_hub(wait)
    assert state is not None
    assert (state.phase, state.newest, state.ended) == (Phase.QUEUED, 1, False)


def test_who_waits_for_what_is_so_already_does_not_wait() -> None:
    job = make_job(phase=Phase.COMPLETED)
    begin = time.monotonic()
    state = with_hub(lambda hub: hub.wait_for(job.pk, lambda state: state.ended, 30))
    assert state is not None
    assert state.ended
    assert time.monotonic() - begin < 20


def test_a_wait_ends_with_its_time() -> None:
    job = make_job()
    begin = time.monotonic()
    state = with_hub(lambda hub: hub.wait_for(job.pk, lambda state: state.ended, 0.3))
    assert time.monotonic() - begin >= 0.3
    assert state is not None
    assert state.phase == Phase.QUEUED


def test_deletion_wakes_who_waits() -> None:
    job = make_job()

    async def wait(hub: Hub) -> State | None:
        waiting = asyncio.create_task(hub.wait_for(job.pk, lambda state: state.ended, 20))
        await asyncio.sleep(0)
        await in_thread(lambda: Job.objects.filter(pk=job.pk).update(deleted=now()))
        return await waiting

    state = with_hub(wait)
    assert state is not None
    assert state.gone


def test_there_is_nothing_to_wait_for_without_a_job() -> None:
    assert with_hub(lambda hub: hub.wait_for(uuid.uuid4(), lambda _: True, 1)) is None


def test_who_follows_finds_new_events_at_hand_and_asks_for_older_ones() -> None:
    job = make_job()
    say(job, 3)

    async def follow(hub: Hub) -> tuple[Any, ...]:
        followed = await hub.follow(job.pk)
        assert followed is not None
        before = followed.since(0), followed.since(3), await hub.page(job.pk, 1)
        await in_thread(lambda: say(job, 2))
        while followed.state.newest < 5:
            assert await followed.change(20)
        after = followed.since(3), followed.since(4), followed.since(5), followed.since(2)
        hub.leave(job.pk)
        return before, after

    before, after = with_hub(follow)
    assert before[:2] == (None, [])
    assert numbers(before[2]) == [2, 3]
    assert [numbers(frames) for frames in after[:3]] == [[4, 5], [5], []]
    assert after[3] is None


def numbers(frames: list[Frame]) -> list[int]:
    return [frame.number for frame in frames]


def test_a_flood_of_events_is_kept_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_KEPT", 10)
    job = make_job()

    async def follow(hub: Hub) -> list[list[Frame] | None]:
        followed = await hub.follow(job.pk)
        assert followed is not None
        await in_thread(
            lambda: change(now_is(job), job.pk, [News("say", str(each)) for each in range(50)])
        )
        while followed.state.newest < 50:
            assert await followed.change(20)
        hub.leave(job.pk)
        return [followed.since(0), followed.since(40), followed.since(39)]

    none, kept, too_early = with_hub(follow)
    assert none is None
    assert too_early is None
    assert kept is not None
    assert numbers(kept) == list(range(41, 51))


def test_nobody_is_followed_whom_nobody_follows() -> None:
    job = make_job()

    async def look(hub: Hub) -> bool:
        await hub.wait_for(job.pk, lambda _: True, 1)
        poller = hub._poller
        assert poller is not None
        await asyncio.wait_for(poller, 20)
        return bool(hub._jobs)

    assert with_hub(look) is False


def test_an_announcement_wakes_who_waits_long_before_the_next_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("wants PostgreSQL, which can tell that something happened")
    monkeypatch.setattr(following, "_LISTENING_LOOK_EVERY", 60.0)
    job = make_job(phase=Phase.PENDING)

    async def wait(hub: Hub) -> State | None:
        waiting = asyncio.create_task(
            hub.wait_for(job.pk, lambda state: state.phase == Phase.QUEUED, 50)
        )
        while not hub._listener.listens:
            await asyncio.sleep(0.01)
        # The look that it may be about to take, before it relies on being told.
        await asyncio.sleep(0.5)
        assert await in_thread(lambda: move(job.pk, Move.RUN))
        return await waiting

    begin = time.monotonic()
    state = with_hub(wait)
    assert state is not None
    assert state.phase == Phase.QUEUED
    assert time.monotonic() - begin < 30
