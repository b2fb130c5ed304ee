"""The store: where products lie, one folder a key, whole or absent."""

# A kept step costs some ten microseconds; pathlib alone would double that.
# ruff: noqa: PTH103, PTH104, PTH108, PTH110, PTH116, PTH120, PTH123

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from hven.engine.codec import read_value, write_value
from hven.engine.contents import Contents
from hven.engine.drafts import Draft
from hven.engine.inputs import InputDigests
from hven.engine.locks import KeyLocks
from hven.engine.manifests import MANIFEST, Made, Manifest, manifest_content, parse_manifest
from hven.engine.remote import Remote, cache_folder, is_url, mirror_folder
from hven.engine.store_housekeeping import (
    USE_RESOLUTION,
    StoredProduct,
    Usage,
    list_products,
    measure_usage,
    remove_products,
)
from hven.errors import StoreError

#: Manifests that a process remembers.
_MOST_MANIFESTS = 4096


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
        The folder, made when it is not there; or an fsspec URL for workers that share no folder.
    durable
        Whether a product survives the loss of power as soon as it is there. Without it a product
        torn by one is noticed by its digest and made again.
    """

    def __init__(self, location: str | os.PathLike[str], *, durable: bool = False) -> None:
        #: The folder or URL, as it was given.
        self.location = os.fspath(location)
        self.durable = durable
        self._remote = Remote(self.location) if is_url(location) else None
        #: The folder, or this machine's mirror of the URL.
        self.folder = mirror_folder(self.location) if self._remote else _absolute(location)
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
        return open_store(os.environ.get("HVEN_STORE") or str(cache_folder() / "store"))

    def __reduce__(self) -> tuple[Callable[..., Store], tuple[str, bool]]:
        return open_store, (str(self.folder) if not self._remote else self.location, self.durable)

    def __repr__(self) -> str:
        return f"Store({self.location!r})"

    # -- products ---------------------------------------------------------------------------------

    def product_path(self, key: str) -> Path:
        """Where the product of that key lies, or would: a folder, or a file if it needs no more."""
        return Path(self._products, key[:2], key)

    def has(self, key: str) -> bool:
        """Whether there is a product of that key; tells the housekeeping that it is in use."""
        path = f"{self._products}/{key[:2]}/{key}"
        try:
            used = os.stat(path).st_mtime
        except OSError:
            return self._remote is not None and self._remote.has(key)
        if time.time() - used > USE_RESOLUTION:
            _note_use(path)
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

    def read(self, key: str, names: tuple[str, ...] = ()) -> Reading:
        """The product's value, or a tuple of the named fields of it.

        Files are compared with their digests the first time that they are read here.
        """
        reading = self._read(key, names)
        if reading.fault:
            # What this process remembers may be of an earlier product of that key.
            self._forget(key)
            reading = self._read(key, names)
        return reading

    def manifest(self, key: str) -> Manifest:
        """What is known of a product.

        Raises
        ------
        StoreError
            There is no such product, or its manifest is damaged.
        """
        try:
            return self._manifest(key)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"product {key[:12]}: must have a manifest, {error}") from error

    def draft(self) -> Draft:
        """A place for a product that is being made."""
        return Draft(self.folder / "drafts")

    def keep(self, key: str, value: Any, draft: Draft, made: Made) -> int:
        """Write the value into the draft and make it the product of that key; gives its bytes.

        Notes
        -----
        It appears under its name in one step, so a product is whole or absent whatever is
        killed. When another process was faster, its product stays.
        """
        written, files = write_value(value, draft.folder)
        manifest = Manifest(made, written, files)
        content = manifest_content(manifest)
        if files:
            _remove_unlisted(draft.folder(), files)
            _write(draft.folder() / MANIFEST, content)
        else:
            # A folder costs a file system several times what a file does.
            if draft.has_folder:
                draft.remove()
            _write(draft.path, content)
        if self.durable:
            sync_all(draft.path, (*files, MANIFEST) if files else ())
        if self._publish(key, draft):
            self._remember(key, manifest)
            self._contents.trust(f"{self.product_path(key)}/{name}" for name in files)
        if self._remote:
            self._remote.push(key, self.product_path(key))
        return len(content) + sum(file.size for file in files.values())

    def discard(self, key: str) -> None:
        """Remove a product, whole."""
        self._forget(key)
        if self._remote:
            self._remote.remove(key)
        draft = self.draft()
        try:
            os.rename(self.product_path(key), draft.path)
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

    def note_input(self, path: Path, digest: bytes) -> None:
        """Save this process reading an input file whose SHA-256 is known already.

        Raises
        ------
        InputError
            There is no such file.
        """
        self._inputs.note(path, digest)

    def digest_inputs(self, paths: Iterable[Path], threads: int) -> None:
        """Take the digests of many input files at once; `digest_input` then has them."""
        self._inputs.digest_all(paths, threads)

    # -- housekeeping -----------------------------------------------------------------------------

    def products(self) -> Iterator[StoredProduct]:
        """Every product here, in no order."""
        return list_products(self)

    def usage(self) -> Usage:
        """How much lies here."""
        return measure_usage(self)

    def remove(
        self,
        *,
        older_than: float | None = None,
        beyond_bytes: int | None = None,
        spared: Callable[[Collection[str]], Collection[str]] | None = None,
        dry_run: bool = False,
    ) -> list[StoredProduct]:
        """Remove what was left alone longest; `store_housekeeping.remove_products` explains."""
        return remove_products(
            self,
            older_than=older_than,
            beyond_bytes=beyond_bytes,
            spared=spared,
            dry_run=dry_run,
        )

    # -- inside -----------------------------------------------------------------------------------

    def _read(self, key: str, names: tuple[str, ...]) -> Reading:
        path = f"{self._products}/{key[:2]}/{key}"
        try:
            manifest = self._manifest(key)
            value = read_value(
                manifest.value,
                lambda name: self._contents.get(f"{path}/{name}", manifest.files[name]),
                path,
                names,
            )
            return Reading(value, "")
        except FileNotFoundError as error:
            gone = not os.path.exists(path)
            return Reading(None, "missing" if gone else f"without {error.filename}")
        except (OSError, ValueError, KeyError, TypeError, StoreError) as error:
            return Reading(None, f"damaged: {error}")

    def _manifest(self, key: str) -> Manifest:
        kept = self._manifests.get(key)
        if kept is None:
            path = f"{self._products}/{key[:2]}/{key}"
            if self._remote and not os.path.exists(path) and self._remote.has(key):
                draft = self.draft()
                self._remote.fetch(key, draft.folder())
                self._publish(key, draft)
            kept = parse_manifest(_manifest_bytes(path))
            self._remember(key, kept)
        return kept

    def _remember(self, key: str, manifest: Manifest) -> None:
        self._manifests[key] = manifest
        if len(self._manifests) > _MOST_MANIFESTS:
            self._manifests.popitem(last=False)

    def _forget(self, key: str) -> None:
        self._manifests.pop(key, None)
        self._contents.forget(f"{self.product_path(key)}/")

    def _publish(self, key: str, draft: Draft) -> bool:
        target = f"{self._products}/{key[:2]}/{key}"
        try:
            moved = _rename(draft.path, target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            moved = _rename(draft.path, target)
        if not moved:
            draft.remove()
        if self.durable:
            _sync(os.path.dirname(target))
            _sync(self._products)
        return moved


@cache
def open_store(location: str, durable: bool = False) -> Store:
    """The store of that location; one object a process, so that nothing is checked twice."""
    return Store(location, durable=durable)


def _absolute(location: str | os.PathLike[str]) -> Path:
    return Path(location).expanduser().absolute()


def _write(path: str | Path, content: bytes) -> None:
    with open(path, "xb", buffering=0) as file:
        file.write(content)


def _manifest_bytes(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except IsADirectoryError:
        with open(f"{path}/{MANIFEST}", "rb", buffering=0) as file:
            return file.read()


def _remove_unlisted(folder: Path, files: Mapping[str, object]) -> None:
    """Remove what a step wrote for itself only."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = f"{place}/{name}"
            if path[len(str(folder)) + 1 :] not in files:
                os.unlink(path)


def _rename(source: str | Path, target: str) -> bool:
    """Whether the draft became the product; a folder does not when there is one already."""
    try:
        os.rename(source, target)
    except OSError as error:
        if isinstance(error, FileNotFoundError) or not os.path.exists(target):
            raise
        return False
    return True


def _note_use(path: str) -> None:
    try:
        os.utime(path)
    except OSError:
        # A store that may only be read is still of use.
        return


def sync_all(path: Path, names: Iterable[str]) -> None:
    """Have a folder and these files of it survive a power failure."""
    for name in names:
        _sync(path / name)
    _sync(path)


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
