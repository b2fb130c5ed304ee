"""Jobs that can succeed, and what they must give."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

import hven
from hven.engine import Inline, Store


@dataclass
class Wish:
    """A job that is to be made."""

    application: str
    #: Files by path: they are uploaded, and stand there by reference then.
    parameters: dict[str, Any] = field(default_factory=dict)
    #: SHA-256 of results by name.
    results: dict[str, str] = field(default_factory=dict)


def mixed(count: int, folder: Path, seed: int) -> Iterator[Wish]:
    """So many wishes of all kinds, some of which ask for the same again."""
    chance = random.Random(seed)
    skies = [mosaic(folder, number) for number in range(3)]
    for number in range(count):
        kind = chance.choices(["echo", "tiles", "copy", "again"], [3, 5, 3, 1])[0]
        if number % (count // 3) == count // 6:
            yield skies[number * 3 // count]
        elif kind == "echo":
            yield echo(f"words of {number}")
        elif kind == "copy":
            yield copy(folder, number, chance.randint(1, 4))
        else:
            # Equal steps: their keys are made of the seconds, too.
            steps, seconds = (number, chance.uniform(0.01, 0.05))
            if kind == "again":
                steps, seconds = (count + number // 40, 0.03)
            yield tiles(steps, chance.randint(5, 40), seconds)


def echo(words: str) -> Wish:
    """Words in a file."""
    return Wish("echo", {"words": words}, {"text": _digest(words.encode())})


def tiles(seed: int, count: int, seconds: float) -> Wish:
    """Many small steps; equal seeds share them where they take equally long."""
    whole = hashlib.sha256()
    for number in range(count):
        whole.update(hashlib.sha256(f"{seed} {number}".encode()).digest())
    parameters = {"seed": seed, "count": count, "seconds": round(seconds, 2)}
    return Wish("tiles", parameters, {"text": _digest(whole.hexdigest().encode())})


def copy(folder: Path, seed: int, count: int) -> Wish:
    """Uploaded files put together."""
    noise = random.Random(seed)
    paths = [folder / f"file-{seed}-{number}.txt" for number in range(count)]
    for path in paths:
        path.write_bytes(noise.randbytes(noise.randint(1, 100_000)))
    whole = b"".join(path.read_bytes() for path in paths)
    return Wish("copy", {"files": paths}, {"text": _digest(whole)})


def mosaic(folder: Path, seed: int) -> Wish:
    """A small mosaic, with what it is when nothing disturbs it."""
    files = sky(folder / f"sky{seed}", seed, (3, 3), 80)
    made = hven.mosaic(
        files,
        executor=Inline(),
        store=Store(folder / f"store{seed}"),
        output=folder / f"mosaic{seed}",
    )
    names = ("mosaic", "area")
    digests = {name: _digest(getattr(made, name).read_bytes()) for name in names}
    return Wish("mosaic", {"images": files}, digests)


def sky(folder: Path, seed: int, shape: tuple[int, int], side: int) -> list[Path]:
    """Exposures that overlap, each turned and with a level of its own."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    paths = []
    for row, column in np.ndindex(shape):
        turn = np.radians(rng.uniform(-3, 3))
        header = fits.Header(
            {
                "CTYPE1": "RA---TAN",
                "CTYPE2": "DEC--TAN",
                "CRVAL1": 150 + 0.8 * side * column / 3600,
                "CRVAL2": 20 + 0.8 * side * row / 3600,
                "CRPIX1": (side + 1) / 2,
                "CRPIX2": (side + 1) / 2,
                "CDELT1": -1 / 3600,
                "CDELT2": 1 / 3600,
                "PC1_1": np.cos(turn),
                "PC1_2": -np.sin(turn),
                "PC2_1": np.sin(turn),
                "PC2_2": np.cos(turn),
                "RADESYS": "ICRS",
            }
        )
        image = rng.normal(10 * row + column, 1, (side, side)).astype(np.float32)
        paths.append(folder / f"exposure-{row}-{column}.fits")
        fits.writeto(paths[-1], image, header)
    return paths


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
