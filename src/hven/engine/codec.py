"""Values as JSON and files: how a product is written and read."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from hven.engine.arrays import (
    ArrayLayout,
    FileDigest,
    digest_content,
    dtype_text,
    map_file,
    text_dtype,
    view_array,
    write_array,
)
from hven.engine.keys import is_frozen, type_name
from hven.errors import DeclarationError, StoreError

KEPT_TYPES = (
    "None, bool, int, float, complex, str, bytes, list, tuple, dict, set, Enum, numpy arrays and "
    "scalars, files below draft_folder(), frozen dataclasses and NamedTuples of these"
)
#: Arrays and bytes up to this size lie in the manifest and need no file of their own.
_LARGEST_INLINE = 2048

Files = dict[str, FileDigest]


def write_value(value: Any, folder: Callable[[], Path]) -> tuple[Any, Files]:
    """Write a value: what goes into the manifest, and the files it refers to.

    Parameters
    ----------
    value
        Any of the types in `KEPT_TYPES`.
    folder
        Gives the folder its files go to; called only when there is one.

    Raises
    ------
    DeclarationError
        The value, or something in it, is of another type.
    """
    writer = _Writer(folder)
    return writer.write(value), writer.files


def read_value(
    written: Any,
    content: Callable[[str], memoryview],
    folder: str | Path,
    names: tuple[str, ...] = (),
) -> Any:
    """The value that `write_value` wrote, or the named fields of it.

    Parameters
    ----------
    written
        What the manifest holds.
    content
        Gives the content of one of the product's files.
    folder
        Where the product's files lie.
    names
        Fields of a record, given as a tuple; all of the value without.
    """
    reader = _Reader(content, folder)
    if not names:
        return reader.read(written)
    _, found = written["$record"]
    return tuple(reader.read(found[name]) for name in names)


class _Writer:
    """JSON has its own types; everything else is an object with one key, which names its type."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        self.files: Files = {}
        self._folder = folder

    def write(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, int, float, str):
            return value
        if kind is list:
            return [self.write(item) for item in value]
        return self._write_tagged(kind, value)

    def _write_tagged(self, kind: type, value: Any) -> dict[str, Any]:
        if kind is tuple or kind is set or kind is frozenset:
            return {f"${kind.__name__}": [self.write(item) for item in value]}
        if kind is dict:
            return {"$dict": [[self.write(key), self.write(item)] for key, item in value.items()]}
        if kind is np.ndarray:
            return self._write_array(value)
        if kind is bytes:
            return self._write_bytes(value)
        if kind is complex:
            return {"$complex": [value.real, value.imag]}
        if isinstance(value, Enum):
            return {"$enum": [type_name(kind), value.name]}
        if isinstance(value, np.generic):
            return {"$scalar": _inline_array(np.asarray(value))}
        if isinstance(value, PurePath):
            return self._write_file(Path(value))
        return self._write_record(kind, value)

    def _write_record(self, kind: type, value: Any) -> dict[str, Any]:
        if is_dataclass(kind) and is_frozen(kind):
            names = tuple(f.name for f in fields(kind) if f.init)
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            names = value._fields
        else:
            raise DeclarationError(
                f"a step's result must be made of {KEPT_TYPES}; "
                f"got {kind.__module__}.{kind.__qualname__}"
            )
        written = {name: self.write(getattr(value, name)) for name in names}
        return {"$record": [type_name(kind), written]}

    def _write_array(self, value: np.ndarray[Any, Any]) -> dict[str, Any]:
        if value.dtype.hasobject:
            raise DeclarationError(
                f"a step's result must not hold arrays of Python objects, got {value.dtype}"
            )
        if value.nbytes <= _LARGEST_INLINE or value.ndim == 0:
            return {"$array": _inline_array(value)}
        name = f"{len(self.files)}.npy"
        layout, self.files[name] = write_array(self._folder() / name, value)
        return {"$npy": [name, *layout]}

    def _write_bytes(self, value: bytes) -> dict[str, Any]:
        if len(value) <= _LARGEST_INLINE:
            return {"$bytes": base64.b64encode(value).decode()}
        name = f"{len(self.files)}.bytes"
        (self._folder() / name).write_bytes(value)
        self.files[name] = digest_content(memoryview(value))
        return {"$blob": name}

    def _write_file(self, path: Path) -> dict[str, Any]:
        folder = self._folder()
        whole = folder / path
        if not whole.is_file() or not whole.resolve().is_relative_to(folder.resolve()):
            raise DeclarationError(
                f"a file in a step's result must lie below draft_folder(), was {path}"
            )
        name = str(whole.resolve().relative_to(folder.resolve()))
        self.files[name] = digest_content(map_file(whole))
        return {"$file": name}


class _Reader:
    def __init__(self, content: Callable[[str], memoryview], folder: str | Path) -> None:
        self._content = content
        self._folder = folder

    def read(self, written: Any) -> Any:
        if isinstance(written, list):
            return [self.read(item) for item in written]
        if not isinstance(written, dict):
            return written
        ((tag, body),) = written.items()
        read = getattr(self, "_read_" + tag[1:], None)
        if read is None:
            raise StoreError(f"a value in a manifest must be of a known type, was {tag}")
        return read(body)

    def _read_tuple(self, body: list[Any]) -> tuple[Any, ...]:
        return tuple(self.read(item) for item in body)

    def _read_set(self, body: list[Any]) -> set[Any]:
        return {self.read(item) for item in body}

    def _read_frozenset(self, body: list[Any]) -> frozenset[Any]:
        return frozenset(self.read(item) for item in body)

    def _read_dict(self, body: list[list[Any]]) -> dict[Any, Any]:
        return {self.read(key): self.read(item) for key, item in body}

    def _read_complex(self, body: list[float]) -> complex:
        return complex(*body)

    def _read_bytes(self, body: str) -> bytes:
        return base64.b64decode(body)

    def _read_blob(self, body: str) -> bytes:
        return bytes(self._content(body))

    def _read_file(self, body: str) -> Path:
        self._content(body)
        return Path(self._folder, body)

    def _read_enum(self, body: list[str]) -> Any:
        return _find_type(body[0], Enum)[body[1]]

    def _read_array(self, body: list[Any]) -> np.ndarray[Any, Any]:
        dtype, shape, text = body
        return np.frombuffer(base64.b64decode(text), text_dtype(dtype)).reshape(shape)

    def _read_scalar(self, body: list[Any]) -> Any:
        return self._read_array(body)[()]

    def _read_npy(self, body: list[Any]) -> np.ndarray[Any, Any]:
        name, dtype, shape, fortran, offset = body
        return view_array(self._content(name), ArrayLayout(dtype, tuple(shape), fortran, offset))

    def _read_record(self, body: list[Any]) -> Any:
        return _find_type(body[0], object)(
            **{name: self.read(item) for name, item in body[1].items()}
        )


def _inline_array(value: np.ndarray[Any, Any]) -> list[Any]:
    content = base64.b64encode(value.tobytes()).decode()
    return [dtype_text(value.dtype), list(value.shape), content]


@cache
def _find_type(name: str, base: type) -> Any:
    """The record or Enum type of that name; nothing else is ever called."""
    module, _, qualname = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, base):
        is_named_tuple = issubclass(found, tuple) and hasattr(found, "_fields")
        if is_dataclass(found) or is_named_tuple or issubclass(found, Enum):
            return found
    raise StoreError(f"{name}: must be a dataclass, a NamedTuple or an Enum, was {found!r}")
