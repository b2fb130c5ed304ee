"""Particle files of every format, written for tests by other means than Hven's own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow
from astropy.table import Table
from pyarrow import parquet

Arrays = dict[str, np.ndarray[Any, Any]]


def sample(count: int = 50, seed: int = 4) -> Arrays:
    """Positions, velocities, masses and identifiers."""
    rng = np.random.default_rng(seed)
    return {
        "positions": rng.uniform(0, 10, (count, 3)),
        "velocities": rng.normal(0, 300, (count, 3)),
        "masses": rng.uniform(1, 2, count),
        "identifiers": rng.permutation(count).astype(np.int64) + 7,
    }


def table_of(arrays: Arrays, length: str = "Mpc") -> Table:
    """The same as single columns with units."""
    table = Table()
    table["id"] = arrays["identifiers"]
    for axis, name in enumerate("xyz"):
        table[name] = arrays["positions"][:, axis]
        table[name].unit = length
    for axis, name in enumerate(("vx", "vy", "vz")):
        table[name] = arrays["velocities"][:, axis]
        table[name].unit = "km/s"
    table["mass"] = arrays["masses"]
    table["mass"].unit = "solMass"
    return table


def write_counted(path: Path, arrays: Arrays, *, columns: int = 8, promised: int | None = None):
    rows = zip(
        arrays["identifiers"].tolist(),
        arrays["positions"].tolist(),
        arrays["velocities"].tolist(),
        strict=True,
    )
    lines = [str(len(arrays["positions"]) if promised is None else promised)]
    for number, position, velocity in rows:
        numbers = " ".join(f"{value!r}" for value in [*position, *velocity])
        lines.append(f"{number}   {numbers}" + (" 3" if columns == 8 else ""))
    path.write_text("\n".join(lines) + "\n")
    return path


def _write_table(target: Path, arrays: Arrays, form: str, **options: Any) -> Path:
    table_of(arrays).write(target, format=form, overwrite=True, **options)
    return target


def _write_plain_text(path: Path, arrays: Arrays) -> Path:
    table_of(arrays).write(path, format="ascii.commented_header", overwrite=True)
    return path


def _write_parquet(path: Path, arrays: Arrays) -> Path:
    _write_table(path, arrays, "parquet")
    return path


def _write_vector_parquet(path: Path, arrays: Arrays) -> Path:
    vectors = {
        name: pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(arrays[old].ravel()), 3)
        for name, old in (("pos", "positions"), ("vel", "velocities"))
    }
    table = {"id": arrays["identifiers"], **vectors, "mass": arrays["masses"]}
    parquet.write_table(pyarrow.table(table), path)
    return path


def _write_datasets(path: Path, arrays: Arrays) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[f"halo/{ {'identifiers': 'ids'}.get(name, name) }"] = values
        file["halo/positions"].attrs["unit"] = "Mpc"
        file["halo/velocities"].attrs["unit"] = "km/s"
        file["halo/masses"].attrs["unit"] = "solMass"
    return path


def _write_npz(path: Path, arrays: Arrays) -> Path:
    named = {"pos": arrays["positions"], "vel": arrays["velocities"], "mass": arrays["masses"]}
    np.savez_compressed(path, id=arrays["identifiers"], **named)
    return path


def _write_records(path: Path, arrays: Arrays) -> Path:
    dtype = [("id", "i8"), ("pos", ">f8", 3), ("vel", "f8", 3), ("mass", "f8")]
    records = np.zeros(len(arrays["masses"]), dtype)
    for name, old in (("id", "identifiers"), ("pos", "positions"), ("vel", "velocities")):
        records[name] = arrays[old]
    records["mass"] = arrays["masses"]
    np.save(path, records)
    return path


#: Formats that hold all columns: suffix and writer.
WRITERS: dict[str, tuple[str, Callable[[Path, Arrays], Path]]] = {
    "csv": (".csv", lambda path, arrays: _write_table(path, arrays, "ascii.csv")),
    "blanks": (".dat", _write_plain_text),
    "ecsv": (".ecsv", lambda path, arrays: _write_table(path, arrays, "ascii.ecsv")),
    "ecsv-comma": (
        ".ecsv",
        lambda path, arrays: _write_table(path, arrays, "ascii.ecsv", delimiter=","),
    ),
    "fits": (".fits", lambda path, arrays: _write_table(path, arrays, "fits")),
    "fits-gz": (".fits.gz", lambda path, arrays: _write_table(path, arrays, "fits")),
    "votable": (".xml", lambda path, arrays: _write_table(path, arrays, "votable")),
    "votable-binary": (
        ".vot",
        lambda path, arrays: _write_table(path, arrays, "votable", tabledata_format="binary2"),
    ),
    "parquet": (".parquet", _write_parquet),
    "parquet-vectors": (".parquet", _write_vector_parquet),
    "hdf5": (".hdf5", _write_datasets),
    "hdf5-astropy": (
        ".h5",
        lambda path, arrays: _write_table(
            path, arrays, "hdf5", path="particles", serialize_meta=True
        ),
    ),
    "npz": (".npz", _write_npz),
    "npy-records": (".npy", _write_records),
}


def write_swift(path: Path, arrays: Arrays, *, box: float = 10.0) -> Path:
    """A snapshot like SWIFT's: units in attributes of each dataset, no factors of h."""
    with h5py.File(path, "w") as file:
        header = file.create_group("Header")
        header.attrs["BoxSize"] = [box * 1000] * 3
        header.attrs["NumPart_ThisFile"] = [0, len(arrays["masses"]), 0, 0, 0, 0, 0]
        header.attrs["NumPart_Total"] = header.attrs["NumPart_ThisFile"]
        header.attrs["NumFilesPerSnapshot"] = [1]
        header.attrs["MassTable"] = np.zeros(7)
        header.attrs["Redshift"], header.attrs["Scale-factor"] = [1.0], [0.5]
        cosmology = file.create_group("Cosmology")
        cosmology.attrs["h"], cosmology.attrs["Omega_m"] = [0.7], [0.3]
        units = file.create_group("Units")
        kpc, sun = 3.0856775814913673e21, 1.988409870698051e33
        units.attrs["Unit length in cgs (U_L)"] = [kpc]
        units.attrs["Unit mass in cgs (U_M)"] = [1e10 * sun]
        units.attrs["Unit time in cgs (U_t)"] = [kpc / 1e5]
        particles = file.create_group("PartType1")
        conversion = "Conversion factor to CGS (not including cosmological corrections)"
        for name, values, cgs, power in (
            ("Coordinates", arrays["positions"] * 1000, kpc, 1.0),
            ("Velocities", arrays["velocities"], 1e5, 0.0),
            ("Masses", arrays["masses"] / 1e10, 1e10 * sun, 0.0),
        ):
            particles[name] = values
            particles[name].attrs[conversion] = [cgs]
            particles[name].attrs["a-scale exponent"] = [power]
            particles[name].attrs["h-scale exponent"] = [0.0]
        particles["ParticleIDs"] = arrays["identifiers"].astype(np.uint64)
    return path


def write_gadget4(
    path: Path,
    arrays: Arrays,
    *,
    box: float = 10.0,
    files: int = 1,
    total: int | None = None,
    attributes: bool = True,
) -> Path:
    """A snapshot like Gadget-4's or AREPO's: kpc/h, 1e10 Msun/h, km/s times the root of a."""
    h, a, count = 0.7, 0.5, len(arrays["masses"])
    with h5py.File(path, "w") as file:
        header = file.create_group("Header")
        header.attrs["BoxSize"] = box * 1000 * h
        header.attrs["NumPart_ThisFile"] = np.array([0, count], np.uint32)
        header.attrs["NumPart_Total"] = np.array([0, count if total is None else total], np.uint64)
        header.attrs["NumFilesPerSnapshot"] = files
        header.attrs["MassTable"] = np.zeros(2)
        header.attrs["Time"], header.attrs["Redshift"] = a, 1 / a - 1
        parameters = file.create_group("Parameters")
        parameters.attrs["HubbleParam"], parameters.attrs["Omega0"] = h, 0.3
        kpc, sun = 3.0856775814913673e21, 1.988409870698051e33
        if attributes:
            parameters.attrs["UnitLength_in_cm"] = kpc
            parameters.attrs["UnitMass_in_g"] = 1e10 * sun
            parameters.attrs["UnitVelocity_in_cm_per_s"] = 1e5
        particles = file.create_group("PartType1")
        for name, values, a_scaling, h_scaling, cgs in (
            ("Coordinates", arrays["positions"] * 1000 * h, 1.0, -1.0, kpc),
            ("Velocities", arrays["velocities"] / np.sqrt(a), 0.5, 0.0, 1e5),
            ("Masses", arrays["masses"] / 1e10 * h, 0.0, -1.0, 1e10 * sun),
        ):
            particles[name] = values
            if attributes:
                particles[name].attrs["a_scaling"] = a_scaling
                particles[name].attrs["h_scaling"] = h_scaling
                particles[name].attrs["to_cgs"] = cgs
        particles["ParticleIDs"] = arrays["identifiers"].astype(np.uint32)
    return path


def write_gadget2(
    path: Path, arrays: Arrays, *, labelled: bool = False, order: str = "<", box: float = 10.0
) -> Path:
    """A binary snapshot with two gas particles before those of type 1."""
    gas = 2
    count = len(arrays["masses"])
    header = struct.pack(
        f"{order}6I6ddd2i6I2i4d2i6I",
        *(gas, count, 0, 0, 0, 0), *(5.0, 0.0, 0.0, 0.0, 0.0, 0.0), 1.0, 0.0, 0, 0,
        *(gas, count, 0, 0, 0, 0), 0, 1, box, 0.3, 0.7, 0.7, 0, 0, *(0,) * 6,
    )  # fmt: skip
    header += bytes(256 - len(header))

    def rows(values: np.ndarray[Any, Any], dtype: str) -> bytes:
        before = np.full((gas, *values.shape[1:]), 1)
        return np.concatenate([before, values]).astype(f"{order}{dtype}").tobytes()

    blocks = [
        (b"HEAD", header),
        (b"POS ", rows(arrays["positions"], "f4")),
        (b"VEL ", rows(arrays["velocities"], "f4")),
        (b"ID  ", rows(arrays["identifiers"], "u4")),
        (b"MASS", arrays["masses"].astype(f"{order}f4").tobytes()),
    ]
    with path.open("wb") as file:
        for label, content in blocks:
            if labelled:
                named = label + struct.pack(f"{order}i", len(content) + 8)
                file.write(_record(named, order))
            file.write(_record(content, order))
    return path


def _record(content: bytes, order: str) -> bytes:
    mark = struct.pack(f"{order}I", len(content))
    return mark + content + mark
