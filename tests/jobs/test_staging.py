"""Names of input files: those of users, made harmless."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hven.jobs.staging import clean_name, link_all


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("m31.fits", "m31.fits"),
        ("NGC 6611 β=2,~x@y.fits.gz", "NGC 6611 β=2,~x@y.fits.gz"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\m31.fits", "m31.fits"),
        ("a*b?[c].fits", "a_b__c_.fits"),
        (".hidden", "hidden"),
        ("..", "file"),
        ("", "file"),
        ("a\nb\u202egnp.fits", "a_b_gnp.fits"),
        ("folder/", "folder"),
    ],
)
def test_a_name_is_made_harmless(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_a_long_name_keeps_its_endings() -> None:
    found = clean_name("é" * 300 + ".fits.gz")
    assert found.endswith("é.fits.gz")
    assert len(found.encode()) <= 200


@given(st.lists(st.text(max_size=300), max_size=6))
def test_any_names_can_be_linked(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("links")
    files = {folder / str(number): name for number, name in enumerate(names)}
    links = link_all(folder / "inputs", files)
    assert len({link.name.casefold() for link in links.values()}) == len(names)
    for path, link in links.items():
        assert link.parent == folder / "inputs"
        assert link.readlink() == path
        assert not link.name.startswith(".")


def test_a_number_goes_before_the_endings(tmp_path: Path) -> None:
    files = {tmp_path / str(number): "A.fits.gz" for number in range(3)}
    links = link_all(tmp_path / "inputs", files | {tmp_path / "9": "a.FITS.gz"})
    names = ["A.fits.gz", "A-2.fits.gz", "A-3.fits.gz", "a-4.FITS.gz"]
    assert [link.name for link in links.values()] == names
