"""Pictures, opened again by Pillow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hven.errors import StoreError
from hven.formats.preview import write_preview

LEVELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_the_first_row_of_the_image_is_at_the_bottom(tmp_path: Path) -> None:
    write_preview(tmp_path / "a.png", LEVELS)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), LEVELS[::-1])


def test_pixels_without_data_are_transparent(tmp_path: Path) -> None:
    valid = LEVELS > 5
    write_preview(tmp_path / "a.png", LEVELS, valid=valid)
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "LA"
        pixels = np.asarray(picture)[::-1]
    np.testing.assert_array_equal(pixels[..., 0], LEVELS)
    np.testing.assert_array_equal(pixels[..., 1], np.where(valid, 255, 0))


def test_a_picture_with_data_everywhere_is_opaque(tmp_path: Path) -> None:
    write_preview(tmp_path / "a.png", LEVELS, valid=np.ones(LEVELS.shape, bool))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture)[::-1], LEVELS)


def test_three_bands_make_a_colour_picture(tmp_path: Path) -> None:
    colours = np.stack([LEVELS, LEVELS + 20, LEVELS + 40], axis=2)
    write_preview(tmp_path / "a.png", colours)
    write_preview(tmp_path / "b.png", colours, valid=LEVELS > 5)
    for name, mode in (("a.png", "RGB"), ("b.png", "RGBA")):
        with Image.open(tmp_path / name) as picture:
            assert picture.mode == mode
            np.testing.assert_array_equal(np.asarray(picture)[::-1, :, :3], colours)


def test_texts_are_kept_in_the_file(tmp_path: Path) -> None:
    write_preview(tmp_path / "a.png", LEVELS, texts={"Title": "M 17, 2″"})
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["Title"] == "M 17, 2″"


def test_a_picture_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="must be writable"):
        write_preview(tmp_path / "no" / "a.png", LEVELS)
