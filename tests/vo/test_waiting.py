"""WAIT and /sync of a real service: who waits is kept without a thread, and woken at once."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from service import Service

pytestmark = pytest.mark.xdist_group("waiting")
#: Seconds within which a waiter is woken on a machine as busy as one of tests may be.
_BUSY = 5.0


@pytest.fixture
def client(service: Service) -> Iterator[httpx.Client]:
    with service.client() as found:
        yield found


def make(client: httpx.Client, application: str = "echo", **form: Any) -> str:
    """The address of a new job."""
    answer = client.post(f"/vo/{application}/async", data=form)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def phase_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return answer.text.partition("<uws:phase>")[2].partition("<")[0]


def timed(client: httpx.Client, url: str, **query: Any) -> tuple[float, httpx.Response]:
    begin = time.monotonic()
    answer = client.get(url, params=query or None)
    return time.monotonic() - begin, answer


def abort(client: httpx.Client, url: str) -> None:
    assert client.post(f"{url}/phase", data={"PHASE": "ABORT"}).status_code == 303


def test_W01_only_a_job_that_has_not_ended_is_waited_for(client: httpx.Client) -> None:
    url = make(client)
    abort(client, url)
    seconds, answer = timed(client, url, WAIT=30)
    assert phase_of(answer) == "ABORTED"
    assert seconds < 20


def test_W02_who_waits_is_answered_at_the_time_that_was_asked_for_and_not_before(
    client: httpx.Client,
) -> None:
    url = make(client)
    for query in ({"WAIT": 1}, {"wait": 2, "phase": "PENDING"}):
        seconds, answer = timed(client, url, **query)
        assert phase_of(answer) == "PENDING"
        assert max(1, query.get("wait", 0)) <= seconds < 20
    assert timed(client, url, WAIT=0)[0] < 20


def test_W03_who_waits_for_the_end_of_another_phase_is_answered_at_once(
    client: httpx.Client,
) -> None:
    url = make(client)
    seconds, answer = timed(client, url, WAIT=30, PHASE="QUEUED")
    assert phase_of(answer) == "PENDING"
    assert seconds < 20


@pytest.mark.parametrize("wait", [30, -1])
def test_W04_a_change_of_phase_wakes_who_waits(client: httpx.Client, wait: int) -> None:
    url = make(client)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(timed, client, url, WAIT=wait)
        time.sleep(0.5)
        begin = time.monotonic()
        abort(client, url)
        _, answer = waiting.result()
    assert time.monotonic() - begin < _BUSY
    assert phase_of(answer) == "ABORTED"


def test_W06_deletion_wakes_who_waits(client: httpx.Client) -> None:
    url = make(client)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(timed, client, url, WAIT=30)
        time.sleep(0.5)
        assert client.delete(url).status_code == 303
        seconds, answer = waiting.result()
    assert answer.status_code == 404
    assert seconds < 20


@pytest.mark.parametrize("query", ["WAIT=x", "WAIT=1.5", "WAIT=-2", "WAIT=", "WAIT=5&PHASE=SPAM"])
def test_F03_what_cannot_be_waited_for_is_refused(client: httpx.Client, query: str) -> None:
    seconds, answer = timed(client, f"{make(client)}?{query}")
    assert answer.status_code == 400
    assert answer.text.startswith(("WAIT: must be whole seconds", "PHASE: must be one of"))
    assert seconds < 20


def test_nobody_waits_for_what_is_not_theirs(client: httpx.Client, service: Service) -> None:
    url = make(client)
    for token, status in (("hven_wrong", 401), ("spam", 401)):
        with service.client(token) as stranger:
            seconds, answer = timed(stranger, url, WAIT=30)
        assert answer.status_code == status
        assert seconds < 20
    assert client.get(f"{url[:-12]}{'0' * 12}?WAIT=30").status_code == 404


def test_a_job_that_runs_is_followed_to_its_end(client: httpx.Client) -> None:
    url = make(client, "tiles", count=20, seconds=0.05, PHASE="RUN")
    seen = ["QUEUED"]
    while seen[-1] in ("QUEUED", "EXECUTING"):
        answer = client.get(url, params={"WAIT": 20, "PHASE": seen[-1]})
        seen.append(phase_of(answer))
    assert seen[-1] == "COMPLETED"
    assert len(seen) <= 4


def test_P10_of_a_hundred_that_run_a_job_at_once_one_starts_it(
    client: httpx.Client, service: Service
) -> None:
    url = make(client)

    async def all_at_once() -> list[int]:
        headers = {"Authorization": f"Bearer {service.token}"}
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(
            headers=headers, timeout=60, limits=limits, trust_env=False
        ) as many:
            posts = [many.post(f"{url}/phase", data={"PHASE": "RUN"}) for _ in range(100)]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    found = asyncio.run(all_at_once())
    assert sorted(found) == [303] + [403] * 99
    assert client.get(url, params={"WAIT": 20, "PHASE": "QUEUED"}).status_code == 200
    log = client.get(f"{url}/log").text
    assert log.count('move="run"') == 1


def test_X04_a_job_that_runs_is_killed_and_gone(client: httpx.Client) -> None:
    url = make(client, "stubborn", seconds=60, PHASE="RUN")
    while phase_of(client.get(url, params={"WAIT": 20, "PHASE": "QUEUED"})) != "EXECUTING":
        pass
    answer = client.delete(url)
    assert answer.status_code == 303
    assert answer.headers["location"] == url.rpartition("/")[0]
    assert client.get(url).status_code == 404
    # Its slot is free again: with both taken by such jobs nothing else could end.
    assert phase_of(client.get(make(client, PHASE="RUN"), params={"WAIT": 30}))


def test_E03_a_job_that_takes_too_long_is_aborted_and_says_so(client: httpx.Client) -> None:
    url = make(client, "stubborn", seconds=60, how="polite", EXECUTIONDURATION=1, PHASE="RUN")
    while (phase := phase_of(answer := client.get(url, params={"WAIT": 20}))) != "ABORTED":
        assert phase in ("QUEUED", "EXECUTING")
    assert '<uws:errorSummary type="fatal"' in answer.text
    assert "as long as it may" in client.get(f"{url}/error").text


def test_D03_what_is_over_is_stopped_and_freed_within_seconds(client: httpx.Client) -> None:
    url = make(client, "stubborn", seconds=60, PHASE="RUN")
    while phase_of(client.get(url, params={"WAIT": 20, "PHASE": "QUEUED"})) != "EXECUTING":
        pass
    form = {"DESTRUCTION": "2001-01-01T00:00:00Z"}
    assert client.post(f"{url}/destruction", data=form).status_code == 303
    deadline = time.monotonic() + 40
    while phase_of(answer := client.get(url, params={"WAIT": 10})) != "ARCHIVED":
        assert time.monotonic() < deadline
    assert "<uws:results/>" in answer.text


# -- /sync ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_job_that_is_waited_for_ends_with_its_main_result(
    client: httpx.Client, method: str
) -> None:
    answer = client.request(
        method, "/vo/echo/sync", params={"words": "hello there"}, follow_redirects=True
    )
    assert answer.status_code == 200
    assert answer.text == "hello there"
    assert [each.status_code for each in answer.history] == [303, 303]
    assert answer.url.path.endswith("/results/result")


def test_a_job_that_is_waited_for_and_fails_says_why(client: httpx.Client) -> None:
    for kind, status, said in (("input", 400, "m31.fits"), ("code", 500, "divided by zero")):
        form = {"kind": kind}
        answer = client.post("/vo/trouble/sync", data=form, follow_redirects=True)
        assert answer.status_code == status
        assert said in answer.text
    assert client.post("/vo/trouble/sync", data={"kind": "spam"}).status_code == 400


# -- with settings of its own ---------------------------------------------------------------------


def test_W05_and_W07_many_who_wait_hold_up_nobody_and_none_waits_for_ever(
    begin: Callable[..., Service],
) -> None:
    """Forty wait while one process with two threads answers others; the oldest give way."""
    service = begin(
        HVEN_WEB_PROCESSES=1, HVEN_WEB_THREADS=2, HVEN_USER_WAITS=40, HVEN_SYNC_SECONDS=1
    ).start()

    async def crowd() -> tuple[list[httpx.Response], list[float], httpx.Response]:
        headers = {"Authorization": f"Bearer {service.token}"}
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(
            base_url=service.url, headers=headers, timeout=60, limits=limits, trust_env=False
        ) as client:
            made = await client.post("/vo/echo/async")
            url = made.headers["location"]
            waiting = [asyncio.create_task(client.get(f"{url}?WAIT=-1")) for _ in range(41)]
            # The forty-first is one too many: the oldest is answered.
            early, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            asked = []
            for _ in range(20):
                begin = time.monotonic()
                assert (await client.get(f"{url}/phase")).text == "PENDING"
                asked.append(time.monotonic() - begin)
            late = [task for task in waiting if not task.done()]
            assert len(late) == 40
            assert len(early) == 1
            await client.delete(url)
            answers = await asyncio.gather(*late)
            slow = await client.post(
                "/vo/stubborn/sync", data={"seconds": "30"}, follow_redirects=True
            )
            return answers, asked, slow

    answers, asked, slow = asyncio.run(crowd())
    assert {answer.status_code for answer in answers} == {404}
    assert sorted(asked)[10] < _BUSY
    # A job that takes longer than is waited for goes on.
    assert slow.status_code == 503
    assert int(slow.headers["retry-after"]) > 0
    url = re.search(r"it goes on, see (\S+)", slow.text)
    assert url is not None
    with service.client() as client:
        assert phase_of(client.get(url[1])) in ("QUEUED", "EXECUTING")


def test_W07_nobody_waits_longer_than_a_proxy_does() -> None:
    from hven.server import waiting

    assert 30 <= waiting._LONGEST <= 55
