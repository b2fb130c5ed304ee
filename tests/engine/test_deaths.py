"""Workers and drivers that die, steps that take too long, runs that are cancelled."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sample_steps as steps

from hven.engine import Executor, Local, Run, Store
from hven.errors import CancelledError, StepTimeoutError, WorkerLostError

PATIENCE_SECONDS = 20.0


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.01)


def test_a_worker_that_dies_costs_its_step_one_retry(
    killing_executor: Executor, store: Store, marks: Path
) -> None:
    with Run(killing_executor, store) as run:
        assert run.call(steps.die_once, str(marks)).load() == 1
        assert run.call(steps.add, 1.0).load() == 2.0
    assert any("done again" in event.text for event in run.events if event.kind == "retry")


def test_a_batch_that_was_cut_does_only_the_rest_again(
    killing_executor: Executor, store: Store, marks: Path
) -> None:
    with Run(killing_executor, store) as run:
        products = run.map(steps.die_first, [str(marks)] * 60, range(60))
        assert run.gather(products) == list(range(60))
    assert len(list(marks.iterdir())) == 2


def test_a_step_that_kills_every_worker_fails_and_harms_no_other(
    killing_executor: Executor, store: Store, marks: Path
) -> None:
    with Run(killing_executor, store) as run:
        poison = run.call(steps.die_always, str(marks))
        good = run.map(steps.add, [float(n) for n in range(20)])
        with pytest.raises(WorkerLostError, match=r"die_always\(.*lost 3 times"):
            poison.load()
        assert run.gather(good) == [n + 1.0 for n in range(20)]
    assert len(list(marks.iterdir())) == 3


def test_a_worker_that_leaves_without_an_error_is_noticed(store: Store, marks: Path) -> None:
    with Run(Local(workers=1), store) as run, pytest.raises(WorkerLostError):
        run.call(steps.die_always, str(marks), code=0).load()


def test_a_step_that_takes_too_long_is_stopped_even_in_compiled_code(
    killing_executor: Executor, store: Store
) -> None:
    begun = time.monotonic()
    with Run(killing_executor, store) as run:
        with pytest.raises(StepTimeoutError, match=r"run_late\(.*at most 0\.5 s"):
            run.call(steps.run_late, 60.0).load()
        assert run.call(steps.add, 1.0).load() == 2.0
    assert time.monotonic() - begun < PATIENCE_SECONDS


def test_only_the_late_step_of_a_batch_is_stopped(killing_executor: Executor, store: Store) -> None:
    with Run(killing_executor, store) as run:
        quick = run.map(steps.run_late, [0.001] * 40, range(40))
        late = run.call(steps.run_late, 60.0, 99)
        more = run.map(steps.run_late, [0.001] * 40, range(40, 80))
        with pytest.raises(StepTimeoutError):
            late.load()
        assert run.gather(quick + more) == list(range(80))


def test_cancelling_kills_compiled_code_after_two_seconds(
    killing_executor: Executor, store: Store, marks: Path
) -> None:
    with Run(killing_executor, store) as run:
        product = run.call(steps.never_end, str(marks))
        run.map(steps.nap, [60.0] * 20)
        wait_for(marks.exists, "the step ran")
        asked = time.monotonic()
        run.cancel()
        with pytest.raises(CancelledError):
            product.load()
    assert time.monotonic() - asked < PATIENCE_SECONDS
    with Run(killing_executor, store) as run:
        assert run.call(steps.add, 1.0).load() == 2.0


def test_a_step_that_asks_ends_by_itself_when_cancelled(
    killing_executor: Executor, store: Store, marks: Path
) -> None:
    with Run(killing_executor, store) as run:
        processes = {run.call(steps.identify).load()}
        product = run.call(steps.stop_when_asked, str(marks))
        wait_for(marks.exists, "the step ran")
        run.cancel()
        assert run._schedule.wait_for_sent(1.9)
        with pytest.raises(CancelledError):
            product.load()
    assert processes


def test_waiting_for_a_product_ends_at_once_when_the_run_is_cancelled(
    killing_executor: Executor, store: Store, marks: Path
) -> None:
    with Run(killing_executor, store) as run:
        product = run.call(steps.stop_when_asked, str(marks))
        wait_for(marks.exists, "the step ran")
        threading.Timer(0.05, run.cancel).start()
        with pytest.raises(CancelledError):
            product.load()


def test_short_steps_do_not_wait_for_a_long_one_in_their_batch(
    killing_executor: Executor, store: Store, marks: Path
) -> None:
    with Run(killing_executor, store) as run:
        run.gather([run.call(steps.nap, 0.001, number=n) for n in range(60)])
        long = run.map(steps.nap, [0.0, 60.0, 0.0, 0.0], [str(marks)] * 4, range(100, 104))
        short = [run.call(steps.nap, 0.001, number=n) for n in range(200, 260)]
        assert run.gather(short) == list(range(200, 260))
        assert run.gather([long[0], *long[2:]]) == [100, 102, 103]
        run.cancel()


def test_the_same_step_in_two_runs_is_done_once(store: Store, marks: Path) -> None:
    with Run(Local(1), store) as one, Run(Local(1), store) as other:
        first = one.call(steps.nap, 0.5, str(marks), 7)
        wait_for(marks.exists, "the step ran")
        second = other.call(steps.nap, 0.5, str(marks), 7)
        assert (first.load(), second.load()) == (7, 7)
    assert len(list(marks.iterdir())) == 1


SCRIPT = """
    import os, sys
    sys.path.insert(0, {folder!r})
    import sample_steps as steps
    from hven.engine import Local, Run, Store

    run = Run(Local({workers}, start={start!r}), Store({store!r}))
    run.map(steps.add, [float(n) for n in range(5)], marks={marks!r})
    for n in range({workers}):
        run.call(steps.never_end, {marks!r} + f"-{{n}}")
    run.map(steps.add, [float(n) for n in range(5, 10)], marks={marks!r})
    run.close()
"""


@pytest.mark.parametrize("start", ["fork", "forkserver"])
def test_workers_die_with_a_driver_that_is_killed(store: Store, marks: Path, start: str) -> None:
    driver = start_script(SCRIPT, store=store, marks=marks, workers=2, start=start)
    wait_for(lambda: all(Path(f"{marks}-{n}").exists() for n in range(2)), "the steps ran")
    workers = [
        int(mark.name.split("-")[1]) for n in range(2) for mark in Path(f"{marks}-{n}").iterdir()
    ]
    driver.kill()
    driver.wait()
    wait_for(lambda: not any(is_alive(worker) for worker in workers), "the workers ended")


def test_a_killed_driver_leaves_what_was_done_and_nothing_broken(store: Store, marks: Path) -> None:
    driver = start_script(SCRIPT, store=store, marks=marks, workers=2, start="fork")
    wait_for(lambda: all(Path(f"{marks}-{n}").exists() for n in range(2)), "the steps ran")
    driver.kill()
    driver.wait()
    kept = len(list((store.folder / "products").glob("*/*")))
    assert kept >= 5
    with Run(Local(2), store) as run:
        products = run.map(steps.add, [float(n) for n in range(10)], marks=str(marks))
        assert run.gather(products) == [n + 1.0 for n in range(10)]
    assert run.reused["add"] == kept
    assert len(list(marks.iterdir())) == 10
    assert not list((store.folder / "drafts").iterdir())


def test_a_script_without_a_main_guard_survives_the_death_of_a_worker(
    store: Store, marks: Path
) -> None:
    script = """
        import sys
        sys.path.insert(0, {folder!r})
        import sample_steps as steps
        from hven.engine import Local, Run, Store

        with Run(Local(1), Store({store!r})) as run:
            print(run.call(steps.die_once, {marks!r}).load())
    """
    driver = start_script(script, store=store, marks=marks, stdout=subprocess.PIPE)
    assert driver.communicate(timeout=PATIENCE_SECONDS)[0] == b"1\n"


def test_ctrl_c_stops_at_once(store: Store, marks: Path) -> None:
    driver = start_script(
        SCRIPT, store=store, marks=marks, workers=2, start="fork", stderr=subprocess.PIPE
    )
    wait_for(lambda: all(Path(f"{marks}-{n}").exists() for n in range(2)), "the steps ran")
    driver.send_signal(signal.SIGINT)
    begun = time.monotonic()
    assert b"KeyboardInterrupt" in driver.communicate(timeout=PATIENCE_SECONDS)[1]
    assert time.monotonic() - begun < PATIENCE_SECONDS


def start_script(script: str, **values: object) -> subprocess.Popen[bytes]:
    """Run a script that uses the engine in a process of its own."""
    streams = {name: values.pop(name) for name in ("stdout", "stderr") if name in values}
    store = values.pop("store")
    assert isinstance(store, Store)
    known = {
        "folder": str(Path(steps.__file__).parent),
        "store": str(store.folder),
        **{name: str(item) if isinstance(item, Path) else item for name, item in values.items()},
    }
    text = textwrap.dedent(script).format(**known)
    # Through a file, as a user's script; the interpreter's own warnings are errors here too.
    path = store.folder / "script.py"
    path.write_text(text)
    return subprocess.Popen([sys.executable, "-W", "error", str(path)], **streams)  # type: ignore[call-overload,no-any-return]


def is_alive(process: int) -> bool:
    """Whether a process runs; one that has ended and was not asked for its status does not."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
