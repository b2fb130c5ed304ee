"""How kernels are compiled: to machine code kept on disk, without the interpreter's lock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit
from numpy.typing import NDArray


def _stamp(folder: Path) -> str:
    """A digest of the sources of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


_STAMP = _stamp(Path(__file__).parent)


def _compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    def compile_(function: Callable[..., Any]) -> Any:
        kernel = njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        # Numba takes kept code for good as long as the kernel's own file is the same, though
        # kernels of other files are compiled into it.
        if hasattr(kernel, "_cache"):
            kernel._cache._cache_file._source_stamp = _STAMP
        return kernel

    return compile_


#: Kernels may not be told that there are no NaN (`nnan`, `ninf`): they mean that there is nothing.
_FAST = {"contract", "reassoc", "arcp", "nsz"}

#: Decorator of a kernel that no kernel calls. Sums are the same each time on one machine.
compiled = _compiler(fastmath=_FAST)

#: The same for what kernels call. A call would go to whichever code of that name the process
#: loaded first: the caller's own, or after compiling the callee's, which may round otherwise
#: because each was optimised by itself. And in an inner loop, passing arrays costs time.
inlined = _compiler(fastmath=_FAST, forceinline=True)

#: Decorator of a kernel whose last bits may not depend on how its loops are cut: every operation
#: is rounded by itself.
compiled_to_the_bit = _compiler()

#: The same for what such kernels call. It may make no arrays: without that, arrays passed in are
#: not counted as used and unused again, which takes longer than the work of a short function.
inlined_to_the_bit = _compiler(forceinline=True, _nrt=False)


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written.

    Kernels are compiled for each type of array, and what a store kept is of another type than
    what was just made. Given views like this, they are compiled once.
    """
    view = array.view()
    view.flags.writeable = False
    return view
