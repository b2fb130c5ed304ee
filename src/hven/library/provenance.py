"""How a result was made, as `provenance.json` beside it."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from hven.declare import Application

FILE_NAME = "provenance.json"


def write_provenance(folder: Path, record: Mapping[str, Any]) -> Path:
    """Write a record beside the outputs; a reader never sees half of it."""
    path = folder / FILE_NAME
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    draft.replace(path)
    return path


def software(application: Application) -> dict[str, Any]:
    """The application, the package that brings it, and the versions of what both stand on."""
    package = application.body.__module__.split(".")[0]
    return {
        "application": {
            "name": application.name,
            "version": application.version,
            "package": package,
            "references": list(application.references),
        },
        "packages": package_versions(package),
        "python": platform.python_version(),
    }


def package_versions(*more: str) -> dict[str, str]:
    """The versions of Hven, of the packages it needs, and of `more` where they are installed."""
    found: dict[str, str] = {}
    for package in ["hven", *_needed("hven"), *more]:
        try:
            found.setdefault(package, _version(package))
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def _version(package: str) -> str:
    # Once a process: to find one, the whole description of the package is parsed.
    return metadata.version(package)


def machine() -> dict[str, Any]:
    """Where it was made."""
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": pages * page_bytes,
    }


def timestamp(seconds: float) -> str:
    """UTC, ISO 8601."""
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _needed(package: str) -> list[str]:
    requirements = metadata.requires(package) or []
    plain = [text for text in requirements if "extra ==" not in text]
    return sorted(re.split(r"[^A-Za-z0-9._-]", text)[0] for text in plain)
