"""Finds groups when asked to on standard input; run by an interpreter that has the programs.

A line asks: a program, a file of positions (npy), a linking length, 1 if the unit box is periodic.
A line answers, as JSON: wall and processor seconds, the number of groups, and how much memory it
took beyond what there was, in bytes, which means something in a new process only; or the error.
"""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def hven(method: str, threads: int) -> Callable[..., int]:
    def find(positions: Any, length: float, periodic: bool) -> int:
        percolation = importlib.import_module("hven.kernels.percolation")
        box = [1.0] * 3 if periodic else None
        labels = percolation.friends_of_friends(
            positions, length, box=box, method=method, threads=threads
        )
        return int(labels.max()) + 1

    return find


def hfof(positions: Any, length: float, periodic: bool) -> int:
    fof = importlib.import_module("hfof").fof
    return int(fof(positions, length, boxsize=1.0 if periodic else None).max()) + 1


def kdcount(positions: Any, length: float, periodic: bool) -> int:
    cluster = importlib.import_module("kdcount.cluster")
    models = importlib.import_module("kdcount.models")
    points = models.points(positions, boxsize=1.0) if periodic else models.points(positions)
    return int(cluster.fof(points, length).N)


def pyfof(positions: Any, length: float, periodic: bool) -> int:
    if periodic:
        raise NotImplementedError("has no periodic box")
    return len(importlib.import_module("pyfof").friends_of_friends(positions, length))


def scipy(positions: Any, length: float, periodic: bool) -> int:
    spatial = importlib.import_module("scipy.spatial")
    sparse = importlib.import_module("scipy.sparse")
    graphs = importlib.import_module("scipy.sparse.csgraph")
    tree = spatial.cKDTree(positions, boxsize=1.0 if periodic else None)
    pairs = tree.query_pairs(length, output_type="ndarray")
    n = len(positions)
    links = np.ones(len(pairs), np.int8)
    graph = sparse.coo_matrix((links, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return int(graphs.connected_components(graph, directed=False)[0])


def sklearn(positions: Any, length: float, periodic: bool) -> int:
    if periodic:
        raise NotImplementedError("has no periodic box")
    cluster = importlib.import_module("sklearn.cluster")
    return int(cluster.DBSCAN(eps=length, min_samples=1).fit(positions).labels_.max()) + 1


PROGRAMS: dict[str, Callable[..., int]] = {
    "hven, 2 threads": hven("grid", 2),
    "hven, 1 thread": hven("grid", 1),
    "hven, tree": hven("tree", 1),
    "hven, brute, 1 thread": hven("brute", 1),
    "hven, brute, 2 threads": hven("brute", 2),
    "hfof": hfof,
    "kdcount": kdcount,
    "pyfof": pyfof,
    "scipy": scipy,
    "sklearn": sklearn,
}


def measure(program: str, path: str, length: float, periodic: bool) -> dict[str, Any]:
    positions = np.load(path)
    before = _memory("VmRSS")
    start, used = time.perf_counter(), _processor_seconds()
    groups = PROGRAMS[program](positions, length, periodic)
    return {
        "wall": time.perf_counter() - start,
        "processor": _processor_seconds() - used,
        "groups": groups,
        "memory": _memory("VmHWM") - before,
    }


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def main() -> None:
    answers = sys.stdout
    # Some programs print by themselves.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        program, path, length, periodic = line.rstrip("\n").split("\t")
        try:
            answer = measure(program, path, float(length), periodic == "1")
        except Exception as error:  # A peer that is not installed is left out.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
