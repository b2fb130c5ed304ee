"""What a fetched file is called: by that name applications know what is in it."""

from __future__ import annotations

from email.message import Message

from hven.jobs.fetching.address import Address
from hven.jobs.fetching.replies import Reply
from hven.jobs.staging import clean_name

_GZIP = ("gzip", "x-gzip")


def name_of(reply: Reply, asked: Address, packed: str) -> str:
    """The name that the server says, else the last part of the address.

    Parameters
    ----------
    reply
        The server's answer.
    asked
        Where the user said it is.
    packed
        The content encoding, in which it is kept.
    """
    said = _said(reply.header("Content-Disposition"))
    name = clean_name(said or asked.name or reply.address.name or asked.host)
    if packed in _GZIP and not name.lower().endswith((".gz", ".fz", ".tgz")):
        name += ".gz"
    return name


def _said(disposition: str) -> str:
    """The file name in a header, however it is written there (RFC 6266)."""
    if not disposition:
        return ""
    message = Message()
    message["Content-Disposition"] = disposition
    try:
        return message.get_filename("") or ""
    except (LookupError, ValueError):
        return ""
