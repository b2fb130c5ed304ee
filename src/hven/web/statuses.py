"""Which status of HTTP an error is, at every door."""

from __future__ import annotations

from hven.errors import (
    ConflictError,
    ForbiddenError,
    MissingError,
    QuotaError,
    ResourceError,
    UnavailableError,
    UserError,
)
from hven.web.authentication import CredentialsError

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (CredentialsError, 401),
    (MissingError, 404),
    (ForbiddenError, 403),
    (QuotaError, 403),
    (ConflictError, 409),
    (ResourceError, 413),
    (UserError, 400),
    (UnavailableError, 503),
)


def status_of(error: UserError | UnavailableError, *, known: bool = True) -> int:
    """The status of the answer to an error.

    Parameters
    ----------
    error
        What went wrong.
    known
        Whether the client has said who it is. Who has not is asked for it, where somebody else
        may have what was refused.
    """
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    return 401 if isinstance(error, ForbiddenError) and not known else status
