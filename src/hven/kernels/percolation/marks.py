"""Marks of the numbers of cells: they tell at once of most numbers that no cell has them.

Most cells have few neighbours. Where a number would stand among those of the cells is a guess at
each step of a search; a mark that is nearly always the same costs little.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from hven.kernels.compiled import compiled_to_the_bit, inlined_to_the_bit


@compiled_to_the_bit
def mark_numbers(numbers, first, last, marks):
    """Mark the numbers of some cells and those beside them, for `may_be_near`.

    Parameters
    ----------
    numbers, first, last
        Of the cells, half-open.
    marks
        (m,) uint64 of any size, zeros; written. Numbers that are far from each other share a mark.
    """
    mask = full_mask(marks.size)
    one = np.uint64(1)
    for cell in range(first, last):
        word, bit = numbers[cell] >> 6, numbers[cell] & 63
        here = one << np.uint64(bit)
        marks[_slot(word, mask, marks.size)] |= here | here << one | here >> one
        if bit == 0:
            marks[_slot(word - 1, mask, marks.size)] |= one << np.uint64(63)
        elif bit == 63:
            marks[_slot(word + 1, mask, marks.size)] |= one


@inlined_to_the_bit
def may_be_near(marks, mask, number):
    """Whether a marked cell may have this number or one beside it; if False, none has."""
    bits = marks[_slot(number >> 6, mask, marks.size)]
    return (bits >> np.uint64(number & 63)) & np.uint64(1) != 0


@inlined_to_the_bit
def full_mask(size):
    """The least number of ones, in binary, that is not below the last slot."""
    mask = 1
    while mask < size:
        mask *= 2
    return mask - 1


@inlined_to_the_bit
def _slot(word, mask, size):
    """Where a word of marks lies among so many: neighbours beside each other, nearly always."""
    slot = word & mask
    return slot if slot < size else slot - (mask + 1) // 2
