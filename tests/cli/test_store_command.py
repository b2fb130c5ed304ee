import os
import time
from pathlib import Path

import pytest

from hven.progress.sizes import size_words

INLINE = ("--executor", "inline")


@pytest.fixture
def kept(hven, files, tmp_path):
    """Three finished steps in the store."""
    hven("weigh", *files, "-o", tmp_path / "out", *INLINE)


def make_older(store: Path, days: float) -> None:
    """Let every product look as if it was last used `days` ago."""
    moment = time.time() - days * 86400
    for path in (store / "products").rglob("*"):
        os.utime(path, (moment, moment))


def test_an_empty_store_is_told_of(hven, tmp_path):
    code, out, _ = hven("store")
    assert code == 0
    assert str(tmp_path / "store") in out
    assert "0 finished steps, 0 B" in out


def test_the_store_shows_number_size_and_age_of_each_step(hven, kept, tmp_path):
    make_older(tmp_path / "store", days=3)
    code, out, _ = hven("store")
    assert code == 0
    assert "3 finished steps, " in out
    row = next(line for line in out.splitlines() if "weigh_file" in line)
    assert row.split()[1] == "3"
    assert row.count("3 d ago") == 2


def test_a_store_can_be_named(hven, kept, tmp_path):
    assert "0 finished steps" in hven("store", "--store", tmp_path / "other").out


def test_old_steps_are_removed(hven, kept, tmp_path):
    make_older(tmp_path / "store", days=3)
    assert "0 finished steps, 0 B removed" in hven("store", "--remove-older-than", "4d").out
    out = hven("store", "--remove-older-than", "48 h", "--dry-run").out
    assert "3 finished steps" in out
    assert "would be removed" in out
    assert "3 finished steps" in hven("store").out
    assert "3 finished steps" in hven("store", "--remove-older-than", "2d").out
    assert "0 finished steps" in hven("store").out


def test_a_store_is_kept_below_a_size(hven, kept):
    assert "0 finished steps, 0 B removed" in hven("store", "--keep-below", "20GB").out
    assert "3 finished steps" in hven("store", "--keep-below", "0 B").out
    assert "0 finished steps" in hven("store").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--remove-older-than", "30m"], "--remove-older-than: must be a number in d, at least 0"),
        (["--remove-older-than=-1d"], "--remove-older-than: must be at least 0 d, got -1d"),
        (["--keep-below", "much"], "--keep-below: must be a number in byte, at least 0 byte"),
        (["--dry-run"], "--dry-run: must be given together with --remove-older-than"),
        (["--remove"], "hven store: "),
    ],
)
def test_wrong_limits_are_told(hven, words, message):
    code, _, err = hven("store", *words)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "1.5 kB"),
        (123_456_789, "123 MB"),
        (3_200_000_000, "3.2 GB"),
        (999_600_000_000, "1.0 TB"),
    ],
)
def test_sizes_in_words(count, words):
    assert size_words(count) == words
