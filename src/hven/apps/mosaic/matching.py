"""Matching of backgrounds: which images overlap, by how much they differ, what each is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.apps.mosaic.region import Window
from hven.apps.mosaic.steps import ProjectedImage, fit_pair
from hven.engine import Product, Run
from hven.kernels.background import Corrections, solve_background
from hven.kernels.pieces import typical_area
from hven.kernels.plane import NoFit, PlaneFit

Pair = tuple[int, int]


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
) -> tuple[list[Placed], dict[Pair, Product[PlaneFit | NoFit]]]:
    """Where the images lie, and the fits of all pairs that overlap, under way.

    Parameters
    ----------
    products
        The projected images. A pair is sent to be fitted as soon as both are done.
    order
        0 for levels, 1 for planes; None fits nothing.
    clip_sigma
        Where outliers are cut.
    """
    placed: dict[int, Placed] = {}
    fitting: dict[Pair, Product[PlaneFit | NoFit]] = {}
    # Files of equal content are one product and several images.
    numbers: dict[str, list[int]] = {}
    for number, product in enumerate(products):
        numbers.setdefault(product.key, []).append(number)
    for product in run.completed({product.key: product for product in products}.values()):
        area, x0, y0 = product.load_fields("area", "x0", "y0")
        place = Window(x0, y0, x0 + area.shape[1], y0 + area.shape[0])
        here = Placed(product, place, typical_area(area))
        for number in numbers[product.key]:
            if order is not None:
                touching = [n for n, other in placed.items() if other.place.overlaps(place)]
                for one, two in (sorted((number, other)) for other in touching):
                    areas = [(here if n == number else placed[n]).full_area for n in (one, two)]
                    fitting[one, two] = run.call(
                        fit_pair,
                        products[one],
                        products[two],
                        full_areas=(areas[0], areas[1]),
                        order=order,
                        clip_sigma=clip_sigma,
                    )
            placed[number] = here
    return [placed[number] for number in range(len(products))], fitting


def match_backgrounds(
    run: Run,
    placed: Sequence[Placed],
    fitting: dict[Pair, Product[PlaneFit | NoFit]],
    names: Sequence[str],
    *,
    order: int,
) -> Match:
    """Solve for the corrections of all images at once; say what could not be matched."""
    pairs = sorted(fitting)
    results = run.gather([fitting[pair] for pair in pairs])
    # Boxes around images overlap more often than the images do.
    found = [(p, fit) for p, fit in zip(pairs, results, strict=True) if isinstance(fit, PlaneFit)]
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
