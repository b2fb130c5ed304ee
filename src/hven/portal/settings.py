"""Django's settings for the pages; `hven.server.settings` takes them over."""

from __future__ import annotations

from typing import Any

from hven.jobs.configuration import Configuration

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "hven.portal.context.page",
            ],
            "builtins": ["django.templatetags.i18n", "django.templatetags.static"],
        },
    }
]
STATIC_URL = "/static/"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "hven.portal.assets.NamedByContent"},
}
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.AppDirectoriesFinder"]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("pt-br", "Português (Brasil)")]

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "portal:jobs"
LOGOUT_REDIRECT_URL = "portal:home"
CSRF_FAILURE_VIEW = "hven.portal.failures.forged"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

ACCOUNT_ADAPTER = "hven.portal.accounts.adapter.Accounts"
ACCOUNT_FORMS = {"signup": "hven.portal.accounts.forms.RegistrationForm"}
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Hven: "
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_LOGOUT_REDIRECT_URL = "portal:home"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Hven"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = LANGUAGE_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = LANGUAGE_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600


def of(found: Configuration) -> dict[str, Any]:
    """What depends on the service's own settings.

    Parameters
    ----------
    found
        Whether browsers reach the service by HTTPS, who sends its mails, where its files are.
    """
    url = found.url or ""
    return {
        **_cookies(https=url.startswith("https:")),
        "CSRF_TRUSTED_ORIGINS": ["/".join(url.split("/")[:3])] if url else [],
        "DEFAULT_FROM_EMAIL": found.mail_from,
        "EMAIL_BACKEND": "hven.portal.mailing.Backend",
        # All web processes count tries together, and none takes a code a second time.
        "CACHES": {
            "default": {
                "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
                "LOCATION": str(found.run_folder / "cache"),
                "OPTIONS": {"MAX_ENTRIES": 10_000},
            }
        },
    }


def _cookies(*, https: bool) -> dict[str, Any]:
    prefix = "__Host-" if https else ""
    return {
        "SESSION_COOKIE_SECURE": https,
        "CSRF_COOKIE_SECURE": https,
        "LANGUAGE_COOKIE_SECURE": https,
        "SESSION_COOKIE_NAME": f"{prefix}hven_session",
        "CSRF_COOKIE_NAME": f"{prefix}hven_csrf",
        "LANGUAGE_COOKIE_NAME": f"{prefix}hven_language",
        "SECURE_HSTS_SECONDS": 365 * 24 * 3600 if https else 0,
    }
