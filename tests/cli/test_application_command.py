import json
import os
import signal
import time
from pathlib import Path

import pytest
from astropy.io import fits

INLINE = ("--executor", "inline")


def test_a_run_tells_where_its_results_lie(hven, files, tmp_path):
    code, out, err = hven("weigh", *files, "-o", tmp_path / "out", *INLINE)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("File weights finished in ")
    assert lines[0].endswith("; 3 steps.")
    assert [line.split()[0] for line in lines[1:]] == [
        "table",
        "image",
        "total",
        "log",
        "provenance",
    ]
    assert str(tmp_path / "out" / "weights.fits") in out
    assert "3 files" in err
    assert "Weigh a file: 3 of 3" in err
    assert fits.getdata(tmp_path / "out" / "weights.fits").sum() == 6


def test_a_second_run_takes_up_the_finished_steps(hven, files, tmp_path):
    hven("weigh", *files[:2], "-o", tmp_path / "out", *INLINE)
    assert "; 2 of 3 steps reused." in hven("weigh", *files, "-o", tmp_path / "out", *INLINE).out
    assert (
        "; all of its 3 steps reused." in hven("weigh", *files, "-o", tmp_path / "out", *INLINE).out
    )


def test_the_log_has_a_line_for_each_event(hven, files, tmp_path):
    hven("weigh", *files, "-o", tmp_path, *INLINE)
    lines = (tmp_path / "log.txt").read_text().splitlines()
    kinds = [line.split()[1] for line in lines]
    assert kinds[0] == "start"
    assert kinds[-1] == "finished"
    assert {"say", "stage", "output", "end"} <= set(kinds)
    assert (
        'pause=0.0 center=null offset=0.0 masks=[] scales=null patient=false trouble="none"'
        in lines[0]
    )
    assert all(line[0].isdigit() for line in lines)


def test_json_is_an_object_a_line_with_the_result_last(hven, files, tmp_path):
    code, out, err = hven("weigh", *files, "-o", tmp_path / "out", "--json", *INLINE)
    assert (code, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["sequence"] for event in events[:-1]] == list(range(1, len(events)))
    assert events[-1]["kind"] == "result"
    assert events[-1]["outputs"]["total"] == 6
    assert events[-1]["outputs"]["preview"] is None
    assert events[-1]["steps"] == {"total": 3, "reused": 0}


def test_json_has_the_faults_too(hven, files):
    code, out, err = hven("weigh", *files, "--repeat", "0", "--json")
    assert (code, err) == (2, "")
    told = json.loads(out)
    assert (told["kind"], told["exit_code"], told["error"]) == ("error", 2, "ParameterError")
    assert {"name": "repeat", "text": "must be at least 1 and at most 10000, got 0"} in told[
        "faults"
    ]


def test_quiet_tells_nothing_but_faults(hven, files, tmp_path):
    assert hven("weigh", *files, "-q", "-o", tmp_path / "out", *INLINE) == (0, "", "")
    assert (
        hven("weigh", *files, "-q").err
        == "hven: --output: must be given with -o FOLDER, got nothing\n"
    )


def test_all_faults_of_a_command_are_told_at_once_and_leave_no_folder(hven, files, tmp_path):
    words = [
        "--scales",
        "absent.dat",
        files[0],
        "--repeat",
        "0",
        "--pause",
        "5m",
        "--masks",
        "no*.dat",
    ]
    words += ["--colour", "red", "--workers", "0", "--executor", "abacus", "-o", tmp_path / "out"]
    code, out, err = hven("weigh", *words)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "hven: --colour: is not an option of hven weigh; see hven weigh --help",
        "hven: --workers: must be a whole number of at least 1, got '0'",
        "hven: --repeat: must be at least 1 and at most 10000, got 0",
        "hven: --pause: must be a number in s, at least 0 and at most 600 s, got 5m",
        "hven: --masks: must match at least one file, got no*.dat",
        "hven: --scales: must be a file that exists, got absent.dat",
        "hven: --executor: must be inline, local, dask or dask:ADDRESS, got 'abacus'",
    ]
    assert not (tmp_path / "out").exists()


def test_missing_files_alone_are_a_fault_of_the_input(hven, files, tmp_path):
    code, _, err = hven("weigh", files[0], "--scales", "absent.dat", "-o", tmp_path)
    assert code == 3
    assert err == "hven: --scales: must be a file that exists, got absent.dat\n"


def test_missing_files_among_many_are_left_to_the_application_and_all_named(hven, files, tmp_path):
    code, _, err = hven("weigh", "absent.dat", files[0], "gone.dat", "-o", tmp_path, *INLINE)
    assert code == 3
    assert "absent.dat: must be a readable file" in err
    assert "gone.dat: must be a readable file" in err


def test_conditions_between_parameters_are_told(hven, files, tmp_path):
    code, _, err = hven("weigh", *files, "--repeat", "101", "-o", tmp_path)
    assert (code, err) == (2, "hven: --repeat: must be at most 100 without patient, got 101\n")


def test_an_output_that_cannot_be_written_is_told(hven, files):
    code, _, err = hven("weigh", *files, "-o", files[0] / "below")
    assert code == 2
    assert err.startswith("hven: --output: must be a folder that can be written, got ")


@pytest.mark.parametrize(
    ("trouble", "code", "message"),
    [
        ("input", 3, "hven: one.dat: must be light, got a heavy one\n"),
        ("memory", 4, "hven: memory: must be at least 3 TB for this, there are 24 GB\n"),
        ("bug", 70, "hven: KeyError: 'spam'\nhven: this is a fault of the program, not of your"),
        ("step", 70, "ZeroDivisionError: nothing to divide by\nhven: this is a fault of the"),
    ],
)
def test_the_exit_code_tells_whose_fault_it_was(hven, files, tmp_path, trouble, code, message):
    outcome = hven("weigh", files[0], "--trouble", trouble, "-o", tmp_path / "out", *INLINE)
    assert outcome.code == code
    assert message in outcome.err
    assert "Traceback" not in outcome.err
    # A traceback is for whoever mends the program; a user's fault has none.
    assert (tmp_path / "out" / "traceback.txt").exists() == (code == 70)


def test_the_traceback_of_an_earlier_run_is_removed(hven, files, tmp_path):
    hven("weigh", files[0], "--trouble", "bug", "-o", tmp_path, *INLINE)
    assert "KeyError: 'spam'" in (tmp_path / "traceback.txt").read_text()
    hven("weigh", files[0], "-o", tmp_path, *INLINE)
    assert not (tmp_path / "traceback.txt").exists()


def test_a_step_whose_worker_dies_again_and_again_is_passing_trouble(hven, files, tmp_path):
    outcome = hven("weigh", files[0], "--trouble", "kill", "-o", tmp_path, "--workers", "1")
    assert outcome.code == 6
    assert "weigh_file" in outcome.err
    assert "the same command may succeed when it is given again" in outcome.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_keeps_its_steps_and_goes_on_where_it_was(
    start, hven, files, tmp_path, number
):
    words = ["weigh", files[0], "--repeat", "40", "--pause", "0.1", "--workers", "2"]
    words += ["-o", tmp_path / "out"]
    process = start(*words, "--json")
    for line in process.stdout:
        event = json.loads(line)
        if event["kind"] == "stage" and event["data"]["done"] >= 4:
            break
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == ""
    told = json.loads(out.splitlines()[-1])
    assert told["kind"] == "stopped"
    kept = told["steps"]["kept"]
    assert 4 <= kept < 40
    assert_nothing_runs(process.pid)
    # What was finished between the last event and the end is kept as well.
    reused = int(hven(*words).out.split("; ")[1].split()[0])
    assert kept <= reused <= kept + 2


def test_a_stopped_run_tells_people_how_to_go_on(start, files, tmp_path):
    process = start("weigh", files[0], "--repeat", "3", "--pause", "60", "-o", tmp_path / "out")
    process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    last = err.splitlines()[-1]
    assert last.startswith("hven: stopped; ")
    assert last.endswith(" To go on, give the same command again.")
    assert "Traceback" not in err
    assert_nothing_runs(process.pid)


def test_a_background_job_does_not_hear_ctrl_c(start, files, tmp_path):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = start("weigh", files[0], "--pause", "1", "-o", tmp_path / "out", "--workers", "1")
    process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "; 1 step." in out


def assert_nothing_runs(group: int) -> None:
    """No process of the group is left, but for dead ones that nobody has asked for."""
    deadline = time.monotonic() + 10
    while running := [pid for pid, state in processes_of(group) if state != "Z"]:
        assert time.monotonic() < deadline, running
        time.sleep(0.05)


def processes_of(group: int) -> list[tuple[int, str]]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, of_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of_group) == group:
            found.append((int(folder.name), state))
    return found
