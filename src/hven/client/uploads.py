"""Files that were sent to a service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hven.client.connection import Connection
from hven.progress.sizes import size_words


class Upload:
    """A file that was sent; can be an input of any number of jobs.

    Parameters
    ----------
    connection
        The service.
    found
        What the service says of it.
    """

    def __init__(self, connection: Connection, found: Mapping[str, Any]) -> None:
        self._connection = connection
        self.id = str(found["id"])
        #: What stands for it in parameters.
        self.reference = str(found["reference"])
        self.name = str(found["name"])
        #: Its size in bytes; None where it was not announced.
        self.size: int | None = found["bytes"]
        #: Whether all of it has come.
        self.complete = bool(found["complete"])
        self.sha256: str | None = found["sha256"]
        #: When the service removes it.
        self.expires = datetime.fromisoformat(found["expires"])

    def delete(self) -> None:
        """Remove it.

        Raises
        ------
        ConflictError
            A job that has not ended uses it.
        """
        self._connection.ask("DELETE", f"/uploads/{self.id}")

    def __repr__(self) -> str:
        size = "unknown size" if self.size is None else size_words(self.size)
        return f"<{self.reference} {self.name}, {size}{'' if self.complete else ', incomplete'}>"
