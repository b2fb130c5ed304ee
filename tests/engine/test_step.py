"""The declaration of steps, and what a run refuses."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import sample_steps as steps

from hven.engine import Inline, Run, Store, check, draft_folder, step
from hven.engine.batches import StepTime
from hven.engine.step import find_step
from hven.errors import DeclarationError, InputError


def test_a_step_called_directly_is_the_plain_function() -> None:
    assert steps.add(1.0, b=2.0) == 3.0
    assert steps.add.__name__ == "add"
    assert steps.add.title == "Add two numbers."


def test_arguments_are_named_and_defaults_filled_in() -> None:
    assert steps.add.arguments((1.0,), {}) == {"a": 1.0, "b": 1.0, "marks": ""}
    assert list(steps.add.arguments((), {"marks": "m", "b": 2, "a": 1})) == ["a", "b", "marks"]


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((), {}, "missing a required argument: 'a'"),
        ((1, 2, 3), {}, "too many positional"),
        ((1,), {"a": 2}, "multiple values for argument 'a'"),
        ((1,), {"c": 2}, "unexpected keyword argument 'c'"),
    ],
)
def test_arguments_that_do_not_fit_are_told_as_python_does(
    args: tuple[object, ...], kwargs: dict[str, object], text: str
) -> None:
    with pytest.raises(TypeError, match=text):
        steps.add.arguments(args, kwargs)


def test_a_step_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(steps.add)) is steps.add


def test_only_steps_are_found() -> None:
    with pytest.raises(DeclarationError, match="must be a step"):
        find_step("os", "system")


def test_a_step_inside_a_function_is_refused() -> None:
    with pytest.raises(DeclarationError, match="top level"):

        @step(version=1)
        def inner() -> None: ...


def test_parameters_without_names_are_refused() -> None:
    def spread(*values: int) -> None: ...

    spread.__qualname__ = "spread"
    with pytest.raises(DeclarationError, match="variadic positional 'values'"):
        step(version=1)(spread)


def test_a_plain_function_is_not_a_step(store: Store) -> None:
    with Run(Inline(), store) as run, pytest.raises(DeclarationError, match="declared with @step"):
        run.call(print)  # type: ignore[arg-type]


def test_an_argument_without_a_key_names_step_and_parameter(store: Store) -> None:
    with Run(Inline(), store) as run, pytest.raises(DeclarationError, match="add: a: must be made"):
        run.call(steps.add, object())


def test_map_names_all_files_that_are_missing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    with Run(Inline(), store) as run, pytest.raises(InputError) as caught:
        run.map(steps.read_text, [tmp_path / name for name in "abc"])
    assert [Path(fault.name).name for fault in caught.value.faults] == ["a", "c"]


def test_a_file_inside_a_record_counts_by_its_content(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"123")
    with Run(Inline(), store) as run:
        first = run.call(steps.measure, steps.Frame(path))
        path.write_bytes(b"12345")
        second = run.call(steps.measure, steps.Frame(path))
        assert (first.load(), second.load()) == (3, 5)


def test_a_closed_run_takes_no_more_steps(store: Store) -> None:
    run = Run(Inline(), store)
    run.close()
    with pytest.raises(DeclarationError, match="closed"):
        run.call(steps.add, 1.0)


def test_a_draft_folder_exists_only_inside_a_run() -> None:
    with pytest.raises(DeclarationError, match="draft_folder"):
        draft_folder()


def test_check_outside_of_a_run_does_nothing() -> None:
    check()


def test_an_output_is_published_in_the_runs_folder(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "mosaic.fits"
    outside.write_bytes(b"SIMPLE")
    with Run(Inline(), store, tmp_path / "out") as run:
        (run.folder / "log.txt").write_text("done")
        assert run.publish("log", "log.txt", "text/plain") == run.folder / "log.txt"
        assert run.publish("mosaic", outside).read_bytes() == b"SIMPLE"
    told = [event.data for event in run.events if event.kind == "output"]
    assert [data["name"] for data in told] == ["log", "mosaic"]
    assert told[0]["media_type"] == "text/plain"
    assert told[1]["bytes"] == 6


def test_a_run_without_a_folder_has_one_of_its_own(store: Store) -> None:
    with Run(Inline(), store, label="demo") as run:
        assert run.folder.is_dir()
        assert "hven-demo-" in run.folder.name
    run.folder.rmdir()


class TestBatchSize:
    def test_the_first_calls_go_singly(self) -> None:
        assert StepTime().batch_size(1000, 2, 0.03) == 1

    def test_short_calls_go_together(self) -> None:
        time = StepTime()
        time.measure([0.001, 0.001])
        assert time.batch_size(1000, 2, 0.03) == 30

    def test_long_calls_go_singly(self) -> None:
        time = StepTime()
        time.measure([0.2])
        assert time.batch_size(1000, 2, 0.03) == 1

    def test_the_last_calls_are_shared_between_workers(self) -> None:
        time = StepTime()
        time.measure([0.001])
        assert time.batch_size(24, 3, 0.03) == 4

    def test_the_last_batches_are_not_of_single_calls_when_calls_are_short(self) -> None:
        time = StepTime()
        time.measure([0.0001])
        assert time.batch_size(40, 2, 0.03) == 37
        assert time.batch_size(5, 2, 0.03) == 5

    def test_calls_that_take_no_time_do_not_go_all_together(self) -> None:
        time = StepTime()
        time.measure([0.0])
        assert time.batch_size(100_000, 2, 0.03) == 500

    def test_a_change_of_pace_is_followed(self) -> None:
        time = StepTime()
        time.measure([0.001])
        for _ in range(20):
            time.measure([0.1])
        assert time.seconds == pytest.approx(0.1, rel=0.01)
