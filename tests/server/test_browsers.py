"""How many streams the windows of a browser may hold."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from hven.errors import RateError
from hven.jobs.configuration import Configuration
from hven.server.asgi import Scope
from hven.server.browsers import Browsers, most_streams


def asked(cookie: str = "", authorization: str = "") -> Scope:
    given = {b"cookie": cookie, b"authorization": authorization}
    return {"headers": [(name, text.encode()) for name, text in given.items() if text]}


def test_a_browser_is_refused_more_streams_than_leave_it_connections(
    configuration: Configuration, settings: Any
) -> None:
    settings.SESSION_COOKIE_NAME = "hven_session"
    browsers = Browsers()
    mine, other = asked("hven_session=mine"), asked("theme=dark; hven_session=another")
    with ExitStack() as held:
        for _ in range(most_streams()):
            held.enter_context(browsers.place(mine))
        with pytest.raises(RateError, match="a browser may hold") as refused:
            held.enter_context(browsers.place(mine))
        assert refused.value.retry_after >= 30
        # Neither other browsers nor programs are concerned, be they shown a cookie as well.
        held.enter_context(browsers.place(other))
        for _ in range(20):
            held.enter_context(browsers.place(asked(authorization="Bearer hven_x")))
            held.enter_context(browsers.place(asked("hven_session=mine", "Bearer hven_x")))
            held.enter_context(browsers.place(asked("=;broken")))
    with browsers.place(mine):
        pass


@pytest.mark.parametrize(("processes", "most"), [(1, 4), (2, 2), (3, 1), (64, 1)])
def test_web_processes_share_out_what_a_browser_may_have(
    configuration: Configuration, settings: Any, processes: int, most: int
) -> None:
    settings.HVEN = replace(configuration, web_processes=processes)
    assert most_streams() == most
