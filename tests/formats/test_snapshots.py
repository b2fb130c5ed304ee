"""Snapshots of simulation codes: units with their factors of h and a, types, links, damage."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import particle_files as files
from test_particles import read, summary

from hven.errors import InputError


@pytest.mark.parametrize("write", [files.write_swift, files.write_gadget4])
def test_units_become_comoving_mpc_solar_masses_and_peculiar_km_s(
    write: object, tmp_path: Path
) -> None:
    arrays = files.sample()
    path = write(tmp_path / "snap.hdf5", arrays)  # type: ignore[operator]
    found, facts = read(path), summary(path).facts
    for name in ("positions", "velocities", "masses"):
        # A few roundings of the factors.
        np.testing.assert_allclose(found[name], arrays[name], rtol=1e-14)
    np.testing.assert_array_equal(found["identifiers"], arrays["identifiers"])
    assert facts.box == pytest.approx((10.0, 10.0, 10.0), rel=1e-14)
    assert (facts.hubble, facts.matter, facts.scale_factor) == (0.7, 0.3, 0.5)
    chosen = summary(path).chosen
    assert (chosen.unit, chosen.velocity_unit, chosen.mass_unit) == ("Mpc", "km/s", "solMass")


def test_units_in_the_header_alone_take_the_usual_factors(tmp_path: Path) -> None:
    arrays = files.sample()
    path = files.write_gadget4(tmp_path / "snap.hdf5", arrays)
    with h5py.File(path, "a") as file:
        for name in ("Coordinates", "Velocities", "Masses"):
            for attribute in ("a_scaling", "h_scaling", "to_cgs"):
                del file["PartType1"][name].attrs[attribute]
    for name, values in read(path).items():
        np.testing.assert_allclose(values, arrays[name], rtol=1e-14)


def test_without_units_numbers_stay_and_the_user_is_told(tmp_path: Path) -> None:
    arrays = files.sample()
    path = files.write_gadget4(tmp_path / "snap.hdf5", arrays, attributes=False)
    np.testing.assert_array_equal(read(path)["positions"], arrays["positions"] * 1000 * 0.7)
    found = summary(path)
    assert found.chosen.unit == ""
    assert found.facts.notes == ("the snapshot says nothing of its units: numbers are its own",)


def test_a_mass_that_all_share_comes_from_the_header(tmp_path: Path) -> None:
    path = files.write_gadget4(tmp_path / "snap.hdf5", files.sample())
    with h5py.File(path, "a") as file:
        del file["PartType1/Masses"]
        file["Header"].attrs["MassTable"] = [0.0, 0.7e-10]
    assert read(path)["masses"] is None
    facts = summary(path).facts
    assert facts.particle_mass == pytest.approx(1.0, rel=1e-14)
    assert facts.mass_unit == "solMass"


def test_a_run_that_is_not_cosmological_has_no_scale_factor(tmp_path: Path) -> None:
    path = files.write_gadget4(tmp_path / "snap.hdf5", files.sample())
    with h5py.File(path, "a") as file:
        file["Header"].attrs["Time"], file["Header"].attrs["Redshift"] = 3.7, 0.0
    assert summary(path).facts.scale_factor == 1.0


def test_other_types_are_named(tmp_path: Path) -> None:
    path = files.write_gadget4(tmp_path / "snap.hdf5", files.sample())
    with pytest.raises(InputError, match=r"particles of type 4, has those of type 1 \(50\)"):
        summary(path, particle_type=4)
    path = files.write_gadget2(tmp_path / "snap", files.sample())
    with pytest.raises(InputError, match=r"particles of type 4, has those of type 0, 1"):
        summary(path, particle_type=4)


@pytest.mark.parametrize("labelled", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_binary_snapshots_of_both_formats_and_byte_orders(
    labelled: bool, order: str, tmp_path: Path
) -> None:
    arrays = files.sample()
    path = files.write_gadget2(tmp_path / "snap_000", arrays, labelled=labelled, order=order)
    found = read(path)
    for name, values in arrays.items():
        kind = np.float32 if values.dtype.kind == "f" else np.int64
        np.testing.assert_array_equal(found[name], values.astype(kind))
    assert summary(path).facts.box == (10.0, 10.0, 10.0)
    gas = read(path, particle_type=0)
    np.testing.assert_array_equal(gas["positions"], np.ones((2, 3)))
    assert gas["masses"] is None
    assert summary(path, particle_type=0).facts.particle_mass == 5.0


@pytest.mark.parametrize("cut", [100, 300, 700, 1500])
def test_a_truncated_binary_snapshot_is_refused(cut: int, tmp_path: Path) -> None:
    path = files.write_gadget2(tmp_path / "snap_000", files.sample())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="must end with a whole record; the one at byte"):
        summary(path)


def test_a_record_of_another_length_than_the_header_says_is_refused(tmp_path: Path) -> None:
    path = files.write_gadget2(tmp_path / "snap_000", files.sample())
    content = bytearray(path.read_bytes())
    content[8:12] = (60).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"POS: must hold 62 particles as the header says"):
        summary(path)


def test_a_truncated_hdf5_file_is_refused(tmp_path: Path) -> None:
    path = files.write_swift(tmp_path / "snap.hdf5", files.sample())
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match="must be a readable HDF5 file"):
        summary(path)


def test_values_in_other_files_are_never_read(tmp_path: Path) -> None:
    """An uploaded file that points at another must not give away what that one holds."""
    secret = files.write_swift(tmp_path / "secret.hdf5", files.sample())
    linked = tmp_path / "linked.hdf5"
    with h5py.File(linked, "w") as file:
        file["PartType1"] = h5py.ExternalLink(secret.name, "PartType1")
        file.create_group("Header").attrs["NumPart_ThisFile"] = [0, 50]
    with pytest.raises(InputError, match="it is a link to another file"):
        summary(linked)
    plain = tmp_path / "plain.hdf5"
    with h5py.File(plain, "w") as file:
        file["pos"] = h5py.ExternalLink(secret.name, "PartType1/Coordinates")
    with pytest.raises(InputError, match=r"must have columns of positions .* it has none"):
        summary(plain)
    virtual = tmp_path / "virtual.hdf5"
    layout = h5py.VirtualLayout((50, 3), "f8")
    layout[:] = h5py.VirtualSource(secret, "PartType1/Coordinates", (50, 3))
    with h5py.File(virtual, "w") as file:
        file.create_virtual_dataset("pos", layout)
    with pytest.raises(InputError, match="pos: must lie in this file, is put together"):
        summary(virtual)
    raw = tmp_path / "raw.hdf5"
    with h5py.File(raw, "w") as file:
        file.create_dataset("pos", (2, 3), "f8", external=[(str(secret), 0, 48)])
    with pytest.raises(InputError, match="pos: must lie in this file, is put together"):
        summary(raw)
