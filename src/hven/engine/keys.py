"""Keys: what a call of a step is known by before it has run."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import numpy as np

from hven.engine.product import Kept
from hven.errors import DeclarationError

ALLOWED_TYPES = (
    "None, bool, int, float, complex, str, bytes, list, tuple, dict with text keys, set, Enum, "
    "Path, Product, numpy arrays and scalars, frozen dataclasses and NamedTuples of these"
)


class ArgumentDigest(NamedTuple):
    """One argument, digested."""

    #: SHA-256 of the argument's canonical encoding.
    digest: bytes
    #: The products in it, at any depth.
    products: tuple[Kept, ...]
    #: The files in it, at any depth.
    paths: tuple[Path, ...]


def digest_argument(name: str, value: Any, digest_file: Callable[[Path], bytes]) -> ArgumentDigest:
    """The digest of one argument, and the products and files it refers to.

    Parameters
    ----------
    name
        What the argument is called in an error message.
    value
        Any of the types in `ALLOWED_TYPES`.
    digest_file
        Gives the SHA-256 of a file's content.

    Raises
    ------
    DeclarationError
        The value, or something in it, is of another type.

    Notes
    -----
    Values that compare equal but differ in type differ here: 1, 1.0 and True have three digests,
    and so have a list and a tuple. 0.0 and -0.0 have one, and so has every NaN.
    """
    encoder = _Encoder(digest_file)
    try:
        encoder.put(value)
    except DeclarationError as error:
        raise DeclarationError(f"{name}: {error}") from None
    return ArgumentDigest(encoder.hash.digest(), tuple(encoder.products), tuple(encoder.paths))


def call_key(name: str, version: int, arguments: dict[str, ArgumentDigest]) -> str:
    """The key of one call of a step: 64 hexadecimal digits."""
    parts = [f"hven 1\n{name}\n{version}\n".encode()]
    for parameter in sorted(arguments):
        parts += parameter.encode(), b"\0", arguments[parameter].digest
    return sha256(b"".join(parts)).hexdigest()


def type_name(kind: type) -> str:
    """What a record's or an Enum's type is known by: `module:qualified.name`."""
    return f"{kind.__module__}:{kind.__qualname__}"


def is_frozen(kind: Any) -> bool:
    """Whether a dataclass is a frozen one."""
    return bool(kind.__dataclass_params__.frozen)


class _Encoder:
    """Feeds a canonical encoding into one hash: a tag, a length where needed, the content."""

    def __init__(self, digest_file: Callable[[Path], bytes]) -> None:
        self.hash = sha256()
        self.products: list[Kept] = []
        self.paths: list[Path] = []
        self._digest_file = digest_file

    def put(self, value: Any) -> None:
        _PUT.get(type(value), _Encoder.put_other)(self, value)

    def put_none(self, _: None) -> None:
        self.hash.update(b"N")

    def put_bool(self, value: bool) -> None:
        self.hash.update(b"T" if value else b"F")

    def put_int(self, value: int) -> None:
        self.hash.update(b"i%d;" % value)

    def put_float(self, value: float) -> None:
        self.hash.update(b"f" + _float_bytes(value))

    def put_complex(self, value: complex) -> None:
        self.hash.update(b"c" + _float_bytes(value.real) + _float_bytes(value.imag))

    def put_str(self, value: str) -> None:
        content = value.encode("utf-8", "surrogatepass")
        self.hash.update(b"s%d:" % len(content) + content)

    def put_bytes(self, value: bytes) -> None:
        self.hash.update(b"b%d:" % len(value))
        self.hash.update(value)

    def put_list(self, value: list[Any]) -> None:
        self.put_items(b"l", value)

    def put_tuple(self, value: tuple[Any, ...]) -> None:
        self.put_items(b"t", value)

    def put_items(self, tag: bytes, value: list[Any] | tuple[Any, ...]) -> None:
        self.hash.update(tag + b"%d:" % len(value))
        for item in value:
            self.put(item)

    def put_dict(self, value: dict[str, Any]) -> None:
        if not all(isinstance(key, str) for key in value):
            raise DeclarationError(f"a dict's keys must be text, got {list(value)!r}")
        self.hash.update(b"d%d:" % len(value))
        for key in sorted(value):
            self.put_str(key)
            self.put(value[key])

    def put_set(self, value: set[Any] | frozenset[Any]) -> None:
        digests = []
        for item in value:
            inner = _Encoder(self._digest_file)
            inner.put(item)
            digests.append(inner.hash.digest())
            self.products += inner.products
            self.paths += inner.paths
        self.hash.update(b"S%d:" % len(digests) + b"".join(sorted(digests)))

    def put_array(self, value: np.ndarray[Any, Any]) -> None:
        if value.dtype.hasobject:
            raise DeclarationError(f"an array must not hold Python objects, got {value.dtype}")
        description = repr(np.lib.format.dtype_to_descr(value.dtype))
        self.hash.update(f"a{description}{value.shape}".encode())
        self.hash.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)

    def put_scalar(self, value: np.generic) -> None:
        self.put_array(np.asarray(value))

    def put_path(self, value: Path) -> None:
        self.paths.append(value)
        self.hash.update(b"p" + self._digest_file(value))

    def put_product(self, value: Kept) -> None:
        self.products.append(value)
        self.hash.update(b"P" + value.key.encode())

    def put_record(self, tag: bytes, value: Any, names: tuple[str, ...]) -> None:
        self.hash.update(tag)
        self.put_str(type_name(type(value)))
        for name in names:
            self.put_str(name)
            self.put(getattr(value, name))

    def put_other(self, value: Any) -> None:
        if isinstance(value, Enum):
            self.hash.update(b"e")
            self.put_str(type_name(type(value)))
            self.put_str(value.name)
        elif isinstance(value, PurePath):
            self.put_path(Path(value))
        elif isinstance(value, Kept):
            self.put_product(value)
        elif type(value) is np.ndarray:
            self.put_array(value)
        elif isinstance(value, np.generic):
            self.put_scalar(value)
        elif isinstance(value, tuple) and hasattr(value, "_fields"):
            self.put_record(b"U", value, value._fields)
        elif is_dataclass(value) and not isinstance(value, type) and is_frozen(type(value)):
            self.put_record(b"D", value, tuple(f.name for f in fields(value)))
        else:
            raise DeclarationError(_refusal(value))


_PUT: dict[type, Callable[[_Encoder, Any], None]] = {
    type(None): _Encoder.put_none,
    bool: _Encoder.put_bool,
    int: _Encoder.put_int,
    float: _Encoder.put_float,
    complex: _Encoder.put_complex,
    str: _Encoder.put_str,
    bytes: _Encoder.put_bytes,
    list: _Encoder.put_list,
    tuple: _Encoder.put_tuple,
    dict: _Encoder.put_dict,
    set: _Encoder.put_set,
    frozenset: _Encoder.put_set,
    np.ndarray: _Encoder.put_array,
}


def _float_bytes(value: float) -> bytes:
    if value != value:
        return b"nan....."
    return struct.pack("<d", value + 0.0)


def _refusal(value: Any) -> str:
    kind = type(value)
    if is_dataclass(kind):
        return f"a dataclass must be frozen, got {type_name(kind)}"
    return f"must be made of {ALLOWED_TYPES}; got {kind.__module__}.{kind.__qualname__}"
