import io

import pytest

from hven.engine import Event
from hven.library.log import Log
from hven.progress.display import PlainLines, display, duration_words, progress_words
from hven.progress.tally import Stage, Tally


class Terminal(io.StringIO):
    def isatty(self):
        return True


def stage(done, total, *, step="project", reused=0, rate=None, time=0.0):
    data = {"step": step, "done": done, "total": total, "reused": reused, "failed": 0}
    return Event(1, time, "stage", "Project one image.", {**data, "rate": rate})


def said(text):
    return Event(1, 0.0, "say", text, {})


END = Event(9, 0.0, "end", "mosaic", {})


def lines_of(*events):
    stream = io.StringIO()
    listener = PlainLines(stream)
    for event in events:
        listener(event)
    # The time of day stands before each line.
    return [line.partition(" ")[2] for line in stream.getvalue().splitlines()]


def test_plain_lines_are_few():
    events = [stage(done, 400, rate=50.0) for done in range(400)]
    assert lines_of(*events) == []
    assert lines_of(*events, stage(400, 400, rate=50.0), END) == ["Project one image: 400 of 400"]


def test_a_stage_that_is_complete_again_and_again_is_told_at_its_end():
    events = [stage(count, count) for count in range(1, 50)]
    assert lines_of(*events, END) == ["Project one image: 49 of 49"]


def test_the_last_state_of_every_stage_is_told():
    events = [stage(1, 3), stage(2, 5, step="match"), said("stopping"), END]
    assert lines_of(*events) == [
        "stopping",
        "Project one image: 1 of 3",
        "Project one image: 2 of 5",
    ]


def test_a_stopped_run_is_not_summed_up():
    # Who was listening tells how many steps are kept.
    assert lines_of(stage(1, 3), END._replace(data={"cancelled": True})) == []


def test_a_slow_stage_is_told_every_few_seconds(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    stream = io.StringIO()
    listener = PlainLines(stream)
    for done in range(40):
        now = float(done)
        listener(stage(done, 100, rate=1.0))
    told = stream.getvalue().splitlines()
    # One line in 5 seconds of 40.
    assert len(told) == 7
    assert told[0].endswith("Project one image: 5 of 100, 1.0 a second, 1 min 35 s left")


def test_a_short_stage_that_has_ended_is_told_before_the_next_line(monkeypatch):
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    stream = io.StringIO()
    listener = PlainLines(stream)
    for now in range(6):
        listener(stage(now + 1, 3, step="match") if now < 3 else stage(now - 3, 100))
    now = 9.0
    listener(stage(6, 100))
    assert [line.partition(": ")[2] for line in stream.getvalue().splitlines()] == [
        "3 of 3",
        "6 of 100",
    ]


def test_a_terminal_gets_a_live_table():
    stream = Terminal()
    with display(stream=stream) as listener:
        listener(stage(1, 4, rate=2.0))
        listener(said("3 [bold] images"))
        listener(stage(4, 4, reused=2, rate=2.0))
        listener(END)
    text = stream.getvalue()
    assert "Project one image" in text
    assert "4 of 4, 2 reused" in text
    # What an application says is no markup.
    assert "3 [bold] images" in text


def test_nothing_is_shown_when_it_is_not_asked_for():
    stream = Terminal()
    with display(shown=False, stream=stream) as listener:
        listener(stage(4, 4))
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, 4, 0, 0, None), "0 of 4"),
        ((1, 4, 0, 0, 0.5), "1 of 4, 30.0 a minute, 6.0 s left"),
        ((120, 400, 85, 2, 31.0), "120 of 400, 85 reused, 2 failed, 31 a second, 9.0 s left"),
        ((400, 400, 85, 0, 31.0), "400 of 400, 85 reused"),
    ],
)
def test_progress_in_words(values, words):
    assert progress_words(Stage("project", "Project", *values)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.0, "9.0 s"), (59.4, "59 s"), (200, "3 min 20 s"), (4800, "1 h 20 min")],
)
def test_durations_in_words(seconds, words):
    assert duration_words(seconds) == words


def test_a_tally_adds_up_all_stages():
    tally = Tally()
    for event in (stage(1, 4), stage(4, 4, reused=3), stage(1, 2, step="match"), said("x")):
        tally(event)
    assert (tally.done, tally.total, tally.reused) == (5, 6, 3)
    assert list(tally.stages) == ["project", "match"]


def test_the_log_keeps_one_line_a_second_of_a_stage_and_the_last(tmp_path):
    with Log(tmp_path) as log:
        for count in range(1, 101):
            log(stage(count, 100, time=1000 + count / 50))
        log(Event(2, 1002.5, "say", "two\nlines", {"name": "a b"}))
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert len(lines) == 4
    assert "done=100" in lines[2]
    assert lines[3] == '1970-01-01T00:16:42.500Z say      two | lines name="a b"'
