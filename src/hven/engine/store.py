"""The store: where products lie, one folder a key, whole or absent."""

# A kept step costs some ten microseconds; pathlib alone would double that.
# ruff: noqa: PTH103, PTH104, PTH110, PTH116, PTH118, PTH120

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import xxhash

from hven.engine.arrays import FileDigest
from hven.engine.codec import read_value, write_value
from hven.engine.contents import Contents
from hven.engine.inputs import InputDigests
from hven.engine.locks import KeyLocks
from hven.errors import StoreError

_MANIFEST = "manifest"
_TITLE = b"hven-product 1 "
#: Seconds for which the recorded time of last use may be too early.
USE_RESOLUTION = 3600
#: Manifests that a process remembers.
_MOST_MANIFESTS = 4096


class Made(NamedTuple):
    """How a product was made; what its manifest tells besides the value."""

    #: The step's name and version.
    step: str
    version: int
    #: Seconds since 1970 at which it was done, and how long it took.
    time: float
    seconds: float
    #: The arguments, shortened for reading.
    arguments: str
    #: The keys of the products it was made from.
    inputs: tuple[str, ...]


class Manifest(NamedTuple):
    """What lies beside a product's files."""

    made: Made
    #: The value, as `codec` writes it.
    value: Any
    #: Size and digest of each file.
    files: dict[str, FileDigest]


class Reading(NamedTuple):
    """What came of reading a product."""

    value: Any
    #: Why there is no value: `missing`, or what is wrong with which file; empty when all is well.
    fault: str


class Store:
    """A folder of products.

    Parameters
    ----------
    location
        The folder; made when it is not there.
    durable
        Whether a product survives the loss of power as soon as it is there. Without it a product
        torn by one is noticed by its digest and made again.
    """

    def __init__(self, location: str | os.PathLike[str], *, durable: bool = False) -> None:
        self.folder = Path(location).expanduser().absolute()
        self.durable = durable
        try:
            for name in ("products", "drafts", "runs", "inputs"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"store: must be a folder that can be written to, {error}") from error
        self._products = str(self.folder / "products")
        self._locks = KeyLocks(self.folder / "locks")
        self._inputs = InputDigests(self.folder / "inputs")
        self._manifests: OrderedDict[str, Manifest] = OrderedDict()
        self._contents = Contents()

    @staticmethod
    def default() -> Store:
        """The user's own store: `$HVEN_STORE`, else `hven/store` in the user's cache folder."""
        if location := os.environ.get("HVEN_STORE"):
            return open_store(location)
        cache_home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        return open_store(os.path.join(cache_home, "hven", "store"))

    def __reduce__(self) -> tuple[Callable[..., Store], tuple[str, bool]]:
        return open_store, (str(self.folder), self.durable)

    def __repr__(self) -> str:
        return f"Store({str(self.folder)!r})"

    # -- products ---------------------------------------------------------------------------------

    def product_folder(self, key: str) -> Path:
        """Where the product of that key lies, or would."""
        return Path(self._products, key[:2], key)

    def has(self, key: str) -> bool:
        """Whether there is a product of that key; tells the housekeeping that it is in use."""
        path = f"{self._products}/{key[:2]}/{key}/{_MANIFEST}"
        try:
            used = os.stat(path).st_mtime
        except OSError:
            return False
        if time.time() - used > USE_RESOLUTION:
            self._note_use(path)
        return True

    def load(self, key: str) -> Any:
        """The product's value.

        Raises
        ------
        StoreError
            There is none, or it is not what was written.
        """
        reading = self.read(key)
        if reading.fault:
            raise StoreError(f"product {key[:12]}: must be whole, {reading.fault}")
        return reading.value

    def read(self, key: str) -> Reading:
        """The product's value, its files compared with their digests the first time here."""
        reading = self._read(key)
        if reading.fault:
            # What this process remembers may be of an earlier product of that key.
            self._forget(key)
            reading = self._read(key)
        return reading

    def _read(self, key: str) -> Reading:
        folder = self.product_folder(key)
        try:
            manifest = self._manifest(key, folder)
            content = self._checked_content(folder, manifest)
            return Reading(read_value(manifest.value, content, folder), "")
        except FileNotFoundError as error:
            whole = not folder.exists()
            return Reading(None, "missing" if whole else f"without {error.filename}")
        except (OSError, ValueError, KeyError, TypeError, StoreError) as error:
            return Reading(None, f"damaged: {error}")

    def manifest(self, key: str) -> Manifest:
        """What is known of a product.

        Raises
        ------
        StoreError
            There is no such product, or its manifest is damaged.
        """
        try:
            return self._manifest(key, self.product_folder(key))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"product {key[:12]}: must have a manifest, {error}") from error

    def draft(self) -> Draft:
        """A place for a product that is being made."""
        return Draft(self.folder / "drafts")

    def keep(self, key: str, value: Any, draft: Draft, made: Made) -> int:
        """Write the value into the draft and make it the product of that key; gives its bytes.

        Notes
        -----
        The folder appears under its name in one step, so a product is whole or absent whatever is
        killed. When another process was faster, its product stays.
        """
        written, files = write_value(value, draft.folder)
        manifest = Manifest(made, written, files)
        content = _manifest_content(manifest)
        folder = draft.folder()
        (folder / _MANIFEST).write_bytes(content)
        if self.durable:
            _sync_all(folder, (*files, _MANIFEST))
        self._publish(key, draft)
        self._remember(key, manifest)
        self._contents.trust(f"{self.product_folder(key)}/{name}" for name in files)
        return len(content) + sum(file.size for file in files.values())

    def discard(self, key: str) -> None:
        """Remove a product, whole."""
        self._forget(key)
        draft = self.draft()
        try:
            os.rename(self.product_folder(key), draft.reserve())
        except OSError:
            return
        draft.remove()

    def discard_damaged(self, key: str) -> str:
        """Remove a product if it is damaged, and give what was wrong with it."""
        with self.lock(key):
            self._forget(key)
            fault = self.read(key).fault
            if fault and fault != "missing":
                self.discard(key)
            return fault

    def lock(self, key: str) -> AbstractContextManager[None]:
        """Hold the key, so that no other process makes the same product at the same time."""
        return self._locks.hold(key)

    def digest_input(self, path: Path) -> bytes:
        """The SHA-256 of an input file's content, remembered until the file changes."""
        return self._inputs.digest(path)

    # -- inside -----------------------------------------------------------------------------------

    def _manifest(self, key: str, folder: Path) -> Manifest:
        kept = self._manifests.get(key)
        if kept is None:
            kept = _parse_manifest((folder / _MANIFEST).read_bytes())
            self._remember(key, kept)
        return kept

    def _checked_content(self, folder: Path, manifest: Manifest) -> Callable[[str], memoryview]:
        return lambda name: self._contents.get(f"{folder}/{name}", manifest.files[name])

    def _remember(self, key: str, manifest: Manifest) -> None:
        self._manifests[key] = manifest
        if len(self._manifests) > _MOST_MANIFESTS:
            self._manifests.popitem(last=False)

    def _forget(self, key: str) -> None:
        self._manifests.pop(key, None)
        self._contents.forget(f"{self.product_folder(key)}/")

    def _publish(self, key: str, draft: Draft) -> None:
        target = f"{self._products}/{key[:2]}/{key}"
        try:
            _rename(draft.folder(), target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            _rename(draft.folder(), target)
        if os.path.exists(draft.folder()):
            draft.remove()
        if self.durable:
            _sync(os.path.dirname(target))
            _sync(self._products)

    def _note_use(self, path: str) -> None:
        try:
            os.utime(path)
        except OSError:
            # A store that may only be read is still of use.
            return


class Draft:
    """A folder of a product that is being made, made itself when it is first asked for."""

    _numbers = itertools.count()

    def __init__(self, drafts: Path) -> None:
        self._path = drafts / f"{_process_name()}.{next(self._numbers)}"
        self._made = False

    def folder(self) -> Path:
        """The folder, made."""
        if not self._made:
            self._path.mkdir()
            self._made = True
        return self._path

    def reserve(self) -> Path:
        """The folder's path, for something that is to be moved there."""
        self._made = True
        return self._path

    def remove(self) -> None:
        """Remove it and what is in it."""
        if self._made:
            shutil.rmtree(self._path, ignore_errors=True)


@cache
def open_store(location: str, durable: bool = False) -> Store:
    """The store of that location; one object a process, so that nothing is checked twice."""
    return Store(location, durable=durable)


def draft_is_stale(name: str) -> bool:
    """Whether the process that made the draft of that name, on this machine, has ended."""
    host, process, *_ = name.rsplit(".", 2)
    return host == _host_name() and not os.path.exists(f"/proc/{process}")


def _process_name() -> str:
    return f"{_host_name()}.{os.getpid()}"


@cache
def _host_name() -> str:
    return socket.gethostname()


def _manifest_content(manifest: Manifest) -> bytes:
    body = json.dumps(manifest, separators=(",", ":")).encode()
    return _TITLE + xxhash.xxh3_128_hexdigest(body).encode() + b"\n" + body


def _parse_manifest(content: bytes) -> Manifest:
    title, _, body = content.partition(b"\n")
    if title != _TITLE + xxhash.xxh3_128_hexdigest(body).encode():
        raise ValueError("the manifest is not what was written")
    made, value, files = json.loads(body)
    step, version, moment, seconds, arguments, inputs = made
    return Manifest(
        Made(step, version, moment, seconds, arguments, tuple(inputs)),
        value,
        {name: FileDigest(*file) for name, file in files.items()},
    )


def _rename(source: Path, target: str) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if isinstance(error, FileNotFoundError) or not os.path.exists(target):
            raise


def _sync_all(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        _sync(folder / name)
    _sync(folder)


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
