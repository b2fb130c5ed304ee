"""Keeping a store small: what lies there, and what may go."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hven.engine.drafts import remove_stale_drafts
from hven.engine.presence import oldest_live_run
from hven.errors import StoreError

if TYPE_CHECKING:
    from hven.engine.store import Store

#: Seconds for which the recorded time of last use may be too early.
USE_RESOLUTION = 3600


class Usage(NamedTuple):
    """What a store holds."""

    products: int
    bytes: int
    #: Seconds since 1970 at which the product that was left alone longest was last used.
    oldest_use: float | None


class StoredProduct(NamedTuple):
    """One product, as the housekeeping sees it."""

    key: str
    #: The step that made it, or an empty text when its manifest is damaged.
    step: str
    bytes: int
    #: Seconds since 1970; up to an hour before the true last use.
    used: float
    made: float


def list_products(store: Store) -> Iterator[StoredProduct]:
    """Every product of a store, in no order.

    Notes
    -----
    Every manifest is read; half a second for ten thousand products.
    """
    for path in (store.folder / "products").glob("*/*"):
        with contextlib.suppress(FileNotFoundError):
            yield _describe(store, path)


def measure_usage(store: Store) -> Usage:
    """How much a store holds."""
    products = list(list_products(store))
    oldest = min((product.used for product in products), default=None)
    return Usage(len(products), sum(product.bytes for product in products), oldest)


def remove_products(
    store: Store,
    *,
    older_than: float | None = None,
    beyond_bytes: int | None = None,
    spared: Callable[[Collection[str]], Collection[str]] | None = None,
    dry_run: bool = False,
) -> list[StoredProduct]:
    """Remove what was left alone longest, and what dead processes left behind.

    Parameters
    ----------
    store
        The store.
    older_than
        Remove what has not been used for so many seconds.
    beyond_bytes
        Remove until no more than so many bytes are left.
    spared
        Which of the products with these keys stay all the same.
    dry_run
        Only tell what would be removed.

    Returns
    -------
    list of StoredProduct
        What was removed, or would be.

    Notes
    -----
    What was used since the oldest live run began is never removed: that run may have found it, or
    made it. A step whose input is removed all the same makes it again.
    """
    products = sorted(list_products(store), key=lambda product: product.used)
    chosen = _choose(products, older_than, beyond_bytes)
    begun = oldest_live_run(store.folder / "runs")
    limit = float("inf") if begun is None else begun - USE_RESOLUTION
    going = [product for product in chosen if product.used < limit]
    if spared is not None:
        staying = spared([product.key for product in going])
        going = [product for product in going if product.key not in staying]
    if not dry_run:
        for product in going:
            store.discard(product.key)
        remove_stale_drafts(store.folder / "drafts")
    return going


def _choose(
    products: list[StoredProduct], older_than: float | None, beyond_bytes: int | None
) -> list[StoredProduct]:
    """Those that are too old, and of the rest the oldest until the size is right."""
    now = time.time()
    left = sum(product.bytes for product in products)
    chosen = []
    for product in products:
        too_old = older_than is not None and now - product.used > older_than
        too_many = beyond_bytes is not None and left > beyond_bytes
        if too_old or too_many:
            chosen.append(product)
            left -= product.bytes
    return chosen


def _describe(store: Store, path: Path) -> StoredProduct:
    found = path.stat()
    try:
        manifest = store.manifest(path.name)
        step, made = manifest.made.step, manifest.made.time
    except StoreError:
        step, made = "", found.st_mtime
    files = [p.stat().st_size for p in path.rglob("*") if p.is_file()]
    size = sum(files) if path.is_dir() else found.st_size
    return StoredProduct(path.name, step, size, found.st_mtime, made)
