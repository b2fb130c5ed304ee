"""Threads of numerical libraries in this process."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
#: Functions that set the number of threads, by what the library's file name holds. The wheels of
#: numpy and scipy rename OpenBLAS's.
_SETTERS = {
    "openblas": (
        "openblas_set_num_threads",
        "openblas_set_num_threads64_",
        "scipy_openblas_set_num_threads",
        "scipy_openblas_set_num_threads64_",
    ),
    "mkl_rt": ("MKL_Set_Num_Threads",),
    "libblis": ("bli_thread_set_num_threads",),
    "libgomp": ("omp_set_num_threads",),
    "libiomp": ("omp_set_num_threads",),
    "libomp": ("omp_set_num_threads",),
}
#: What OpenBLAS's functions set. Called after a fork they would start its threads anew first, which
#: then spin for 50 ms.
_OPENBLAS_COUNT = "blas_cpu_number"


_held = 0


def hold_threads(count: int) -> None:
    """Hold numerical libraries in this process, a worker, to so many threads."""
    global _held
    if count != _held:
        _held = count
        set_thread_environment(count)
        set_loaded_threads(count)


def set_thread_environment(count: int) -> None:
    """Hold libraries that are yet to be loaded by this process to so many threads."""
    for variable in _VARIABLES:
        os.environ[variable] = str(count)
    if "numba" not in sys.modules:
        os.environ["NUMBA_NUM_THREADS"] = str(count)


def set_loaded_threads(count: int) -> None:
    """Hold libraries that this process has loaded to so many threads."""
    for path in _loaded_libraries():
        try:
            library = ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD)
        except OSError:
            continue
        _set_threads(library, path.name, count)


def _loaded_libraries() -> set[Path]:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return set()
    lines = maps.read_text(errors="replace").splitlines()
    return {Path(line.split(maxsplit=5)[5]) for line in lines if _is_numerical(line)}


def _is_numerical(line: str) -> bool:
    return ".so" in line and any(part in line for part in _SETTERS)


def _set_threads(library: ctypes.CDLL, name: str, count: int) -> None:
    if hasattr(library, _OPENBLAS_COUNT):
        ctypes.c_int.in_dll(library, _OPENBLAS_COUNT).value = count
        return
    for part, setters in _SETTERS.items():
        for setter in setters if part in name else ():
            if hasattr(library, setter):
                getattr(library, setter)(ctypes.c_int(count))
