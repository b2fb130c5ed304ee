"""What all formats of particle files have in common: named columns, read block by block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import Fault, InputError

#: Rows of one block.
BLOCK_ROWS = 1 << 20
#: A file that holds its columns packed may promise so many bytes in any case ...
_SMALL_BYTES = 256 << 20
#: ... and beyond that only so many times its own size.
_LARGEST_RATIO = 200

Blocks = Iterator[dict[str, NDArray[Any]]]


class Column(NamedTuple):
    """What is known of a column before it is read."""

    #: `number`, `integer` or `other`, which cannot be used.
    kind: str
    #: Numbers a row.
    width: int = 1
    #: As astropy writes it; empty where the file has none.
    unit: str = ""
    #: Bytes a row, as far as known.
    row_bytes: int = 8


@dataclass(frozen=True)
class Facts:
    """What a file says beside its columns; None where it says nothing."""

    #: Sides of the periodic box, in the unit of the positions.
    box: tuple[float, ...] | None = None
    #: Hubble constant in 100 km/s/Mpc.
    hubble: float | None = None
    scale_factor: float | None = None
    #: Matter density over the critical one, today.
    matter: float | None = None
    #: Mass of each particle, where all have the same and no column holds it.
    particle_mass: float | None = None
    mass_unit: str = ""
    #: Files the snapshot has in all, and particles of the chosen type in all of them.
    files: int = 1
    total: int | None = None
    #: What the user should know about how it was read.
    notes: tuple[str, ...] = ()


class ParticleTable(ABC):
    """An opened file as a table.

    Parameters
    ----------
    name
        What messages call the file.
    columns
        The columns, by name.
    rows
        How many rows; None where only reading tells.
    facts
        What else the file says.
    """

    format: ClassVar[str]

    def __init__(
        self,
        name: str,
        columns: Mapping[str, Column],
        rows: int | None,
        facts: Facts | None = None,
    ) -> None:
        self.name = name
        self.columns = dict(columns)
        self.rows = rows
        self.facts = facts or Facts()
        #: Columns that must be read as whole numbers, where the file itself does not tell.
        self.integers: frozenset[str] = frozenset()

    @abstractmethod
    def blocks(self, names: Sequence[str]) -> Blocks:
        """The rows, some at a time: for each of the named columns (m,) or (m, width).

        Raises
        ------
        InputError
            The file cannot be read to its end; faulty rows are named.
        """

    def place(self, row: int) -> str:
        """A row, counted from 0, as messages name it."""
        return f"row {row + 1:,}"


def fault(name: str, text: str) -> InputError:
    """The error of one faulty file."""
    return InputError([Fault(name, text)])


def check_promise(name: str, promised: int, packed: int) -> None:
    """Refuse a file that unpacks to far more than it is.

    Raises
    ------
    InputError
        The promised bytes exceed what a file of `packed` bytes may unpack to.
    """
    limit = max(_SMALL_BYTES, _LARGEST_RATIO * packed)
    if promised > limit:
        raise fault(
            name,
            f"must unpack to at most {limit:,} bytes ({_LARGEST_RATIO} times its size), "
            f"would be {promised:,}",
        )


def column_of(dtype: np.dtype[Any], width: int = 1, unit: str = "") -> Column:
    """The column that holds values of a NumPy type."""
    kind = {"f": "number", "i": "integer", "u": "integer"}.get(dtype.kind, "other")
    return Column(kind, width, unit, dtype.itemsize * width)


def native(values: NDArray[Any]) -> NDArray[Any]:
    """The values in this machine's byte order."""
    return values.astype(values.dtype.newbyteorder("="), copy=False)
