"""Written images, read again by astropy and checked by its verifier and its checksums."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st

from hven.errors import HvenError, ResourceError, StoreError
from hven.formats.compressed_writing import write_compressed_image
from hven.formats.fits_structure import add32, sum32
from hven.formats.fits_writing import encode_checksum, make_header, write_image

CARDS = "\n".join(
    [
        "CTYPE1  = 'RA---TAN'",
        "CTYPE2  = 'DEC--TAN'",
        "CRVAL1  = 150.0",
        "CRVAL2  = 2.0",
        "CRPIX1  = 3.0",
        "CRPIX2  = 2.0",
        "CDELT1  = -0.001",
        "CDELT2  = 0.001",
        "RADESYS = 'ICRS    '",
    ]
)
HEADER = make_header(CARDS, {"BUNIT": ("adu", "unit of the pixels")}, ["Made for a test"])
KINDS = ("uint8", "int16", "int32", "int64", "float32", "float64")


def picture(ny: int, nx: int, kind: str = "float32") -> np.ndarray[Any, Any]:
    values = np.random.default_rng(5).normal(100, 9, (ny, nx))
    if kind.startswith("float"):
        values[:3] = np.nan
        values[ny // 2, : nx // 2] = 0.0
    return values.astype(kind)


def strips(values: np.ndarray[Any, Any], *cuts: int) -> list[tuple[int, np.ndarray[Any, Any]]]:
    edges = [0, *cuts, len(values)]
    return [(a, values[a:b]) for a, b in pairwise(edges)]


def verified(path: Path, hdu: int = 0) -> tuple[np.ndarray[Any, Any], fits.Header]:
    """The data and header of a file that astropy finds without fault; its warnings are errors."""
    # As a table, because astropy verifies no checksum of what it shows as an image.
    with fits.open(path, checksum=True, disable_image_compression=True) as hdus:
        assert all(one._checksum_valid and one._datasum_valid for one in hdus)
        hdus.verify("exception")
    with fits.open(path) as hdus:
        hdus.verify("exception")
        return np.array(hdus[hdu].data), hdus[hdu].header.copy()


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_is_assembled_from_strips_in_any_order(tmp_path: Path, kind: str) -> None:
    values = picture(50, 31, kind)
    write_image(tmp_path / "a.fits", HEADER, (50, 31), kind, strips(values, 7, 30)[::-1])
    data, header = verified(tmp_path / "a.fits")
    np.testing.assert_array_equal(data, values)
    assert data.dtype == np.dtype(kind).newbyteorder(">" if kind != "uint8" else "=")
    assert header["BUNIT"] == "adu"
    assert WCS(header).wcs_pix2world([[2, 1]], 0).tolist() == [[150.0, 2.0]]
    assert (tmp_path / "a.fits").stat().st_size % 2880 == 0


def test_strips_of_another_type_or_a_memory_map_are_converted(tmp_path: Path) -> None:
    values = picture(20, 8, "float64")
    np.save(tmp_path / "a.npy", values)
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    write_image(tmp_path / "a.fits", HEADER, (20, 8), "float32", [(0, mapped)])
    np.testing.assert_array_equal(verified(tmp_path / "a.fits")[0], values.astype("f4"))


def test_the_same_image_gives_the_same_bytes_whatever_its_strips(tmp_path: Path) -> None:
    values = picture(50, 30)
    for name, cuts in (("a", ()), ("b", (1, 13, 40))):
        write_image(tmp_path / name, HEADER, (50, 30), "float32", strips(values, *cuts))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_structural_cards_of_the_given_header_do_not_harm(tmp_path: Path) -> None:
    header = HEADER.copy()
    header.update({"NAXIS1": 7, "BSCALE": 2.0, "BITPIX": 16, "CHECKSUM": "x", "BLANK": 3})
    write_image(tmp_path / "a.fits", header, (5, 4), "float32", [(0, picture(5, 4))])
    np.testing.assert_array_equal(verified(tmp_path / "a.fits")[0], picture(5, 4))


def test_long_and_foreign_history_is_kept_as_far_as_fits_can(tmp_path: Path) -> None:
    lines = ["x" * 100, "Größe 3\u2033", "two\nlines", ""]
    header = make_header(CARDS, history=lines)
    write_image(tmp_path / "a.fits", header, (5, 4), "float32", [(0, picture(5, 4))])
    history = [str(line) for line in verified(tmp_path / "a.fits")[1]["HISTORY"]]
    assert history == ["x" * 72, "x" * 28, "Gr??e 3?", "two", "lines", ""]


@pytest.mark.parametrize(
    ("kind", "compression"),
    # RICE_1 has no integers of 64 bits.
    [(kind, way) for kind in KINDS for way in ("gzip", "rice") if (kind, way) != ("int64", "rice")],
)
def test_a_compressed_image_is_assembled_from_strips(
    tmp_path: Path, kind: str, compression: Any
) -> None:
    values = picture(100, 70, kind)
    write_compressed_image(
        tmp_path / "a.fits", HEADER, (100, 70), kind, strips(values, 9, 50, 51),
        compression=compression, tile=(32, 32),
    )  # fmt: skip
    data, header = verified(tmp_path / "a.fits", 1)
    assert header["BUNIT"] == "adu"
    assert "Made for a test" in str(header["HISTORY"])
    if kind.startswith("float") and compression == "rice":
        # Rounded to 1/16 of the noise of 9; half a step is the largest error.
        assert np.nanmax(np.abs(data - values)) < 9 / 16
        np.testing.assert_array_equal(np.isnan(data), np.isnan(values))
        np.testing.assert_array_equal(data == 0, values == 0)
    else:
        np.testing.assert_array_equal(data, values)


@pytest.mark.parametrize("nan_rows", [slice(0, 5), slice(90, 100)])
def test_compressed_strips_equal_the_image_compressed_at_once(
    tmp_path: Path, nan_rows: slice
) -> None:
    values = np.nan_to_num(picture(100, 70))
    values[nan_rows] = np.nan
    write_compressed_image(
        tmp_path / "a.fits", HEADER, (100, 70), "float32", strips(values, 20, 64),
        compression="rice", tile=(32, 32),
    )  # fmt: skip
    fits.CompImageHDU(
        values, HEADER, compression_type="RICE_1", tile_shape=(32, 32),
        quantize_level=16, quantize_method=2, dither_seed=1,
    ).writeto(tmp_path / "b.fits")  # fmt: skip
    # Equal also where random dithering decides, so that readers subtract what was added.
    expected = fits.getdata(tmp_path / "b.fits", 1)
    np.testing.assert_array_equal(verified(tmp_path / "a.fits", 1)[0], expected)


def test_more_than_a_period_of_dithered_tiles_is_read_back(tmp_path: Path) -> None:
    values = picture(220, 220)
    write_compressed_image(
        tmp_path / "a.fits", HEADER, (220, 220), "float32", strips(values),
        compression="rice", tile=(2, 2),
    )  # fmt: skip
    data, _ = verified(tmp_path / "a.fits", 1)
    assert np.nanmax(np.abs(data - values)) < 9 / 16


def test_pointers_of_64_bits_are_used_where_32_do_not_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hven.formats.compressed_writing._LARGEST_32_BIT", 1000)
    values = picture(100, 70)
    write_compressed_image(tmp_path / "a.fits", HEADER, (100, 70), "float32", strips(values, 50))
    np.testing.assert_array_equal(verified(tmp_path / "a.fits", 1)[0], values)
    with fits.open(tmp_path / "a.fits", disable_image_compression=True) as hdus:
        assert hdus[1].columns[0].format.startswith("1QB")


def test_parts_of_a_file_can_be_read_through_fsspec(tmp_path: Path) -> None:
    values = picture(300, 200)
    write_image(tmp_path / "plain.fits", HEADER, (300, 200), "float32", [(0, values)])
    write_compressed_image(tmp_path / "c.fits", HEADER, (300, 200), "float32", [(0, values)])
    for name, hdu in (("plain.fits", 0), ("c.fits", 1)):
        remote = fsspec.filesystem("memory")
        remote.pipe(f"/{name}", (tmp_path / name).read_bytes())
        with fits.open(f"memory://{name}", use_fsspec=True) as hdus:
            part = hdus[hdu].section[100:120, 30:50]
        np.testing.assert_array_equal(part, values[100:120, 30:50])


Writer = Callable[..., None]


@pytest.mark.parametrize("write", [write_image, write_compressed_image])
@pytest.mark.parametrize(
    "rows", [[(0, 4)], [(0, 4), (5, 10)], [(0, 6), (4, 10)], [(0, 10), (10, 11)]]
)
def test_missing_or_repeated_rows_are_a_bug_and_leave_no_file(
    tmp_path: Path, write: Writer, rows: list[tuple[int, int]]
) -> None:
    values = picture(11, 6)
    parts = [(first, values[first:last]) for first, last in rows]
    with pytest.raises(HvenError, match="row"):
        write(tmp_path / "a.fits", HEADER, (10, 6), "float32", parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_image, write_compressed_image])
def test_an_interrupted_writer_leaves_the_old_file(tmp_path: Path, write: Writer) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(b"old")

    def interrupted() -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        yield 0, picture(5, 6)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(path, HEADER, (10, 6), "float32", interrupted())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="must be writable"):
        write_image(tmp_path / "no" / "a.fits", HEADER, (5, 4), "float32", [(0, picture(5, 4))])


def test_an_image_larger_than_the_disk_is_refused_with_the_figure(tmp_path: Path) -> None:
    shape = (2_000_000, 2_000_000)
    with pytest.raises(ResourceError, match=r"must find 16000.00 GB on the disk, .* GB are free"):
        write_image(tmp_path / "a.fits", HEADER, shape, "float32", [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("write", [write_image, write_compressed_image])
def test_memory_does_not_grow_with_the_image(tmp_path: Path, write: Writer) -> None:
    ny, nx, band = 8192, 1024, 128
    part = picture(band, nx)
    tracemalloc.start()
    write(
        tmp_path / "a.fits", HEADER, (ny, nx), "float32",
        ((first, part) for first in range(0, ny, band)),
    )  # fmt: skip
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The image is 34 MB; a band of tiles, compressed and not, is 1 MB.
    assert peak < 12 << 20


@given(st.integers(0, 2**32 - 1))
def test_an_encoded_checksum_sums_to_its_value(value: int) -> None:
    text = encode_checksum(value)
    assert len(text) == 16
    assert text.isalnum()
    # As it stands in a card: from its 12th character on, over the zeros that were summed before.
    place = b"\0\0\0" + text.encode() + b"\0"
    zeros = b"\0\0\0" + b"0" * 16 + b"\0"
    assert sum32([place]) % 0xFFFFFFFF == add32(sum32([zeros]), value) % 0xFFFFFFFF


@given(st.binary(max_size=64), st.integers(0, 16))
def test_the_sum_of_parts_is_the_sum_of_the_whole(data: bytes, cut: int) -> None:
    data = data + b"\0" * (-len(data) % 4)
    words = [int.from_bytes(data[i : i + 4], "big") for i in range(0, len(data), 4)]
    slow = 0
    for word in words:
        slow = add32(slow, word)
    assert sum32([data]) == sum32([data[: 4 * cut], data[4 * cut :]])
    # Zero has two spellings in ones' complement.
    assert sum32([data]) % 0xFFFFFFFF == slow % 0xFFFFFFFF
