"""Sets of slots that grow together: each slot points to a lower one of its set, or to itself."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit

Slots = NDArray[Any]


@inlined_to_the_bit
def find(parent, slot):
    """The lowest slot of the set, to which the path becomes half as long."""
    while parent[slot] != slot:
        parent[slot] = parent[parent[slot]]
        slot = parent[slot]
    return slot


@inlined_to_the_bit
def unite(parent, i, j):
    """Make the sets of two slots one."""
    i = find(parent, i)
    j = find(parent, j)
    if i < j:
        parent[j] = i
    elif j < i:
        parent[i] = j


def number(parent: Slots, order: Slots, labels: Slots) -> int:
    """Number the sets in the order of their lowest particles.

    Parameters
    ----------
    parent
        (n,) the sets of slots; overwritten.
    order
        (n,) which particle stands in each slot.
    labels
        (n,) the number of each particle's set; written.

    Returns
    -------
    The number of sets.
    """
    name_sets(parent, order, 0, len(parent), labels)
    return int(number_names(parent, labels))


@compiled_to_the_bit
def name_sets(parent, order, first, last, labels):
    """Name the set of each particle that stands in some slots, half-open, by its lowest slot.

    Several threads may do so at a time: what they change meanwhile are other slots of the set.
    """
    for slot in range(first, last):
        labels[order[slot]] = find(parent, slot)


@compiled_to_the_bit
def number_names(parent, labels):
    """Number the sets whose names are in `labels` as `number` does."""
    parent[:] = -1
    count = 0
    for particle in range(labels.size):
        root = labels[particle]
        if parent[root] < 0:
            parent[root] = count
            count += 1
        labels[particle] = parent[root]
    return count
