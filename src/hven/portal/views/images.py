"""What the viewer of images asks for: facts, tiles, what is at a place, positions of sources."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from hven.errors import InputError, MissingError
from hven.jobs.contents import result_path
from hven.jobs.models import Result
from hven.portal.catalogues import sky_columns, table_of
from hven.portal.seeing import Seen, seen

if TYPE_CHECKING:
    from hven.formats.image_tiles import TiledImage

#: Sources of a catalogue that are drawn, the first ones.
_MOST_SOURCES = 20_000
_YEAR = 365 * 24 * 3600


@seen
@require_safe
def facts(request: HttpRequest, found: Seen, name: str) -> HttpResponse:
    """What the viewer has to know of an image before it can show it."""
    from hven.formats.fits_structure import open_fits
    from hven.formats.image_tiles import TILE, image_units

    result = found.result(name)
    with _image(request, result) as image, open_fits(result_path(result)) as opened:
        units = [
            {"hdu": hdu.index, "name": hdu.name, "axes": hdu.axes} for hdu in image_units(opened)
        ]
        document = {
            "hdu": image.hdu.index,
            "units": units,
            "nx": image.nx,
            "ny": image.ny,
            "planes": image.planes,
            "levels": image.levels,
            "tile": TILE,
            "unit": image.unit,
            "limits": image.limits()._asdict(),
            "north": image.north(),
            "scale_arcsec": image.scale_arcsec(),
            "version": result.sha256[:16] or str(result.bytes),
        }
    return _answer(document)


@seen
@require_safe
def tile(
    request: HttpRequest, found: Seen, name: str, level: int, column: int, row: int
) -> HttpResponse:
    """A tile: float32, little-endian, row by row, the image's first row first."""
    result = found.result(name)
    with _image(request, result) as image:
        pixels = image.tile(level, column, row)
    response = HttpResponse(pixels.astype("<f4").tobytes(), "application/octet-stream")
    response["X-Content-Type-Options"] = "nosniff"
    # The address names the file's digest: what is there once stays. Of a file that may still
    # change nothing is kept.
    final = bool(result.sha256) and request.GET.get("v") == result.sha256[:16]
    response["Cache-Control"] = f"private, max-age={_YEAR}, immutable" if final else "no-store"
    return response


@seen
@require_safe
def spot(request: HttpRequest, found: Seen, name: str) -> HttpResponse:
    """Value and position of a place of an image."""
    x, y = _number(request, "x"), _number(request, "y")
    with _image(request, found.result(name)) as image:
        there = image.spot(x, y)
    return _answer(there._asdict())


@seen
@require_safe
def sources(request: HttpRequest, found: Seen, name: str, catalogue: str) -> HttpResponse:
    """Where the sources of a catalogue lie in an image, in 0-based pixels."""
    table = table_of(found.result(catalogue))
    columns = sky_columns(table)
    if columns is None:
        told = "must have columns of right ascension and declination"
        raise MissingError(f"{catalogue}: {told}, has {', '.join(table.colnames)}")
    ra, dec = (np.asarray(table[column][:_MOST_SOURCES], np.float64) for column in columns)
    with _image(request, found.result(name)) as image:
        x, y = image.pixels_of(ra, dec)
    inside = (x > -1) & (y > -1) & (x < image.nx) & (y < image.ny)
    places = np.round(np.stack([x[inside], y[inside]], axis=1), 2)
    return _answer({"sources": places.tolist(), "of": len(table)})


@contextmanager
def _image(request: HttpRequest, result: Result) -> Iterator[TiledImage]:
    """The image that is asked for; a file that has none is as good as absent."""
    # Loaded by the first process that shows an image: it takes seconds.
    from hven.formats.image_tiles import open_image

    hdu = _count(request, "hdu", None)
    plane = _count(request, "plane", 1)
    try:
        with open_image(result_path(result), hdu, plane or 1) as image:
            yield image
    except (InputError, OSError) as error:
        raise MissingError(f"image: {error}") from error


def _count(request: HttpRequest, name: str, default: int | None) -> int | None:
    text = request.GET.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or len(text) > 9:
        raise MissingError(f"{name}: must be a whole number, got {text[:40]}")
    return int(text)


def _number(request: HttpRequest, name: str) -> float:
    text = request.GET.get(name, "")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > 1e9:
        raise MissingError(f"{name}: must be a number, got {text[:40] or 'nothing'}")
    return number


def _answer(document: dict[str, Any]) -> HttpResponse:
    """A document as JSON, which has no NaN: null in its place."""
    text = json.dumps(_plain(document), allow_nan=False)
    return HttpResponse(text, "application/json", headers={"Cache-Control": "no-store"})


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
