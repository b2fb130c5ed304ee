"""Sets of slots that grow together: each slot points to a lower one of its set, or to itself."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit


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


@compiled_to_the_bit
def number(parent, order, labels):
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
    for slot in range(parent.size):
        labels[order[slot]] = find(parent, slot)
    parent[:] = -1
    count = 0
    for particle in range(labels.size):
        root = labels[particle]
        if parent[root] < 0:
            parent[root] = count
            count += 1
        labels[particle] = parent[root]
    return count
