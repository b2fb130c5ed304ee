"""Which kept products jobs stand on, from whom they came, and which may go."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterator

from hven.engine import Store
from hven.engine.store_housekeeping import StoredProduct
from hven.jobs.configuration import configuration
from hven.jobs.models import ProductUse

#: Rows and conditions that are sent to the database at a time.
_CHUNK = 500


def note_uses(job: uuid.UUID, made: Collection[str], reused: Collection[str]) -> None:
    """Have the store keep products as long as the job is not archived; again does no harm.

    Parameters
    ----------
    job
        Who stands on them.
    made
        Keys of the products that it made.
    reused
        Keys of those that were there.
    """
    uses = {**dict.fromkeys(reused, False), **dict.fromkeys(made, True)}
    for keys in _chunks(uses):
        ProductUse.objects.bulk_create(
            (ProductUse(job_id=job, key=key, made=uses[key]) for key in keys),
            ignore_conflicts=True,
        )


def sources_of(job: uuid.UUID, reused: Collection[str]) -> dict[str, int]:
    """How many of the products that a job found there came from which other job.

    Parameters
    ----------
    job
        Who found them. What an earlier attempt of its own made is not counted.
    reused
        Keys of the products.

    Returns
    -------
    dict
        Numbers by the id of the job, the largest first. A product whose maker is archived counts
        for the oldest job that stands on it.
    """
    counts: Counter[str] = Counter()
    for keys in _chunks(reused):
        sources: dict[str, uuid.UUID] = {}
        uses = ProductUse.objects.filter(key__in=keys).order_by("-made", "job_id")
        for key, source, made in uses.values_list("key", "job_id", "made"):
            if source != job:
                sources.setdefault(key, source)
            elif made:
                sources[key] = job
        counts.update(str(source) for source in sources.values() if source != job)
    return dict(counts.most_common())


def used_keys(keys: Collection[str]) -> set[str]:
    """Those of the products that a job stands on."""
    used: set[str] = set()
    for some in _chunks(keys):
        used.update(ProductUse.objects.filter(key__in=some).values_list("key", flat=True))
    return used


def free_unused(store: Store) -> list[StoredProduct]:
    """Remove the products that no job stands on and nobody used for as long as is set.

    What a live run may have found or made stays, see `Store.remove`.
    """
    return store.remove(
        older_than=configuration().keep_products_hours * 3600,
        spared=used_keys,
    )


def _chunks(keys: Collection[str]) -> Iterator[list[str]]:
    listed = list(keys)
    for start in range(0, len(listed), _CHUNK):
        yield listed[start : start + _CHUNK]
