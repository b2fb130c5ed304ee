"""Tables of the portal itself."""

from __future__ import annotations

from hven.portal.models.preset import Preset
from hven.portal.models.share import Share
from hven.portal.models.tag import Tag

__all__ = ["Preset", "Share", "Tag"]
