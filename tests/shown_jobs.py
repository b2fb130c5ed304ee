"""Jobs to look at that the engine need not run: `python shown_jobs.py USER` says their ids.

Run on the data folder of a service that runs: one job has an image, tables, a picture and a text,
the other failed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.table import Table
from PIL import Image

from hven.server.part import set_up_django

if TYPE_CHECKING:
    from hven.jobs.models import User

_KINDS = (
    ("image.fits", "image/fits", "main"),
    ("groups.fits", "application/fits", "product"),
    ("sources.vot", "application/x-votable+xml", "product"),
    ("plot.png", "image/png", "preview"),
    ("words.txt", "text/plain", "product"),
)
_HEADER = {
    "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": -20.0,
    "CRPIX1": 100.0, "CRPIX2": 50.0, "CDELT1": -1e-3, "CDELT2": 1e-3,
}  # fmt: skip


def main() -> None:
    """Make both for a user."""
    set_up_django("test")
    from hven.jobs.models import User
    from hven.jobs.phases import Phase
    from job_rows import make_job

    user = User.objects.get(username=sys.argv[1])
    faults = [["images", "must be a file that exists"]]
    failed = make_job(
        user, Phase.ERROR, error_kind="fatal", error_code="input", error_faults=faults
    )
    print(_done(user), failed.pk)


def _done(user: User) -> str:
    from hven.jobs.configuration import configuration
    from hven.jobs.models import Result
    from hven.jobs.phases import Phase
    from job_rows import make_job

    job = make_job(user, Phase.COMPLETED, label="Deep field", steps_total=9, steps_done=9)
    folder = configuration().jobs_folder / str(job.pk)
    folder.mkdir(parents=True)
    _write(folder)
    for file, media_type, role in _KINDS:
        Result.objects.create(
            job=job, attempt=1, name=file.partition(".")[0], file=f"{job.pk}/{file}", role=role,
            bytes=(folder / file).stat().st_size, media_type=media_type, final=True,
        )  # fmt: skip
    return str(job.pk)


def _write(folder: Path) -> None:
    values = np.arange(2e4, dtype=np.float32).reshape(100, 200)
    fits.writeto(folder / "image.fits", values, fits.Header(_HEADER))
    table = Table({"ra": np.linspace(9.95, 10.05, 60), "dec": np.linspace(-20.04, -19.96, 60)})
    table.write(folder / "groups.fits")
    table.write(folder / "sources.vot", format="votable")
    Image.new("RGB", (640, 400), "navy").save(folder / "plot.png")
    (folder / "words.txt").write_text("words\n" * 99)


if __name__ == "__main__":
    main()
