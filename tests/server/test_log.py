"""The service's log."""

from __future__ import annotations

import json
import logging
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from hven.jobs.configuration import Configuration
from hven.server import log
from service import Service


@pytest.fixture
def logger(configuration: Configuration) -> Iterator[logging.Logger]:
    """The log as a part of the service has it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    log.set_up("web", configuration)
    yield logging.getLogger("hven.some")
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(configuration: Configuration) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.log_file(configuration).read_text().splitlines()]


def test_an_event_is_one_line_with_job_and_facts(
    logger: logging.Logger, configuration: Configuration, capfd: pytest.CaptureFixture[str]
) -> None:
    logger.warning("two\nlines of %s", "text", extra={"job": "0193", "attempt": 2})
    (line,) = lines(configuration)
    assert str(line.pop("time")).endswith("+00:00")
    assert isinstance(line.pop("process"), int)
    assert line == {
        "level": "warning",
        "part": "web",
        "from": "hven.some",
        "job": "0193",
        "text": "two\nlines of text",
        "data": {"attempt": 2},
    }


def test_a_traceback_goes_with_its_line(
    logger: logging.Logger, configuration: Configuration
) -> None:
    try:
        raise ValueError("no such star")
    except ValueError:
        logger.exception("failed")
    (line,) = lines(configuration)
    assert "ValueError: no such star" in str(line["traceback"])


def test_what_is_below_the_level_is_not_written(
    logger: logging.Logger, configuration: Configuration
) -> None:
    logger.debug("much")
    assert lines(configuration) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Authorization: Bearer hven_abcdefghijklmnopqrstuvwxyz", "hven_abc"),
        ("token hven_abcdefghijklmnopqrstuvwxyz of alice", "hven_abc"),
        ("Basic YWxpY2U6d29uZGVybGFuZA==", "YWxp"),
        ("postgresql://hven:swordfish@host/hven away", "swordfish"),
        ("password='swordfish'", "swordfish"),
        ('{"secret_key": "swordfish"}', "swordfish"),
    ],
)
def test_secrets_are_blotted_out(text: str, kept: str) -> None:
    assert kept not in log.without_secrets(text)
    assert "***" in log.without_secrets(text)


def test_ordinary_text_is_left_as_it_is() -> None:
    text = "GET /api/v1/jobs/0193 by http://host:8642 at 3:14, 2 tokens in basic units"
    assert log.without_secrets(text) == text


def _write_many(path: Path, name: str) -> None:
    handler = log.GrowingFile(path)
    for number in range(500):
        record = logging.LogRecord(name, logging.INFO, "", 0, f"{name} {number}", (), None)
        handler.emit(record)
    handler.close()


def test_many_processes_write_whole_lines_into_a_file_that_is_set_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_LARGEST", 5_000)
    path = tmp_path / "some.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write_many, args=(path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    written = path.read_text() + path.with_suffix(".1.jsonl").read_text()
    found = written.splitlines()
    assert set(found) <= {f"{name} {number}" for name in "abc" for number in range(500)}
    assert len(found) == len(set(found))
    # 8.6 kB in all fill it once.
    assert len(found) == 1500


def test_requests_are_logged_without_what_they_show(service: Service) -> None:
    with service.client() as client:
        client.get("/api/v1/jobs", params={"limit": 7})
        # An answer may be read before its line is written.
        service.wait(lambda: any(line["text"] == "GET /api/v1/jobs" for line in service.log()))
    asked = [line for line in service.log() if line["from"] == "hven.server.requests"]
    assert {"status", "milliseconds", "client", "request"} == set(asked[-1]["data"])
    everything = json.dumps(list(service.log())) + service.errors()
    assert service.token not in everything
    assert {line["part"] for line in service.log()} >= {"supervisor", "web"}
