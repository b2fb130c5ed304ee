"""Mails about the ends of jobs, through a real mail server."""

from __future__ import annotations

import email
import email.policy
import itertools
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from hven.jobs.clock import now
from hven.jobs.configuration import Configuration
from hven.jobs.letters import letter
from hven.jobs.mail import TRIES, send_waiting
from hven.jobs.models import Event, Job, Notification, User
from hven.jobs.phases import Move, Phase
from hven.jobs.transitions import move
from job_rows import make_job, make_result
from mailbox_server import Mailbox, free_port

pytestmark = pytest.mark.django_db


@pytest.fixture
def serve(configuration: Configuration, settings: Any) -> Iterator[Callable[..., Mailbox]]:
    """Starts a mail server that the settings name."""
    started: list[Controller] = []

    def start(user: str = "", **options: Any) -> Mailbox:
        mailbox = Mailbox()
        port = free_port()
        server = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
        server.start()
        started.append(server)
        settings.HVEN = replace(configuration, mail_server=f"smtp://{user}127.0.0.1:{port}")
        return mailbox

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def mailbox(serve: Callable[..., Mailbox]) -> Mailbox:
    return serve()


def ended(owner: User, made: Move = Move.COMPLETE, **columns: Any) -> Job:
    """A job that has just ended, with its mails noted."""
    given = {"mail_to": "alice@example.org", "mail_on": "end", **columns}
    job = make_job(owner, Phase.EXECUTING, attempt=1, started=now(), **given)
    move(job.pk, made)
    job.refresh_from_db()
    return job


def states() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("state", flat=True))


def make_due() -> None:
    Notification.objects.update(not_before=now() - timedelta(seconds=1))


class TestSending:
    def test_the_end_of_a_job_is_told_once(self, mailbox: Mailbox, user: User) -> None:
        job = ended(user, label="the whole field")
        assert send_waiting() == 1
        assert send_waiting() == 0
        (mail,) = mailbox.mails
        assert mail["To"] == "alice@example.org"
        assert mail["Subject"] == '"the whole field" (sums) has completed'
        assert mail["Auto-Submitted"] == "auto-generated"
        assert states() == ["sent"]
        event = Event.objects.filter(job=job).latest("sequence")
        assert (event.kind, event.text) == ("mail", "mail sent to alice@example.org")
        assert event.data["state"] == "sent"

    def test_every_address_gets_one(self, mailbox: Mailbox, user: User) -> None:
        ended(user, mail_to="alice@example.org, bob@example.org")
        assert send_waiting() == 2
        assert {mail["To"] for mail in mailbox.mails} == {"alice@example.org", "bob@example.org"}

    def test_what_only_a_failure_is_mailed_for_is_silent_on_success(
        self, mailbox: Mailbox, user: User
    ) -> None:
        ended(user, mail_on="failure")
        assert send_waiting() == 0
        ended(user, Move.FAIL, mail_on="failure")
        assert send_waiting() == 1

    def test_of_many_senders_one_sends(
        self, mailbox: Mailbox, user: User, transactional_db: None
    ) -> None:
        from django.db import connection

        for _ in range(8):
            ended(user)

        def send() -> None:
            send_waiting()
            connection.close()

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60.0)
        assert len(mailbox.mails) == len({mail["Message-ID"] for mail in mailbox.mails}) == 8
        assert states() == ["sent"] * 8

    def test_a_server_that_wants_an_account_gets_it(
        self, serve: Callable[..., Mailbox], user: User
    ) -> None:
        given: list[tuple[bytes, bytes]] = []

        def check(server: Any, session: Any, envelope: Any, mechanism: str, auth: Any) -> Any:
            given.append((auth.login, auth.password))
            return AuthResult(success=True)

        mailbox = serve(
            user="post:s%40cret@",
            authenticator=check,
            auth_require_tls=False,
        )
        ended(user)
        assert send_waiting() == 1
        assert given == [(b"post", b"s@cret")]
        assert len(mailbox.mails) == 1


class TestTrouble:
    def test_what_is_refused_is_tried_again_later(self, mailbox: Mailbox, user: User) -> None:
        mailbox.answer = "450 greylisted"
        ended(user)
        assert send_waiting() == 0
        wanted = Notification.objects.get()
        assert (wanted.state, wanted.tries) == ("waiting", 1)
        assert "450 greylisted" in wanted.error
        assert wanted.not_before > now()
        assert send_waiting() == 0
        mailbox.answer = "250 OK"
        make_due()
        assert send_waiting() == 1
        assert len(mailbox.mails) == 1

    def test_pauses_grow_and_then_it_is_given_up(self, mailbox: Mailbox, user: User) -> None:
        mailbox.answer = "550 no such user"
        job = ended(user)
        pauses = []
        for _ in range(TRIES - 1):
            make_due()
            send_waiting()
            pauses.append((Notification.objects.get().not_before - now()).total_seconds())
        assert all(later > 3 * sooner for sooner, later in itertools.pairwise(pauses))
        make_due()
        send_waiting()
        assert states() == ["failed"]
        event = Event.objects.filter(job=job).latest("sequence")
        assert event.kind == "mail"
        assert "could not be sent" in event.text
        assert "no such user" in event.text

    def test_a_server_that_refuses_the_content_gets_it_again(
        self, mailbox: Mailbox, user: User
    ) -> None:
        mailbox.refuse_content = True
        ended(user)
        send_waiting()
        assert states() == ["waiting"]

    def test_one_bad_address_does_not_hold_up_others(self, mailbox: Mailbox, user: User) -> None:
        ended(user, mail_to="a\nBcc: all@example.org")
        ended(user)
        assert send_waiting() == 1
        assert states() == ["waiting", "sent"]

    def test_when_no_server_answers_the_rest_waits(
        self, configuration: Configuration, settings: Any, user: User
    ) -> None:
        settings.HVEN = replace(configuration, mail_server=f"smtp://127.0.0.1:{free_port()}")
        ended(user)
        ended(user)
        assert send_waiting() == 0
        tries = Notification.objects.order_by("pk").values_list("state", "tries")
        assert list(tries) == [("waiting", 1), ("waiting", 0)]

    def test_a_connection_that_breaks_while_it_is_handed_over_leaves_it_in_doubt(
        self, configuration: Configuration, settings: Any, user: User
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]

            def hang_up_in_the_content() -> None:
                client, _ = listener.accept()
                with client, client.makefile("rwb", buffering=0) as lines:
                    lines.write(b"220 hello\r\n")
                    while line := lines.readline():
                        if line.upper().startswith(b"DATA"):
                            lines.write(b"354 go on\r\n")
                            lines.readline()
                            return
                        lines.write(b"250 OK\r\n")

            thread = threading.Thread(target=hang_up_in_the_content)
            thread.start()
            settings.HVEN = replace(configuration, mail_server=f"smtp://127.0.0.1:{port}")
            ended(user)
            assert send_waiting() == 0
            thread.join(30.0)
        assert states() == ["sending"]
        assert "connection broke" in Notification.objects.get().error
        make_due()
        assert send_waiting() == 0

    def test_what_a_dead_process_was_sending_is_not_sent_again(
        self, mailbox: Mailbox, user: User
    ) -> None:
        ended(user)
        Notification.objects.update(state="sending", tries=1)
        make_due()
        assert send_waiting() == 0
        assert mailbox.mails == []


class TestLetters:
    def text(self, job: Job) -> str:
        content: str = letter(Notification(job=job, event=1, address="a@b.org")).get_content()
        return content

    def test_it_says_what_came_of_the_job(self, configuration: Configuration, user: User) -> None:
        job = ended(user, steps_total=4, steps_done=4, steps_reused=3)
        make_result(job, configuration.jobs_folder, "table")
        text = self.text(job)
        assert "has completed" in text
        assert "4 of 4 done, 3 of them reused" in text
        assert "Results:     table\n" in text
        assert f"{job.destruction:%Y-%m-%d %H:%M:%S} UTC" in text
        assert f"http://127.0.0.1:8642/api/v1/jobs/{job.pk}" in text

    def test_it_gives_the_address_that_clients_use(
        self, configuration: Configuration, settings: Any, user: User
    ) -> None:
        settings.HVEN = replace(configuration, url="https://hven.example.org/")
        job = ended(user)
        assert f"https://hven.example.org/api/v1/jobs/{job.pk}\n" in self.text(job)

    def test_it_says_why_a_job_failed_and_what_is_wrong(self, user: User) -> None:
        job = ended(
            user,
            Move.FAIL,
            error_kind="fatal",
            error_message="One image cannot be used.",
            error_faults=[["images", "must have a WCS"]],
        )
        text = self.text(job)
        assert "has failed" in text
        assert "One image cannot be used." in text
        assert "images: must have a WCS" in text
        assert "not your fault" not in text

    def test_results_of_a_stopped_job_are_called_partial(
        self, configuration: Configuration, user: User
    ) -> None:
        job = ended(user, Move.ABORT)
        make_result(job, configuration.jobs_folder, "table")
        assert "Results:     table (partial)" in self.text(job)

    def test_a_label_cannot_add_to_the_head(self, user: User) -> None:
        job = ended(user, label="a\nBcc: all@example.org")
        message = letter(Notification(job=job, event=1, address="a@b.org"))
        assert message["Bcc"] is None
        assert message["Subject"] == '"a Bcc: all@example.org" (sums) has completed'


def test_without_a_server_mails_are_files(configuration: Configuration, user: User) -> None:
    ended(user)
    assert send_waiting() == 1
    (path,) = (configuration.data / "mail").iterdir()
    assert path.suffix == ".eml"
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert mail["To"] == "alice@example.org"
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
