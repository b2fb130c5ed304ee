"""How kernels are compiled: to machine code kept on disk, without the interpreter's lock."""

from __future__ import annotations

from numba import njit

#: Decorator of a kernel. It may not be told that there are no NaN (`nnan`, `ninf`): they mean that
#: there is nothing. The result is the same each time on one machine.
compiled = njit(
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"contract", "reassoc", "arcp", "nsz"},
)
