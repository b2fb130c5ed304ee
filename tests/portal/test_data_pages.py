"""One's files and the datasets: listed, sent, looked at, removed; nobody else's are there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hven.jobs.configuration import Configuration
from hven.jobs.models import Dataset, Upload, User
from input_files import make_dataset, make_upload
from job_rows import make_job


def test_uploads_are_listed_with_all_that_is_known(
    alice: Client, charlie: Client, user: User
) -> None:
    upload = make_upload(user, "<b>m31</b>.fits", b"stars")
    text = alice.get("/data/").content.decode()
    assert "&lt;b&gt;m31&lt;/b&gt;.fits" in text
    assert upload.sha256[:12] in text
    assert f"/applications/copy/run/?files=upload:{upload.pk}" in text
    assert "m31" not in charlie.get("/data/").content.decode()


def test_files_are_sent_by_a_plain_form(
    alice: Client, user: User, settings: Any, configuration: Configuration
) -> None:
    settings.HVEN = replace(configuration, user_bytes=1)
    files = [SimpleUploadedFile("a.txt", b"1"), SimpleUploadedFile("b.txt", b"2")]
    page = alice.post("/data/upload/", {"files": files}, follow=True)
    assert [row.name for row in Upload.objects.filter(owner=user)] == ["a.txt"]
    assert b"1 file has come." in page.content
    assert b"b.txt&#x27; cannot be taken: bytes: must be at most 1 bytes" in page.content
    assert b"Choose a file first" in alice.post("/data/upload/", {}, follow=True).content


def test_a_form_larger_than_uploads_may_be_is_refused_unread(
    alice: Client, settings: Any, configuration: Configuration
) -> None:
    settings.HVEN = replace(configuration, upload_bytes=1000)
    for path, field in (("/data/upload/", "files"), ("/applications/copy/run/", "files")):
        answer = alice.post(path, {field: SimpleUploadedFile("a.txt", bytes(2000))})
        assert answer.status_code == 413
        assert b"must be at most 1000 bytes" in answer.content
    assert Upload.objects.count() == 0


def test_only_who_owns_an_upload_removes_it(
    alice: Client, bob: Client, nobody: Client, user: User
) -> None:
    upload = make_upload(user)
    path = f"/data/uploads/{upload.pk}/remove/"
    assert bob.post(path).status_code == 404
    assert nobody.post(path).status_code == 302
    assert alice.get(path).status_code == 405
    assert Upload.objects.count() == 1
    assert b"is removed" in alice.post(path, follow=True).content
    assert alice.post(path).status_code == 404


def test_an_upload_in_use_stays(alice: Client, user: User) -> None:
    upload = make_upload(user)
    make_job(user, parameters={"files": [f"upload:{upload.pk}"]})
    page = alice.post(f"/data/uploads/{upload.pk}/remove/", follow=True)
    assert b"a job that has not ended uses it" in page.content
    assert Upload.objects.count() == 1


def test_a_dataset_shows_its_files_to_whom_it_is_offered(alice: Client, tmp_path: Path) -> None:
    make_dataset(tmp_path / "set", description="A nebula.")
    page = alice.get("/data/datasets/m17/").content.decode()
    assert "dataset:m17/j/one.fits" in page
    assert "/applications/copy/run/?files=dataset:m17/**" in page
    assert str(tmp_path) not in page
    assert "j/one.fits" not in alice.get("/data/datasets/m17/?q=list").content.decode()
    Dataset.objects.update(public=False)
    assert alice.get("/data/datasets/m17/").status_code == 404
    assert alice.get("/data/datasets/other/").status_code == 404


def test_the_whole_of_a_dataset_is_one_reference(alice: Client, tmp_path: Path) -> None:
    make_dataset(tmp_path / "set")
    page = alice.get("/applications/copy/run/?files=dataset:m17/**").content.decode()
    assert "4 files" in page


def look(client: Client, *references: str) -> str:
    answer = client.post("/data/look/", {"of": references}, headers={"X-Part": "yes"})
    assert answer.status_code == 200
    return str(answer.content.decode())


def image(path: Path, **cards: Any) -> bytes:
    header = fits.Header({"OBJECT": "<script>alert(1)</script>", "BUNIT": "Jy"})
    header.update(
        CTYPE1="RA---TAN", CTYPE2="DEC--TAN", CRVAL1=10.0, CRVAL2=20.0, CRPIX1=8, CRPIX2=6,
        CDELT1=-0.01, CDELT2=0.01, **cards,
    )  # fmt: skip
    fits.writeto(path, np.arange(192, dtype=np.float32).reshape(12, 16), header, overwrite=True)
    return path.read_bytes()


def test_a_look_shows_picture_header_table_and_place(
    alice: Client, user: User, tmp_path: Path
) -> None:
    table = fits.BinTableHDU.from_columns(
        [fits.Column("flux", "E", unit="Jy", array=np.array([1.5, 2.5], np.float32))]
    )
    table.writeto(tmp_path / "t.fits")
    several = [
        make_upload(user, "image.fits", image(tmp_path / "i.fits")),
        make_upload(user, "table.fits", (tmp_path / "t.fits").read_bytes()),
        make_upload(user, "list.csv", b"name,mag\nVega,0.03\n"),
        make_upload(user, "notes.txt", b"<b>bold</b> words\n"),
        make_upload(user, "broken.fits", b"SIMPLE  =                    T"),
        make_upload(user, "wrong.fits", b"hello"),
    ]
    text = look(alice, *(f"upload:{each.pk}" for each in several))
    assert "<html" not in text
    assert text.count("<polygon") == 1
    assert 'src="data:image/png;base64,' in text
    assert "16 × 12, 32 bit floating point" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>" not in text
    assert "flux [Jy]" in text
    assert "<td>2.5</td>" in text
    assert "<td>Vega</td>" in text
    assert "&lt;b&gt;bold&lt;/b&gt; words" in text
    assert "broken.fits: " in text
    assert "truncated" in text
    assert "wrong.fits: must begin with SIMPLE as FITS does" in text


def test_a_look_without_a_script_is_a_page(alice: Client, user: User) -> None:
    upload = make_upload(user, "notes.txt", b"words")
    page = alice.get(f"/data/look/?of=upload:{upload.pk}")
    assert b"<html" in page.content
    assert b"words" in page.content


def test_nobody_looks_at_what_is_not_theirs(charlie: Client, nobody: Client, user: User) -> None:
    upload = make_upload(user, "notes.txt", b"secret words")
    text = look(charlie, f"upload:{upload.pk}", "upload:nothing", "/etc/passwd", "job:1/2")
    assert "secret" not in text
    assert "must be an upload of yours" in text
    assert "must be an upload that exists" in text
    assert "must be upload:ID, dataset:NAME/FILE, job:ID/RESULT or an address" in text
    assert nobody.get(f"/data/look/?of=upload:{upload.pk}").status_code == 302


def test_an_upload_is_handed_out_as_nothing_but_a_file(alice: Client, user: User) -> None:
    upload = make_upload(user, "page.html", b"<script>alert(1)</script>")
    # The session of the pages counts at this door, too.
    answer = alice.get(f"/api/v1/uploads/{upload.pk}/content")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert b"".join(answer) == b"<script>alert(1)</script>"


def test_the_example_gives_files_and_a_filled_form(alice: Client, user: User) -> None:
    for _ in range(2):
        page = alice.post("/applications/mosaic/example/", follow=True)
        assert b"example-west.fits" in page.content
        assert b'value="Example"' in page.content
    # The second time the files are there already.
    assert Upload.objects.filter(owner=user).count() == 3
    assert alice.post("/applications/echo/example/").status_code == 404
    assert alice.get("/applications/mosaic/example/").status_code == 405


def test_the_page_of_an_application_tells_all_of_it(nobody: Client) -> None:
    text = nobody.get("/applications/mosaic/").content.decode()
    assert '<a href="https://doi.org/10.1117/12.461512" rel="noreferrer">' in text
    assert "example-west.fits" in text
    assert "at least 0.001 and at most 36000 arcsec" in text
    assert "hven mosaic example-west.fits" in text
    assert "/vo/mosaic/async" in text


@pytest.mark.parametrize(("search", "found"), [("mosaic images", True), ("quasar", False)])
def test_applications_are_found_by_what_they_say(nobody: Client, search: str, found: bool) -> None:
    page = nobody.get("/applications/", {"q": search}).content.decode()
    main = page.partition("<main")[2]
    assert ("Image mosaic" in main) == found
    assert "File weights" not in main
