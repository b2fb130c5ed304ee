"""What allauth asks the service: who may register, who tries too often, where links lead."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.constants import LoginStageKey
from allauth.account.models import EmailAddress
from allauth.account.stages import EmailVerificationStage
from django.contrib import messages
from django.http import HttpRequest
from django.http.request import split_domain_port

from hven.errors import RateError
from hven.jobs.configuration import configuration
from hven.jobs.models import User
from hven.portal.accounts import registration
from hven.web import rates

#: What mails call the service.
_SITE = SimpleNamespace(name="Hven", domain="Hven")
_PROOF = "allauth.account.stages.EmailVerificationStage"


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]
    """What `ACCOUNT_ADAPTER` names."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether who asks may register."""
        return registration.is_open(request)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse a password after too many wrong ones, here or by the API."""
        try:
            rates.require_patience(_name(credentials), _address(request))
        except RateError as error:
            raise self.validation_error("too_many_login_attempts") from error

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a wrong password."""
        rates.count_wrong_password(_name(credentials), _address(request))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail; nothing in it stands on how a client says the service is named."""
        safe = {
            name: _link(value) if name.endswith("_url") and "://" in str(value) else value
            for name, value in context.items()
        }
        super().send_mail(template_prefix, email, {**safe, "current_site": _SITE})

    def respond_email_verification_sent(self, request: HttpRequest, user: User) -> Any:
        """Say where the mail is, where no mail server is set."""
        if configuration().mail_server is None:
            messages.warning(request, _where())
        return super().respond_email_verification_sent(request, user)

    def get_login_stages(self) -> list[str]:
        """What has to be passed to log in."""
        stages = super().get_login_stages()
        return [_OWN_PROOF if stage == _PROOF else stage for stage in stages]


class ProvenAddress(EmailVerificationStage):  # type: ignore[misc]
    """Asks for a proven mail address of who has registered.

    An account that an administrator made has no address that was to be proven: whoever has its
    password was given it.
    """

    key = LoginStageKey.VERIFY_EMAIL.value

    def handle(self) -> Any:
        """Let pass, or send the mail once more."""
        user = self.login.user
        if user is not None and not EmailAddress.objects.filter(user=user).exists():
            if user.email:
                vouch(user)
            return None, True
        return super().handle()


_OWN_PROOF = f"{ProvenAddress.__module__}.{ProvenAddress.__qualname__}"


def vouch(user: User) -> None:
    """Take the mail address that an administrator gave an account for proven."""
    EmailAddress.objects.filter(user=user).delete()
    if user.email and not EmailAddress.objects.filter(email__iexact=user.email).exists():
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _where() -> str:
    from django.utils.translation import gettext as _

    return _(
        "This service has no mail server: the mail lies in the folder “mail” of its data folder. "
        "Its administrator can give you the link."
    )


def _name(credentials: dict[str, Any]) -> str:
    """What tries are counted by: the account, however it is named."""
    given = str(credentials.get("username") or credentials.get("email") or "")
    if "@" in given:
        owner = EmailAddress.objects.filter(email__iexact=given).select_related("user").first()
        return owner.user.username if owner else given
    return given


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")


def _link(url: str) -> str:
    """The same address as the settings say how the service is reached, whatever a client says.

    Whoever had a mail sent to somebody else could else have its link lead to a machine of theirs.
    """
    from allauth.core import context

    settings, request = configuration(), context.request
    path = url.partition("://")[2].partition("/")[2]
    if settings.url:
        return f"{settings.url.rstrip('/')}/{path}"
    own = {"localhost", "127.0.0.1", "[::1]", settings.host, settings.node, socket.gethostname()}
    if split_domain_port(request.get_host())[0] in own:
        return f"{request.scheme}://{request.get_host()}/{path}"
    return f"http://{settings.node}:{settings.port}/{path}"
