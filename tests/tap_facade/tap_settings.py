"""The service's settings, with what a TAP service has besides."""

from hven.server.settings import *  # noqa: F403

ROOT_URLCONF = "tap_urls"
