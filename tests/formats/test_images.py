"""Reading images of every kind, compared with astropy's own reading."""

from __future__ import annotations

import bz2
import gzip
import warnings
from pathlib import Path
from typing import Any

import astropy
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from hven.errors import InputError
from hven.formats.examine import examine
from hven.formats.images import Source, read_image, sources_of

ASTROPY = Path(astropy.__file__).parent
COMPRESSED = ASTROPY / "io/fits/hdu/compressed/tests/data"
SKY = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CRPIX1": 3.0,
    "CRPIX2": 2.0,
    "CDELT1": -0.001,
    "CDELT2": 0.001,
}


def write(path: Path, *images: Any, **cards: Any) -> Path:
    """A file with an image in its primary unit and further ones in extensions, all on the sky."""
    header = fits.Header({**SKY, **cards})
    hdus = [fits.PrimaryHDU(images[0], header if images[0] is not None else None)]
    hdus += [
        fits.ImageHDU(image, header, name="SCI", ver=i + 1) for i, image in enumerate(images[1:])
    ]
    for hdu in hdus:
        for keyword in ("BSCALE", "BZERO", "BLANK"):
            if keyword in cards:
                hdu.header[keyword] = cards[keyword]
    fits.HDUList(hdus).writeto(path)
    return path


def noise(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(7).normal(10.0, 3.0, shape)


def from_astropy(path: Path, hdu: int = 0) -> np.ndarray[Any, Any]:
    with warnings.catch_warnings(), fits.open(path) as hdus:
        # Real headers break the standard in ways that do not touch the pixels.
        warnings.simplefilter("ignore")
        return np.array(hdus[hdu].data)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("u1", "f4"), ("i2", "f4"), ("i4", "f8"), ("i8", "f8"), ("f4", "f4"), ("f8", "f8")],
)
def test_every_pixel_type_gives_native_floats_that_hold_it(
    tmp_path: Path, kind: str, expected: str
) -> None:
    values = noise(4, 5).astype(kind)
    frame = read_image(Source(write(tmp_path / "a.fits", values)))
    assert frame.data.dtype == np.dtype(expected)
    assert frame.data.dtype.isnative
    np.testing.assert_array_equal(frame.data, values)


def test_scaled_integers_are_physical_values_and_blank_is_nan(tmp_path: Path) -> None:
    raw = np.array([[0, 1, -99], [4, 5, 6]], ">i2")
    path = tmp_path / "a.fits"
    hdu = fits.PrimaryHDU(raw, fits.Header(SKY))
    hdu.writeto(path)
    with fits.open(path, mode="update", do_not_scale_image_data=True) as hdus:
        hdus[0].header.update({"BSCALE": 0.1, "BZERO": 100.0, "BLANK": -99})
    data = read_image(Source(path)).data
    expected = np.array([[100.0, 100.1, np.nan], [100.4, 100.5, 100.6]], np.float32)
    np.testing.assert_array_equal(data, expected)


@given(st.integers(-32768, 32767), st.floats(1e-3, 1e3), st.floats(-1e4, 1e4))
def test_scaling_is_rounded_once(value: int, scale: float, zero: float) -> None:
    from hven.formats.fits_structure import Hdu, Header
    from hven.formats.image_planes import _physical

    cards = "".join(
        f"{k:8}= {v!r:>20}".ljust(80) for k, v in {"BSCALE": scale, "BZERO": zero}.items()
    )
    hdu = Hdu(0, "image", Header((cards + "END".ljust(80)).encode()), 0, 0, 16, (1, 1))
    result = _physical(np.array([[value]], ">i2"), hdu)
    assert result[0, 0] == np.float32(value * scale + zero)


def test_unsigned_integers_are_read(tmp_path: Path) -> None:
    values = np.array([[0, 1], [40000, 65535]], np.uint16)
    path = write(tmp_path / "a.fits", values)
    np.testing.assert_array_equal(read_image(Source(path)).data, values)


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_a_packed_file_reads_as_the_plain_one(tmp_path: Path, suffix: str, pack: Any) -> None:
    plain = write(tmp_path / "a.fits", None, noise(9, 8), noise(7, 6).astype("f4"))
    packed = tmp_path / f"a.fits{suffix}"
    packed.write_bytes(pack(plain.read_bytes()))
    for hdu in (1, 2):
        expected, found = read_image(Source(plain, hdu)), read_image(Source(packed, hdu))
        np.testing.assert_array_equal(found.data, expected.data)
    assert examine(Source(packed)).finite == 72


@pytest.mark.parametrize("name", ["m13_gzip", "m13_rice", "m13_hcomp", "m13_plio", "m13"])
def test_every_tile_compression_reads_as_astropy_reads_it(name: str) -> None:
    path = COMPRESSED / f"{name}.fits"
    summary = examine(Source(path))
    assert summary.is_verified
    data = read_image(Source(path), summary).data
    np.testing.assert_array_equal(data, from_astropy(path, summary.hdu))


def test_a_compressed_image_inside_a_gzip_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.fits.fz.gz"
    path.write_bytes(gzip.compress((COMPRESSED / "m13_rice.fits").read_bytes()))
    summary = examine(Source(path))
    np.testing.assert_array_equal(
        read_image(Source(path), summary).data, from_astropy(COMPRESSED / "m13_rice.fits", 1)
    )


def test_compressed_nan_stays_nan(tmp_path: Path) -> None:
    values = noise(40, 50).astype("f4")
    values[3:9] = np.nan
    path = tmp_path / "a.fits"
    fits.CompImageHDU(values, fits.Header(SKY), compression_type="GZIP_1").writeto(path)
    assert examine(Source(path)).finite == 34 * 50
    np.testing.assert_array_equal(np.isnan(read_image(Source(path)).data), np.isnan(values))


def test_the_first_image_on_the_sky_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    hdus = [
        fits.PrimaryHDU(),
        fits.ImageHDU(noise(4, 4), name="FLAT"),
        fits.ImageHDU(noise(5, 6), fits.Header(SKY), name="SCI"),
    ]
    fits.HDUList(hdus).writeto(path)
    summary = examine(Source(path))
    assert (summary.hdu, summary.extension, summary.nx, summary.ny) == (2, "SCI", 6, 5)


@pytest.mark.parametrize("choice", [2, "2", "SCI,2", "sci,2"])
def test_a_unit_is_chosen_by_number_or_name_and_version(tmp_path: Path, choice: Any) -> None:
    path = write(tmp_path / "a.fits", None, noise(3, 3), noise(4, 4))
    assert read_image(Source(path, choice)).data.shape == (4, 4)


def test_all_images_of_a_file_are_listed_without_their_weights(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    sky = fits.Header(SKY)
    hdus = [fits.PrimaryHDU()]
    for version in (1, 2):
        hdus += [
            fits.ImageHDU(noise(4, 4), sky, name=name, ver=version) for name in ("SCI", "ERR", "DQ")
        ]
    fits.HDUList(hdus).writeto(path)
    assert [source.hdu for source in sources_of(path, "all")] == [1, 4]
    assert [source.hdu for source in sources_of(path, "ERR")] == [2, 5]
    assert sources_of(path, "SCI,2", scale=2.0) == [Source(path, "SCI,2", scale=2.0)]
    with pytest.raises(InputError, match="unit FLAT must be in the file, its units are: 0 PRIMARY"):
        sources_of(path, "FLAT")


def cube(path: Path, order: str, values: np.ndarray[Any, Any]) -> Path:
    """A radio cube whose axes come in the given order of R(A), D(ec), F(requency), S(tokes)."""
    axes = {
        "R": ("RA---SIN", 150.0, 3.0, -0.001),
        "D": ("DEC--SIN", 2.0, 2.0, 0.001),
        "F": ("FREQ", 1.4e9, 1.0, 1e6),
        "S": ("STOKES", 1.0, 1.0, 1.0),
    }
    header = fits.Header()
    for number, axis in enumerate(order, 1):
        for keyword, value in zip(("CTYPE", "CRVAL", "CRPIX", "CDELT"), axes[axis], strict=True):
            header[f"{keyword}{number}"] = value
    fits.PrimaryHDU(values, header).writeto(path)
    return path


@pytest.mark.parametrize("order", ["RDFS", "RDSF", "FRDS", "SFDR", "RFDS", "DSRF"])
def test_a_plane_of_a_cube_is_found_in_any_order_of_axes(tmp_path: Path, order: str) -> None:
    lengths = {"R": 5, "D": 4, "F": 3, "S": 2}
    values = noise(*(lengths[axis] for axis in reversed(order))).astype("f4")
    path = cube(tmp_path / "a.fits", order, values)
    source = Source(path, plane=4)
    summary = examine(source)
    # The two image axes stay in the file's order; the others count from the lowest up.
    others = [axis for axis in order if axis in "FS"]
    place = dict(zip(others, (3 % lengths[others[0]], 3 // lengths[others[0]]), strict=True))
    index = tuple(place.get(axis, slice(None)) for axis in reversed(order))
    np.testing.assert_array_equal(read_image(source, summary).data, values[index])
    shape = [lengths[axis] for axis in order if axis in "RD"]
    assert [summary.nx, summary.ny] == shape
    sky = dict(zip([a for a in order if a in "RD"], (2.0, 1.0), strict=True))
    whole = WCS(fits.getheader(path))
    pixel = [sky.get(axis, 0.0) for axis in order]
    expected = dict(zip(order, whole.wcs_pix2world([pixel], 0)[0], strict=True))
    found = summary.wcs.wcs_pix2world([[2.0, 1.0]], 0)[0]
    wanted = [expected[axis] for axis in order if axis in "RD"]
    # The cards of a sub-set are written with 14 digits.
    np.testing.assert_allclose(found, wanted, atol=1e-11)


def test_degenerate_axes_need_no_plane(tmp_path: Path) -> None:
    values = noise(1, 1, 4, 5).astype("f4")
    path = cube(tmp_path / "a.fits", "RDFS", values)
    np.testing.assert_array_equal(read_image(Source(path)).data, values[0, 0])
    assert examine(Source(path)).wcs.naxis == 2


def test_planes_of_a_packed_or_compressed_cube_are_read(tmp_path: Path) -> None:
    values = noise(3, 4, 5).astype("f4")
    plain = cube(tmp_path / "a.fits", "FDR", values)
    packed = tmp_path / "a.fits.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    compressed = tmp_path / "c.fits"
    fits.CompImageHDU(values, fits.getheader(plain), compression_type="GZIP_1").writeto(compressed)
    for path in (packed, compressed):
        data = read_image(Source(path, plane=2)).data
        np.testing.assert_array_equal(data, values[:, :, 1])


def test_infinite_pixels_have_no_data(tmp_path: Path) -> None:
    values = noise(4, 4)
    values[0, 0], values[1, 1] = np.inf, np.nan
    source = Source(write(tmp_path / "a.fits", values))
    summary = examine(source)
    assert (summary.finite, summary.has_infinite) == (14, True)
    for frame in (read_image(source, summary), read_image(source)):
        assert np.isnan(frame.data).sum() == 2


def test_weights_masks_and_scale_are_applied(tmp_path: Path) -> None:
    image = write(tmp_path / "image.fits", np.full((2, 3), 10.0, "f4"))
    variance = write(tmp_path / "var.fits", np.array([[1.0, 4, 0], [np.nan, -1, np.inf]]))
    mask = write(tmp_path / "mask.fits", np.array([[0, 1, 2], [4, 0, 0]], "i2"))
    source = Source(
        image, weight=variance, weight_kind="variance", mask=mask, mask_bits=5, scale=2.0
    )
    data, weight = read_image(source)
    np.testing.assert_array_equal(data, [[20, np.nan, 20], [np.nan, 20, 20]])
    # The variance of an image times 2 is four times as large.
    assert weight is not None
    np.testing.assert_array_equal(weight, [[0.25, 0.0625, 0], [0, 0, 0]])
    assert weight.dtype == np.float32
    assert examine(source).finite == 1


@pytest.mark.parametrize(
    ("kind", "expected"), [("weight", 4.0), ("variance", 0.25), ("rms", 0.0625)]
)
def test_weights_come_from_what_the_plane_holds(tmp_path: Path, kind: Any, expected: float) -> None:
    image = write(tmp_path / "image.fits", noise(2, 2))
    plane = write(tmp_path / "w.fits", np.full((2, 2), 4.0))
    weight = read_image(Source(image, weight=plane, weight_kind=kind)).weight
    assert weight is not None
    assert (weight == expected).all()


def test_weights_in_the_same_file_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    sky = fits.Header(SKY)
    hdus = [fits.PrimaryHDU(noise(2, 2), sky), fits.ImageHDU(np.full((2, 2), 3.0), name="WHT")]
    fits.HDUList(hdus).writeto(path)
    weight = read_image(Source(path, weight_hdu="WHT")).weight
    assert weight is not None
    assert (weight == 3).all()


def test_the_two_mass_zero_points_give_montage_factors(shared_data: Path) -> None:
    # data/README.md: Montage's own -x factors, five digits.
    factors = {"420186": 0.99339, "420198": 0.99330, "430080": 0.99321, "430092": 0.99330}
    for number, factor in factors.items():
        path = shared_data / f"mosaic/m17_2mass_j/2mass-atlas-990502s-j1{number}.fits"
        source = Source(path, zero_point="MAGZP", reference_zero_point=20.9044)
        summary = examine(source)
        assert summary.scale == pytest.approx(factor, abs=6e-6)
        raw = read_image(Source(path)).data
        np.testing.assert_allclose(
            read_image(source, summary).data, raw * np.float32(summary.scale), rtol=1e-7
        )


def test_two_mass_tiles_read_as_astropy_reads_them(shared_data: Path) -> None:
    for path in sorted((shared_data / "mosaic/m17_2mass_j").glob("*.fits")):
        data = read_image(Source(path)).data
        np.testing.assert_array_equal(data, from_astropy(path).astype("f4"))


def test_two_mass_integers_read_as_astropy_reads_them(shared_data: Path) -> None:
    path = shared_data / "mosaic/galactic_center/gc_2mass_k.fits"
    # astropy scales in float32, here it is done in float64 and rounded once.
    np.testing.assert_allclose(read_image(Source(path)).data, from_astropy(path), rtol=3e-7)


def test_sdss_bzip2_images_are_read_with_their_unit(shared_data: Path) -> None:
    path = shared_data / "extract/sdss_ngc6976/reprojected_sdss_r.fits.bz2"
    summary = examine(Source(path))
    assert (summary.unit, summary.brightness) == ("nmgy", "flux")
    np.testing.assert_array_equal(read_image(Source(path), summary).data, from_astropy(path))


def decam(folder: Path, kind: str) -> Path:
    return folder / f"mosaic/decam_cutouts/c4d_181214_050844_{kind}_g_ls9.S9.fits"


def test_a_decam_image_comes_with_its_weight_mask_and_tpv(shared_data: Path) -> None:
    path = decam(shared_data, "ooi")
    (source,) = sources_of(
        path, "all", weight=decam(shared_data, "oow"), mask=decam(shared_data, "ood")
    )
    summary = examine(source)
    data, weight = read_image(source, summary)
    mask = from_astropy(decam(shared_data, "ood"), 1)
    np.testing.assert_array_equal(np.isnan(data), (mask != 0) | np.isnan(from_astropy(path, 1)))
    assert weight is not None
    np.testing.assert_array_equal(weight, np.maximum(from_astropy(decam(shared_data, "oow"), 1), 0))
    assert 0 < summary.finite < summary.nx * summary.ny
    with fits.open(path) as hdus, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = WCS(hdus[1].header)
    assert "PV1_7" in summary.header
    pixels = np.array([[0.0, 0.0], [100.0, 3.0], [50.0, 99.0]])
    np.testing.assert_array_equal(
        summary.wcs.all_pix2world(pixels, 0), whole.all_pix2world(pixels, 0)
    )


def test_file_names_may_hold_anything(tmp_path: Path) -> None:
    path = write(tmp_path / "M 17 – Ω[1].fits", noise(3, 3))
    assert examine(Source(path)).finite == 9


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1)])
def test_one_pixel_or_one_row_is_an_image(tmp_path: Path, shape: tuple[int, int]) -> None:
    source = Source(write(tmp_path / "a.fits", noise(*shape)))
    summary = examine(source)
    assert (summary.ny, summary.nx) == shape
    assert read_image(source, summary).data.shape == shape
