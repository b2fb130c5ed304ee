"""A small UWS server of the tests' own, written from the text of the standard.

It knows nothing of Hven: jobs end by the clock, and faults of real servers can be had.
"""

from __future__ import annotations

import contextlib
import email
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape

NAMESPACE = "http://www.ivoa.net/xml/UWS/v1.0"


@dataclass
class Manners:
    """How a server behaves."""

    version: str = "1.1"
    #: Whether addresses in documents and redirects are relative.
    relative: bool = False
    #: Whether optional elements, and those that many forget, are left out.
    sparse: bool = False
    #: Whether DELETE is refused, as some proxies do.
    refuses_delete: bool = False
    #: Requests that are answered 503 at first.
    busy: int = 0
    #: What a failed job says; None says nothing.
    message: str | None = "it went <wrong>"
    #: Put before the root of every document.
    prologue: str = ""


@dataclass
class UwsRow:
    """A job."""

    number: int
    parameters: list[tuple[str, str]]
    files: dict[str, bytes]
    created: float = field(default_factory=time.time)
    begun: float | None = None
    seconds: float = 0.3
    end: str = "COMPLETED"
    aborted: bool = False
    destruction: str = "2099-01-01T00:00:00.000Z"
    duration: int = 0

    @property
    def phase(self) -> str:
        if self.aborted:
            return "ABORTED"
        if self.begun is None:
            return "PENDING"
        passed = time.time() - self.begun
        if passed < self.seconds / 3:
            return "QUEUED"
        return "EXECUTING" if passed < self.seconds else self.end


class UwsServer(ThreadingHTTPServer):
    """A list of jobs at `/async`."""

    daemon_threads = True

    def __init__(self, manners: Manners) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manners = manners
        self.jobs: dict[str, UwsRow] = {}
        #: Each request: method and path with query.
        self.asked: list[str] = []
        self.shown: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/async"


@contextlib.contextmanager
def serving(manners: Manners | None = None) -> Iterator[UwsServer]:
    """A server that answers, for the time of a block."""
    server = UwsServer(manners or Manners())
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: UwsServer

    def _begin(self) -> list[str] | None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.shown.append(self.headers.get("Authorization"))
        if self.server.manners.busy:
            self.server.manners.busy -= 1
            self._answer(503, "text/plain", b"busy", {"Retry-After": "0"})
            return None
        return [part for part in urlsplit(self.path).path.split("/") if part][1:]

    def do_GET(self) -> None:
        parts = self._begin()
        if parts is None:
            return
        query = parse_qsl(urlsplit(self.path).query)
        if not parts:
            self._xml(self._list(query))
            return
        job = self.server.jobs.get(parts[0])
        if job is None:
            self._answer(404, "text/plain", b"no such job")
        elif len(parts) == 1:
            self._wait(job, dict(query))
            self._xml(self._job(job))
        elif parts[1] == "phase":
            self._answer(200, "text/plain", job.phase.encode())
        elif parts[1] == "error" and job.phase == "ERROR":
            self._answer(200, "text/plain", b"the whole story")
        elif parts[1:] == ["results", "result"]:
            body = repr(job.parameters).encode() + b"".join(job.files.values())
            named = {"Content-Disposition": 'attachment; filename="../out.txt"'}
            self._answer(200, "text/plain", body, named)
        else:
            self._answer(404, "text/plain", b"nothing there")

    def do_POST(self) -> None:
        parts = self._begin()
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if parts is None:
            return
        given, files = self._form(body)
        if not parts:
            self._create(given, files)
            return
        job, words = self.server.jobs[parts[0]], dict(given)
        if parts[1:] == ["phase"]:
            if words["PHASE"] == "RUN" and job.begun is not None:
                self._answer(403, "text/html", b"<html><p>not&nbsp;now</p></html>")
                return
            if words["PHASE"] == "RUN":
                job.begun = time.time()
            else:
                job.aborted = True
        elif parts[1:] == ["destruction"]:
            job.destruction = words["DESTRUCTION"]
        elif parts[1:] == ["executionduration"]:
            job.duration = int(words["EXECUTIONDURATION"])
        elif words.get("ACTION") == "DELETE":
            del self.server.jobs[parts[0]]
        self._redirect(f"/async/{parts[0]}")

    def do_DELETE(self) -> None:
        parts = self._begin()
        if parts is None:
            return
        if self.server.manners.refuses_delete:
            self._answer(405, "text/plain", b"not allowed")
            return
        if self.server.jobs.pop(parts[0], None) is None:
            self._answer(404, "text/plain", b"no such job")
            return
        self._redirect("/async")

    def _create(self, given: list[tuple[str, str]], files: dict[str, bytes]) -> None:
        words = dict(given)
        if words.get("REQUEST") == "nonsense":
            info = '<INFO name="QUERY_STATUS" value="ERROR">REQUEST: must be doQuery</INFO>'
            self._answer(400, "text/xml", f"<VOTABLE>{info}</VOTABLE>".encode())
            return
        number = len(self.server.jobs) + 1
        kept = [(name, text) for name, text in given if name not in ("PHASE", "SECONDS", "END")]
        job = UwsRow(number, kept, files, end=words.get("END", "COMPLETED"))
        job.seconds = float(words.get("SECONDS", "0.3"))
        if words.get("PHASE") == "RUN":
            job.begun = time.time()
        self.server.jobs[f"j{number}"] = job
        self._redirect(f"/async/j{number}")

    def _wait(self, job: UwsRow, query: dict[str, str]) -> None:
        if self.server.manners.version == "1.0" or "WAIT" not in query:
            return
        phase, seconds = job.phase, float(query["WAIT"])
        assert -1 <= seconds <= 60
        end = time.time() + (60 if seconds < 0 else seconds)
        while job.phase == phase == query.get("PHASE", phase) and time.time() < end:
            time.sleep(0.02)

    def _form(self, body: bytes) -> tuple[list[tuple[str, str]], dict[str, bytes]]:
        kind = self.headers.get("Content-Type", "")
        if not kind.startswith("multipart/"):
            return parse_qsl(body.decode()), {}
        message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
        given: list[tuple[str, str]] = []
        files: dict[str, bytes] = {}
        for part in message.walk():
            name = part.get_param("name", header="content-disposition")
            content: Any = part.get_payload(decode=True)
            if name and part.get_filename():
                files[str(name)] = content
            elif name:
                given.append((str(name), content.decode()))
        return given, files

    def _list(self, query: list[tuple[str, str]]) -> str:
        manners = self.server.manners
        jobs = sorted(self.server.jobs.items(), key=lambda item: -item[1].number)
        if manners.version != "1.0":
            phases = [text for name, text in query if name == "PHASE"]
            words = dict(query)
            jobs = [each for each in jobs if not phases or each[1].phase in phases]
            if "AFTER" in words:
                after = datetime.fromisoformat(words["AFTER"]).timestamp()
                jobs = [each for each in jobs if each[1].created > after]
            jobs = jobs[: int(words.get("LAST", "999"))]
        rows = "".join(
            f'<uws:jobref id="{name}"{self._href(f"/async/{name}")}>'
            f"<uws:phase>{job.phase}</uws:phase>"
            + ("" if manners.sparse else f"<uws:creationTime>{_instant(job.created)}"
               "</uws:creationTime>")
            + "</uws:jobref>"
            for name, job in jobs
        )  # fmt: skip
        return self._root("jobs", rows)

    def _job(self, job: UwsRow) -> str:
        name, sparse = f"j{job.number}", self.server.manners.sparse
        lines = [f"<uws:jobId>{name}</uws:jobId>", f"<uws:phase>{job.phase}</uws:phase>"]
        if not sparse:
            lines += [
                '<uws:ownerId xsi:nil="true"/>',
                '<uws:quote xsi:nil="true"/>',
                f"<uws:creationTime>{_instant(job.created)}</uws:creationTime>",
            ]
        lines += ["<uws:startTime/>", '<uws:endTime xsi:nil="true"/>']
        lines.append(f"<uws:executionDuration>{job.duration}</uws:executionDuration>")
        lines.append(f"<uws:destruction>{job.destruction}</uws:destruction>")
        given = "".join(
            f'<uws:parameter id="{key}">{escape(text)}</uws:parameter>'
            for key, text in job.parameters
        )
        if not sparse:
            lines.append(f"<uws:parameters>{given}</uws:parameters>")
        if job.phase == "COMPLETED":
            result = f'<uws:result id="result"{self._href(f"/async/{name}/results/result")}/>'
            lines.append(f"<uws:results>{result}</uws:results>")
        elif not sparse:
            lines.append("<uws:results/>")
        if job.phase == "ERROR" and self.server.manners.message is not None:
            text = escape(self.server.manners.message)
            lines.append(
                '<uws:errorSummary type="fatal" hasDetail="true">'
                f"<uws:message>{text}</uws:message></uws:errorSummary>"
            )
        return self._root("job", "".join(lines))

    def _root(self, name: str, inside: str) -> str:
        version = "" if self.server.manners.version == "1.0" else ' version="1.1"'
        spaces = (
            f'xmlns:uws="{NAMESPACE}" xmlns:xlink="http://www.w3.org/1999/xlink" '
            'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        )
        prologue = self.server.manners.prologue
        return f"{prologue}<uws:{name} {spaces}{version}>{inside}</uws:{name}>"

    def _href(self, path: str) -> str:
        if self.server.manners.sparse and not path.endswith("result"):
            return ""
        return f' xlink:href="{self._address(path)}"'

    def _address(self, path: str) -> str:
        base = self.server.url.removesuffix("/async")
        return path if self.server.manners.relative else base + path

    def _redirect(self, path: str) -> None:
        self._answer(303, "text/plain", b"", {"Location": self._address(path)})

    def _xml(self, text: str) -> None:
        self._answer(200, "text/xml", text.encode())

    def _answer(
        self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, text in {"Content-Type": kind, **(more or {})}.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
