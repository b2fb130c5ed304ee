"""Friends of friends beside the other programs: seconds, particles a second, memory.

Peers run in a virtual environment of their own, which is made the first time; one that cannot be
installed is left out. hfof is not in the package index: name a folder of its sources.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import venv
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groups_worker import PROGRAMS
from report import RESULTS, publish, spread, table

WORKER = Path(__file__).with_name("groups_worker.py")
PEERS = ("numpy", "scipy", "scikit-learn", "kdcount", "pyfof")
#: The most particles that a program is given; it takes minutes or too much memory with more.
MOST = {"pyfof": 1e6, "scipy": 1e6, "sklearn": 1e5, "kdcount": 1e6}
BASE = "hven, 2 threads"


class Case(NamedTuple):
    """One set of particles in one box."""

    name: str
    path: Path
    length: float
    periodic: bool
    n: int


class Worker:
    """A process that finds groups when asked to."""

    def __init__(self, python: str) -> None:
        self.python = python
        self._process = subprocess.Popen(
            [python, str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, program: str, case: Case) -> dict[str, Any]:
        """What the program took, or its error."""
        assert self._process.stdin
        assert self._process.stdout
        question = [program, str(case.path), repr(case.length), "1" if case.periodic else "0"]
        self._process.stdin.write("\t".join(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"error": "died"}')
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1e4, 1e5, 1e6, 1e7])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", help="a Python that has the other programs; else one is made")
    parser.add_argument("--hfof", help="a folder of hfof's sources, to be installed")
    options = parser.parse_args()
    folder = RESULTS / "groups"
    folder.mkdir(parents=True, exist_ok=True)
    peers = options.peers or install(folder / "peers", options.hfof)
    rows: list[list[str]] = []
    for n in options.sizes:
        for name, make in (("clustered", clustered), ("uniform", uniform)):
            path = folder / f"{name}-{int(n)}.npy"
            if not path.exists():
                np.save(path, make(int(n)))
            for periodic in (False, True):
                case = Case(name, path, 0.2 * n ** (-1 / 3), periodic, int(n))
                rows += compare(case, peers, options.repeats)
    text = (
        "Linking length 0.2 of the mean separation, float64. Programs run in turns; ratios are of "
        "medians, of wall and of processor seconds. Bytes a particle: the most resident memory of "
        "a new process beyond what it had with the positions read, results included."
    )
    header = ["particles", "box", "program", "wall s, median (range)", "over hven, 2 threads"]
    header += ["processor s", "over hven, 1 thread", "million/s", "bytes a particle", "groups"]
    publish("groups", "Friends of friends", table(header, rows), text, brute(folder, options))


def compare(case: Case, peers: str, repeats: int) -> list[list[str]]:
    """Rows of the table for one set of particles."""
    here, there = Worker(sys.executable), Worker(peers)
    programs = {
        name: here if name.startswith("hven") else there
        for name in PROGRAMS
        if "brute" not in name and case.n <= MOST.get(name, 1e9)
    }
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for turn in range(repeats + 1):
        for name in list(programs):
            answer = programs[name].ask(name, case)
            if "error" in answer:
                del programs[name]
            elif turn:
                # The first time is for loading code.
                found[name].append(answer)
    here.close()
    there.close()
    wall = {name: [a["wall"] for a in answers] for name, answers in found.items()}
    used = {
        name: statistics.median(a["processor"] for a in answers) for name, answers in found.items()
    }
    middle = {name: statistics.median(seconds) for name, seconds in wall.items()}
    return [
        [
            f"{case.n:.0e} {case.name}",
            "periodic" if case.periodic else "open",
            name,
            spread(wall[name]),
            f"{middle[name] / middle[BASE]:.2f}",
            f"{used[name]:.3g}",
            f"{used[name] / used['hven, 1 thread']:.2f}",
            f"{case.n / middle[name] / 1e6:.2f}",
            memory(programs[name].python, name, case),
            str(found[name][0]["groups"]),
        ]
        for name in found
    ]


def memory(python: str, program: str, case: Case) -> str:
    """Bytes a particle, in a new process that has run the program on a few particles before."""
    few = case.path.with_name("few.npy")
    if not few.exists():
        np.save(few, uniform(1000))
    worker = Worker(python)
    worker.ask(program, case._replace(path=few))
    answer = worker.ask(program, case)
    worker.close()
    return f"{answer['memory'] / case.n:.0f}" if case.n >= 1e6 else "-"


def brute(folder: Path, options: argparse.Namespace) -> str:
    """What a second thread brings when every pair is compared."""
    path = folder / "clustered-50000.npy"
    np.save(path, clustered(50_000))
    case = Case("clustered", path, 0.2 * 50_000 ** (-1 / 3), False, 50_000)
    worker = Worker(sys.executable)
    names = ["hven, brute, 1 thread", "hven, brute, 2 threads"]
    found: dict[str, list[float]] = defaultdict(list)
    for turn in range(options.repeats + 1):
        for name in names:
            answer = worker.ask(name, case)
            if turn:
                found[name].append(answer["wall"])
    worker.close()
    one, two = (statistics.median(found[name]) for name in names)
    return (
        f"Every pair of 50,000 particles compared: {spread(found[names[0]])} s with one thread, "
        f"{spread(found[names[1]])} s with two, {one / two:.2f} times as fast."
    )


def install(folder: Path, hfof: str | None) -> str:
    """The Python of a virtual environment with the other programs."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        for package in (*PEERS, *([hfof] if hfof else [])):
            subprocess.run([python, "-m", "pip", "install", "-q", package], check=False)
    return str(python)


def uniform(n: int) -> NDArray[np.float64]:
    """Particles anywhere in the unit box."""
    return np.random.default_rng(2).random((n, 3))


def clustered(n: int) -> NDArray[np.float64]:
    """Half of the particles in clumps of many sizes, denser towards their centres."""
    rng = np.random.default_rng(1)
    sizes = np.minimum((20 / rng.random(n // 120 + 1)).astype(int) + 1, n // 20 + 1)
    sizes = sizes[np.cumsum(sizes) <= n // 2]
    home = np.repeat(rng.random((len(sizes), 3)), sizes, axis=0)
    reach = 0.14 * n ** (-1 / 3) * np.repeat(np.cbrt(sizes), sizes)[:, None]
    direction = rng.standard_normal(home.shape)
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    clumps = (home + direction * reach * rng.random((len(home), 1))) % 1.0
    return rng.permutation(np.concatenate([clumps, rng.random((n - len(home), 3))]))


if __name__ == "__main__":
    main()
