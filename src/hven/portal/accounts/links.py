"""A link by which somebody chooses a password and is logged in: of use once, for three days."""

from __future__ import annotations

from hven.jobs.models import User


def login_link(user: User, base: str) -> str:
    """The address that the user opens.

    It is of no use any more as soon as the password has changed.

    Parameters
    ----------
    user
        Whose password it is.
    base
        How the service is reached.
    """
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str

    key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
    return f"{base.rstrip('/')}/account/password/reset/key/{key}/"
