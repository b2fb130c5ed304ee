"""An input file that names files cannot make a service read those of others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hven.engine import Run, Store
from hven.errors import InputError
from hven.jobs.clock import now
from hven.jobs.contents import upload_path
from hven.jobs.models import Result, Upload, User
from hven.jobs.phases import Phase
from parts import Parts, settled, submit


def upload(parts: Parts, owner: User, name: str, content: bytes) -> str:
    """A complete upload; gives its reference."""
    moment = now()
    row = Upload.objects.create(
        owner=owner,
        name=name,
        size=len(content),
        received=len(content),
        completed=moment,
        expires=moment + timedelta(days=1),
    )
    path = upload_path(row.pk)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"upload:{row.pk}"


def test_a_table_may_name_files_that_are_inputs_too(parts: Parts, user: User) -> None:
    parts.dispatcher()
    table = upload(parts, user, "images.tbl", b"a.fits\nb.fits")
    files = [upload(parts, user, "a.fits", b"A"), upload(parts, user, "b.fits", b"B")]
    job = settled(submit("listed", user, table=table, files=files))
    assert job.phase == Phase.COMPLETED, job.error
    row = Result.objects.get(job=job, name="text")
    assert (parts.configuration.jobs_folder / row.file).read_bytes() == b"AB"


@pytest.mark.parametrize("named", ["/etc/hostname", "../../../secret-key", "../inputs/../log.txt"])
def test_a_table_may_name_no_other_file_of_the_server(parts: Parts, user: User, named: str) -> None:
    parts.dispatcher()
    table = upload(parts, user, "images.tbl", named.encode())
    job = settled(submit("listed", user, table=table))
    assert (job.phase, job.error_code) == (Phase.ERROR, "input.file")
    assert job.error_faults == [
        ["images.tbl", f"must name files that are inputs as well, got {named}"]
    ]


def test_an_error_names_a_file_as_its_owner_does(parts: Parts, user: User) -> None:
    parts.dispatcher()
    table = upload(parts, user, "größe.tbl", b"missing.fits")
    job = settled(submit("listed", user, table=table))
    assert "missing.fits" in job.error_message
    assert str(parts.configuration.data) not in job.error_message


def test_at_a_command_line_a_table_may_name_any_file(tmp_path: Path) -> None:
    with Run(store=Store(tmp_path / "store")) as run:
        assert run.named_in(tmp_path / "images.tbl", "/data/a.fits") == Path("/data/a.fits")
        run.confined = tmp_path
        assert run.named_in(tmp_path / "images.tbl", "a.fits") == tmp_path / "a.fits"
        with pytest.raises(InputError, match=r"images.tbl: must name files that are inputs"):
            run.named_in(tmp_path / "images.tbl", "/data/a.fits")
