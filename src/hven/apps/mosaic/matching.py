"""Matching of backgrounds: which images overlap, by how much they differ, what each is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.apps.mosaic.region import Window
from hven.apps.mosaic.steps import ProjectedImage, fit_overlaps
from hven.engine import Product, Run
from hven.kernels.background import Corrections, solve_background
from hven.kernels.pieces import typical_area
from hven.kernels.plane import NoFit, PlaneFit

Pair = tuple[int, int]

#: Pairs that one call fits at most: enough to be worth a call, few enough to share out.
_MOST_FITS = 16


class Placed(NamedTuple):
    """A projected image and where it lies on the lattice."""

    product: Product[ProjectedImage]
    place: Window
    #: Area of a fully covered pixel.
    full_area: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle pixel."""
        return self.place.middle


class Fitting(NamedTuple):
    """Fits of one image with some before it, under way."""

    #: The pairs, by number of image, the lower one first.
    pairs: list[Pair]
    #: The fits of first minus second.
    fits: Product[list[PlaneFit | NoFit]]


class Match(NamedTuple):
    """How the images agree, and what makes them agree."""

    #: (m, 2) the pairs that were fitted, by number of image, the lower one first.
    pairs: list[Pair]
    #: The m fits of first minus second.
    fits: list[PlaneFit]
    #: Plane to add to each image, about its middle, in pixels of the lattice.
    corrections: Corrections


def place_images(
    run: Run, products: Sequence[Product[ProjectedImage]], *, order: int | None, clip_sigma: float
) -> tuple[list[Placed], list[Fitting]]:
    """Where the images lie, and the fits of all pairs that overlap, under way.

    Parameters
    ----------
    products
        The projected images. One is sent to be fitted as soon as it and all before it are done.
    order
        0 for levels, 1 for planes; None fits nothing.
    clip_sigma
        Where outliers are cut.
    """
    placed: dict[str, Placed] = {}
    fitting: list[Fitting] = []
    number = 0
    # Files of equal content are one product and several images.
    for product in run.completed({product.key: product for product in products}.values()):
        area, x0, y0 = product.load_fields("area", "x0", "y0")
        place = Window(x0, y0, x0 + area.shape[1], y0 + area.shape[0])
        placed[product.key] = Placed(product, place, typical_area(area))
        # In the order of the images and not in that of finishing, which is another each time: the
        # calls of a run that goes on are those of the one that was interrupted.
        while number < len(products) and products[number].key in placed:
            if order is not None:
                before = [placed[product.key] for product in products[: number + 1]]
                fitting.extend(_fit_last(run, before, order, clip_sigma))
            number += 1
    return [placed[product.key] for product in products], fitting


def _fit_last(
    run: Run, placed: Sequence[Placed], order: int, clip_sigma: float
) -> Iterator[Fitting]:
    """The fits of the last image with all before it that it overlaps, some at a time."""
    *before, here = placed
    touching = [n for n, other in enumerate(before) if other.place.overlaps(here.place)]
    for first in range(0, len(touching), _MOST_FITS):
        others = touching[first : first + _MOST_FITS]
        fits = run.call(
            fit_overlaps,
            here.product,
            [before[n].product for n in others],
            full_area=here.full_area,
            full_areas=[before[n].full_area for n in others],
            order=order,
            clip_sigma=clip_sigma,
        )
        yield Fitting([(n, len(before)) for n in others], fits)


def match_backgrounds(
    run: Run,
    placed: Sequence[Placed],
    fitting: Sequence[Fitting],
    names: Sequence[str],
    *,
    order: int,
) -> Match:
    """Solve for the corrections of all images at once; say what could not be matched."""
    results = run.gather([some.fits for some in fitting])
    pairs = [pair for some in fitting for pair in some.pairs]
    fits = [fit for result in results for fit in result]
    by_pair = sorted(zip(pairs, fits, strict=True), key=itemgetter(0))
    # Boxes around images overlap more often than the images do.
    found = [(pair, fit) for pair, fit in by_pair if isinstance(fit, PlaneFit)]
    kind: Literal[0, 1] = 1 if order else 0
    match = Match(
        [pair for pair, _ in found],
        [fit for _, fit in found],
        solve_background(
            [pair for pair, _ in found],
            [fit for _, fit in found],
            [item.middle for item in placed],
            [(item.place.width, item.place.height) for item in placed],
            order=kind,
        ),
    )
    _say_what_hangs_together(run, names, match.corrections, "planes" if order else "levels")
    return match


def _say_what_hangs_together(
    run: Run, names: Sequence[str], corrections: Corrections, kind: str
) -> None:
    if len(names) > 1:
        for number in np.flatnonzero(corrections.alone).tolist():
            run.say(f"{names[number]} overlaps no other image: its background stays as it is")
    groups = set(corrections.component[~corrections.alone].tolist())
    if len(groups) > 1:
        run.say(
            f"the images form {len(groups)} groups that do not touch: "
            "backgrounds are matched within each group only"
        )
    for number in np.flatnonzero(corrections.held).tolist():
        run.say(f"{names[number]} overlaps others too little: its slope is held back")
    if len(corrections.mismatch):
        run.say(
            f"{kind} matched over {len(corrections.mismatch)} overlaps: rms mismatch "
            f"{_rms(corrections.mismatch_before):.4g} before, "
            f"{_rms(corrections.mismatch):.3g} after"
        )


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
