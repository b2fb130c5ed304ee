"""What the mosaic application takes and gives, and its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from hven.apps.mosaic.showing import (
    EXAMPLE_HELP,
    EXAMPLE_PICTURE,
    EXAMPLE_VALUES,
    cost,
    make_example,
)
from hven.declare import Example, Output, Param, SkyPosition, application
from hven.engine import Run
from hven.errors import Fault

Projection = Literal[
    "TAN", "SIN", "ZEA", "STG", "ARC", "ZPN", "AZP", "SZP", "AIR",
    "CAR", "CEA", "MER", "CYP", "SFL", "PAR", "AIT", "MOL",
    "COP", "COE", "COD", "COO", "BON", "PCO", "TSC", "CSC", "QSC", "HPX", "XPH",
]  # fmt: skip
Frame = Literal["icrs", "fk5", "fk4", "galactic", "ecliptic", "supergalactic"]
Kernel = Literal["exact", "square", "point", "turbo", "gaussian", "lanczos2", "lanczos3"]

_IMAGES, _GRID, _PROJECTION = "Images", "Output grid", "Projection"
_BACKGROUND, _COADDITION, _OUTPUT = "Background", "Coaddition", "Output"


@dataclass(frozen=True)
class Mosaic:
    """The files of a finished mosaic, all in the folder of the run."""

    mosaic: Annotated[Path, Output("Mosaic", media_type="image/fits")]
    area: Annotated[
        Path,
        Output(
            "Coverage: images x pixel area (x weight) under each pixel", media_type="image/fits"
        ),
    ]
    preview: Annotated[Path, Output("Preview picture", media_type="image/png")]
    images: Annotated[
        Path, Output("Input images, as Montage's images.tbl", media_type="text/plain")
    ]
    images_ecsv: Annotated[Path, Output("Input images, as ECSV", media_type="text/csv")]
    differences: Annotated[
        Path | None, Output("Overlapping pairs, as Montage's diffs.tbl", media_type="text/plain")
    ] = None
    fits: Annotated[
        Path | None,
        Output("Planes fitted to the differences, as Montage's fits.tbl", media_type="text/plain"),
    ] = None
    corrections: Annotated[
        Path | None,
        Output("Planes added to the images, as Montage's corrections.tbl", media_type="text/plain"),
    ] = None


def _conflicts(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults that show only when several parameters are seen together."""
    if values["header"] is not None:
        for name in ("center", "width", "height", "pixel_scale", "rotation"):
            if values[name] is not None:
                yield Fault(name, "must not be given together with header, which fixes the grid")
    if (values["width"] is not None or values["height"] is not None) and values["center"] is None:
        yield Fault("center", "must be given where width or height is, got nothing")
    if values["center"] is not None and values["width"] is None:
        yield Fault("width", "must be given where center is, got nothing")
    if values["kernel"] in ("exact", "lanczos2", "lanczos3") and values["pixfrac"] != 1.0:
        yield Fault(
            "pixfrac",
            f"must be 1 for the kernel {values['kernel']}, got {values['pixfrac']:g}; "
            "the kernel square takes others",
        )
    if values["zero_point"] is not None and values["zero_point_keyword"] is None:
        yield Fault("zero_point_keyword", "must be given where zero_point is, got nothing")
    if values["zero_point_keyword"] is not None and values["zero_point"] is None:
        yield Fault("zero_point", "must be given where zero_point_keyword is, got nothing")


def _warm() -> None:
    from hven.apps.mosaic import making
    from hven.kernels.loading import load_mosaic_kernels

    assert making  # With all that it stands on.
    load_mosaic_kernels()


@application(
    "mosaic",
    title="Image mosaic",
    version=1,
    check=_conflicts,
    warm=_warm,
    family="Images",
    cost=cost,
    example=Example(EXAMPLE_HELP, EXAMPLE_VALUES, make_example, EXAMPLE_PICTURE),
    references=(
        "Berriman et al. 2002, Proc. SPIE 4846, 91, doi:10.1117/12.461512",
        "Fruchter & Hook 2002, PASP 114, 144, doi:10.1086/338393",
    ),
)
def mosaic(
    run: Run,
    images: Annotated[
        list[Path],
        Param(
            "FITS images with a WCS, folders of them, or tables of them (Montage's images.tbl)",
            group=_IMAGES,
            example="2mass-atlas-*.fits",
        ),
    ],
    hdu: Annotated[
        str | None,
        Param(
            "HDU that holds the image: number, EXTNAME, or 'all'; the first image by default",
            group=_IMAGES,
        ),
    ] = None,
    plane: Annotated[
        int | None,
        Param("Plane of a cube, counted from 1; an image by default", low=1, group=_IMAGES),
    ] = None,
    weights: Annotated[
        list[Path], Param("Weight images, one an image, in the same order", group=_IMAGES)
    ] = [],  # noqa: B006  (read only; the declaration shows it as the default)
    weight_kind: Annotated[
        Literal["weight", "variance", "rms"],
        Param("What the weight images hold", group=_IMAGES, advanced=True),
    ] = "weight",
    masks: Annotated[
        list[Path], Param("Mask images, one an image, in the same order; 0 is good", group=_IMAGES)
    ] = [],  # noqa: B006
    mask_bits: Annotated[
        int | None,
        Param(
            "Bits of the mask that make a pixel bad; any bit by default",
            low=1,
            group=_IMAGES,
            advanced=True,
        ),
    ] = None,
    zero_point_keyword: Annotated[
        str | None,
        Param(
            "Keyword with each image's photometric zero point, such as MAGZP",
            unit=None,
            group=_IMAGES,
        ),
    ] = None,
    zero_point: Annotated[
        float | None,
        Param("Zero point to which the images are scaled", unit="mag", group=_IMAGES),
    ] = None,
    brightness: Annotated[
        Literal["auto", "surface", "pixel"],
        Param(
            "Pixels hold surface brightness or flux per pixel; by BUNIT where auto", group=_IMAGES
        ),
    ] = "auto",
    on_bad: Annotated[
        Literal["stop", "skip"],
        Param("What to do where some images cannot be used", group=_IMAGES),
    ] = "stop",
    header: Annotated[
        Path | None,
        Param("Grid of the mosaic: a FITS file, or a header as text (Montage's .hdr)", group=_GRID),
    ] = None,
    center: Annotated[
        SkyPosition | None,
        Param(
            "Centre of the mosaic; that of the images by default",
            group=_GRID,
            example="18h20m48s -16d10m",
        ),
    ] = None,
    width: Annotated[
        float | None,
        Param("Width of the mosaic", unit="deg", low=0, low_open=True, high=360, group=_GRID),
    ] = None,
    height: Annotated[
        float | None,
        Param(
            "Height of the mosaic; as the width by default",
            unit="deg",
            low=0,
            low_open=True,
            high=360,
            group=_GRID,
        ),
    ] = None,
    pixel_scale: Annotated[
        float | None,
        Param(
            "Pixel size of the mosaic; the finest of the images by default",
            unit="arcsec",
            low=0.001,
            high=36000,
            group=_GRID,
        ),
    ] = None,
    projection: Annotated[
        Projection | None,
        Param(
            "Projection, by its FITS code",
            group=_GRID,
            placeholder="TAN; ZEA beyond 60 degrees, AIT beyond a hemisphere",
        ),
    ] = None,
    frame: Annotated[Frame, Param("Frame of the sky coordinates", group=_GRID)] = "icrs",
    rotation: Annotated[
        float | None,
        Param(
            "Rotation of the mosaic (CROTA2); a positive one turns north to the left",
            unit="deg",
            low=-360,
            high=360,
            group=_GRID,
        ),
    ] = None,
    orientation: Annotated[
        Literal["north", "best"],
        Param("North up, or turned so that the mosaic is smallest", group=_GRID),
    ] = "north",
    kernel: Annotated[
        Kernel,
        Param(
            "How a pixel is spread: exact overlap of areas, or a kernel of STScI's drizzle",
            group=_PROJECTION,
        ),
    ] = "exact",
    pixfrac: Annotated[
        float,
        Param(
            "Side of the shrunken pixel that drizzle drops",
            unit="pixel",
            low=0.01,
            high=1,
            group=_PROJECTION,
            advanced=True,
        ),
    ] = 1.0,
    map_accuracy: Annotated[
        float,
        Param(
            "Largest error of the pixel map",
            unit="pixel",
            low=1e-9,
            high=0.1,
            group=_PROJECTION,
            advanced=True,
        ),
    ] = 1e-5,
    background: Annotated[
        Literal["none", "level", "plane"],
        Param("What is fitted to the overlaps and taken off the images", group=_BACKGROUND),
    ] = "plane",
    background_clip: Annotated[
        float,
        Param(
            "Residuals beyond this are left out of the fits",
            unit="sigma",
            low=1,
            high=100,
            group=_BACKGROUND,
            advanced=True,
        ),
    ] = 3.0,
    combine: Annotated[
        Literal["mean", "median", "clip", "count"],
        Param(
            "Area-weighted mean, median, sigma-clipped mean, or number of images", group=_COADDITION
        ),
    ] = "mean",
    clip_sigma: Annotated[
        float,
        Param(
            "Pixels beyond this are left out of the clipped mean",
            unit="sigma",
            low=1,
            high=100,
            group=_COADDITION,
            advanced=True,
        ),
    ] = 3.0,
    pixel_type: Annotated[
        Literal["float32", "float64"], Param("Type of the mosaic's pixels", group=_OUTPUT)
    ] = "float32",
    compress: Annotated[
        Literal["none", "gzip", "rice"],
        Param(
            "Tile compression of the mosaic: gzip is lossless, rice quantises the noise",
            group=_OUTPUT,
        ),
    ] = "none",
    memory: Annotated[
        float | None,
        Param(
            "Memory that one worker may use; a share of the machine's by default",
            unit="Gbyte",
            low=0.1,
            group=_OUTPUT,
            advanced=True,
        ),
    ] = None,
) -> Mosaic:
    """Projects images onto one grid, matches their backgrounds and adds them up.

    Flux is conserved: each pixel of an image is shared out by the exact area of its overlap with
    the mosaic's pixels. Differences of background are fitted where images overlap and solved for
    all images at once. Images that cannot be used are named with their reasons before any work
    starts.
    """
    values = {name: value for name, value in locals().items() if name != "run"}
    # Help, list and schema need the declaration only; numba and WCS take a second to import.
    from hven.apps.mosaic.making import make_mosaic

    return Mosaic(**make_mosaic(run, values))
