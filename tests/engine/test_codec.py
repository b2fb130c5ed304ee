"""Values as they lie in products."""

from __future__ import annotations

import math
import resource
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from hven.engine.arrays import ArrayLayout, map_file, view_array, write_array
from hven.engine.codec import read_value, write_value
from hven.engine.manifests import Made, Manifest, manifest_content, parse_manifest
from hven.errors import DeclarationError, StoreError

DTYPES = ["?", "i1", ">i2", "u4", "i8", "f4", ">f4", "f8", "c16", "S5", "U3", "M8[s]"]


class Kind(Enum):
    STAR = 1


class Fit(NamedTuple):
    planes: np.ndarray[Any, Any]
    pixels: int
    rms: float


@dataclass(frozen=True)
class Summary:
    name: str
    fit: Fit | None
    corners: tuple[tuple[float, float], ...]
    made: int = field(init=False, default=3)


def there_and_back(value: Any, folder: Path) -> Any:
    """Write a value as a product is written and read it again."""
    written, files = write_value(value, lambda: folder)
    made = Made("step", 1, 0.0, 0.0, "", ())
    manifest = parse_manifest(manifest_content(Manifest(made, written, files)))
    assert manifest.files == files
    return read_value(manifest.value, lambda name: map_file(folder / name), folder)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        equal = one.dtype == other.dtype and one.shape == other.shape
        return equal and one.tobytes() == other.tobytes()
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 10**40, 1.5, -0.0, math.nan, math.inf, 2j, "naïve ☉", "\ud800", b"", b"x",
        [], [1, [2]], (1, (2, "a")), {"a": (1,), "b": None}, {1: "one", (2, 3): "pair"},
        {"$tuple": 1},
        {1, 2}, frozenset({"a"}), Kind.STAR, np.float32(1.5), np.int64(3), np.bool_(True),
        np.datetime64("2026-11-23"), Summary("a", None, ((1.0, 2.0), (3.0, 4.0))),
    ],
    ids=repr,
)  # fmt: skip
def test_a_value_comes_back_as_it_was(value: Any, tmp_path: Path) -> None:
    assert same(there_and_back(value, tmp_path), value)


def test_records_of_arrays_come_back(tmp_path: Path) -> None:
    fit = Fit(np.arange(12.0).reshape(4, 3), 5, 0.25)
    back = there_and_back([Summary("a", fit, ())], tmp_path)[0]
    assert isinstance(back, Summary)
    assert same(back.fit.planes, fit.planes)
    assert back.fit[1:] == fit[1:]


@pytest.mark.parametrize("shape", [(), (0,), (3,), (40, 50), (0, 7), (2, 30, 40)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_of_any_shape_and_type_comes_back(
    shape: tuple[int, ...], dtype: str, tmp_path: Path
) -> None:
    count = int(np.prod(shape))
    array = np.arange(count).astype("M8[s]" if dtype.startswith("M") else "i8")
    array = (array if dtype.startswith("M") else array % 100).astype(dtype).reshape(shape)
    assert same(there_and_back(array, tmp_path), array)


@given(arrays(np.float64, array_shapes(max_dims=3, max_side=20)), st.sampled_from("CFS"))
def test_memory_layout_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray[Any, Any], layout: str
) -> None:
    array = array[::2] if layout == "S" else np.asarray(array, order=layout)  # type: ignore[call-overload]
    folder = tmp_path_factory.mktemp("layout")
    assert same(there_and_back(array, folder), np.ascontiguousarray(array).reshape(array.shape))


def test_a_structured_array_comes_back(tmp_path: Path) -> None:
    array = np.zeros(500, dtype=[("x", "<f4"), ("pair", ">i2", (2,)), ("name", "S4")])
    array["name"] = b"M17"
    assert same(there_and_back(array, tmp_path), array)


def test_an_arrays_file_is_what_numpy_reads(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(60_000, dtype=">f4").reshape(200, 300))
    layout, written = write_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", allow_pickle=False), array)
    assert written.size == (tmp_path / "a.npy").stat().st_size
    assert layout.offset % 64 == 0


def test_arrays_cannot_be_written_to(tmp_path: Path) -> None:
    for size in (3, 300, 300_000):
        back = there_and_back(np.zeros(size), tmp_path)
        assert not back.flags.writeable
        for path in tmp_path.iterdir():
            path.unlink()


def test_more_arrays_can_be_open_than_descriptors(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    write_array(tmp_path / "a.npy", np.zeros(20_000))
    few = len(list(Path("/proc/self/fd").iterdir())) + 20
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, limits[1]))
    try:
        layout = ArrayLayout("<f8", (20_000,), False, 128)
        opened = [view_array(map_file(tmp_path / "a.npy"), layout) for _ in range(60)]
        assert len(opened) == 60
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_long_bytes_have_a_file_of_their_own(tmp_path: Path) -> None:
    assert there_and_back([b"a" * 100_000, b"b" * 100_000], tmp_path)[1] == b"b" * 100_000
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_of_the_draft_comes_back_as_its_path(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("a")
    (tmp_path / "b.txt").write_text("b")
    back = there_and_back((tmp_path / "sub" / "a.txt", Path("b.txt")), tmp_path)
    assert [path.read_text() for path in back] == ["a", "b"]


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.txt", "gone.txt", "link.txt"])
def test_a_file_outside_the_draft_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "outside.txt").write_text("outside")
    draft = tmp_path / "draft"
    draft.mkdir()
    (draft / "link.txt").symlink_to("/etc/passwd")
    with pytest.raises(DeclarationError, match="below draft_folder"):
        write_value(Path(name), lambda: draft)


@pytest.mark.parametrize(
    "value", [object(), [np.array([None])], {"a": {object(): 1}}, np.ma.masked_array([1.0], [True])]
)
def test_what_cannot_be_kept_is_refused(value: Any, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="a step's result must"):
        write_value(value, lambda: tmp_path)


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "builtins:dict", "json:gone"])
def test_reading_calls_nothing_but_records(name: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="must be a dataclass"):
        read_value({"$record": [name, {"args": "true"}]}, lambda _: memoryview(b""), tmp_path)


def test_an_array_of_python_objects_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="object"):
        read_value({"$array": ["|O", [1], ""]}, lambda _: memoryview(b""), tmp_path)


@given(st.integers(0), st.integers(0, 7))
def test_a_manifest_with_one_flipped_bit_is_refused(place: int, bit: int) -> None:
    made = Made("step", 1, 1.5, 0.25, "a=1", ("ab" * 32,))
    content = bytearray(manifest_content(Manifest(made, [1, 2.5, "text"], {})))
    content[place % len(content)] ^= 1 << bit
    with pytest.raises(ValueError, match="not what was written"):
        parse_manifest(bytes(content))
