"""Which services this client can speak with."""

from __future__ import annotations

from importlib.metadata import version

from hven.errors import ServiceError


def require_like_ours(theirs: str, url: str) -> None:
    """Refuse a service whose API may be another.

    Raises
    ------
    ServiceError
        Its version differs in the first number, or before 1.0 in the second.
    """
    ours = version("hven")
    if _generation(theirs) != _generation(ours):
        wanted = ".".join(_generation(theirs))
        told = f"must be a Hven of version {'.'.join(_generation(ours))}, {url} is {theirs}"
        raise ServiceError(f"service: {told}; pip install 'hven=={wanted}.*'")


def _generation(text: str) -> tuple[str, ...]:
    numbers = text.split(".")
    return tuple(numbers[:2] if numbers[0] == "0" else numbers[:1])
