"""Results handed to desktop programs by a real hub of SAMP, with its Web Profile."""

from __future__ import annotations

import queue
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pyvo.samp import SAMPHubServer, SAMPIntegratedClient

# The hub says so where no program takes a message.
pytestmark = pytest.mark.filterwarnings("ignore::pyvo.samp.SAMPWarning")
#: Web Profiles listen there, and nowhere else.
_PORT = 21012
#: Results, the messages by which they go, and how their files begin.
_KINDS = (
    ("image", "image.load.fits", b"SIMPLE  ="),
    ("groups", "table.load.fits", b"SIMPLE  ="),
    ("sources", "table.load.votable", b"<?xml"),
)


class Consent:
    """Answers in the user's place when a page asks to be let in."""

    def __init__(self) -> None:
        self.queue_request: queue.Queue[Any] = queue.Queue()
        self.queue_result: queue.Queue[bool] = queue.Queue()
        #: Who asked.
        self.asked: list[str] = []
        self.answer = True

    def run(self) -> None:
        """Answer until None comes."""
        while (request := self.queue_request.get()) is not None:
            self.asked.append(request[0]["samp.name"])
            self.queue_result.put(self.answer)


@pytest.fixture
def consent() -> Consent:
    return Consent()


@pytest.fixture
def hub(tmp_path: Path, consent: Consent) -> Iterator[SAMPHubServer]:
    """A hub as TOPCAT or Aladin have it inside."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            free.bind(("127.0.0.1", _PORT))
        except OSError:
            # Pages know this port alone, and the hub of who runs the tests is not ours to end.
            pytest.skip(f"another hub of SAMP has port {_PORT} of this machine")
    made = SAMPHubServer(
        addr="127.0.0.1", lockfile=str(tmp_path / "samp"), web_profile_dialog=consent
    )
    made.start()
    # The hub has given it queues of its own.
    thread = threading.Thread(target=consent.run, daemon=True)
    thread.start()
    yield made
    consent.queue_request.put(None)
    thread.join()
    made.stop()


@pytest.fixture
def received(hub: SAMPHubServer) -> Iterator[queue.Queue[dict[str, Any]]]:
    """What a desktop program is told, which listens at the hub."""
    found: queue.Queue[dict[str, Any]] = queue.Queue()
    client = SAMPIntegratedClient(name="viewer", addr="127.0.0.1")
    client.connect(hub=hub)

    def receive(_key: str, _sender: str, message: str, parameters: dict, _more: dict) -> None:
        found.put({"message": message, **parameters})

    for _, message, _ in _KINDS:
        client.bind_receive_notification(message, receive)
    yield found
    client.disconnect()


def test_a_program_is_told_and_fetches_the_file_without_a_cookie(
    page: Page, job_of_alice: str, consent: Consent, received: queue.Queue[dict[str, Any]]
) -> None:
    for name, message, begin in _KINDS:
        _press(page, job_of_alice, name, "Sent.")
        told = received.get(timeout=20)
        assert (told["message"], told["name"]) == (message, f"Deep field {name}")
        assert told[f"{message.partition('.')[0]}-id"] == f"{job_of_alice}/{name}"
        with urllib.request.urlopen(told["url"]) as answer:  # As a program, without a session.
            assert answer.read().startswith(begin)
    page.locator("[data-samp]").click()
    assert received.get(timeout=20)["message"] == message
    assert consent.asked == ["Hven"] * len(_KINDS), "the user is asked once a page"


def test_a_page_says_why_nothing_was_sent(
    page: Page, job_of_alice: str, consent: Consent, request: pytest.FixtureRequest
) -> None:
    _press(page, job_of_alice, "image", "No desktop program answers")
    consent.answer = False
    request.getfixturevalue("hub")
    _press(page, job_of_alice, "image", "The hub did not let this page in.")
    consent.answer = True
    _press(page, job_of_alice, "image", "no program there takes this")


@pytest.fixture
def page(visit: Callable[..., Any], password: str) -> Page:
    """Alice's."""
    visitor = visit(viewport={"width": 1200, "height": 800})
    # It is to ask elsewhere, once somebody wants it to.
    visitor.expected += [f"asked elsewhere: http://localhost:{_PORT}/", f"localhost:{_PORT}"]
    visitor.log_in("alice", password)
    return visitor.page


def _press(page: Page, job: str, name: str, said: str) -> None:
    page.goto(f"/jobs/{job}/results/{name}/")
    page.get_by_role("button", name="Send to TOPCAT, Aladin, DS9").click()
    expect(page.get_by_role("status")).to_contain_text(said)
