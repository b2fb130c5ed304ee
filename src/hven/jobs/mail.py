"""Sending the mails that the ends of jobs have noted: each at most once.

A mail is marked before it is handed over and again afterwards. Where a process died in between
nobody knows whether it went out, and it is not sent again; `doctor` tells of it. What a server
refused is tried again later.
"""

from __future__ import annotations

import contextlib
import logging
import smtplib
import ssl
from collections.abc import Iterator
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from django.db import transaction
from django.db.models import F, Q

from hven.jobs.clock import now
from hven.jobs.configuration import configuration
from hven.jobs.letters import letter
from hven.jobs.models import Notification
from hven.jobs.patience import patient
from hven.jobs.transitions import News, change

_log = logging.getLogger("hven.jobs.mail")
#: How often a mail is tried that is refused, and seconds before the second try; each further pause
#: is four times as long.
TRIES, _PAUSE = 5, 60.0
_AT_A_TIME = 50
#: Seconds that a mail server may take to answer.
_TIMEOUT = 15.0
_LOCAL = ("localhost", "127.0.0.1", "::1")


class RefusedError(Exception):
    """The mail did certainly not go out."""


class UnreachableError(RefusedError):
    """Nor would another one."""


def send_waiting() -> int:
    """Send what is due; gives how many went out."""
    due = Notification.objects.filter(state="waiting", not_before__lte=now())
    count = 0
    for wanted in due.select_related("job").order_by("not_before", "pk")[:_AT_A_TIME]:
        if not _take(wanted):
            continue
        try:
            deliver(letter(wanted))
        except (RefusedError, ValueError, IndexError) as error:
            _put_off(wanted, error)
            if isinstance(error, UnreachableError):
                break
        except (OSError, smtplib.SMTPException) as error:
            _doubt(wanted, error)
        else:
            _settle(wanted, "sent", f"mail sent to {wanted.address}")
            count += 1
    return count


def deliver(message: EmailMessage) -> None:
    """Hand a mail to the server of the settings, or write it into the folder `mail`.

    Raises
    ------
    RefusedError
        It did not go out.
    OSError, SMTPException
        Nobody knows whether it did.
    """
    if configuration().mail_server is None:
        _write(message)
        return
    sender, recipient = (parseaddr(message[name])[1] for name in ("From", "To"))
    with _connection() as server:
        try:
            _expect(server.mail(sender), "the sender")
            _expect(server.rcpt(recipient), "the address")
            content = message.as_bytes(policy=policy.SMTP)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            raise RefusedError(str(error)) from error
        try:
            _expect(server.data(content), "the mail")
        except smtplib.SMTPDataError as error:
            raise RefusedError(str(error)) from error


def _take(wanted: Notification) -> bool:
    """Mark a mail as being sent; False when somebody else has it."""
    wanted.tries += 1
    mine = Notification.objects.filter(pk=wanted.pk, state="waiting")
    return bool(mine.update(state="sending", tries=F("tries") + 1, not_before=now()))


def _put_off(wanted: Notification, error: Exception) -> None:
    text = str(error) or type(error).__name__
    if wanted.tries >= TRIES:
        _settle(wanted, "failed", f"mail to {wanted.address} could not be sent: {text}", text)
        return
    pause = timedelta(seconds=_PAUSE * 4 ** (wanted.tries - 1))
    mine = Notification.objects.filter(pk=wanted.pk, state="sending")
    mine.update(state="waiting", not_before=now() + pause, error=text)
    _log.warning("mail put off: %s", text, extra={"job": str(wanted.job_id)})


def _doubt(wanted: Notification, error: Exception) -> None:
    """Leave a mail marked as being sent that may have gone out."""
    text = f"the connection broke while it was handed over: {error}"
    Notification.objects.filter(pk=wanted.pk, state="sending").update(error=text)
    _log.warning("mail in doubt: %s", error, extra={"job": str(wanted.job_id)})


def _settle(wanted: Notification, state: str, text: str, error: str = "") -> None:
    data = {"address": wanted.address, "state": state, "event": wanted.event}

    def settle() -> None:
        with transaction.atomic():
            mine = Notification.objects.filter(pk=wanted.pk, state="sending")
            if mine.update(state=state, error=error):
                change(Q(), wanted.job_id, [News("mail", text, data)])

    # It went out: a database that is away for a moment must not leave it in doubt.
    patient(settle)


def _write(message: EmailMessage) -> None:
    folder = configuration().data / "mail"
    name = message["Message-ID"].strip("<>").replace("/", "_")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f".{name}"
        draft.write_bytes(message.as_bytes())
        draft.replace(folder / f"{name}.eml")
    except OSError as error:
        raise UnreachableError(str(error)) from error


@contextlib.contextmanager
def _connection() -> Iterator[smtplib.SMTP]:
    """A connection that mails can be handed to, closed politely but without fail."""
    try:
        server = _connect()
    except (OSError, smtplib.SMTPException) as error:
        raise UnreachableError(f"the mail server: {error}") from error
    try:
        yield server
    finally:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.quit()
        server.close()


def _connect() -> smtplib.SMTP:
    parts = urlsplit(configuration().mail_server or "")
    host, user = parts.hostname or "localhost", unquote(parts.username or "")
    if parts.scheme == "smtps":
        secure = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=_TIMEOUT, context=secure
        )
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=_TIMEOUT)
    try:
        _introduce(server, host, user, unquote(parts.password or ""), parts.scheme == "smtps")
    except BaseException:
        server.close()
        raise
    return server


def _introduce(server: smtplib.SMTP, host: str, user: str, password: str, encrypted: bool) -> None:
    server.ehlo()
    if not encrypted and server.has_extn("starttls"):
        context = ssl.create_default_context()
        if not user:
            # Nothing secret is sent; an unproven certificate is better than no encryption.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        server.starttls(context=context)
        server.ehlo()
        encrypted = True
    if user:
        if not encrypted and host not in _LOCAL:
            raise smtplib.SMTPException("it must offer STARTTLS before it gets a password")
        server.login(user, password)


def _expect(answer: tuple[int, bytes], what: str) -> None:
    code, text = answer
    if not 200 <= code < 300:
        raise RefusedError(f"{what} was refused: {code} {text.decode(errors='replace')}")
