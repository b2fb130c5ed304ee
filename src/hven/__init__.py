"""Hven turns compute-intensive astronomy codes into reliable services.

Every installed application is a function of this module: `from hven import mosaic`.
"""

from __future__ import annotations

import importlib
from typing import Any

#: Public names and the modules that have them; nothing is imported before it is asked for, so that
#: `import hven` costs nothing.
_PUBLIC = {
    "Dask": "hven.engine",
    "Inline": "hven.engine",
    "Local": "hven.engine",
    "Run": "hven.engine",
    "Store": "hven.engine",
    "step": "hven.engine",
    "Fault": "hven.errors",
    "Output": "hven.declare",
    "Param": "hven.declare",
    "SkyPosition": "hven.declare",
    "application": "hven.declare",
    "Result": "hven.library",
}


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        found = getattr(importlib.import_module(_PUBLIC[name]), name)
    elif name == "__version__":
        found = importlib.import_module("importlib.metadata").version("hven")
    elif not name.startswith("_") and name in _application_names():
        found = _application(name)
    else:
        raise AttributeError(f"module 'hven' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    special = [name for name in globals() if name.startswith("__")]
    return sorted({*special, *_PUBLIC, *_application_names(), "__version__"})


def _application_names() -> list[str]:
    from hven.declare import registry

    return registry.names()


def _application(name: str) -> Any:
    from hven.declare import registry
    from hven.library import function

    return function(registry.find(name))
