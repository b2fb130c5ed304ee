"""The main job as a client of the service has it done: uploaded, submitted, followed, fetched.

python scripts/demo_service.py [--frame xdf|m13|ngc1316] [--output demo]
python scripts/demo_service.py --data FOLDER
"""

from __future__ import annotations

import filecmp
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
from demo import images_in, read_options, short
from exposures import FRAMES, cut

from hven.errors import UserError

_ENDED = ("COMPLETED", "ERROR", "ABORTED")
#: What is fetched of the results, beside the log.
_WANTED = ("mosaic", "preview")


class RefusedError(Exception):
    """The service refused a request; the text says why."""


class Client:
    """Who uses the service: nothing but HTTP, as any program could.

    Parameters
    ----------
    url
        Where the service answers.
    token
        Who asks.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = f"{url}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._opener = build_opener(ProxyHandler({}))

    def upload(self, path: Path) -> str:
        """Send a file; what stands for it in parameters."""
        # Read as it is sent: an image may be larger than memory.
        with path.open("rb") as file:
            size = str(path.stat().st_size)
            answer = self._ask("PUT", f"uploads?name={quote(path.name)}", file, size)
            return f"upload:{json.load(answer)['id']}"

    def submit(self, application: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Have an application run; the job."""
        wish = json.dumps({"application": application, "parameters": parameters}).encode()
        return dict(json.load(self._ask("POST", "jobs", wish, str(len(wish)))))

    def job(self, name: str) -> dict[str, Any]:
        """How a job is now."""
        return dict(json.load(self._ask("GET", f"jobs/{name}")))

    def follow(self, name: str) -> Iterator[dict[str, Any]]:
        """What happens to a job, until it has ended; a stream that breaks off is gone on with."""
        last = 0
        while self.job(name)["phase"] not in _ENDED or last == 0:
            with self._ask("GET", f"jobs/{name}/stream?after={last}") as lines:
                for line in lines:
                    if line.startswith(b"data: "):
                        event = json.loads(line[6:])
                        last = event["number"]
                        yield event

    def fetch(self, address: str, path: Path) -> str:
        """Write something to a file; the SHA-256 of it."""
        digest = hashlib.sha256()
        with self._ask("GET", address) as answer, path.open("wb") as file:
            while block := answer.read(2**20):
                digest.update(block)
                file.write(block)
        return digest.hexdigest()

    def _ask(self, method: str, address: str, body: Any = None, size: str = "0") -> Any:
        headers = self._headers | ({"Content-Length": size} if body is not None else {})
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        request = Request(f"{self._url}/{address}", body, headers, method=method)
        try:
            return self._opener.open(request)
        except HTTPError as error:
            with error:
                raise RefusedError(json.load(error)["detail"]) from error


def main(words: Sequence[str] | None = None) -> int:
    """Run the demo; gives the exit code."""
    options = read_options(__doc__, words)
    output = options.output.absolute() / "service"
    try:
        if options.data is not None:
            name = options.data.resolve().name or "data"
            code = demonstrate(images_in(options.data), None, output)
            return code or compare(output, options.output / name)
        # The same exposures as those of the other demo.
        exposures = cut(FRAMES[options.frame], output / "input", np.random.default_rng(1576))
        code = demonstrate(exposures.files, exposures.truth_file, output)
        return code or compare(output, options.output / options.frame / "mosaic")
    except (UserError, RefusedError) as error:
        print(error, file=sys.stderr)
        return int(getattr(error, "exit_code", 2))


def demonstrate(images: list[Path], header: Path | None, output: Path) -> int:
    """Start a service, have it make the mosaic, fetch it, end the service; gives the exit code."""
    # Each demo shows all of it, from the first use on; a service of one's own keeps everything.
    shutil.rmtree(output / "data", ignore_errors=True)
    with service(output / "data") as url:
        token = (output / "data" / "admin-token").read_text().strip()
        client = Client(url, token)
        begin = time.monotonic()
        parameters: dict[str, Any] = {"images": [client.upload(image) for image in images]}
        if header is not None:
            parameters["header"] = client.upload(header)
        size = sum(image.stat().st_size for image in images) / 1e6
        seconds = time.monotonic() - begin
        print(f"\nPUT /api/v1/uploads   {len(images)} images, {size:.1f} MB in {seconds:.1f} s")
        begin = time.monotonic()
        job = client.submit("mosaic", parameters)
        print(f"POST /api/v1/jobs     job {job['id']}\nGET .../stream")
        show(client.follow(job["id"]))
        job = client.job(job["id"])
        print(f"\n{job['phase']} {time.monotonic() - begin:.1f} s after it was submitted\n")
        return fetch(client, job, output / "mosaic")


@contextmanager
def service(data: Path) -> Iterator[str]:
    """`hven serve` on a free port, as from a shell; ended with the block."""
    command = [str(Path(sys.executable).with_name("hven")), "serve", "--port", "0"]
    print(f"$ hven serve --port 0 --data {short(data)}", flush=True)
    data.mkdir(parents=True)
    with (data / "stderr").open("wb") as errors:
        words = [*command, "--data", str(data)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield _address(process, data)
    finally:
        begin = time.monotonic()
        process.terminate()
        code = process.wait()
        if process.stdout:
            process.stdout.close()
        print(f"\nThe service ended in {time.monotonic() - begin:.1f} s with exit code {code}.")


def _address(process: subprocess.Popen[str], data: Path) -> str:
    for line in process.stdout or ():
        print(line.rstrip())
        if found := re.match(r"Hven answers at (\S+)", line):
            return found[1]
    raise RefusedError(f"the service did not start; {short(data / 'stderr')} says why")


def show(events: Iterator[dict[str, Any]]) -> None:
    """Print what happens as it happens; the line of a step is written over while it goes on."""
    live, running = sys.stdout.isatty(), ""
    for event in events:
        text, data = event["text"], event["data"]
        if event["kind"] == "stage":
            text += f" {data['done']} of {data['total']}"
        line = f"  {event['number']:4}  {event['time'][11:23]}  {event['kind']:8}{text}"
        step = data["step"] if live and event["kind"] == "stage" else ""
        if running:
            print("\r" if step == running else "\n", end="")
        print(f"{line[:110]:<110}" if step else line, end="" if step else "\n", flush=True)
        running = step
    if running:
        print()


def fetch(client: Client, job: dict[str, Any], folder: Path) -> int:
    """Fetch results and log, and compare digests; gives the exit code."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    client.fetch(f"jobs/{job['id']}/log", folder / "log.txt")
    if job["phase"] != "COMPLETED":
        print(f"{job['error'] and job['error']['message']}; log  {short(folder / 'log.txt')}")
        return 1
    for result in job["results"]:
        if result["name"] not in _WANTED:
            continue
        ending = "fits" if "fits" in result["media_type"] else result["media_type"].split("/")[1]
        path = folder / f"{result['name']}.{ending}"
        digest = client.fetch(f"jobs/{job['id']}/results/{result['name']}", path)
        if digest != result["sha256"]:
            print(f"{result['name']}: has the SHA-256 {digest}, must have {result['sha256']}")
            return 1
        print(
            f"{result['name']:8} {short(path)}  {result['bytes'] / 1e6:.1f} MB, SHA-256 as stated"
        )
    print(f"{'log':8} {short(folder / 'log.txt')}")
    return 0


def compare(output: Path, other: Path) -> int:
    """Say whether the command line made the same mosaic of the same images; always 0."""
    made, local = output / "mosaic" / "mosaic.fits", other / "mosaic.fits"
    if local.is_file():
        same = filecmp.cmp(made, local, shallow=False)
        words = "the same bytes as" if same else "not the same bytes as (of an earlier version?)"
        print(f"The mosaic of the service has {words} {short(local)} of the command line.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
