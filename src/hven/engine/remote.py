"""A store behind an fsspec URL, of which this machine keeps a mirror."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import fsspec

from hven.engine.manifests import MANIFEST
from hven.errors import StoreError


class Remote:
    """The products at a URL.

    Notes
    -----
    Object stores cannot rename folders. A product is there when its manifest is, which is written
    last and removed first.
    """

    def __init__(self, url: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StoreError(f"store: must be a folder or an fsspec URL, {error}") from error

    def has(self, key: str) -> bool:
        """Whether there is a product of that key."""
        return bool(self._files.exists(f"{self._folder(key)}/{MANIFEST}"))

    def fetch(self, key: str, target: Path) -> None:
        """Copy a product into an empty folder here."""
        source = self._folder(key)
        for path in self._files.find(source):
            name = path[path.index(key) + len(key) + 1 :]
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            self._files.get_file(path, str(target / name))

    def push(self, key: str, source: Path) -> None:
        """Copy a product there."""
        if source.is_file():
            self._put(source, key, MANIFEST)
            return
        names = [str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()]
        for name in sorted(names, key=lambda name: name == MANIFEST):
            self._put(source / name, key, name)

    def remove(self, key: str) -> None:
        """Remove a product there."""
        with contextlib.suppress(FileNotFoundError):
            self._files.rm_file(f"{self._folder(key)}/{MANIFEST}")
            self._files.rm(self._folder(key), recursive=True)

    def _put(self, source: Path, key: str, name: str) -> None:
        path = f"{self._folder(key)}/{name}"
        self._files.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH120 - not here
        self._files.put_file(str(source), path)

    def _folder(self, key: str) -> str:
        return f"{self._root}/products/{key[:2]}/{key}"


def is_url(location: Any) -> bool:
    """Whether a store's location is an fsspec URL and not a folder."""
    return isinstance(location, str) and "://" in location


def mirror_folder(url: str) -> Path:
    """Where this machine mirrors the store of that URL."""
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    return cache_folder() / "mirrors" / name


def cache_folder() -> Path:
    """The user's folder for what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "hven"
