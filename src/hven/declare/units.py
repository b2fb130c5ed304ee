"""Numbers with a unit; astropy is imported only when a unit has to be converted."""

from __future__ import annotations

from typing import Any

#: Words that are written behind a number but are no physical unit, so nothing converts to them.
LABELS = frozenset({"sigma"})

#: How observers write angles, which astropy's unit parser does not know.
_SYMBOLS = {'"': "arcsec", "″": "arcsec", "'": "arcmin", "′": "arcmin", "°": "deg"}


def is_unit(unit: str) -> bool:
    """Whether `unit` is one of astropy's, or one of the words in LABELS."""
    from astropy import units

    if unit in LABELS:
        return True
    try:
        units.Unit(unit)
    except ValueError:
        return False
    return True


def convert(number: float, given: str, wanted: str) -> float:
    """The number that is `number` of the unit `given`, in the unit `wanted`.

    Raises
    ------
    ValueError
        The units do not convert, or one of them is unknown.
    """
    given = _SYMBOLS.get(given, given)
    if given == wanted:
        return number
    if wanted in LABELS:
        raise ValueError(f"{given} does not convert to {wanted}")
    from astropy import units

    return float(units.Unit(given).to(units.Unit(wanted), number))


def is_quantity(value: object) -> bool:
    """Whether `value` is an astropy Quantity; found without importing astropy."""
    return hasattr(value, "unit") and hasattr(value, "to_value")


def quantity_value(quantity: Any, wanted: str | None) -> float:
    """The number that a scalar Quantity has in the unit `wanted` (None: without a unit).

    Raises
    ------
    ValueError
        The unit does not convert, or the quantity is not a scalar.
    """
    if wanted in LABELS:
        raise ValueError(f"{quantity.unit} does not convert to {wanted}")
    try:
        return float(quantity.to_value(wanted if wanted is not None else ""))
    except TypeError as error:
        raise ValueError("not a single number") from error
