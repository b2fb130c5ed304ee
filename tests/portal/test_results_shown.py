"""Results on pages: images in tiles, tables sorted and plotted, pictures made small."""

from __future__ import annotations

import io
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from django.test import Client
from PIL import Image

from hven.formats.montage_tables import CorrectionRow, FitRow, write_corrections, write_fits
from hven.jobs.configuration import Configuration
from hven.jobs.models import Job, Result, User
from hven.jobs.phases import Phase
from hven.portal import plots
from hven.portal.catalogues import histogram, histogram_of_ratios
from hven.portal.plots import Axes, Points
from hven.portal.residuals import residuals_of
from job_rows import make_job


@pytest.fixture
def job(user: User) -> Job:
    return make_job(user, Phase.COMPLETED)


@pytest.fixture
def keep(job: Job, configuration: Configuration) -> Any:
    """Puts a file among the results of the job."""

    def put(name: str, file: str, media_type: str, write: Any) -> Result:
        relative = f"{job.pk}/attempt-1/outputs/{file}"
        path = configuration.jobs_folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path)
        return Result.objects.create(
            job=job, attempt=1, name=name, file=relative, bytes=path.stat().st_size,
            media_type=media_type, sha256="ab" * 32, final=True, role="main",
        )  # fmt: skip

    return put


def write_image(path: Path) -> None:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (10.0, -20.0), (150.5, 100.5), (-1e-3, 1e-3)
    values = np.arange(200 * 300, dtype=np.float32).reshape(200, 300)
    values[0, 0] = np.nan
    fits.PrimaryHDU(values, wcs.to_header()).writeto(path)


def write_catalogue(path: Path) -> None:
    table = Table(
        {"ra": [10.0, 10.05, 200.0], "dec": [-20.0, -20.02, 10.0], "flux": [3.0, 1.0, np.nan]}
    )
    table["flux"].unit = "mJy"
    table.write(path)


def test_an_image_is_given_in_facts_and_tiles(alice: Client, job: Job, keep: Any) -> None:
    keep("mosaic", "mosaic.fits", "image/fits", write_image)
    base = f"/jobs/{job.pk}/results/mosaic/image/"
    facts = alice.get(base).json()
    assert (facts["nx"], facts["ny"], facts["planes"], facts["levels"]) == (300, 200, 1, 2)
    assert facts["north"] == pytest.approx([0, 1, 1], abs=1e-6)
    answer = alice.get(f"{base}0/1/0/", {"v": facts["version"]})
    tile = np.frombuffer(answer.content, "<f4").reshape(200, 44)
    np.testing.assert_array_equal(tile[5], 300 * 5 + np.arange(256, 300))
    assert "immutable" in answer["Cache-Control"]
    assert alice.get(f"{base}0/1/0/")["Cache-Control"] == "no-store"
    assert np.isnan(np.frombuffer(alice.get(f"{base}0/0/0/").content, "<f4")[0])
    assert alice.get(f"{base}0/9/0/").status_code == 404


def test_a_place_has_its_value_and_position(alice: Client, job: Job, keep: Any) -> None:
    keep("mosaic", "mosaic.fits", "image/fits", write_image)
    base = f"/jobs/{job.pk}/results/mosaic/image/at/"
    found = alice.get(base, {"x": "149.5", "y": "99.5"}).json()
    assert (found["ra"], found["dec"]) == pytest.approx((10.0, -20.0), abs=1e-9)
    assert alice.get(base, {"x": "0", "y": "0"}).json()["value"] is None
    for wrong in ({"x": "nan", "y": "1"}, {"x": "1"}, {"x": "1", "y": "1", "hdu": "7"}):
        assert alice.get(base, wrong).status_code in (400, 404)


def test_sources_of_a_catalogue_lie_in_the_image(alice: Client, job: Job, keep: Any) -> None:
    keep("mosaic", "mosaic.fits", "image/fits", write_image)
    keep("sources", "sources.ecsv", "text/csv", write_catalogue)
    keep("plain", "plain.csv", "text/csv", lambda path: path.write_text("a,b\n1,2\n"))
    base = f"/jobs/{job.pk}/results/mosaic/image/sources/"
    found = alice.get(f"{base}sources/").json()
    assert found["of"] == 3
    assert found["sources"][0] == pytest.approx([149.5, 99.5], abs=0.01)
    assert len(found["sources"]) == 2
    assert alice.get(f"{base}plain/").status_code == 404
    page = alice.get(f"/jobs/{job.pk}/results/mosaic/").content.decode()
    assert "image/sources/sources/" in page
    assert "image/sources/plain/" not in page


def test_a_file_that_is_no_image_is_refused(alice: Client, job: Job, keep: Any) -> None:
    keep("mosaic", "mosaic.fits", "image/fits", lambda path: path.write_bytes(b"SIMPLE  = nothing"))
    assert alice.get(f"/jobs/{job.pk}/results/mosaic/image/").status_code == 404
    assert alice.get(f"/jobs/{job.pk}/results/mosaic/").status_code == 200


FORMATS = [
    ("t.ecsv", "text/csv"),
    ("t.fits", "application/fits"),
    ("t.vot", "application/x-votable+xml"),
    ("t.parquet", "application/vnd.apache.parquet"),
]


@pytest.mark.parametrize(("file", "kind"), FORMATS)
def test_tables_of_all_formats_are_shown_sorted(
    alice: Client, job: Job, keep: Any, file: str, kind: str
) -> None:
    def write(path: Path) -> None:
        table = Table({"name": ["b", "a", "c"], "flux": [2.5, np.nan, 1.5]})
        table.write(path, **({"format": "votable"} if path.suffix == ".vot" else {}))

    keep("table", file, kind, write)

    def cells(order: str) -> list[str]:
        text = alice.get(f"/jobs/{job.pk}/results/table/table/", {"order": order}).content.decode()
        return [part.split("</td>")[0] for part in text.split("<tr><td>")[1:]]

    assert cells("") == ["b", "a", "c"]
    assert cells("name") == ["a", "b", "c"]
    assert cells("-name") == ["c", "b", "a"]
    assert cells("flux") == ["c", "b", "a"]
    assert cells("-flux") == ["b", "c", "a"]
    assert cells("no such column") == ["b", "a", "c"]


def test_a_long_table_comes_in_pages(alice: Client, job: Job, keep: Any) -> None:
    rows = "number\n" + "\n".join(map(str, range(120)))
    keep("table", "table.csv", "text/csv", lambda path: path.write_text(rows))
    text = alice.get(f"/jobs/{job.pk}/results/table/", {"page": "3"}).content.decode()
    assert "Rows 101–120 of 120" in text
    assert "<td>119</td>" in text
    last = alice.get(f"/jobs/{job.pk}/results/table/", {"page": "99999"}).content.decode()
    assert "Rows 101–120 of 120" in last


def test_columns_are_plotted(alice: Client, job: Job, keep: Any) -> None:
    keep("sources", "sources.ecsv", "text/csv", write_catalogue)
    path = f"/jobs/{job.pk}/results/sources/"
    assert "Histogram of flux" in alice.get(path, {"x": "flux"}).content.decode()
    scatter = alice.get(path, {"x": "ra", "y": "flux"}).content.decode()
    assert scatter.count('class="dot-of"') == 2
    assert "flux [mJy]" in scatter
    assert 'class="plot"' not in alice.get(path, {"x": "nothing"}).content.decode()


def test_axes_are_logarithmic_where_that_is_asked_for(alice: Client, job: Job, keep: Any) -> None:
    def write(path: Path) -> None:
        mass = np.geomspace(1e10, 1e15, 200)
        mass[:3] = 0, -1, np.nan
        Table({"mass": mass, "size": np.sqrt(np.abs(mass))}).write(path)

    keep("groups", "groups.ecsv", "text/csv", write)
    path = f"/jobs/{job.pk}/results/groups/"
    linear = alice.get(path, {"x": "mass"}).content.decode()
    text = alice.get(path, {"x": "mass", "x_log": "yes", "y_log": "yes"}).content.decode()
    # Evenly spread in the logarithm: nearly all is within the first of forty bars of one width.
    assert linear.count('class="bar-of"') < 41 <= text.count('class="bar-of"') + 1
    assert "3 rows are not shown" in text
    assert "1 row is not shown" in linear
    assert ">1e+11</text>" in text
    assert 'name="x_log" value="yes" checked' in text
    scatter = alice.get(path, {"x": "mass", "y": "size", "x_log": "yes"}).content.decode()
    assert scatter.count('class="dot-of"') == 197


@pytest.mark.parametrize("values", [[], [0.0, -1.0], [5.0], [5.0, 5.0], [1e-300, 1e300], [9, 11]])
def test_logarithmic_plots_bear_any_values(values: list[float]) -> None:
    array = np.array(values, dtype=float)
    for axes in (Axes(x_log=True), Axes(True, True), Axes(y_log=True)):
        for plot in (
            plots.histogram_plot(histogram_of_ratios(array), "a", "", Axes(True, axes.y_log)),
            plots.histogram_plot(histogram(array), "a", "", Axes(y_log=axes.y_log)),
            plots.scatter_plot([Points(array, array)], ("a", "b"), axes),
        ):
            assert "<svg" in plot
            assert "nan" not in plot
            places = [float(text) for text in re.findall(r'\b(?:x|y|cx|cy)="([^"]+)"', plot)]
            assert all(-1 <= place <= 641 for place in places)
    assert sum(histogram_of_ratios(array).counts) == int((array > 0).sum())


def write_match(folder: Path) -> None:
    """Three images whose levels are planes, two overlaps, corrections that leave 0.25 in one."""
    planes = {0: (0.01, -0.02, 5.0), 1: (0.0, 0.0, 0.0), 2: (-0.03, 0.01, -40.0)}
    box = (0, 0, -500, 500, -500, 500, 120.0, -80.0, 900, 0.1, 0, 0, 9, 9, 0)

    def taken(one: int, two: int) -> list[float]:
        return [a - b for a, b in zip(planes[one], planes[two], strict=True)]

    write_fits(
        folder / "fits.tbl", [FitRow(0, 1, *taken(0, 1), *box), FitRow(1, 2, *taken(1, 2), *box)]
    )
    rows = [CorrectionRow(number, *plane) for number, plane in planes.items()]
    rows[2] = rows[2]._replace(c=rows[2].c + 0.25)
    write_corrections(folder / "corrections.tbl", rows)


def _copy(source: Path, path: Path) -> None:
    path.write_bytes(source.read_bytes())


def test_a_mosaic_tells_what_its_corrections_leave(
    alice: Client, job: Job, keep: Any, tmp_path: Path
) -> None:
    write_match(tmp_path)
    for name in ("fits", "corrections"):
        keep(
            name,
            f"{name}.tbl",
            "text/plain",
            partial(_copy, tmp_path / f"{name}.tbl"),
        )
    found = residuals_of(job)
    assert found is not None
    # 5 + 0.01 * 120 + 0.02 * 80, and 40 + 0.03 * 120 + 0.01 * 80.
    assert [pair.before for pair in found.pairs] == pytest.approx([7.8, 44.4])
    assert [pair.after for pair in found.pairs] == pytest.approx([0.0, 0.25], abs=1e-4)
    assert (found.worst[0].plus, found.worst[0].minus) == (1, 2)
    text = alice.get(f"/jobs/{job.pk}/results/fits/").content.decode()
    assert "How well the backgrounds match" in text
    assert "In the middle of 2 overlaps the levels differed by 31.9 (rms)" in text
    assert text.count('class="dot-of dot-1" cx') == 3  # Two pairs, and the legend.


def test_a_job_without_such_tables_tells_nothing_of_them(
    alice: Client, job: Job, keep: Any, tmp_path: Path
) -> None:
    keep("fits", "fits.tbl", "text/plain", lambda path: path.write_text("no table"))
    assert residuals_of(job) is None
    keep("corrections", "c.tbl", "text/plain", lambda path: path.write_text("no table"))
    assert residuals_of(job) is None
    assert "How well" not in alice.get(f"/jobs/{job.pk}/results/fits/").content.decode()


def test_a_table_that_is_none_says_so(alice: Client, job: Job, keep: Any) -> None:
    keep("table", "table.vot", "application/x-votable+xml", lambda path: path.write_text("<no"))
    text = alice.get(f"/jobs/{job.pk}/results/table/").content.decode()
    assert "must be a table that can be read" in text


def test_histograms_count_every_finite_value() -> None:
    whole = histogram(np.array([1.0, 2, 2, 3, 3, 3, np.nan]))
    assert (whole.counts, whole.low, whole.high, whole.absent) == ([1, 2, 3], 0.5, 3.5, 1)
    spread = histogram(np.random.default_rng(1).normal(size=1000))
    assert sum(spread.counts) == 1000
    assert histogram(np.array([np.nan])).counts == []
    assert "<svg" in plots.histogram_plot(histogram(np.array([5.0])), "a <b>", "")
    assert "a &lt;b&gt;" in plots.histogram_plot(whole, "a <b>", "mJy")


def test_pictures_are_made_small_and_written_anew(alice: Client, job: Job, keep: Any) -> None:
    keep("preview", "preview.png", "image/png", lambda path: Image.new("L", (900, 600)).save(path))
    keep("bad", "bad.png", "image/png", lambda path: path.write_bytes(b"<html>"))
    answer = alice.get(f"/jobs/{job.pk}/results/preview/picture/", {"size": "small"})
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("PNG", (320, 213))
    assert alice.get(f"/jobs/{job.pk}/results/bad/picture/").status_code == 404


def test_a_desktop_program_gets_an_address_of_some_hours(
    alice: Client, bob: Client, nobody: Client, job: Job, keep: Any
) -> None:
    keep("mosaic", "mosaic.fits", "image/fits", write_image)
    path = f"/jobs/{job.pk}/results/mosaic/samp/"
    assert bob.post(path).status_code == 404
    given = alice.post(path).json()
    assert given["message"] == "image.load.fits"
    answer = nobody.get(given["url"].removeprefix("http://testserver"))
    assert b"".join(answer.streaming_content).startswith(b"SIMPLE  =")


@pytest.mark.parametrize(
    ("file", "media_type", "message", "form"),
    [
        ("groups.fits", "application/fits", "table.load.fits", None),
        ("groups.vot", "application/x-votable+xml", "table.load.votable", None),
        ("groups.ecsv", "text/ecsv", "table.load.stil", "ecsv"),
        ("images.tbl", "text/plain", "table.load.stil", "ipac"),
    ],
)
def test_a_table_goes_by_the_message_that_says_its_format(
    alice: Client, job: Job, keep: Any, file: str, media_type: str, message: str, form: str | None
) -> None:
    keep("groups", file, media_type, lambda path: path.write_text("words"))
    given = alice.post(f"/jobs/{job.pk}/results/groups/samp/").json()
    assert (given["message"], given.get("format")) == (message, form)
