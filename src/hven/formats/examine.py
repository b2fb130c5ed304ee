"""Look at images before any work starts: what can be used and, all at once, what cannot and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hven.errors import Fault, InputError
from hven.formats.brightness_units import parse_unit
from hven.formats.companions import companion_plane
from hven.formats.fits_structure import (
    LARGEST_BYTES,
    Hdu,
    OpenedFile,
    fault,
    open_fits,
    verify_checksums,
)
from hven.formats.hdu_choice import choose_to_last, image_axes
from hven.formats.image_planes import (
    PixelCount,
    PlaneRequest,
    count_pixels,
    float_type,
    plane_faults,
    plane_size,
)
from hven.formats.image_wcs import (
    Footprint,
    footprint,
    image_wcs,
    is_singular,
    missing_keywords,
    numbers_at_fault,
    restore_wcs,
)
from hven.formats.images import (
    Source,
    Summary,
    companions,
    find_zero_point,
    photometric_scale,
    read_image,
)
from hven.formats.sky import pixel_to_sky
from hven.formats.tile_structure import tile_faults


def examine(source: Source, *, verify: bool = True, largest_bytes: int = LARGEST_BYTES) -> Summary:
    """Check that an image can be used, and give the facts of it.

    Parameters
    ----------
    source
        The image with its weights and mask.
    verify
        Whether checksums are verified where the file has them.
    largest_bytes
        No image, and no unit of a compressed file, may be larger.

    Raises
    ------
    InputError
        The image cannot be used. One fault a file, with every reason that could be found: a
        wrong size hides what comes after it.

    Notes
    -----
    Cheap checks come first and nothing is allocated because a header says so. A file without
    checksums may have flipped bits; `Summary.is_verified` says whether they were looked for.
    """
    with open_fits(source.path) as opened:
        hdus = choose_to_last(opened, source.hdu, largest_bytes)
        return _Examination(source, opened, hdus, verify, largest_bytes).summary()


class _Examination:
    """The checks of one image, their reasons and their finds."""

    def __init__(
        self, source: Source, opened: OpenedFile, hdus: list[Hdu], verify: bool, largest_bytes: int
    ) -> None:
        self.source, self.opened, self.hdus, self.verify = source, opened, hdus, verify
        self.hdu = hdus[-1]
        self.request = PlaneRequest(image_axes(self.hdu), source.plane, largest_bytes)
        self.reasons: list[str] = []
        #: Faults of the files that go with the image.
        self.others: list[Fault] = []

    def summary(self) -> Summary:
        """Run all checks; give what was found or raise all reasons."""
        structure = plane_faults(self.hdu, self.request)
        if self.hdu.kind == "other":
            structure = ["must be an image, is a table"]
        elif self.hdu.kind == "compressed":
            structure += tile_faults(self.opened, self.hdu)
        self.reasons += structure
        header, lookup, place = self._place(bool(structure))
        unit = parse_unit(self.hdu.header.string("BUNIT"))
        if unit.brightness == "logarithmic":
            self.reasons.append(f"BUNIT must be a linear unit, is {unit.text}")
        scale, zero_point = self._photometry()
        if self.verify and not structure:
            self.reasons += verify_checksums(self.opened, self.hdu)
        self._check_companions(bool(structure))
        count = PixelCount(0, 0) if structure else self._count()
        self._raise()
        assert place is not None
        nx, ny = plane_size(self.hdu, self.request.axes)
        return Summary(
            name=str(self.source.path),
            real_path=str(self.source.path.resolve()),
            hdu=self.hdu.index,
            extension=self.hdu.name,
            plane=self.source.plane or 1,
            nx=nx,
            ny=ny,
            dtype=float_type(self.hdu).name,
            header=header,
            lookup=lookup,
            frame=place.frame,
            corners=place.corners,
            center=place.center,
            pixel_scale_deg=place.pixel_scale_deg,
            unit=unit.text,
            brightness=unit.brightness,
            scale=scale,
            zero_point=zero_point,
            reference_zero_point=None if zero_point is None else self.source.reference_zero_point,
            finite=count.finite,
            has_infinite=count.infinite > 0,
            has_weight=any(plane.kind == "weight" for plane in companions(self.source)),
            is_verified=self.verify and bool({"DATASUM", "CHECKSUM"} & self._keywords()),
            bytes=self.opened.packed,
        )

    def _keywords(self) -> set[str]:
        return {name for name in ("DATASUM", "CHECKSUM") if name in self.hdu.header}

    def _raise(self) -> None:
        own = fault(self._where, *self.reasons).faults if self.reasons else ()
        if own or self.others:
            raise InputError([*own, *self.others])

    @property
    def _where(self) -> str:
        return f"{self.source.path}[{self.hdu.index}]"

    def _place(self, is_broken: bool) -> tuple[str, bytes, Footprint | None]:
        header = self.hdu.header
        missing = missing_keywords(header)
        if missing:
            self.reasons.append(f"must have a celestial WCS, lacks {', '.join(missing)}")
            return "", b"", None
        if wrong := numbers_at_fault(header):
            self.reasons.append(f"{', '.join(wrong)} must be finite numbers")
            return "", b"", None
        if is_broken:
            return "", b"", None
        try:
            return self._footprint()
        except InputError as error:
            self.reasons += [f"{one.name} {one.text}" for one in error.faults]
            return "", b"", None

    def _footprint(self) -> tuple[str, bytes, Footprint]:
        text, lookup = image_wcs(self.hdu.header, self.source.path)
        wcs = restore_wcs(text, lookup)
        nx, ny = plane_size(self.hdu, self.request.axes)
        if is_singular(wcs):
            self.reasons.append("CD, or PC and CDELT, must be a matrix that is not singular")
        place = footprint(wcs, nx, ny)
        if np.isnan(place.center).any() and np.isnan(place.corners).all():
            x, y = np.meshgrid(np.linspace(0, nx - 1, 33), np.linspace(0, ny - 1, 33))
            if np.isnan(pixel_to_sky(wcs, x, y)[0]).all():
                self.reasons.append("WCS must place pixels on the sky, none of them lies on it")
        return text, lookup, place

    def _photometry(self) -> tuple[float, float | None]:
        try:
            return (
                photometric_scale(self.source, self.hdus),
                find_zero_point(self.source, self.hdus),
            )
        except InputError as error:
            self.reasons += [one.text for one in error.faults]
            return 1.0, None

    def _check_companions(self, is_broken: bool) -> None:
        for companion in companions(self.source):
            try:
                with open_fits(companion.path) as opened:
                    if is_broken:
                        continue
                    hdu, request = companion_plane(opened, companion, self.hdu, self.request)
                    reasons = plane_faults(hdu, request)
                    if hdu.kind == "compressed":
                        reasons += tile_faults(opened, hdu)
                    if self.verify and not reasons:
                        reasons += verify_checksums(opened, hdu)
                    if reasons:
                        raise fault(f"{companion.path}[{hdu.index}]", *reasons)
            except InputError as error:
                self.others += error.faults

    def _count(self) -> PixelCount:
        try:
            count = count_pixels(self.opened, self.hdu, self.request)
        except InputError as error:
            self.reasons += [one.text for one in error.faults]
            return PixelCount(0, 0)
        if count.finite == 0:
            self.reasons.append("must hold finite pixels, all of them are NaN, blank or infinite")
        elif companions(self.source) and not self.others and not self.reasons:
            return self._count_usable(count)
        return count

    def _count_usable(self, count: PixelCount) -> PixelCount:
        data, weight = read_image(self.source, largest_bytes=self.request.largest_bytes)
        usable = np.isfinite(data) if weight is None else np.isfinite(data) & (weight > 0)
        finite = int(np.count_nonzero(usable))
        if finite == 0:
            self.reasons.append("must have pixels with weight and without mask, there is none")
        return count._replace(finite=finite)


def check_together(summaries: Sequence[Summary]) -> list[Fault]:
    """Find what keeps usable images from being one mosaic.

    Parameters
    ----------
    summaries
        What `examine` gave for each image.

    Returns
    -------
    list of Fault
        One for each image that does not go with most others: its unit, its photometric zero
        point, its frame (solar beside celestial), or that it was given twice.

    Notes
    -----
    An image without BUNIT goes with any unit. Copies of an image in several files are not
    noticed: they count as so many exposures.
    """
    reasons: dict[int, list[str]] = {}
    for check in (_unit_reasons, _zero_point_reasons, _frame_reasons, _repetition_reasons):
        for index, reason in check(summaries):
            reasons.setdefault(index, []).append(reason)
    names = [f"{summary.name}[{summary.hdu}]" for summary in summaries]
    return [Fault(names[index], "; ".join(texts)) for index, texts in sorted(reasons.items())]


_Reasons = list[tuple[int, str]]


def _unit_reasons(summaries: Sequence[Summary]) -> _Reasons:
    parsed = [parse_unit(summary.unit) for summary in summaries]
    keys = [(unit.base, unit.factor) if unit.factor else (unit.text, 0.0) for unit in parsed]
    known = Counter(key for key, unit in zip(keys, parsed, strict=True) if unit.text)
    if len(known) < 2:
        return []
    (base, factor), count = known.most_common(1)[0]
    usual = parsed[keys.index((base, factor))].text
    found = []
    for index, (key, unit) in enumerate(zip(keys, parsed, strict=True)):
        if unit.text and key != (base, factor):
            reason = f"BUNIT must be {usual} as in {count} of the images, is {unit.text}"
            if unit.factor and unit.base == base:
                reason += f": give the scale {unit.factor / factor:g}"
            found.append((index, reason))
    return found


def _zero_point_reasons(summaries: Sequence[Summary]) -> _Reasons:
    references = [summary.reference_zero_point for summary in summaries]
    counts = Counter(references)
    if len(counts) < 2:
        return []
    usual, count = counts.most_common(1)[0]
    return [
        (
            index,
            f"reference zero point must be {_spoken(usual)} as in {count} of the images, "
            f"is {_spoken(reference)}",
        )
        for index, reference in enumerate(references)
        if reference != usual
    ]


def _spoken(zero_point: float | None) -> str:
    return "none" if zero_point is None else f"{zero_point:g} mag"


def _frame_reasons(summaries: Sequence[Summary]) -> _Reasons:
    # Views of the Sun from several places meet on its surface.
    frames = [summary.frame.partition(" ")[0] for summary in summaries]
    counts = Counter(frames)
    usual, count = counts.most_common(1)[0] if counts else ("", 0)
    return [
        (index, f"coordinates must be {usual} as in {count} of the images, are {frame}")
        for index, frame in enumerate(frames)
        if frame != usual
    ]


def _repetition_reasons(summaries: Sequence[Summary]) -> _Reasons:
    seen: dict[tuple[str, int, int], int] = {}
    found = []
    for index, summary in enumerate(summaries):
        first = seen.setdefault((summary.real_path, summary.hdu, summary.plane), index)
        if first != index:
            found.append((index, f"must be given once, is {summaries[first].name} again"))
    return found
