"""Tables of the portal itself."""

from __future__ import annotations

from hven.portal.models.preset import Preset

__all__ = ["Preset"]
