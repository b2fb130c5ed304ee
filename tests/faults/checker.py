"""What must hold of every job, whatever was killed: database, files and store are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faults.books import Books, Row
from faults.wishes import Wish
from hven.engine import Store
from hven.jobs.phases import Move, Phase, after


def violations(data: Path, books: Books, acknowledged: Mapping[str, Wish]) -> Iterator[str]:
    """Everything that is not as promised; nothing when all is well.

    Parameters
    ----------
    data
        The data folder of the service, which has ended.
    books
        Its database.
    acknowledged
        What clients were told that they have, by id.
    """
    jobs = books.jobs()
    for job in acknowledged.keys() - jobs.keys():
        yield f"{job} is lost"
    for job in jobs.keys() - acknowledged.keys():
        yield f"{job} is nobody's"
    events = books.of_jobs("event", "sequence")
    results = books.of_jobs("result", "name")
    attempts = books.of_jobs("attempt", "number")
    for job in acknowledged.keys() & jobs.keys():
        row, wish = jobs[job], acknowledged[job]
        faults = [
            *_row(row, attempts.get(job, [])),
            *_history(row, events.get(job, [])),
            *_results(data, results.get(job, []), wish),
        ]
        yield from (f"{wish.application} {job}: {fault}" for fault in faults)
    yield from _store(data, books)
    yield from books.damage()


def _row(row: Row, attempts: list[Row]) -> Iterator[str]:
    if row["phase"] != Phase.COMPLETED:
        yield f"is {row['phase']}: {row['error_code']} {row['error_message']}"
    if row["stop"] or row["lease_until"] is not None:
        yield "still has a lease, or is asked to stop"
    numbers = [attempt["number"] for attempt in attempts]
    if numbers != list(range(1, row["attempt"] + 1)):
        yield f"has the attempts {numbers}, counts {row['attempt']}"
    outcomes = [attempt["outcome"] for attempt in attempts]
    if outcomes[-1:] != ["completed"] or "completed" in outcomes[:-1] or "running" in outcomes:
        yield f"has attempts that ended {outcomes}"


def _history(row: Row, events: list[Row]) -> Iterator[str]:
    numbers = [event["sequence"] for event in events]
    if numbers != list(range(1, row["events"] + 1)):
        yield f"has the events {numbers}, counts {row['events']}"
    moves = [event["data"]["move"] for event in events if event["kind"] == "phase"]
    if moves[:1] != ["create"]:
        yield f"begins with {moves[:1]}"
    if moves.count(Move.COMPLETE) != 1:
        yield f"was published {moves.count(Move.COMPLETE)} times"
    phase: Phase | None = Phase.PENDING
    for move in moves[1:]:
        phase = after(phase, Move(move)) if phase else None
    if phase != row["phase"]:
        yield f"is {row['phase']} after {moves}"
    if moves.count(Move.CLAIM) != row["attempt"]:
        yield f"was claimed {moves.count(Move.CLAIM)} times, had {row['attempt']} attempts"
    of_attempts = [event["attempt"] for event in events]
    if of_attempts != sorted(of_attempts):
        yield f"has events of an earlier attempt behind those of a later: {of_attempts}"


def _results(data: Path, results: list[Row], wish: Wish) -> Iterator[str]:
    found: dict[str, Any] = {row["name"]: row for row in results}
    for name in {*wish.results, "log", "provenance"} - found.keys():
        yield f"has no result {name}"
    for name, row in found.items():
        path = data / "jobs" / row["file"]
        if not path.is_file():
            yield f"result {name} has no file"
            continue
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if (digest, len(content)) != (row["sha256"], row["bytes"]) or not row["final"]:
            yield f"result {name} is not as stated"
        if digest != wish.results.get(name, digest):
            yield f"result {name} is wrong"


def _store(data: Path, books: Books) -> Iterator[str]:
    store = Store(data / "store")
    keys = {product.key for product in store.products()}
    for key in keys:
        if fault := store.read(key).fault:
            yield f"product {key} is {fault}"
    used = {row["key"] for row in books.rows("SELECT DISTINCT key FROM jobs_productuse")}
    yield from (f"product {key}, which jobs stand on, is missing" for key in used - keys)
