"""Mails that Django and allauth write go out by the service's own mail settings."""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import make_msgid

from django.core.mail import EmailMessage as DjangoMessage
from django.core.mail.backends.base import BaseEmailBackend

from hven.errors import UnavailableError
from hven.jobs.configuration import configuration
from hven.jobs.mail import RefusedError, deliver

_log = logging.getLogger("hven.portal.mailing")
_RETRY = 60


class Backend(BaseEmailBackend):
    """What Django's `EMAIL_BACKEND` names."""

    def send_messages(self, email_messages: Sequence[DjangoMessage]) -> int:
        """Send mails; gives how many.

        Raises
        ------
        UnavailableError
            One did not go out.
        """
        count = 0
        for message in email_messages:
            for address in message.recipients():
                send(_for_one(message, address))
                count += 1
        return count


def send(message: EmailMessage) -> None:
    """Send one mail now, while somebody waits for it; says on the console where it is put.

    Raises
    ------
    UnavailableError
        It did not go out.
    """
    try:
        deliver(message)
    except (RefusedError, OSError, smtplib.SMTPException) as error:
        _log.warning("mail to %s did not go out: %s", message["To"], error)
        told = "the mail could not be handed to the mail server; nothing is lost, try again later"
        raise UnavailableError(told, _RETRY) from error
    if configuration().mail_server is None:
        folder = configuration().data / "mail"
        _log.warning("no mail server is set: a mail to %s is in %s", message["To"], folder)


def _for_one(message: DjangoMessage, address: str) -> EmailMessage:
    """A mail as the service sends them, to one address."""
    made = message_from_bytes(message.message().as_bytes(), policy=policy.default)
    assert isinstance(made, EmailMessage)
    for name, text in {
        "To": address,
        "Message-ID": make_msgid(domain=configuration().mail_from.rpartition("@")[2] or "hven"),
        "Auto-Submitted": "auto-generated",
    }.items():
        del made[name]
        made[name] = text
    return made
