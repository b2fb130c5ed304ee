"""Whether two results are the same, and by how much they differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from hven.jobs.comparison import compare_files

Pair = tuple[Path, Path]


@pytest.fixture
def pair(tmp_path: Path) -> Callable[[str], Pair]:
    """Two paths of files that end alike."""
    return lambda ending: (tmp_path / f"before{ending}", tmp_path / f"now{ending}")


def image(path: Path, data: Any, **keywords: Any) -> None:
    header = fits.Header()
    header.update(keywords)
    fits.PrimaryHDU(np.asarray(data), header).writeto(path)


def table(path: Path, columns: dict[str, Any], form: str) -> None:
    Table(columns).write(path, format=form)


def test_the_same_bytes_are_the_same(pair: Callable[[str], Pair]) -> None:
    before, now = pair(".dat")
    for path in (before, now):
        path.write_bytes(b"42")
    assert compare_files(before, now) == (True, "the same bytes")


def test_other_bytes_of_an_unknown_kind_differ(pair: Callable[[str], Pair]) -> None:
    before, now = pair(".png")
    before.write_bytes(b"42")
    now.write_bytes(b"421")
    assert compare_files(before, now) == (False, "other bytes (2 before, 3 now)")


class TestImages:
    def test_another_date_is_no_difference(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".fits")
        image(before, [[1.0, np.nan]], DATE="2026-01-01")
        image(now, [[1.0, np.nan]], DATE="2026-01-02")
        assert compare_files(before, now) == (True, "the same but for the date in the header")

    def test_other_pixels_are_counted_and_measured(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".fits")
        data = np.zeros((600, 4))
        data[0, 0] = 100.0
        image(before, data)
        data[599, 3] = 0.5
        data[300, 1] = -0.25
        image(now, data)
        same, text = compare_files(before, now)
        assert not same
        assert "2 pixels differ (0.0833 %)" in text
        assert "by at most 0.5 where values reach 100" in text

    def test_a_pixel_that_has_no_value_any_more_is_a_difference(
        self, pair: Callable[[str], Pair]
    ) -> None:
        before, now = pair(".fits")
        image(before, [[1.0, 2.0]])
        image(now, [[1.0, np.nan]])
        same, text = compare_files(before, now)
        assert not same
        assert "1 pixels differ" in text

    def test_another_header_is_named(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".fits")
        image(before, [[1.0]], CRVAL1=10.0, EXTRA=1)
        image(now, [[1.0]], CRVAL1=10.5)
        same, text = compare_files(before, now)
        assert not same
        assert "CRVAL1" in text
        assert "EXTRA" in text

    def test_another_shape_is_told(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".fits")
        image(before, np.zeros((2, 3)))
        image(now, np.zeros((2, 4)))
        same, text = compare_files(before, now)
        assert not same
        assert "3 x 2 before, 4 x 2 now" in text

    def test_another_number_of_parts_is_told(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".fits")
        image(before, [[1.0]])
        fits.HDUList([fits.PrimaryHDU(np.array([[1.0]])), fits.ImageHDU()]).writeto(now)
        assert "1 parts before, 2 now" in compare_files(before, now).text

    def test_compressed_images_are_compared(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".fits.gz")
        image(before, [[1.0]], DATE="2026-01-01")
        image(now, [[1.0]], DATE="2026-01-02")
        assert compare_files(before, now).same

    def test_what_only_looks_like_fits_is_compared_by_bytes(
        self, pair: Callable[[str], Pair]
    ) -> None:
        before, now = pair(".fits")
        for path, end in ((before, b"1"), (now, b"2")):
            path.write_bytes(b"SIMPLE  = nonsense" + end)
        assert not compare_files(before, now).same


class TestTables:
    def test_a_table_within_fits_is_compared(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".fits")
        table(before, {"ra": [1.0, 2.0, 3.0]}, "fits")
        table(now, {"ra": [1.0, 2.5, 3.0]}, "fits")
        same, text = compare_files(before, now)
        assert not same
        assert "1 values of the table differ (33.3 %)" in text

    @pytest.mark.parametrize(
        ("ending", "form"), [(".ecsv", "ascii.ecsv"), (".csv", "ascii.csv"), (".vot", "votable")]
    )
    def test_values_of_each_column_are_counted(
        self, pair: Callable[[str], Pair], ending: str, form: str
    ) -> None:
        before, now = pair(ending)
        columns = {"ra": [1.0, 2.0, np.nan], "group": [1, 2, 3], "name": ["a", "b", "c"]}
        table(before, columns, form)
        table(now, {**columns, "ra": [1.0, 2.5, np.nan], "group": [1, 4, 9]}, form)
        same, text = compare_files(before, now)
        assert not same
        assert "1 of 3 values of ra differ, by at most 0.5" in text
        assert "2 of 3 values of group differ, by at most 6" in text
        assert "name" not in text

    def test_other_columns_and_rows_are_told(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".ecsv")
        table(before, {"ra": [1.0], "dec": [1.0]}, "ascii.ecsv")
        table(now, {"ra": [1.0]}, "ascii.ecsv")
        assert compare_files(before, now) == (False, "other columns: dec")
        now.unlink()
        table(now, {"ra": [1.0, 2.0], "dec": [1.0, 2.0]}, "ascii.ecsv")
        assert compare_files(before, now) == (False, "1 rows before, 2 now")

    def test_the_same_values_written_differently_are_the_same(
        self, pair: Callable[[str], Pair]
    ) -> None:
        before, now = pair(".csv")
        before.write_text("ra,dec\n1.0,2.0\n")
        now.write_text("ra,dec\n1.00,2.00\n")
        assert compare_files(before, now) == (True, "the same values, written differently")

    def test_a_value_that_is_missing_now_is_a_difference(self, pair: Callable[[str], Pair]) -> None:
        before, now = pair(".ecsv")
        table(before, {"ra": [1.0, 2.0]}, "ascii.ecsv")
        table(now, {"ra": MaskedColumn([1.0, 2.0], mask=[False, True])}, "ascii.ecsv")
        same, text = compare_files(before, now)
        assert not same
        assert "1 of 2 values of ra differ" in text
