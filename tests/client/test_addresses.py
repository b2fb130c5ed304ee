"""Inputs that the service fetches, named by the Python client, and by that of UWS."""

from __future__ import annotations

from pathlib import Path

import pytest

from file_server import FileServer, file
from hven.client import Service as Client
from hven.client import Uws
from hven.errors import FetchError, ParameterError
from service import Service


def test_an_address_is_an_input_beside_files_that_are_sent(
    client: Client, archive: FileServer, files: list[Path]
) -> None:
    archive.responses["/a//m31.txt"] = file(b"from afar\n")
    job = client.copy(files=[files[0], archive.url("/a//m31.txt")])
    job.wait()
    assert job.results["text"].read() == files[0].read_bytes() + b"from afar\n"
    assert archive.asked[-1][0] == "/a//m31.txt"
    found = [each for each in client.uploads() if each.name == "m31.txt"]
    assert len(found) == 1


def test_a_host_that_is_not_allowed_is_told_before_anything_is_made(
    client: Client, archive: FileServer
) -> None:
    url = "https://elsewhere.example/m31.fits"
    with pytest.raises(ParameterError) as error:
        client.copy(files=[url])
    (fault,) = error.value.faults
    assert fault.name == "files"
    assert archive.place in fault.text
    assert fault.text.endswith(f"elsewhere.example is none of them, got '{url}'")


def test_what_cannot_be_fetched_is_an_error_of_its_own_kind(
    client: Client, archive: FileServer
) -> None:
    job = client.copy(files=[archive.url("/gone")])
    with pytest.raises(FetchError, match="its server answered 404 Not Found"):
        job.wait()


def test_clients_of_the_standard_give_addresses_as_values(
    served: Service, archive: FileServer
) -> None:
    archive.responses["/vo.txt"] = file(b"stars\n")
    url = archive.url("/vo.txt")
    with Uws(f"{served.url}/vo/copy/async", served.token) as uws:
        job = uws.run({"files": url})
        assert job.wait(60).results["result"].open() == "stars\n"
        assert job.parameters["files"] == url
