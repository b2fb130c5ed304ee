"""Identifiers, the channel between performer and driver, processes, the nudge."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hven.jobs.channel import Listener, Speaker
from hven.jobs.configuration import Configuration
from hven.jobs.crash_points import CRASH_POINTS
from hven.jobs.identifiers import new_id
from hven.jobs.processes import is_alive, kill_group, start_of, taken_by
from hven.jobs.wakeup import Waker, nudge

SOURCES = Path(__file__).resolve().parents[2] / "src" / "hven" / "jobs"


def test_identifiers_are_of_version_seven_and_in_order() -> None:
    first = new_id()
    time.sleep(0.002)
    second = new_id()
    assert (first.version, second.version) == (7, 7)
    assert str(first) < str(second)
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_messages_arrive_whole_however_they_are_cut() -> None:
    mine, its = socket.socketpair()
    listener, speaker = Listener(mine), Speaker(its)
    assert list(listener.heard()) == []
    speaker.tell("say", text="first\nsecond", path=Path("a"))
    its.sendall(b'{"kind": "half')
    assert list(listener.heard()) == [{"kind": "say", "text": "first\nsecond", "path": "a"}]
    its.sendall(b'"}\n')
    its.close()
    assert list(listener.heard()) == [{"kind": "half"}]
    assert listener.ended
    listener.close()


def test_a_process_is_told_from_a_later_one_of_the_same_number() -> None:
    me = os.getpid()
    assert is_alive(me, start_of(me))
    assert not is_alive(me, start_of(me) + 1)
    assert not is_alive(me, 0)


def test_a_dead_process_is_not_alive_even_before_somebody_asks_how_it_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = start_of(process.pid)
    assert is_alive(process.pid, start)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid, start)
    process.communicate()


def test_a_group_of_processes_is_measured_and_killed_together() -> None:
    code = (
        "import os, time; block = bytearray(b'x') * 50_000_000; os.fork(); "
        "os.write(1, b'1'); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.read(2) == b"11"
    taken = taken_by(process.pid)
    # The block is shared by both, and counts once.
    assert 50_000_000 <= taken.bytes < 90_000_000
    assert taken.cpu_seconds > 0
    kill_group(process.pid)
    process.communicate()
    assert taken_by(process.pid).bytes == 0
    kill_group(process.pid)


@pytest.mark.django_db(transaction=True)
def test_a_nudge_wakes_every_dispatcher_of_the_machine(configuration: Configuration) -> None:
    wakers = [Waker("one"), Waker("two")]
    assert not wakers[0].wait(0)
    nudge()
    assert [waker.wait(5) for waker in wakers] == [True, True]
    assert not wakers[0].wait(0)
    for waker in wakers:
        waker.close()
    nudge()
    assert not list(configuration.run_folder.iterdir())


@pytest.mark.django_db(transaction=True)
def test_a_nudge_reaches_a_folder_with_a_long_name(
    configuration: Configuration, settings: Any
) -> None:
    # The address of a socket has room for 107 bytes.
    settings.HVEN = replace(configuration, data=configuration.data / ("deep/" * 30))
    waker = Waker("one")
    nudge()
    assert waker.wait(5)
    waker.close()


def test_every_crash_point_stands_somewhere_and_no_other_does() -> None:
    import re

    found = {
        name
        for path in SOURCES.rglob("*.py")
        for name in re.findall(r'crash_point\("([^"]+)"\)', path.read_text())
    }
    assert found == set(CRASH_POINTS)
