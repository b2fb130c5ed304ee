"""A job's results by the names that clients of UWS look for."""

from __future__ import annotations

from hven.jobs.models import Job, Result

#: How clients know the main one, by its id and by its address.
MAIN = "result"
#: What tells how a job went, not what it gave.
ACCOUNTS = ("log", "provenance")


def results_of(job: Job) -> dict[str, Result]:
    """The results of a job by id, the main one first; also while it runs."""
    found = list(Result.objects.filter(job=job).order_by("order", "pk"))
    main = next((result for result in found if result.role == "main"), None)
    named = {MAIN: main} if main is not None else {}
    for result in found:
        if result is not main:
            named[_free(result.name, named)] = result
    return named


def _free(name: str, taken: dict[str, Result]) -> str:
    """The name, with a number where the main result or another has it."""
    number, wanted = 1, name
    while wanted in taken or wanted == MAIN:
        number += 1
        wanted = f"{name}-{number}"
    return wanted
