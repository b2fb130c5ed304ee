"""Manifests: what lies beside a product's files."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import xxhash

from hven.engine.arrays import FileDigest

#: The manifest's file name.
MANIFEST = "manifest"
_TITLE = b"hven-product 1 "


class Made(NamedTuple):
    """How a product was made."""

    #: The step's name and version.
    step: str
    version: int
    #: Seconds since 1970 at which it was done, and how long it took.
    time: float
    seconds: float
    #: The arguments, shortened for reading.
    arguments: str
    #: The keys of the products it was made from.
    inputs: tuple[str, ...]


class Manifest(NamedTuple):
    """All that is known of a product."""

    made: Made
    #: The value, as `codec` writes it.
    value: Any
    #: Size and digest of each file.
    files: dict[str, FileDigest]


def manifest_content(manifest: Manifest) -> bytes:
    """The manifest's file: a title with the digest of the rest, which is JSON."""
    body = json.dumps(manifest, separators=(",", ":")).encode()
    return _TITLE + xxhash.xxh3_128_hexdigest(body).encode() + b"\n" + body


def parse_manifest(content: bytes) -> Manifest:
    """The manifest in a file.

    Raises
    ------
    ValueError
        It is not what was written.
    """
    title, _, body = content.partition(b"\n")
    if title != _TITLE + xxhash.xxh3_128_hexdigest(body).encode():
        raise ValueError("the manifest is not what was written")
    made, value, files = json.loads(body)
    step, version, moment, seconds, arguments, inputs = made
    return Manifest(
        Made(step, version, moment, seconds, arguments, tuple(inputs)),
        value,
        {name: FileDigest(*file) for name, file in files.items()},
    )
