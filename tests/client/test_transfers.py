"""Files on their way, where connections break and bytes fall over."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from cutting_proxy import Cut, CuttingProxy
from hven.client import Service as Client
from hven.client.telling import Told
from hven.client.upload import send_all
from hven.errors import ConflictError, InputError, UnreachableError
from service import Service

MEGABYTE = 2**20


@pytest.fixture
def far(proxy: CuttingProxy, served: Service) -> Client:
    """A client whose connections are cut; it has one open already."""
    return Client(proxy.url, served.token, patience=20)


def big(path: Path, size: int = 12 * MEGABYTE) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_upload_that_breaks_off_is_gone_on_with(
    far: Client, proxy: CuttingProxy, tmp_path: Path
) -> None:
    path = big(tmp_path / "big.fits")
    proxy.cut_all()
    proxy.cuts = [Cut(up=5 * MEGABYTE), Cut(up=3 * MEGABYTE)]
    upload = far.upload(path)
    assert (upload.sha256, upload.size, upload.complete) == (
        digest(path),
        path.stat().st_size,
        True,
    )
    # All of it once, and at most what was on its way at each cut.
    assert proxy.up < 1.5 * path.stat().st_size


def test_a_file_that_the_service_has_is_not_sent_again(client: Client, tmp_path: Path) -> None:
    path = big(tmp_path / "same.fits", MEGABYTE)
    first = client.upload(path)
    assert client.upload(path).id == first.id
    assert client.upload(path, "other.fits").id != first.id
    path.write_bytes(os.urandom(MEGABYTE))
    assert client.upload(path).id != first.id


def test_an_upload_of_an_earlier_process_is_gone_on_with(
    client: Client, far: Client, proxy: CuttingProxy, tmp_path: Path
) -> None:
    path = big(tmp_path / "earlier.fits")
    begun = begin(client, path.name, path.stat().st_size, path.read_bytes()[: 9 * MEGABYTE])
    before = proxy.up
    upload = far.upload(path)
    assert (upload.id, upload.sha256) == (begun, digest(path))
    assert proxy.up - before < 4 * MEGABYTE


def test_what_another_file_of_the_name_left_is_found_out_by_its_digest(
    client: Client, tmp_path: Path
) -> None:
    path = big(tmp_path / "mixed.fits", 2 * MEGABYTE)
    begun = begin(client, path.name, path.stat().st_size, os.urandom(MEGABYTE))
    upload = client.upload(path)
    assert upload.id != begun
    assert upload.sha256 == digest(path)
    assert begun not in [each.id for each in client.uploads()]


def test_many_files_are_sent_side_by_side_and_told_of(client: Client, tmp_path: Path) -> None:
    paths = [big(tmp_path / f"{number}.fits", MEGABYTE) for number in range(9)]
    told: list[Any] = []
    found = send_all(client.connection, paths, told.append)
    assert [upload["name"] for upload in found] == [path.name for path in paths]
    assert [upload["sha256"] for upload in found] == [digest(path) for path in paths]
    assert all(isinstance(each, Told) and each.text == "Send 9 files (MB)" for each in told)
    assert told[-1].data["done"] == told[-1].data["total"] == 10


def test_an_empty_file_arrives(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.touch()
    upload = client.upload(path)
    assert (upload.size, upload.complete, upload.sha256) == (0, True, digest(path))


def test_files_that_cannot_be_read_are_all_named(client: Client, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        send_all(client.connection, [tmp_path / "a", tmp_path / "b"], print)
    assert [fault.name for fault in caught.value.faults] == [
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    ]


def test_a_file_that_shrinks_while_it_is_sent_is_told_of(client: Client, tmp_path: Path) -> None:
    path = big(tmp_path / "shrinking.fits", 4 * MEGABYTE)

    def shrink(event: Any) -> None:
        os.truncate(path, 100)

    with pytest.raises(InputError, match="must not change while it is sent"):
        send_all(client.connection, [path], shrink)


def test_an_upload_is_removed_unless_a_job_uses_it(client: Client, tmp_path: Path) -> None:
    path = big(tmp_path / "removed.fits", 100)
    upload = client.upload(path)
    job = client.copy([upload], run=False)
    assert job.parameters == {"files": [upload.reference]}
    with pytest.raises(ConflictError, match="must not be used"):
        upload.delete()
    job.delete()
    upload.delete()
    assert upload.id not in [each.id for each in client.uploads()]


def begin(client: Client, name: str, size: int, content: bytes) -> str:
    """Begin an upload as a process that died did."""
    import base64

    named = base64.b64encode(name.encode()).decode()
    headers = {"Upload-Length": str(size), "Upload-Metadata": f"filename {named}"}
    made = client.connection.ask("POST", "/uploads", headers=headers).json()
    with client.connection.stream(
        "PATCH",
        f"/uploads/{made['id']}",
        headers={"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"},
        content=content,
    ):
        pass
    return str(made["id"])


@pytest.fixture(scope="module")
def large(served: Service) -> Any:
    """A job with a result of 12 MiB."""
    with Client(served.url, served.token) as client:
        yield client.large(size=12 * MEGABYTE).wait(60).id


def test_a_download_that_breaks_off_is_gone_on_with(
    far: Client, proxy: CuttingProxy, large: str, tmp_path: Path
) -> None:
    result = far.job(large).results["text"]
    before = proxy.down
    proxy.cut_all()
    proxy.cuts = [Cut(down=5 * MEGABYTE), Cut(down=3 * MEGABYTE)]
    path = result.save(tmp_path)
    assert path == tmp_path / "large.txt"
    assert digest(path) == result.sha256
    assert proxy.down - before < 1.5 * result.size
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["large.txt"]


def test_a_download_of_an_earlier_process_is_gone_on_with(
    far: Client, proxy: CuttingProxy, large: str, tmp_path: Path
) -> None:
    result = far.job(large).results["text"]
    (tmp_path / f".large.txt.{result.sha256[:12]}.part").write_bytes(bytes(11 * MEGABYTE))
    before = proxy.down
    assert digest(result.save(tmp_path)) == result.sha256
    assert proxy.down - before < 2 * MEGABYTE


def test_a_part_with_other_bytes_is_found_out_by_its_digest(
    far: Client, proxy: CuttingProxy, large: str, tmp_path: Path
) -> None:
    result = far.job(large).results["text"]
    (tmp_path / f".large.txt.{result.sha256[:12]}.part").write_bytes(b"x" * 11 * MEGABYTE)
    assert digest(result.save(tmp_path)) == result.sha256


def test_a_file_that_is_there_is_not_fetched_again(
    far: Client, proxy: CuttingProxy, large: str, tmp_path: Path
) -> None:
    job = far.job(large)
    saved = job.save(tmp_path / "out")
    before = proxy.down
    assert job.save(tmp_path / "out") == saved
    assert proxy.down - before < 20_000
    # Another file of the name is no hindrance.
    saved[0].write_bytes(b"mine")
    assert digest(job.save(tmp_path / "out")[0]) == job.results["text"].sha256


def test_a_service_that_is_gone_is_told_of_when_there_is_no_patience_left(
    served: Service, proxy: CuttingProxy, large: str, tmp_path: Path
) -> None:
    far = Client(proxy.url, served.token, patience=1)
    result = far.job(large).results["text"]
    proxy.close()
    with pytest.raises(UnreachableError, match="does not answer"):
        result.save(tmp_path)


def test_two_results_with_files_of_one_name_are_both_saved(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = client.tiles(count=4, seconds=0, seed=5).wait(60)
    monkeypatch.setattr("hven.client.results.RemoteFile.file_name", lambda _: "same.txt")
    saved = [path.name for path in job.save(tmp_path)]
    assert saved == ["same.txt", "log-same.txt", "provenance-same.txt"]
