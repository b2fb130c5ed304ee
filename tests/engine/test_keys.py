"""Keys: what distinguishes one call from another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hven.engine.inputs import InputDigests
from hven.engine.keys import call_key, digest_argument
from hven.engine.product import Kept
from hven.errors import DeclarationError, InputError


class Mode(StrEnum):
    FAST = "fast"


class Level(Enum):
    ONE = 1


class Point(NamedTuple):
    x: float
    y: float


class Vector(NamedTuple):
    x: float
    y: float


@dataclass(frozen=True)
class Grid:
    header: str
    nx: int


@dataclass
class Thawed:
    nx: int


def digest(value: Any) -> bytes:
    return digest_argument("value", value, no_files).digest


def no_files(path: Path) -> bytes:
    raise AssertionError(path)


DIFFERENT = [
    None, True, False, 0, 1, 2, -1, 10**30, 0.0, 1.0, 2.0, float("nan"), float("inf"), 1j, "", "1",
    "fast", b"", b"1", [], [1], [[1]], (), (1,), {}, {"a": 1}, {"a": 2}, {"b": 1}, set(), {1},
    Mode.FAST, Level.ONE, Point(1.0, 2.0), Vector(1.0, 2.0), Grid("a", 1), Grid("a", 2),
    np.zeros(3), np.zeros(3, "f4"), np.zeros((3, 1)), np.zeros((1, 3)), np.ones(3), np.float64(1.0),
    np.array(1.0).astype(">f8"), np.int64(1), Kept("ab" * 32), Kept("cd" * 32), ["a", "b"], ["ab"],
]  # fmt: skip


def test_values_that_differ_in_value_or_type_have_different_digests() -> None:
    digests = [digest(value) for value in DIFFERENT]
    same = [
        (DIFFERENT[i], DIFFERENT[j])
        for i in range(len(digests))
        for j in range(i)
        if digests[i] == digests[j]
    ]
    assert same == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (float("nan"), -float("nan")),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1, 2, 3}, frozenset([3, 2, 1])),
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
        (np.arange(8)[::2], np.array([0, 2, 4, 6])),
    ],
    ids=["zeros", "nans", "order of a dict", "order of a set", "memory layout", "a view"],
)
def test_equal_values_have_one_digest(one: Any, other: Any) -> None:
    assert digest(one) == digest(other)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=8,
)


@given(values, values)
def test_digests_are_equal_exactly_when_values_are(one: Any, other: Any) -> None:
    assert digest(one) == digest(one)
    if digest(one) == digest(other):
        assert one == other


@given(st.text(), st.text())
def test_texts_next_to_each_other_do_not_run_together(one: str, other: str) -> None:
    assert digest([one, other]) != digest([one + other, ""]) or other == ""


@pytest.mark.parametrize(
    "value", [object(), Thawed(3), {1: "a"}, [lambda: 1], np.array([object()]), {"deep": [open]}]
)
def test_a_type_without_a_key_is_refused_by_name(value: Any) -> None:
    with pytest.raises(DeclarationError, match=r"^grid: ") as caught:
        digest_argument("grid", value, no_files)
    assert "got" in str(caught.value)


def test_products_and_files_are_found_at_any_depth(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(b"SIMPLE")
    product = Kept("ab" * 32)
    found = digest_argument("x", {"a": [(product, path)]}, InputDigests(tmp_path).digest)
    assert found.products == (product,)
    assert found.paths == (path,)


def test_a_key_depends_on_name_version_and_arguments() -> None:
    arguments = {"a": digest_argument("a", 1, no_files), "b": digest_argument("b", 2, no_files)}
    swapped = {"a": arguments["b"], "b": arguments["a"]}
    keys = {
        call_key("project", 1, arguments),
        call_key("project", 2, arguments),
        call_key("coadd", 1, arguments),
        call_key("project", 1, swapped),
        call_key("project", 1, {"a": arguments["a"]}),
    }
    assert len(keys) == 5
    reordered = dict(reversed(arguments.items()))
    assert call_key("project", 1, arguments) == call_key("project", 1, reordered)


def test_the_key_of_a_known_call_does_not_change_between_versions_of_this_package() -> None:
    arguments = {"n": digest_argument("n", (1, "two", 3.0, None), no_files)}
    # Written down when the encoding was made: another value loses every user's kept steps.
    assert call_key("demo.step", 1, arguments) == KNOWN_KEY


KNOWN_KEY = "b1a2bb5642ab1015d9e3bd0c0b63d8d424dc96d96dff1476fe96b9a36221187e"


class TestInputFiles:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "tile.fits"
        path.write_bytes(b"SIMPLE  = T")
        return path

    @pytest.fixture
    def take(self, tmp_path: Path) -> Callable[[Path], bytes]:
        folder = tmp_path / "inputs"
        folder.mkdir()
        return lambda path: InputDigests(folder).digest(path)

    def test_the_content_counts_and_not_the_name(
        self, path: Path, take: Callable[[Path], bytes]
    ) -> None:
        copy = path.with_name("copy.fits")
        copy.write_bytes(path.read_bytes())
        assert take(copy) == take(path)

    def test_a_file_that_changed_has_another_digest(
        self, path: Path, take: Callable[[Path], bytes]
    ) -> None:
        digests = {take(path)}
        for n in range(20):
            # Faster than the file system's clock ticks, and without a change of size.
            path.write_bytes(b"SIMPLE  = %c" % (ord("a") + n))
            digests.add(take(path))
        assert len(digests) == 21

    def test_an_old_file_is_read_once(
        self, path: Path, take: Callable[[Path], bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hven.engine.inputs.time.time", lambda: 4e9)
        digest = take(path)
        monkeypatch.setattr("hven.engine.inputs._digest_file", no_files)
        assert take(path) == digest

    def test_digests_taken_together_are_those_taken_singly(
        self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "inputs").mkdir()
        other = path.with_name("other.fits")
        other.write_bytes(b"SIMPLE  = F")
        wanted = [InputDigests(tmp_path / "inputs").digest(file) for file in (path, other)]
        monkeypatch.setattr("hven.engine.inputs.time.time", lambda: 4e9)
        digests = InputDigests(tmp_path / "inputs")
        # One that is not there is left to the call that needs it.
        digests.digest_all([path, other, path, tmp_path / "gone.fits"], threads=2)
        monkeypatch.setattr("hven.engine.inputs._digest_file", no_files)
        assert [digests.digest(file) for file in (path, other)] == wanted

    def test_a_file_that_is_not_there_is_named(
        self, tmp_path: Path, take: Callable[[Path], bytes]
    ) -> None:
        with pytest.raises(InputError, match=r"gone\.fits: must be a readable file, no such file"):
            take(tmp_path / "gone.fits")
