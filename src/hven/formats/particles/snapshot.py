"""What the headers of snapshots say: box, cosmology, units with their factors of h and a.

Lengths become comoving Mpc, masses solar masses, velocities peculiar km/s, where the file says
what its own units are: Gadget-4, AREPO and SWIFT do, Gadget-2 leaves it to the reader.

References
----------
Springel 2005, MNRAS 364, 1105, doi:10.1111/j.1365-2966.2005.09655.x (Gadget-2).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hven.formats.particles.table import Facts

#: Centimetres of a megaparsec and of a kilometre, grams of the Sun (IAU 2015, CODATA 2018).
_MPC, _KM, _SUN = 3.0856775814913673e24, 1e5, 1.988409870698051e33
_TARGETS = {"length": ("Mpc", _MPC), "velocity": ("km/s", _KM), "mass": ("solMass", _SUN)}
#: What the standard columns are, and the powers of a and h by which Gadget keeps them.
_ROLES = {
    "Coordinates": ("length", 1.0, -1.0),
    "Velocities": ("velocity", 0.5, 0.0),
    "Masses": ("mass", 0.0, -1.0),
    "DynamicalMasses": ("mass", 0.0, -1.0),
}
#: What the user is told where a snapshot has no units.
NO_UNITS = "the snapshot says nothing of its units: numbers are its own"
_SWIFT_CGS = "Conversion factor to CGS (not including cosmological corrections)"


class Conversion(NamedTuple):
    """By what the values of a column are multiplied, and their unit then."""

    factor: float = 1.0
    unit: str = ""


class Units(NamedTuple):
    """A snapshot's own units in cgs, without their factors of h and a; None where unsaid."""

    scale_factor: float
    hubble: float
    length: float | None
    mass: float | None
    velocity: float | None
    #: Velocities are peculiar ones already.
    is_swift: bool


def snapshot_facts(file: Any, group: Any, particle_type: int) -> tuple[Facts, Units]:
    """What the headers of a snapshot's file say.

    Parameters
    ----------
    file
        The opened HDF5 file.
    group
        The group of the chosen particles.
    particle_type
        Their number.
    """
    header = file["Header"].attrs
    units = _units(file)
    length = conversion_of("Coordinates", group.get("Coordinates"), units)
    mass = conversion_of("Masses", group.get("Masses"), units)
    table = np.ravel(header.get("MassTable", np.zeros(1)))
    own_mass = float(table[particle_type]) if particle_type < len(table) else 0.0
    facts = Facts(
        box=_box(file, length.factor),
        hubble=_first(file, "HubbleParam", "h"),
        scale_factor=units.scale_factor,
        matter=_first(file, "Omega0", "Omega_m"),
        particle_mass=own_mass * mass.factor or None,
        mass_unit=mass.unit,
        files=int(np.ravel(header.get("NumFilesPerSnapshot", 1))[0]),
        total=_total(header, particle_type),
        notes=() if length.unit else (NO_UNITS,),
    )
    return facts, units


def conversion_of(key: str, dataset: Any, units: Units) -> Conversion:
    """How a column of a snapshot is converted.

    Parameters
    ----------
    key
        Its name.
    dataset
        The dataset, whose attributes count first; None where there is none.
    units
        The units of the snapshot.
    """
    if key not in _ROLES:
        return Conversion()
    role, a_power, h_power = _ROLES[key]
    cgs = getattr(units, role)
    attributes = dataset.attrs if dataset is not None else {}
    if "to_cgs" in attributes and "h_scaling" in attributes:
        found = [float(np.ravel(attributes[n])[0]) for n in ("a_scaling", "h_scaling", "to_cgs")]
        a_power, h_power = found[:2]
        cgs = found[2] or cgs
    elif _SWIFT_CGS in attributes:
        a_power = float(np.ravel(attributes.get("a-scale exponent", 0.0))[0])
        h_power = float(np.ravel(attributes.get("h-scale exponent", 0.0))[0])
        cgs = float(np.ravel(attributes[_SWIFT_CGS])[0])
    elif units.is_swift:
        a_power, h_power = (1.0 if role == "length" else 0.0), 0.0
    if cgs is None:
        return Conversion()
    # Comoving lengths keep their factor of a.
    power = a_power - 1.0 if role == "length" else a_power
    unit, size = _TARGETS[role]
    factor = cgs / size * units.scale_factor**power * units.hubble**h_power
    # Units such as Mpc are themselves, not 1.0000000000000002 of them.
    return Conversion(1.0 if abs(factor - 1.0) < 1e-7 else factor, unit)


def _units(file: Any) -> Units:
    swift = file["Units"].attrs if "Units" in file else {}
    is_swift = "Unit length in cgs (U_L)" in swift
    names = ("UnitLength_in_cm", "UnitMass_in_g", "UnitVelocity_in_cm_per_s")
    if is_swift:
        length, mass, time = (
            float(np.ravel(swift[f"Unit {name} in cgs (U_{letter})"])[0])
            for name, letter in (("length", "L"), ("mass", "M"), ("time", "t"))
        )
        sizes: tuple[float | None, ...] = (length, mass, length / time)
    else:
        sizes = tuple(_first(file, name) for name in names)
    hubble = _first(file, "HubbleParam", "h") or 1.0
    return Units(_scale_factor(file), hubble, sizes[0], sizes[1], sizes[2], is_swift)


def _scale_factor(file: Any) -> float:
    """The scale factor; 1 where the run is not a cosmological one, whose time is a time."""
    header = file["Header"].attrs
    if "Scale-factor" in header:
        return float(np.ravel(header["Scale-factor"])[0])
    if "Cosmology" in file and "Scale-factor" in file["Cosmology"].attrs:
        return float(np.ravel(file["Cosmology"].attrs["Scale-factor"])[0])
    if _first(file, "ComovingIntegrationOn") == 0.0:
        return 1.0
    redshift = float(np.ravel(header.get("Redshift", 0.0))[0])
    time = float(np.ravel(header.get("Time", 1.0))[0])
    return time if abs(time * (1.0 + redshift) - 1.0) < 1e-3 else 1.0


def _first(file: Any, *names: str) -> float | None:
    """The first of these attributes that one of the headers has."""
    for group in ("Header", "Parameters", "Units", "Cosmology"):
        if group in file:
            for name in names:
                if name in file[group].attrs:
                    return float(np.ravel(file[group].attrs[name])[0])
    return None


def _box(file: Any, factor: float) -> tuple[float, ...] | None:
    parameters = file["Parameters"].attrs if "Parameters" in file else {}
    periodic = parameters.get("InitialConditions:periodic", b"1")
    if periodic in (b"0", "0"):
        return None
    header = file["Header"].attrs
    size = header.get("BoxSize", parameters.get("BoxSize", 0.0))
    sides = np.ravel(np.asarray(size, dtype=np.float64)) * factor
    if len(sides) not in (1, 2, 3) or not (np.isfinite(sides).all() and (sides > 0).all()):
        return None
    return tuple(float(side) for side in (sides.repeat(3) if len(sides) == 1 else sides))


def _total(header: Any, particle_type: int) -> int | None:
    totals = np.ravel(header.get("NumPart_Total", np.zeros(0)))
    if particle_type >= len(totals):
        return None
    high = np.ravel(header.get("NumPart_Total_HighWord", np.zeros(len(totals))))
    above = int(high[particle_type]) if particle_type < len(high) else 0
    return int(totals[particle_type]) + (above << 32)
