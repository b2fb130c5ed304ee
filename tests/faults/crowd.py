"""Clients that submit over HTTP and do not give up."""

from __future__ import annotations

import queue
import random
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx

from faults.wishes import Wish
from service import Service

_CLIENTS = 4
#: How often a client asks again although it was answered, as if the answer had been lost.
_DOUBT = 0.1
_PAUSE_SECONDS = 0.2
#: Seconds for which a client tries to have one request answered.
_PATIENCE = 60.0


class Crowd:
    """Clients in threads that submit wishes, sending each until it is acknowledged.

    Parameters
    ----------
    service
        Where.
    wishes
        What.
    seconds
        How long they take over it, if nothing holds them up.
    """

    def __init__(self, service: Service, wishes: Iterable[Wish], seconds: float) -> None:
        #: What was acknowledged, by id.
        self.acknowledged: dict[str, Wish] = {}
        #: What no client may ever be answered.
        self.violations: list[str] = []
        #: How many requests were answered 503, and how many broke off.
        self.refused = self.broken = 0
        self._service = service
        self._wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()
        for wish in wishes:
            self._wishes.put(wish)
        self._pause = seconds * _CLIENTS / max(1, self._wishes.qsize())
        self._threads = [
            threading.Thread(target=self._submit_all, args=(number,)) for number in range(_CLIENTS)
        ]

    def __enter__(self) -> Crowd:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()

    def _submit_all(self, seed: int) -> None:
        chance = random.Random(seed)
        pause = threading.Event()
        while not self._wishes.empty():
            try:
                wish = self._wishes.get_nowait()
                self._submit(wish, doubts=chance.random() < _DOUBT)
            except queue.Empty:
                return
            except (AssertionError, TimeoutError) as error:
                self.violations.append(str(error))
            # Requests are spread over the time in which processes are killed.
            pause.wait(chance.uniform(0.0, 2 * self._pause))

    def _submit(self, wish: Wish, *, doubts: bool) -> None:
        parameters = {name: self._sent(value) for name, value in wish.parameters.items()}
        document = {"application": wish.application, "parameters": parameters}
        headers = {"Idempotency-Key": str(uuid.uuid4())}

        def post(client: httpx.Client) -> httpx.Response:
            return client.post("/api/v1/jobs", json=document, headers=headers)

        job = self._insist(post)["id"]
        if doubts:
            again = self._insist(post)["id"]
            assert again == job, f"the same key gave {job} and {again}"
        assert job not in self.acknowledged, f"{job} was given for two keys"
        self.acknowledged[job] = wish

    def _sent(self, value: Any) -> Any:
        """A parameter with files uploaded."""
        if isinstance(value, list):
            return [self._sent(one) for one in value]
        if not isinstance(value, Path):
            return value
        content = value.read_bytes()
        answer = self._insist(
            lambda client: client.put(
                "/api/v1/uploads", params={"name": value.name}, content=content
            )
        )
        return f"upload:{answer['id']}"

    def _insist(self, ask: Callable[[httpx.Client], httpx.Response]) -> dict[str, Any]:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                with self._service.client() as client:
                    answer = ask(client)
            except httpx.TransportError:
                self.broken += 1
            else:
                code = answer.status_code
                if code == 201:
                    return dict(answer.json())
                assert code == 503, f"answered {code}: {answer.text}"
                assert "retry-after" in answer.headers, "503 without Retry-After"
                self.refused += 1
            threading.Event().wait(_PAUSE_SECONDS)
        raise TimeoutError(f"no answer within {_PATIENCE:g} s")
