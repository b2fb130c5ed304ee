"""What must come out when bad files go in: the file's name and every reason, nothing else."""

from __future__ import annotations

import gzip
import io
import os
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hven.errors import InputError
from hven.formats.examine import examine
from hven.formats.images import Source, read_image

SKY: dict[str, Any] = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 150.0,
    "CRVAL2": 2.0,
    "CRPIX1": 3.0,
    "CRPIX2": 2.0,
    "CDELT1": -0.001,
    "CDELT2": 0.001,
}
PIXELS = np.arange(12.0, dtype="f4").reshape(3, 4)


def image(values: Any = PIXELS, checksum: bool = False, **cards: Any) -> bytes:
    """A good image, or one whose cards are changed; a card that is None is left out."""
    kept = {name: value for name, value in {**SKY, **cards}.items() if value is not None}
    return packed(fits.PrimaryHDU(values, fits.Header(kept)), checksum=checksum)


def packed(*hdus: Any, checksum: bool = False) -> bytes:
    stream = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(stream, checksum=checksum, output_verify="ignore")
    return stream.getvalue()


def compressed(**settings: Any) -> bytes:
    values = np.random.default_rng(3).normal(size=(64, 64)).astype("f4")
    hdu = fits.CompImageHDU(values, fits.Header(SKY), tile_shape=(16, 64), **settings)
    return packed(fits.PrimaryHDU(), hdu)


def edited(data: bytes, **cards: Any) -> bytes:
    """The same bytes, the values of header cards changed."""
    for keyword, value in cards.items():
        start = data.index(f"{keyword:8}=".encode())
        text = value if isinstance(value, str) else repr(value)
        data = data[:start] + f"{keyword:8}= {text:>20}".ljust(80).encode() + data[start + 80 :]
    return data


def saved(data: bytes, name: str = "a.fits", **options: Any) -> Callable[[Path], Source]:
    def save(folder: Path) -> Source:
        (folder / name).write_bytes(data)
        return Source(folder / name, **options)

    return save


def beside(companion: bytes, main: bytes | None = None, **options: Any) -> Callable[[Path], Source]:
    """A good image, or the one given, with a weight or mask file beside it."""

    def save(folder: Path) -> Source:
        (folder / "beside.fits").write_bytes(companion)
        kinds = {name: folder / "beside.fits" for name in ("weight", "mask") if options.get(name)}
        return saved(main or image(), **{**options, **kinds})(folder)

    return save


def _folder(folder: Path) -> Source:
    (folder / "a.fits").mkdir()
    return Source(folder / "a.fits")


def _pipe(folder: Path) -> Source:
    os.mkfifo(folder / "a.fits")
    return Source(folder / "a.fits")


def _pointing(data: bytes, tile: int, count: int, place: int) -> bytes:
    """A compressed image, one of whose pointers into the heap is changed."""
    with fits.open(io.BytesIO(data), disable_image_compression=True) as hdus:
        start = hdus[1].fileinfo()["datLoc"] + tile * hdus[1].header["NAXIS1"]
    pointer = np.array([count, place], ">i4").tobytes()
    return data[:start] + pointer + data[start + 8 :]


def _spoilt(data: bytes) -> bytes:
    """A compressed image whose heap is overwritten."""
    with fits.open(io.BytesIO(data), disable_image_compression=True) as hdus:
        start = hdus[1].fileinfo()["datLoc"] + hdus[1].header["NAXIS1"] * hdus[1].header["NAXIS2"]
    return data[:start] + b"\xff" * 2000 + data[start + 2000 :]


TABLE = packed(
    fits.PrimaryHDU(), fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1, 2])])
)
GZIP = compressed(compression_type="GZIP_1", quantize_level=0)
ALL_SKY = {
    "CTYPE1": "RA---AIT", "CTYPE2": "DEC--AIT", "CRVAL1": 0.0, "CRVAL2": 0.0,
    "CRPIX1": 1000.0, "CRPIX2": 1000.0, "CDELT1": -1.0, "CDELT2": 1.0,
}  # fmt: skip

FAULTS: dict[str, tuple[Callable[[Path], Source], str]] = {
    "missing": (lambda folder: Source(folder / "a.fits"), "must be an existing file"),
    "folder": (_folder, "must be a file, is a folder"),
    "pipe": (_pipe, "must be a file, is a device or pipe"),
    "empty": (saved(b""), r"is empty \(0 bytes\)"),
    "text": (saved(b"Dear astronomer,\n" * 999), "must be a FITS file .* begins with b'Dear a"),
    "short": (saved(b"SIM"), "must be a FITS file"),
    "compress .Z": (saved(b"\x1f\x9d\x90" * 99), r"must be plain, .gz, .bz2 or .fz"),
    "header cut": (saved(image()[:800]), "truncated inside the header"),
    "no END": (saved(image()[:2880].replace(b"END", b"ANY") * 300), "END within 10000 cards"),
    "data cut": (saved(image()[:2900]), "must be 48 bytes .* truncated: 20 are there"),
    "NAXIS1 raised": (
        saved(edited(image(), NAXIS1=4000)),
        "must be 48,000 bytes .* truncated: 2,880 are there",
    ),
    "huge": (
        saved(edited(image(), NAXIS1=2_000_000, NAXIS2=2_000_000)),
        "must be 16,000,000,000,000 bytes",
    ),
    "NAXIS1 negative": (saved(edited(image(), NAXIS1=-4)), "NAXIS1 must be a whole number from 0"),
    "NAXIS1 text": (saved(edited(image(), NAXIS1="'four'")), "NAXIS1 must be .* is 'four'"),
    "NAXIS2 absent": (saved(image().replace(b"NAXIS2", b"MAXIS2")), "NAXIS2 must be .* is absent"),
    "NAXIS 999": (saved(edited(image(), NAXIS=999)), "NAXIS must be 0 to 9, is 999"),
    "BITPIX 7": (saved(edited(image(), BITPIX=7)), "BITPIX must be one of .* is 7"),
    "GCOUNT": (
        saved(packed(fits.PrimaryHDU(), fits.ImageHDU(PIXELS, fits.Header(SKY))).replace(
            b"GCOUNT  =                    1", b"GCOUNT  =           2000000000")),
        "must be 96,000,000,000 bytes",
    ),
    "tile image huge": (
        saved(edited(GZIP, ZNAXIS1=60_000, ZNAXIS2=60_000)),
        "uncompressed image must be at most 4,294,967,296 bytes, would be 14,400,000,000",
    ),
    "tile image dense": (
        saved(edited(GZIP, ZNAXIS1=20_000, ZNAXIS2=20_000)),
        r"uncompressed image must be at most 268,435,456 bytes \(200 times",
    ),
    "ZTILE1 0": (saved(edited(GZIP, ZTILE1=0)), "ZTILE1 must be a whole number from 1, is 0"),
    "ZBITPIX 7": (saved(edited(GZIP, ZBITPIX=7)), "ZBITPIX must be one of"),
    "ZCMPTYPE": (saved(edited(GZIP, ZCMPTYPE="'ZIP     '")), "ZCMPTYPE must be one of"),
    "tiles missing": (saved(edited(GZIP, ZTILE2=8)), "NAXIS2 must be 8, the number of tiles, is 4"),
    "TFORM1": (saved(edited(GZIP, TFORM1="'1PB(9) '", TFIELDS=1, NAXIS1=9)), "NAXIS1 must be 8"),
    "TFORM1 odd": (saved(edited(GZIP, TFORM1="'#'")), "TFORM1 must be a column's type"),
    "pointer far": (saved(_pointing(GZIP, 2, 2**31 - 1, 0)), "tile 3 must lie in the heap"),
    "pointer negative": (saved(_pointing(GZIP, 1, 10, -5)), "tile 2 must lie in the heap"),
    "tiles spoilt": (saved(_spoilt(GZIP)), "must decompress, got"),
    "gzip cut": (saved(gzip.compress(image(np.ones((99, 99))))[:-99]), "must be readable to its"),
    "gzip spoilt": (saved(gzip.compress(image())[:60] + b"\0" * 60), "must be readable to its end"),
    "gzip of text": (saved(gzip.compress(b"text")), "must be a FITS file"),
    "gzip bomb": (
        saved(gzip.compress(edited(image(), NAXIS1=20_000, NAXIS2=25_000)[:2880])),
        r"unpacked data must be at most 268,435,456 bytes .* would be 2,000,000,000",
    ),
    "gzip enormous": (
        saved(gzip.compress(edited(image(), NAXIS1=90_000, NAXIS2=90_000)[:2880])),
        "unpacked data must be at most 4,294,967,296 bytes",
    ),
    "gzip shorter than it says": (
        saved(gzip.compress(edited(image(), NAXIS1=4000))),
        "must be 48,000 bytes, the file is truncated: 2,880 are there",
    ),
    "no such unit": (saved(TABLE, hdu=5), "unit 5 must be in the file, its units are: 0 PRI"),
    "no such name": (saved(TABLE, hdu="SCI,2"), "unit SCI,2 must be in the file"),
    "no image": (saved(TABLE), "must hold an image of two axes"),
    "a table": (saved(TABLE, hdu=1), "must be an image, is a table"),
    "one axis": (saved(image(np.ones(9, "f4"))), "must hold an image of two axes"),
    "no pixels": (saved(edited(image(), NAXIS1=0)), "must hold pixels, is 0 x 3"),
    "no WCS": (
        saved(packed(fits.PrimaryHDU(PIXELS))),
        "must have a celestial WCS, lacks CTYPE1, CTYPE2, CRVAL1, .* CD1_1 or CDELT1",
    ),
    "no CRVAL2": (saved(image(CRVAL2=None)), "must have a celestial WCS, lacks CRVAL2$"),
    "no scale": (saved(image(CDELT1=None, CDELT2=None)), "lacks CD1_1 or CDELT1$"),
    "linear axes": (saved(image(CTYPE1="X", CTYPE2="Y")), "must be two celestial axes"),
    "CRVAL1 NaN": (saved(edited(image(), CRVAL1="NaN")), "CRVAL1 must be finite numbers"),
    "CRPIX1 text": (saved(image(CRPIX1="left")), "CRPIX1 must be finite numbers"),
    "singular CD": (
        saved(image(CD1_1=1e-3, CD1_2=1e-3, CD2_1=1e-3, CD2_2=1e-3, CDELT1=None, CDELT2=None)),
        "CD, or PC and CDELT, must be a matrix that is not singular",
    ),
    "scale 0": (saved(image(CDELT1=0.0)), "WCS must follow the FITS standard"),
    "two projections": (saved(image(CTYPE2="DEC--SIN")), "WCS must follow the FITS standard"),
    "unknown projection": (
        saved(image(CTYPE1="RA---QQQ", CTYPE2="DEC--QQQ")),
        "WCS must follow the FITS standard",
    ),
    "GAPPT": (saved(image(RADESYS="GAPPT")), "RADESYS must be ICRS"),
    "off the sky": (saved(image(**ALL_SKY)), "must place pixels on the sky"),
    "lookup without table": (
        saved(image(CPDIS1="LOOKUP")), "WCS must follow the FITS standard, got",
    ),
    "all NaN": (saved(image(np.full((3, 4), np.nan, "f4"))), "must hold finite pixels"),
    "all infinite": (saved(image(np.full((3, 4), np.inf))), "must hold finite pixels"),
    "all blank": (saved(image(np.full((3, 4), -1, "i2"), BLANK=-1)), "must hold finite pixels"),
    "plane not chosen": (
        saved(image(np.ones((2, 3, 4)))), r"plane must be chosen from 1 to 2 .*4 x 3 x 2",
    ),
    "plane 3 of 2": (saved(image(np.ones((2, 3, 4))), plane=3), "plane must be 1 to 2, got 3"),
    "plane 0": (saved(image(), plane=0), "plane must be 1 to 1, got 0"),
    "bit flipped": (
        saved(image(checksum=True)[:2900] + b"\x01" + image(checksum=True)[2901:]),
        "DATASUM must be that of the data",
    ),
    "header changed": (
        saved(edited(image(checksum=True), CRVAL1=151.0)), "CHECKSUM must be .* header was changed",
    ),
    "magnitudes": (saved(image(BUNIT="mag/arcsec2")), "BUNIT must be a linear unit, is mag"),
    "zero point absent": (
        saved(image(), zero_point="MAGZP", reference_zero_point=20.0),
        "MAGZP must be the zero point in magnitudes",
    ),
    "no reference": (saved(image(), zero_point=25.0), "reference_zero_point must be given"),
    "weight missing": (
        lambda folder: replace(saved(image())(folder), weight=folder / "none.fits"),
        "none.fits: must be an existing file",
    ),
    "weight of another shape": (
        beside(image(np.ones((4, 4))), weight=True),
        r"beside.fits\[0\]: weight plane must be 4 x 3 pixels as its image, is 4 x 4",
    ),
    "mask of another shape": (beside(image(np.ones((3, 5))), mask=True), "mask plane must be 4 x"),
    "mask is a table": (beside(TABLE, mask=True), "must hold the mask plane, there is no image"),
    "mask cut": (beside(image()[:2900], mask=True), "beside.fits.*truncated: 20 are there"),
    "no weight": (beside(image(np.zeros((3, 4))), weight=True), "must have pixels with weight"),
    "all masked": (beside(image(np.ones((3, 4), "i2")), mask=True), "and without mask"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_image_is_named_with_its_reason(name: str, tmp_path: Path) -> None:
    make, reason = FAULTS[name]
    source = make(tmp_path)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=reason) as caught:
            examine(source)
        # Nothing is allocated because a header says so: ZNAXIS 60000 would take 13 GiB.
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert all(str(tmp_path) in fault.name for fault in caught.value.faults)
    assert all("\n" not in fault.text for fault in caught.value.faults)


@pytest.mark.parametrize("name", [name for name in FAULTS if "WCS" not in name])
def test_reading_a_bad_image_raises_nothing_else(name: str, tmp_path: Path) -> None:
    source = FAULTS[name][0](tmp_path)
    with suppress(InputError):
        read_image(source)


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A file that this process may not read; root becomes somebody else for a while."""
    is_root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "a.fits"
        path.write_bytes(image())
        path.chmod(0)
        if is_root:
            os.seteuid(65534)
        yield path
        if is_root:
            os.seteuid(0)


def test_a_file_without_permission_is_named(forbidden: Path) -> None:
    with pytest.raises(InputError, match="must be readable, permission is denied"):
        examine(Source(forbidden))


def test_all_reasons_of_an_image_are_given_at_once(tmp_path: Path) -> None:
    data = image(np.full((3, 4), np.nan, "f4"), checksum=True, CRVAL1=None, BUNIT="mag")
    data = data[:2903] + b"\x01" + data[2904:]
    make = beside(image(np.ones((5, 5))), main=data, weight=True, zero_point=25.0)
    with pytest.raises(InputError) as caught:
        examine(make(tmp_path))
    own, other = caught.value.faults
    for reason in ("lacks CRVAL1", "linear unit", "reference_zero_point", "DATASUM", "finite"):
        assert reason in own.text
    assert own.name.endswith("a.fits[0]")
    assert "weight plane" in other.text


def test_checksums_are_not_looked_at_when_not_wanted(tmp_path: Path) -> None:
    source = FAULTS["bit flipped"][0](tmp_path)
    assert not examine(source, verify=False).is_verified


def test_good_checksums_are_found_good(tmp_path: Path) -> None:
    for number, data in enumerate((image(checksum=True), image(np.ones((2, 3), "u1"), True))):
        assert examine(saved(data, f"{number}.fits")(tmp_path)).is_verified
    assert not examine(saved(image(), "none.fits")(tmp_path)).is_verified


def test_a_limit_of_size_is_honoured(tmp_path: Path) -> None:
    source = saved(image())(tmp_path)
    with pytest.raises(InputError, match="must be at most 40 bytes in memory, would be 48"):
        examine(source, largest_bytes=40)


def test_what_follows_the_last_unit_does_not_harm(tmp_path: Path) -> None:
    assert examine(saved(image() + b"\0" * 999)(tmp_path)).finite == 12
    # Many programs leave out the padding of the last block.
    assert examine(saved(image()[: 2880 + 48])(tmp_path)).finite == 12


GOOD = {"plain": image(checksum=False), "gzip tiles": GZIP, "packed": gzip.compress(image())}


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(sorted(GOOD)),
    st.lists(st.tuples(st.integers(0, 2879), st.integers(32, 126)), max_size=6),
    st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 255)), max_size=3),
)
def test_no_broken_file_gives_anything_but_an_input_error(
    tmp_path: Path,
    kind: str,
    in_header: list[tuple[int, int]],
    anywhere: list[tuple[int, int]],
) -> None:
    data = bytearray(GOOD[kind])
    for place, value in in_header + anywhere:
        data[place % len(data)] = value
    (tmp_path / "a.fits").write_bytes(data)
    source = Source(tmp_path / "a.fits")
    with suppress(InputError):
        read_image(source, examine(source))


PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
KEYWORDS = ("CTYPE1", "CRVAL2", "CRPIX1", "CDELT2", "NAXIS", "NAXIS1", "BITPIX")


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(KEYWORDS),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20),
)
def test_no_value_of_a_keyword_gives_anything_but_an_input_error(
    tmp_path: Path, keyword: str, text: str
) -> None:
    (tmp_path / "a.fits").write_bytes(edited(image(), **{keyword: text}))
    with suppress(InputError):
        examine(Source(tmp_path / "a.fits"))
