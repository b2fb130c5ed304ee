"""What a mosaic takes, told beforehand; and an example made of nothing but numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Measured on two cores: a square degree of 45 tiles, 94 MB, in a second, with processes started.
_START_SECONDS, _BYTES_A_SECOND = 1.5, 5e7
#: Bytes of mosaic and coverage a byte of input, where images overlap as those of 2MASS do.
_BYTES_A_BYTE = 1.1
#: The example's sky: degrees, pixels, stars, Poisson-like noise.
_CENTER, _PIXEL_DEG, _SIDE, _STARS, _NOISE = (83.6, 22.0), 1.0 / 3600, 200, 160, 2.0
#: Where its images lie, in pixels from the centre, and what each has too much of background.
_FIELDS = {"west": (-70, 10, 0.0), "east": (80, -20, 12.0), "north": (0, 110, -7.0)}

EXAMPLE_VALUES: dict[str, str | list[str]] = {
    "images": [f"example-{name}.fits" for name in _FIELDS],
    "background": "plane",
}
EXAMPLE_HELP = (
    "Three simulated images of one field with different backgrounds: in the mosaic their seams "
    "are gone."
)
EXAMPLE_PICTURE = Path(__file__).with_name("example.webp")


def cost(values: Mapping[str, Any], input_bytes: int) -> tuple[float, float]:
    """About how many seconds a mosaic takes, and how many bytes its files."""
    width, height, scale = values["width"], values["height"], values["pixel_scale"]
    size = _BYTES_A_BYTE * input_bytes
    if width is not None and scale is not None:
        pixels = width * (height or width) * (3600 / scale) ** 2
        size = pixels * (4 + (8 if values["pixel_type"] == "float64" else 4))
    slower = 3.0 if values["combine"] in ("median", "clip") else 1.0
    return _START_SECONDS + slower * max(input_bytes, size) / _BYTES_A_SECOND, size


def make_example(folder: Path) -> None:
    """Write the images of the example: the same stars, other places, noise and backgrounds."""
    import numpy as np
    from astropy.io import fits

    stars = np.random.default_rng(1546)
    places = stars.uniform(-250, 250, (_STARS, 2))
    fluxes = 30.0 * stars.pareto(1.2, _STARS) + 30.0
    for seed, (name, (x0, y0, background)) in enumerate(_FIELDS.items()):
        along = np.arange(_SIDE) - (_SIDE - 1) / 2
        noise = np.random.default_rng(seed).normal(0.0, _NOISE, (_SIDE, _SIDE))
        sky = 100.0 + background + 0.002 * background * along + noise
        for (sx, sy), flux in zip(places, fluxes, strict=True):
            columns, rows = (np.exp(-((along + c) ** 2) / 4.5) for c in (x0 - sx, y0 - sy))
            sky += flux * np.outer(rows, columns)
        header = fits.Header()
        header.update(
            CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=_CENTER[0], CRVAL2=_CENTER[1],
            CRPIX1=(_SIDE + 1) / 2 - x0, CRPIX2=(_SIDE + 1) / 2 - y0, RADESYS="ICRS",
            CDELT1=-_PIXEL_DEG, CDELT2=_PIXEL_DEG, OBJECT="Simulated field",
        )  # fmt: skip
        fits.writeto(folder / f"example-{name}.fits", sky.astype(np.float32), header)
