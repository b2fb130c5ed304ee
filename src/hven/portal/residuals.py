"""How well the backgrounds of a mosaic's images were matched: what is left between each pair."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hven.errors import InputError, MissingError
from hven.jobs.contents import result_path
from hven.jobs.models import Job, Result

if TYPE_CHECKING:
    from hven.formats.montage_tables import CorrectionRow, FitRow

#: Results of a mosaic on whose pages it is told.
TOLD_AT = ("differences", "fits", "corrections")
#: Pairs that are listed, the worst first.
_WORST = 5


class Pair(NamedTuple):
    """Two images that overlap, by their numbers, and how their levels differ in the middle."""

    plus: int
    minus: int
    before: float
    after: float


class Residuals(NamedTuple):
    """The pairs of a mosaic."""

    pairs: list[Pair]

    @property
    def before(self) -> NDArray[np.float64]:
        """Sizes of the differences as the images were taken."""
        return np.abs([pair.before for pair in self.pairs])

    @property
    def after(self) -> NDArray[np.float64]:
        """Those that are left when the corrections are taken off."""
        return np.abs([pair.after for pair in self.pairs])

    @property
    def rms(self) -> tuple[float, float]:
        """Root mean square before and after."""
        before, after = (float(np.sqrt(np.mean(part**2))) for part in (self.before, self.after))
        return before, after

    @property
    def worst(self) -> list[Pair]:
        """The pairs of which most is left."""
        return sorted(self.pairs, key=lambda pair: -abs(pair.after))[:_WORST]


def residuals_of(job: Job) -> Residuals | None:
    """What is left between the images of a mosaic; None for a job that tells nothing of it."""
    # Loaded by the first process that shows it: it takes a while.
    from hven.formats.montage_tables import read_corrections, read_fits

    found = {row.name: row for row in Result.objects.filter(job=job, name__in=TOLD_AT)}
    if not {"fits", "corrections"} <= set(found):
        return None
    try:
        fits = read_fits(result_path(found["fits"]))
        corrections = read_corrections(result_path(found["corrections"]))
    except (InputError, MissingError, OSError):
        return None
    by_image = {row.id: row for row in corrections}
    known = [fit for fit in fits if fit.plus in by_image and fit.minus in by_image]
    return Residuals([_pair(fit, by_image) for fit in known]) if known else None


def _pair(fit: FitRow, corrections: Mapping[int, CorrectionRow]) -> Pair:
    """The difference at the middle of the overlap; all planes count from one reference pixel."""
    x, y = fit.xcenter, fit.ycenter
    one, two = corrections[fit.plus], corrections[fit.minus]
    before = fit.a * x + fit.b * y + fit.c
    taken = (one.a - two.a) * x + (one.b - two.b) * y + one.c - two.c
    return Pair(fit.plus, fit.minus, before, before - taken)
