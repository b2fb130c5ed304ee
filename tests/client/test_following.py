"""Waiting for jobs through broken connections and services that are started again."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

import pytest

from cutting_proxy import Cut, CuttingProxy, cutting
from hven.client import Service as Client
from hven.client.following import Follower, _lines
from hven.client.narrating import Narrator
from hven.client.telling import Told
from hven.errors import UnreachableError
from hven.progress.display import PlainLines
from served import SETTINGS
from service import Service


def test_a_stream_that_breaks_again_and_again_brings_each_event_once(
    served: Service, proxy: CuttingProxy
) -> None:
    with Client(proxy.url, served.token) as far:
        job = far.tiles(count=30, seconds=0.05, seed=101)
        proxy.cut_all()
        # In the middle of a line, most likely.
        proxy.cuts = [Cut(down=1500 + 137 * number) for number in range(6)]
        numbers = [event.number for event in job.follow(timeout=60)]
    assert numbers == list(range(1, job.document["events"] + 1))
    assert job.phase == "COMPLETED"


def test_a_stream_that_a_proxy_holds_back_is_no_hindrance(
    served: Service, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.echo().wait(60)

    def held_back(self: Follower) -> list[None]:
        return []

    monkeypatch.setattr(Follower, "_streamed", held_back)
    numbers = [event.number for event in job.follow(timeout=30)]
    assert numbers == list(range(1, job.document["events"] + 1))


def test_waiting_survives_a_service_that_is_started_again(tmp_path: Path) -> None:
    service = Service(tmp_path / "data", SETTINGS | {"HVEN_APPLICATIONS": "tiles"}).start()
    shown = io.StringIO()
    try:
        with cutting(service.url) as proxy:
            client = Client(proxy.url, service.token)
            job = client.tiles(count=60, seconds=0.1, seed=9)
            service.wait(lambda: job.progress.done > 3)
            waiting = threading.Thread(target=lambda: job.listen(PlainLines(shown), 90))
            waiting.start()
            time.sleep(0.5)
            service.stop()
            service.wait(lambda: "does not answer" in shown.getvalue())
            service.start()
            proxy.lead_to(service.url)
            waiting.join(90)
            assert not waiting.is_alive()
            assert job.wait(60).phase == "COMPLETED"
            assert job.document["attempt"] == 2
    finally:
        service.remove()
    text = shown.getvalue()
    assert text.count("does not answer") == 1
    assert text.index("does not answer") < text.index("the service answers again")
    assert "it is completed" in text


def test_a_service_that_stays_away_is_told_of_in_the_end(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hven.client.following.AWAY_SECONDS", 1.0)
    with cutting(served.url) as proxy:
        client = Client(proxy.url, served.token)
        job = client.echo(run=False)
        proxy.close()
        with pytest.raises(UnreachableError):
            list(job.follow())
        with pytest.raises(TimeoutError):
            list(job.follow(timeout=0.3))


def test_lines_end_only_where_the_stream_says_so() -> None:
    blocks = [b"data: a\xe2\x80\xa8b", b"\nid: 1\n", b"\ndata: brok"]
    assert list(_lines(blocks)) == [b"data: a\xe2\x80\xa8b", b"id: 1", b""]


def test_progress_is_told_in_words(client: Client) -> None:
    shown = io.StringIO()
    job = client.trouble(kind="input")
    job.listen(PlainLines(shown))
    lines = [line[9:] for line in shown.getvalue().splitlines()]
    assert lines == [
        f"job {job.id} is queued",
        "it is executing: begun on " + job.document["attempts"][0]["node"],
        "looking at m31.fits",
        "m31.fits: must have a WCS, has none",
        "it has failed",
    ]


def test_the_steps_of_a_job_are_shown(client: Client) -> None:
    shown = io.StringIO()
    client.tiles(count=6, seconds=0, seed=55).listen(PlainLines(shown))
    assert "Compute one tile: 6 of 6" in shown.getvalue()


def test_what_the_narrator_does_not_know_is_left_out(client: Client) -> None:
    told: list[object] = []
    narrate = Narrator(told.append, "J")
    for event in client.echo().wait(60).events():
        narrate(event)
    assert next(each.text for each in told if isinstance(each, Told)) == "job J is queued"
