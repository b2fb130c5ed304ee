"""The tables of a mosaic: its images, and how their backgrounds were matched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hven.apps.mosaic.inputs import Image
from hven.apps.mosaic.matching import Match
from hven.apps.mosaic.region import Lattice
from hven.engine import Run
from hven.formats.montage_tables import (
    CorrectionRow,
    DifferenceRow,
    FitRow,
    ImageRow,
    image_layout,
    image_row,
    write_corrections,
    write_differences,
    write_fits,
    write_images,
)
from hven.formats.sky import celestial_wcs
from hven.formats.tables import astropy_table
from hven.kernels.plane import PlaneFit

#: Where Montage counts x and y from: columns and rows from 0, less CRPIX, which counts from 1.
Origin = tuple[float, float]


def write_tables(
    run: Run, lattice: Lattice, images: Sequence[Image], match: Match | None
) -> dict[str, Path]:
    """All tables, by the names of the application's outputs."""
    rows = [_image_row(run, number, image) for number, image in enumerate(images)]
    written = {"images": run.folder / "images.tbl", "images_ecsv": run.folder / "images.ecsv"}
    write_images(written["images"], rows)
    astropy_table(*image_layout(rows)).write(
        written["images_ecsv"], format="ascii.ecsv", overwrite=True
    )
    if match is not None:
        written |= _write_match(run, lattice, images, match)
    for name, path in written.items():
        run.publish(name, path, media_type="text/plain")
    return written


def _image_row(run: Run, number: int, image: Image) -> ImageRow:
    summary = image.summary
    return image_row(
        number,
        summary.header,
        summary.nx,
        summary.ny,
        run.name_of(image.source.path),
        size=summary.bytes,
        hdu=summary.hdu,
        scale=summary.scale,
        weight=image.weight,
    )


def _write_match(
    run: Run, lattice: Lattice, images: Sequence[Image], match: Match
) -> dict[str, Path]:
    folder = run.folder
    written = {
        "differences": folder / "diffs.tbl",
        "fits": folder / "fits.tbl",
        "corrections": folder / "corrections.tbl",
    }
    x, y = celestial_wcs(lattice.header).wcs.crpix
    write_differences(
        written["differences"],
        [
            DifferenceRow(
                one,
                two,
                images[one].source.path.name,
                images[two].source.path.name,
                f"diff.{one:06d}.{two:06d}.fits",
            )
            for one, two in match.pairs
        ],
    )
    write_fits(
        written["fits"],
        [_fit_row(pair, fit, (x, y)) for pair, fit in zip(match.pairs, match.fits, strict=True)],
    )
    write_corrections(written["corrections"], _correction_rows(match, (x, y)))
    return written


def _fit_row(pair: tuple[int, int], fit: PlaneFit, origin: Origin) -> FitRow:
    x, y = origin
    box_x, box_y, *box = fit.box
    return FitRow(
        *pair,
        *fit.about(x, y),
        x - fit.x_min,
        y - fit.y_min,
        round(fit.x_min - x),
        round(fit.x_max - x),
        round(fit.y_min - y),
        round(fit.y_max - y),
        fit.x_ref - x,
        fit.y_ref - y,
        fit.pixels,
        fit.rms,
        box_x - x,
        box_y - y,
        *box,
    )


def _correction_rows(match: Match, origin: Origin) -> list[CorrectionRow]:
    """What Montage takes from each image: the planes added here, of the other sign."""
    planes, centers = match.corrections.planes, match.corrections.centers
    rows = []
    for number, ((a, b, c), (x, y)) in enumerate(
        zip(planes.tolist(), centers.tolist(), strict=True)
    ):
        level = c + a * (origin[0] - x) + b * (origin[1] - y)
        rows.append(CorrectionRow(number, -a, -b, -level))
    return rows
