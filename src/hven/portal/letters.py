"""Mails that the pages send, through the service's own mail settings."""

from __future__ import annotations

from email.message import EmailMessage
from email.utils import make_msgid

from django.db.models import Q

from hven.jobs.configuration import configuration
from hven.jobs.models import User
from hven.portal.mailing import send


def mail_administrators(name: str, address: str, text: str) -> int:
    """Send a message to all administrators; gives to how many."""
    found = User.objects.filter(Q(is_superuser=True) | Q(is_staff=True), is_active=True)
    addresses = [user.email for user in found if user.email] or [configuration().mail_from]
    for to in addresses:
        message = EmailMessage()
        message["From"] = configuration().mail_from
        message["To"] = to
        message["Reply-To"] = address
        message["Subject"] = f"Hven: message from {' '.join(name.split())}"
        message["Message-ID"] = make_msgid(domain="hven")
        message.set_content(f"{name} <{address}> writes:\n\n{text}\n")
        send(message)
    return len(addresses)
