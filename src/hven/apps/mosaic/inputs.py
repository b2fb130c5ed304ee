"""Which images a mosaic is made of: files, folders and tables become images, all faults at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from hven.apps.mosaic.steps import examine_image
from hven.engine import Product, Run
from hven.errors import Fault, InputError, UserError
from hven.formats.examine import check_together
from hven.formats.images import Source, Summary, sources_of
from hven.formats.montage_tables import read_images

_SUFFIXES = (".fits", ".fit", ".fts", ".fz", ".fits.gz", ".fit.gz", ".fits.bz2", ".fit.bz2")


@dataclass(frozen=True)
class Image:
    """An image that can be used."""

    source: Source
    summary: Summary
    #: Factor of its area in the mosaic, from a column `weight` of the table that names it.
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The file, and the HDU where it is not the first."""
        hdu = f"[{self.summary.hdu}]" if self.summary.hdu else ""
        return f"{self.source.path}{hdu}"

    @property
    def summary_name(self) -> str:
        """What faults call it."""
        return f"{self.summary.name}[{self.summary.hdu}]"


def examined_images(run: Run, values: Mapping[str, Any]) -> tuple[list[Image], list[Fault]]:
    """The images that can be used, and what is wrong with the others.

    Raises
    ------
    InputError
        There is none that can be used.
    """
    listed, faults = _listed(run, values)
    files = (path for source, _ in listed for path in (source.path, source.weight, source.mask))
    run.digest_files(path for path in files if path is not None)
    under_way: list[tuple[Source, float, Product[Summary]]] = []
    for source, weight in listed:
        try:
            under_way.append((source, weight, run.call(examine_image, source)))
        except UserError as error:
            faults.extend(error.faults)
    images: list[Image] = []
    for source, weight, product in under_way:
        try:
            images.append(_image(source, weight, product.load()))
        except UserError as error:
            faults.extend(error.faults)
    faults.extend(check_together([image.summary for image in images]))
    usable = _without(images, faults)
    if not usable:
        raise InputError(faults)
    return usable, faults


def _image(source: Source, weight: float, summary: Summary) -> Image:
    # A summary is kept by the content of the file: the name is that of whoever asked first.
    return Image(replace(source, hdu=summary.hdu), summary.named_as(source), weight)


def settled(run: Run, images: Sequence[Image], faults: Sequence[Fault], on_bad: str) -> list[Image]:
    """The images without those at fault, where the user said to skip them.

    Raises
    ------
    InputError
        With all faults, where the user did not say so or no image is left.
    """
    kept = _without(images, faults)
    if faults and (on_bad == "stop" or not kept):
        raise InputError(faults)
    for fault in faults:
        run.say(f"left out: {fault}")
    return kept


def _without(images: Sequence[Image], faults: Sequence[Fault]) -> list[Image]:
    bad = {fault.name for fault in faults}
    return [image for image in images if image.summary_name not in bad]


def _listed(run: Run, values: Mapping[str, Any]) -> tuple[list[tuple[Source, float]], list[Fault]]:
    """Every image with its weight, and what is wrong with what names them."""
    listed: list[tuple[Source, float]] = []
    faults: list[Fault] = []
    for template in _templates(values):
        try:
            listed.extend(_listed_at(run, template))
        except UserError as error:
            faults.extend(error.faults)
    return listed, faults


def _templates(values: Mapping[str, Any]) -> Iterator[Source]:
    """One source a given path, with its weight and mask."""
    images: list[Path] = values["images"]
    companions = {"weight": values["weights"], "mask": values["masks"]}
    for name, paths in companions.items():
        if paths and len(paths) != len(images):
            wanted = f"must be as many as images, {len(images)}, in the same order"
            raise InputError([Fault(f"{name}s", f"{wanted}; got {len(paths)}")])
    for index, path in enumerate(images):
        own = {name: paths[index] for name, paths in companions.items() if paths}
        yield Source(
            path,
            hdu=values["hdu"],
            plane=values["plane"],
            weight_kind=values["weight_kind"],
            mask_bits=values["mask_bits"],
            zero_point=values["zero_point_keyword"],
            reference_zero_point=values["zero_point"],
            **own,
        )


def _listed_at(run: Run, template: Source) -> list[tuple[Source, float]]:
    path = template.path
    if path.suffix == ".tbl":
        return _images_of_table(run, template)
    files = _images_in(path) if path.is_dir() else [path]
    return [(source, 1.0) for file in files for source in _sources_in(template, file)]


def _sources_in(template: Source, path: Path) -> list[Source]:
    options = {field.name: getattr(template, field.name) for field in fields(template)}
    for name in ("path", "hdu", "plane"):
        del options[name]
    return sources_of(path, template.hdu, plane=template.plane, **options)


def _images_in(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.iterdir()) if path.name.endswith(_SUFFIXES)]
    if not found:
        wanted = ", ".join(_SUFFIXES)
        raise InputError([Fault(str(folder), f"must hold images ({wanted}), holds none")])
    return found


def _images_of_table(run: Run, template: Source) -> list[tuple[Source, float]]:
    """The rows of Montage's table of images; names in it are relative to the table."""
    return [
        (
            replace(
                template,
                path=run.named_in(template.path, row.fname),
                hdu=template.hdu if row.hdu is None else row.hdu,
                scale=1.0 if row.scale is None else row.scale,
            ),
            1.0 if row.weight is None else row.weight,
        )
        for row in read_images(template.path)
    ]
