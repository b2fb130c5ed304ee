"""Mails about accounts that allauth does not write."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import make_msgid

from django.utils.translation import gettext as _

from hven.jobs.configuration import configuration
from hven.portal.mailing import send
from hven.web.models import Invitation


def mail_invitation(invitation: Invitation, link: str) -> None:
    """Send an invitation's link to its address.

    Raises
    ------
    UnavailableError
        It did not go out.
    """
    message = EmailMessage()
    message["From"] = configuration().mail_from
    message["To"] = invitation.email
    message["Subject"] = "Hven: " + _("an invitation")
    message["Message-ID"] = make_msgid(domain="hven")
    message["Auto-Submitted"] = "auto-generated"
    until = f"{invitation.expires:%Y-%m-%d %H:%M} UTC"
    text = _("You are invited to register with Hven, by this link, once, until %(until)s:")
    message.set_content(f"{text % {'until': until}}\n\n{link}\n")
    send(message)
