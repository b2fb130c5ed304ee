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
#: Functions that set the number of threads, by what the library's file name holds. numpy's and
#: scipy's wheels rename OpenBLAS's.
_SETTERS = {
    "openblas": (
        "openblas_set_num_threads",
        "openblas_set_num_threads64_",
        "scipy_openblas_set_num_threads",
        "scipy_openblas_set_num_threads64_",
    ),
    "mkl_rt": ("MKL_Set_Num_Threads",),
    "blis": ("bli_thread_set_num_threads",),
    "libgomp": ("omp_set_num_threads",),
    "libiomp": ("omp_set_num_threads",),
    "libomp": ("omp_set_num_threads",),
}


def set_thread_environment(count: int) -> None:
    """Hold libraries that are yet to be loaded by this process to so many threads."""
    for variable in _VARIABLES:
        os.environ[variable] = str(count)
    if "numba" not in sys.modules:
        os.environ["NUMBA_NUM_THREADS"] = str(count)


def set_loaded_threads(count: int) -> None:
    """Hold libraries that this process has loaded to so many threads."""
    for path in _loaded_libraries():
        for part, names in _SETTERS.items():
            if part in path.name:
                _call_setters(path, names, count)


def _loaded_libraries() -> set[Path]:
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return set()
    lines = maps.read_text(errors="replace").splitlines()
    return {Path(line.split(maxsplit=5)[5]) for line in lines if ".so" in line}


def _call_setters(path: Path, names: tuple[str, ...], count: int) -> None:
    try:
        library = ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD)
    except OSError:
        return
    for name in names:
        if hasattr(library, name):
            getattr(library, name)(ctypes.c_int(count))
