"""The content of products' files: compared with its digest once, kept mapped for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from hven.engine.arrays import FileDigest, digest_content, map_file

#: Bytes that a process keeps mapped after their last use.
_MOST_MAPPED = 256 * 2**20


class Contents:
    """Files of products, as this process has seen them; for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mapped: OrderedDict[str, memoryview] = OrderedDict()
        self._mapped_bytes = 0
        self._compared: set[str] = set()

    def get(self, path: str, written: FileDigest) -> memoryview:
        """The file's content, read-only.

        Raises
        ------
        ValueError
            It is not what was written.
        """
        with self._lock:
            known, is_compared = self._mapped.get(path), path in self._compared
        if known is not None:
            return known
        content = map_file(Path(path), whole=not is_compared)
        if not is_compared:
            _compare(path.rpartition("/")[2], digest_content(content), written)
        with self._lock:
            self._compared.add(path)
            return self._remember(path, content)

    def trust(self, paths: Iterable[str]) -> None:
        """Take files as whole that this process has written itself."""
        with self._lock:
            self._compared.update(paths)

    def forget(self, start: str) -> None:
        """Forget all files whose paths begin so."""
        with self._lock:
            self._compared = {path for path in self._compared if not path.startswith(start)}
            for path in [path for path in self._mapped if path.startswith(start)]:
                self._mapped_bytes -= len(self._mapped.pop(path))

    def _remember(self, path: str, content: memoryview) -> memoryview:
        # Two threads may have mapped it at once: it counts once.
        if path in self._mapped:
            return self._mapped[path]
        self._mapped[path] = content
        self._mapped_bytes += len(content)
        while self._mapped_bytes > _MOST_MAPPED:
            self._mapped_bytes -= len(self._mapped.popitem(last=False)[1])
        return content


def _compare(name: str, found: FileDigest, written: FileDigest) -> None:
    if found.size != written.size:
        raise ValueError(f"{name} must have {written.size} bytes, has {found.size}")
    if found.digest != written.digest:
        raise ValueError(f"{name} is not what was written")
