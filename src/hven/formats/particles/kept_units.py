"""Units of columns where a table's format has no place for them and astropy keeps them as YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable

import yaml


def units_in_yaml(lines: Iterable[str]) -> dict[str, str]:
    """Units by column name, from astropy's description of a table.

    Notes
    -----
    A line is one column, as `- {name: x, unit: Mpc, datatype: float64}`. What is not plain YAML
    says nothing about units, and nothing of it is made into an object.
    """
    found: dict[str, str] = {}
    for line in lines:
        if not line.lstrip().startswith("- {"):
            continue
        # Units that are more than a text are tagged; the text is all that is wanted.
        plain = re.sub(r"!astropy\.units\.\w+ ", "", line.lstrip()[2:])
        plain = re.sub(r"\{unit: ([^}]*)\}", r"\1", plain)
        try:
            entry = yaml.safe_load(plain)
        except yaml.YAMLError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("unit"), str):
            found[str(entry.get("name"))] = entry["unit"]
    return found
