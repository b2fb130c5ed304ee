"""The engine's overhead: steps whose results are kept, beside bare pools that keep nothing.

Steps compute for a given time of their thread's own clock, so that other programs on the machine do
not change what they ask for; engines run in turns. Both the wall time and the processors' time of
all processes together are given: the latter is hardly disturbed by others.

    python benchmarks/engine.py [--repeats 5] [--dask]
"""

from __future__ import annotations

import argparse
import atexit
import multiprocessing
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from engine_steps import add_pairs, bare_batch, bare_step, compare_pairs, kept_step, make_pair
from hven.engine import Executor, Inline, Local, Run, Store
from report import Cost, costs, publish, spread, table

WORKERS = 2
_folder = tempfile.mkdtemp(prefix="hven-bench-")
atexit.register(shutil.rmtree, _folder, ignore_errors=True)


def run_bare(count: int, seconds: float, batch: int) -> None:
    """The pool of the standard library, told how many to send at once."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        chunks = [list(range(n, min(n + batch, count))) for n in range(0, count, batch)]
        futures = [pool.submit(bare_batch, chunk, seconds) for chunk in chunks]
        assert [n for future in futures for n in future.result()] == list(range(count))


def run_kept(count: int, seconds: float, executor: Executor, store: Store) -> None:
    """The same as steps of a run."""
    with Run(executor, store) as run:
        products = run.map(kept_step, range(count), seconds=seconds)
        assert run.gather(products) == list(range(count))


def run_pipeline(executor: Executor, store: Store) -> None:
    """What a mosaic of one square degree asks of an engine: 45 + 150 + 8 steps."""
    with Run(executor, store) as run:
        pairs = run.map(make_pair, range(45), seconds=0.03)
        places = [(i, (i + d) % 45) for d in range(1, 5) for i in range(45)][:150]
        first, second = [pairs[i] for i, _ in places], [pairs[j] for _, j in places]
        run.gather(run.map(compare_pairs, first, second, seconds=0.001))
        run.gather(run.map(add_pairs, [pairs] * 8, range(8)))


def fresh_store() -> Store:
    """A store that is empty; all are removed at the end only.

    ext4 is many times slower at making files in the half minute after many were removed.
    """
    return Store(tempfile.mkdtemp(dir=_folder))


def with_store(work: Callable[[Store], None]) -> Callable[[], None]:
    return lambda: work(fresh_store())


def overhead(repeats: int) -> tuple[str, str]:
    """Tables of both sizes of steps."""
    long = costs(
        {
            "bare pool, singly": lambda: run_bare(80, 0.05, 1),
            "Local": with_store(lambda store: run_kept(80, 0.05, Local(WORKERS), store)),
        },
        repeats,
    )
    short = costs(
        {
            "bare pool, batches of 100": lambda: run_bare(10_000, 0.001, 100),
            "Local, batches by itself": with_store(
                lambda store: run_kept(10_000, 0.001, Local(WORKERS), store)
            ),
        },
        repeats,
    )
    return _compared(long), _compared(short)


def _compared(found: dict[str, list[Cost]]) -> str:
    """Each candidate beside the first."""
    peer = next(iter(found.values()))
    rows = []
    for name, every in found.items():
        walls = [cost.wall_seconds for cost in every]
        processors = [cost.cpu_seconds for cost in every]
        ratios = [
            statistics.median(own) / statistics.median(other)
            for own, other in (
                (walls, [cost.wall_seconds for cost in peer]),
                (processors, [cost.cpu_seconds for cost in peer]),
            )
        ]
        rows.append((name, spread(walls), spread(processors), *(f"{r:.3f}" for r in ratios)))
    header = ("", "wall s", "processor s", "ratio of wall", "ratio of processor")
    return table(header, rows)


def resumed(repeats: int) -> str:
    """What a kept step costs: its key, finding it, and its value."""
    rows = []
    store = fresh_store()
    run_kept(2000, 0.0, Inline(), store)
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run_kept(2000, 0.0, Local(WORKERS), Store(store.folder))
        seconds.append((time.perf_counter() - begun) / 2000 * 1e3)
    rows.append(("a number", spread(seconds), "0.2"))
    store = fresh_store()
    run_pipeline(Local(WORKERS), store)
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        run_pipeline(Local(WORKERS), Store(store.folder))
        seconds.append((time.perf_counter() - begun) / 203 * 1e3)
    rows.append(("pipeline of 203 steps with products as arguments", spread(seconds), "0.2"))
    return table(("kept steps", "ms a step", "bar"), rows)


def starting(repeats: int) -> str:
    """From nothing to the first result, and the pipeline."""

    def first(start: Any) -> Callable[[], None]:
        return with_store(lambda store: run_kept(1, 0.0, Local(WORKERS, start=start), store))

    candidates: dict[str, Callable[[], object]] = {
        "bare pool, first result": lambda: run_bare(1, 0.0, 1),
        "Local, forked, first result": first("fork"),
        "Local, from a fork server, first result": first("forkserver"),
        "Inline, pipeline of 203 steps": with_store(lambda s: run_pipeline(Inline(), s)),
        "Local, pipeline of 203 steps": with_store(lambda s: run_pipeline(Local(WORKERS), s)),
    }
    found = costs(candidates, repeats)
    rows = [
        (name, spread([c.wall_seconds for c in every]), spread([c.cpu_seconds for c in every]))
        for name, every in found.items()
    ]
    return table(("from start to end", "wall s", "processor s"), rows)


INTERRUPTED = """
import sys
sys.path.insert(0, {benchmarks!r})
from engine import *
run_kept({count}, 0.01, Local(WORKERS), Store({store!r}))
"""


def interrupted(count: int = 400) -> str:
    """Kill a run at three quarters, run it again, compare with an undisturbed one."""
    whole = fresh_store()
    cut = fresh_store()
    run_kept(count, 0.01, Local(WORKERS), whole)
    script = INTERRUPTED.format(
        benchmarks=str(Path(__file__).parent), count=count, store=str(cut.folder)
    )
    driver = subprocess.Popen([sys.executable, "-c", script])
    while _products(cut) < 0.75 * count:
        time.sleep(0.002)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    with Run(Local(WORKERS), cut) as run:
        products = run.map(kept_step, range(count), seconds=0.01)
        values = run.gather(products)
    reused = run.reused["kept_step"]
    same = values == list(range(count)) and _values(whole) == _values(cut)
    rows = [
        (
            count,
            reused,
            f"{(count - reused) / count:.1%}",
            "26 %",
            "yes" if same else "NO",
        )
    ]
    return table(("steps", "kept by the killed run", "done again", "bar", "same values"), rows)


def _products(store: Store) -> int:
    return sum(1 for _ in store.folder.glob("products/*/*"))


def _values(store: Store) -> dict[str, Any]:
    return {product.key: store.manifest(product.key).value for product in store.products()}


def on_dask(repeats: int) -> str:
    """Short steps on Dask, beside Dask's own map."""
    from distributed import Client, LocalCluster

    from hven.engine import Dask

    with (
        LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
        Dask(cluster.scheduler_address) as executor,
    ):

        def plain() -> None:
            futures = client.map(bare_step, range(1000), seconds=0.001, pure=False)
            assert client.gather(futures) == list(range(1000))

        found = costs(
            {
                "Dask's own map, 1000 steps of 1 ms": plain,
                "executor Dask, the same": with_store(
                    lambda store: run_kept(1000, 0.001, executor, store)
                ),
            },
            repeats,
        )
    return _compared(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--dask", action="store_true", help="measure the Dask executor too")
    options = parser.parse_args()
    # Once for nothing: imports and the first fork are no step's overhead.
    store = fresh_store()
    run_kept(4, 0.0, Local(WORKERS), store)
    long, short = overhead(options.repeats)
    parts = [
        f"80 steps of 50 ms on {WORKERS} workers (bar: 5 % over the bare pool)",
        long,
        f"10,000 steps of 1 ms on {WORKERS} workers (bar: 1.5 times the bare pool in batches)",
        short,
        resumed(options.repeats),
        starting(options.repeats),
        "A run killed with SIGKILL when three quarters of its steps were kept, and run again",
        interrupted(),
    ]
    if options.dask:
        parts.append(on_dask(options.repeats))
    publish(
        "engine", "Engine: kept steps beside bare pools", *parts, peers=["pebble", "distributed"]
    )


if __name__ == "__main__":
    main()
