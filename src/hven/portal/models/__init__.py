"""The portal's tables."""

from hven.portal.models.share import Share
from hven.portal.models.tag import Tag

__all__ = ["Share", "Tag"]
