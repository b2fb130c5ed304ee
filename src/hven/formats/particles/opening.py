"""Which format a particle file has, by its first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hven.formats.particles.table import ParticleTable, fault

_HEAD_BYTES = 512


@contextmanager
def open_particles(path: Path, particle_type: int = 1) -> Iterator[ParticleTable]:
    """Open a file of particles or galaxies.

    Parameters
    ----------
    path
        Text, CSV, ECSV, FITS, VOTable, Parquet, HDF5, npy, npz or a snapshot of Gadget-2; known by
        its content, whatever it is called.
    particle_type
        In a snapshot, the number of the type of particles.

    Raises
    ------
    InputError
        It cannot be read, or is none of these.
    """
    name = str(path)
    try:
        if path.exists() and not path.is_file():
            raise fault(name, f"must be a file, is a {'folder' if path.is_dir() else 'device'}")
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if not head:
            raise fault(name, "must hold particles, is empty (0 bytes)")
        with ExitStack() as stack:
            yield _open(path, head, particle_type, stack)
    except FileNotFoundError:
        raise fault(name, "must be an existing file, there is none") from None
    except PermissionError:
        raise fault(name, "must be readable, permission is denied") from None


def _open(path: Path, head: bytes, particle_type: int, stack: ExitStack) -> ParticleTable:
    # Each reader brings a library that takes a while to import: only the one that is needed.
    if head.startswith(b"\x89HDF\r\n"):
        from hven.formats.particles.hdf5 import Hdf5Table

        return Hdf5Table(path, stack, particle_type)
    if head.startswith((b"SIMPLE", b"PAR1", b"\x1f\x8b", b"BZh")) or _is_votable(head):
        from hven.formats.particles.binary_tables import FitsTable, ParquetTable, VoTable

        if _is_votable(head):
            return VoTable(path)
        return ParquetTable(path, stack) if head.startswith(b"PAR1") else FitsTable(path, stack)
    if head.startswith((b"\x93NUMPY", b"PK\x03\x04", b"PK\x05\x06")):
        from hven.formats.particles.arrays import NpyTable, NpzTable

        return NpyTable(path) if head.startswith(b"\x93NUMPY") else NpzTable(path, stack)
    from hven.formats.particles.gadget import GadgetTable, is_gadget

    if is_gadget(head):
        return GadgetTable(path, particle_type)
    from hven.formats.particles.text import TextTable

    return TextTable(path)


def _is_votable(head: bytes) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")
    return start.startswith((b"<?xml", b"<VOTABLE"))
