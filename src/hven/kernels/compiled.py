"""How kernels are compiled: to machine code kept on disk, without the interpreter's lock."""

from __future__ import annotations

from numba import njit

#: Decorator of a kernel. It may not be told that there are no NaN (`nnan`, `ninf`): they mean that
#: there is nothing. Sums are the same each time on one machine.
compiled = njit(
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"contract", "reassoc", "arcp", "nsz"},
)

#: The same for a small part of an inner loop: passing arrays to it would take longer than its work.
inlined = njit(
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"contract", "reassoc", "arcp", "nsz"},
    forceinline=True,
)

#: Decorator of a kernel whose last bits may not depend on how its loops are cut: every operation
#: is rounded by itself.
compiled_to_the_bit = njit(cache=True, nogil=True, error_model="numpy")
