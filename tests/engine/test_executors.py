"""What every executor does."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sample_steps as steps

from hven.engine import Executor, Inline, Local, Run, Store
from hven.errors import (
    CancelledError,
    DeclarationError,
    InputError,
    StepError,
    UserError,
)


def test_a_call_gives_its_value(run: Run) -> None:
    assert run.call(steps.add, 1.0, b=2.0).load() == 3.0


def test_map_keeps_the_order_of_its_items(run: Run) -> None:
    products = run.map(steps.add, [float(n) for n in range(40)], b=0.5)
    assert run.gather(products) == [n + 0.5 for n in range(40)]


def test_map_takes_several_iterables(run: Run) -> None:
    assert run.gather(run.map(steps.add, [1.0, 2.0], [10.0, 20.0])) == [11.0, 22.0]


def test_iterables_of_different_length_are_an_error(run: Run) -> None:
    with pytest.raises(ValueError, match="shorter"):
        run.map(steps.add, [1.0, 2.0], [10.0])


def test_a_large_array_comes_back_read_only_and_equal(run: Run) -> None:
    value = run.call(steps.ramp, 100_000).load()
    np.testing.assert_array_equal(value, np.arange(100_000, dtype=np.float32))
    assert not value.flags.writeable


def test_products_inside_lists_and_dicts_are_loaded_where_the_step_runs(run: Run) -> None:
    pieces = run.map(steps.cut, [30_000, 30_000], [0, 10])
    weight = run.call(steps.add, 1.0, b=1.0)
    value = run.call(steps.total, pieces, {"all": weight}).load()
    assert value == 2 * (sum(range(30_000)) + sum(range(10, 30_010)))


def test_a_step_waits_for_inputs_that_are_not_done(run: Run) -> None:
    late = run.call(steps.nap, 0.2, number=5)
    assert run.call(steps.add, late, b=late).load() == 10


def test_a_file_written_by_a_step_lies_in_its_product(run: Run) -> None:
    path = run.call(steps.write_text, "all is well").load()
    assert path.read_text() == "all is well"
    assert path.is_relative_to(run.store.folder)


def test_a_kept_file_is_an_argument_of_another_step(run: Run) -> None:
    product = run.call(steps.write_text, "again")
    assert run.call(steps.read_text, product).load() == "again"


def test_the_same_call_is_one_product(run: Run, marks: Path) -> None:
    first = run.call(steps.add, 1.0, marks=str(marks))
    second = run.call(steps.add, 1.0, 1.0, marks=str(marks))
    assert first.load() == second.load()
    assert first.key == second.key
    assert len(list(marks.iterdir())) == 1


def test_a_second_run_finds_what_the_first_one_kept(
    executor: Executor, store: Store, marks: Path
) -> None:
    for _ in range(2):
        with Run(executor, store) as run:
            products = run.map(steps.add, [1.0, 2.0, 3.0], marks=str(marks))
            assert run.gather(products) == [2.0, 3.0, 4.0]
    assert len(list(marks.iterdir())) == 3
    assert run.reused == {"add": 3}
    assert run.done == {"add": 3}


def test_completed_gives_every_product_once(run: Run) -> None:
    slow = run.call(steps.nap, 0.3, number=1)
    quick = run.map(steps.add, [1.0, 2.0, 3.0])
    found = list(run.completed([slow, *quick, slow]))
    assert sorted(p.key for p in found) == sorted(p.key for p in [slow, *quick, slow])
    assert all(product.done for product in found)


def test_a_failed_step_names_itself_its_arguments_and_its_file(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "m17 tile.fits"
    path.write_text("not much")
    with pytest.raises(StepError, match="the sky is falling") as caught:
        run.call(steps.fail, "the sky is falling", path).load()
    assert "fail(text='the sky is falling', path=m17 tile.fits)" in str(caught.value)
    assert str(path) in str(caught.value)


def test_the_original_traceback_is_kept(run: Run) -> None:
    with pytest.raises(StepError) as caught:
        run.call(steps.fail, "deep").load()
    assert isinstance(caught.value.__cause__, ValueError)
    frames = caught.value.__cause__.__traceback__
    notes = "".join(getattr(caught.value, "__notes__", []))
    assert frames is not None or "sample_steps.py" in notes


def test_an_exception_that_cannot_be_carried_is_told_all_the_same(run: Run) -> None:
    with pytest.raises(StepError, match="PassingError: odd"):
        run.call(steps.fail_oddly, "odd").load()


def test_a_fault_of_the_user_stays_one_and_names_the_step(run: Run) -> None:
    with pytest.raises(InputError, match="was a poem") as caught:
        run.call(steps.refuse, "ode.fits").load()
    assert any("refuse(name='ode.fits')" in note for note in caught.value.__notes__)


def test_gather_reports_all_faults_of_the_user_together(run: Run) -> None:
    good = run.call(steps.add, 1.0)
    bad = run.map(steps.refuse, ["a.fits", "b.fits", "c.fits"])
    with pytest.raises(InputError) as caught:
        run.gather([good, *bad])
    assert sorted(fault.name for fault in caught.value.faults) == ["a.fits", "b.fits", "c.fits"]


def test_gather_raises_an_error_that_is_not_the_users_at_once(run: Run) -> None:
    with pytest.raises(StepError, match="broken"):
        run.gather([*run.map(steps.refuse, ["a.fits"]), run.call(steps.fail, "broken")])


def test_a_fault_without_names_is_gathered_too(run: Run) -> None:
    with pytest.raises(UserError, match="too much"):
        run.gather([run.call(steps.refuse_plainly, "too much")])


def test_a_step_fails_with_its_input(run: Run) -> None:
    broken = run.call(steps.fail, "first")
    with pytest.raises(StepError, match="first"):
        run.call(steps.add, broken).load()


def test_a_step_is_tried_as_often_as_it_says(run: Run, marks: Path) -> None:
    assert run.call(steps.fail_twice, str(marks)).load() == 2
    run.close()
    assert [event.kind for event in run.events].count("retry") == 2


def test_a_result_that_cannot_be_kept_is_the_authors_fault(run: Run) -> None:
    with pytest.raises(DeclarationError, match=r"give_object.*builtins\.object"):
        run.call(steps.give_object).load()


def test_fields_are_loaded_without_the_files_of_the_others(
    executor: Executor, store: Store
) -> None:
    with Run(executor, store) as run:
        product = run.call(steps.cut, 5000, 7)
    (store.product_path(product.key) / "0.npy").unlink()
    assert store.read(product.key, ("x0",)).value == (7,)
    assert product.load_fields("x0") == (7,)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other libraries decide themselves")
def test_the_memory_of_one_step_serves_the_next(store: Store) -> None:
    with Run(Local(1), store) as run:
        run.call(steps.count_new_pages, 1).load()
        assert run.call(steps.count_new_pages, 2).load() < 1000


def test_a_damaged_product_is_noticed_and_made_again(executor: Executor, store: Store) -> None:
    with Run(executor, store) as run:
        key = run.call(steps.ramp, 100_000).key
    spoil(store.product_path(key) / "0.npy")
    again = Store(store.folder)
    with Run(executor, again) as run:
        value = run.call(steps.ramp, 100_000).load()
    np.testing.assert_array_equal(value, np.arange(100_000, dtype=np.float32))
    assert "is not what was written" in next(e.text for e in run.events if e.kind == "retry")


def test_a_lost_input_is_made_again_for_the_step_that_needs_it(
    executor: Executor, store: Store
) -> None:
    with Run(executor, store) as run:
        first = run.call(steps.cut, 30_000, 0)
        first.load()
        store.discard(first.key)
        assert run.call(steps.total, [first], {"all": 1}).load() == sum(range(30_000))
    assert [event.kind for event in run.events].count("retry") == 1


def test_a_product_of_another_run_is_an_argument(executor: Executor, store: Store) -> None:
    with Run(executor, store) as run:
        first = run.call(steps.cut, 30_000, 7)
    store.discard(first.key)
    with Run(executor, store) as run:
        assert run.call(steps.total, [first], {"all": 1}).load() == sum(range(7, 30_007))


def test_a_cancelled_run_gives_nothing_more(run: Run) -> None:
    run.call(steps.add, 1.0).load()
    run.cancel()
    with pytest.raises(CancelledError):
        run.check()
    with pytest.raises(CancelledError):
        run.call(steps.add, 2.0)


def test_a_cancelled_run_keeps_what_is_done(executor: Executor, store: Store, marks: Path) -> None:
    with Run(executor, store) as run:
        run.call(steps.add, 1.0, marks=str(marks)).load()
        run.cancel()
    with Run(executor, store) as run:
        run.call(steps.add, 1.0, marks=str(marks)).load()
    assert len(list(marks.iterdir())) == 1


def test_an_exception_in_the_body_ends_the_run(executor: Executor, store: Store) -> None:
    run = Run(executor, store)

    def body() -> None:
        with run:
            run.call(steps.add, 1.0).load()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert run.events[-1].kind == "end"
    assert run.events[-1].data["cancelled"]


def test_events_are_numbered_and_given_to_listeners(executor: Executor, store: Store) -> None:
    heard = []
    with Run(executor, store, listeners=[heard.append], label="demo") as run:
        run.say("begin", tiles=3)
        run.gather(run.map(steps.add, [1.0, 2.0, 3.0]))
    assert heard == run.events
    assert [event.sequence for event in heard] == list(range(1, len(heard) + 1))
    assert (heard[0].kind, heard[0].text, heard[0].data) == ("say", "begin", {"tiles": 3})
    stage = [event for event in heard if event.kind == "stage"][-1]
    assert stage.text == "Add two numbers."
    assert {"step": "add", "done": 3, "total": 3, "reused": 0, "failed": 0}.items() <= dict(
        stage.data
    ).items()
    assert heard[-1].kind == "end"


def test_many_small_steps_are_sent_together(
    executor: Executor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    send = type(executor).send

    def spy(self: Executor, batch, finished) -> None:
        sizes.append(len(batch.calls))
        send(self, batch, finished)

    monkeypatch.setattr(type(executor), "send", spy)
    with Run(executor, store) as run:
        products = run.map(steps.add, [float(n) for n in range(300)])
        assert run.gather(products) == [n + 1.0 for n in range(300)]
    assert sizes[0] == 1
    assert len(sizes) < 100


def test_an_input_file_that_changes_under_the_step_is_refused(
    executor: Executor, store: Store, tmp_path: Path
) -> None:
    path = tmp_path / "growing.dat"
    path.write_bytes(b"1234")
    with Run(executor, store) as run:
        nap = run.call(steps.nap, 0.3 if not isinstance(executor, Inline) else 0.0)
        product = run.call(steps.grow_then_measure, nap, steps.Frame(path))
        with pytest.raises(InputError, match=r"growing\.dat: must not change"):
            product.load()


def test_numerical_libraries_are_held_to_one_thread_in_workers(
    killing_executor: Executor, store: Store
) -> None:
    with Run(killing_executor, store) as run:
        assert run.call(steps.thread_limits).load() == ("1", "1")


@pytest.mark.parametrize("start", ["fork", "forkserver"])
def test_loaded_libraries_are_held_to_one_thread_in_workers_only(store: Store, start: Any) -> None:
    before = dict(os.environ)
    with Run(Local(1, start=start), store) as run:
        assert run.call(steps.count_threads).load() == 1
        assert dict(os.environ) == before


def spoil(path: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
