"""What tests of the pages may ask for: browsers without a screen, logged in or not."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from django.core.cache import cache
from django.test import Client
from PIL import Image

from hven.jobs.configuration import Configuration
from hven.jobs.models import Dataset, Result, Upload, User
from hven.jobs.phases import Phase
from hven.portal.models import Preset
from hven.portal.sharing import share, token_of
from hven.web import tokens
from input_files import PACKAGES
from job_rows import make_job, make_result
from portal_addresses import ROLES
from portal_clients import page_client


@pytest.fixture(autouse=True)
def _service(configuration: Configuration, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_BACKEND = "hven.portal.mailing.Backend"  # pytest-django puts another.
    # Tries are counted there, by all processes of a service together.
    cache.clear()
    for package in PACKAGES:
        monkeypatch.syspath_prepend(package)


@pytest.fixture
def sharer(db: None) -> User:
    """Bob, with whom Alice shares."""
    return User.objects.create_user("bob", "bob@example.org", "builder")


@pytest.fixture
def administrator(db: None) -> User:
    """Ada, who runs the service."""
    return User.objects.create_superuser("ada", "ada@example.org", "engine")


@pytest.fixture
def alice(user: User) -> Client:
    """Alice's, who owns what the test makes."""
    return page_client(user)


@pytest.fixture
def bob(sharer: User) -> Client:
    """Bob's, with whom Alice shares."""
    return page_client(sharer)


@pytest.fixture
def charlie(stranger: User) -> Client:
    """Charlie's, who has nothing to do with Alice."""
    return page_client(stranger)


@pytest.fixture
def ada(administrator: User) -> Client:
    """Of an administrator."""
    return page_client(administrator)


@pytest.fixture
def nobody(db: None) -> Client:
    """Of somebody who has not logged in."""
    return page_client(None)


@pytest.fixture
def things(user: User, configuration: Configuration, tmp_path: Path) -> dict[str, Any]:
    """What addresses are of: all of it is Alice's, but the dataset, which is offered to all."""
    job = make_job(user, Phase.COMPLETED, application="echo")
    for name, content in _files().items():
        row = make_result(job, configuration.jobs_folder, name, content)
        if name.endswith("png"):
            Result.objects.filter(pk=row.pk).update(media_type="image/png")
    preset = Preset.objects.create(owner=user, application="echo", name="mine")
    upload = Upload.objects.create(owner=user, name="m13.fits", expires=job.destruction)
    dataset = Dataset.objects.create(name="survey", title="Survey", folder=str(tmp_path))
    return {
        "application": "echo",
        "illustrated": "mosaic",
        "job": job.pk,
        "link": token_of(share(user, job, job.destruction)),
        "image": "sky.fits",
        "table": "sources.fits",
        "picture": "sky.png",
        "reader": "copy",
        "number": 0,
        "action": "cancel",
        "preset": preset.pk,
        "upload": upload.pk,
        "dataset": dataset.name,
        "token": tokens.make(user, "laptop").token.pk,
        "nothing": "nothing",
    }


def _files() -> dict[str, bytes]:
    """An image with places on the sky, and a table of sources."""
    header = fits.Header({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 8, "CRPIX2": 8})
    header.update({"CRVAL1": 250, "CRVAL2": 36, "CDELT1": -1e-3, "CDELT2": 1e-3})
    places = Table({"ra": [250.0], "dec": [36.0]})
    units = {
        "sky.fits": fits.PrimaryHDU(np.arange(256, dtype="f4").reshape(16, 16), header),
        "sources.fits": fits.BinTableHDU(places),
    }
    made = {}
    for name, unit in units.items():
        file = io.BytesIO()
        unit.writeto(file)
        made[name] = file.getvalue()
    picture = io.BytesIO()
    Image.new("L", (16, 16)).save(picture, "png")
    return made | {"sky.png": picture.getvalue()}


@pytest.fixture
def clients(
    nobody: Client, charlie: Client, bob: Client, alice: Client, ada: Client
) -> dict[str, Client]:
    """Who asks, by role."""
    return dict(zip(ROLES, (nobody, charlie, bob, alice, ada), strict=True))
