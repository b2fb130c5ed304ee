"""A client of the Virtual Observatory's door in the process of the tests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from hven.jobs.models import Job, User
from hven.web import tokens

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
XLINK = "{http://www.w3.org/1999/xlink}"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
FORM = "application/x-www-form-urlencoded"
#: The host that Django's test client names.
HOST = "http://testserver"
_BUNDLE = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:bundle">
<xs:element name="bundle"><xs:complexType><xs:sequence><xs:any namespace="##other"
 processContents="strict" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
</xs:schema>"""


class Vo:
    """A client, as one user.

    Parameters
    ----------
    user
        Whose token it shows; None shows none.
    limits
        Of the token, as `hven.web.tokens.make` takes them.
    """

    def __init__(self, user: User | None, **limits: Any) -> None:
        self.client = Client(raise_request_exception=False)
        secret = tokens.make(user, "of a test", **limits).secret if user else ""
        self.headers = {"Authorization": f"Bearer {secret}"} if user else {}

    def __call__(self, method: str, path: str, form: Any = None, **headers: str) -> Any:
        """The answer to a request; its form is given as a dict, lists being repeated."""
        content = urlencode(form, doseq=True).encode() if form is not None else b""
        kind = FORM if form is not None else "application/octet-stream"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.generic(
            method, _path(path), content, kind, headers={**self.headers, **named}
        )
        return checked(answer)

    def post(self, path: str, **form: Any) -> Any:
        """The answer to a form."""
        return self("POST", path, form)

    def send(self, path: str, files: dict[str, Any], **form: Any) -> Any:
        """The answer to a form with files: a name and bytes, or several of them."""
        parts = {
            name: [SimpleUploadedFile(f"{name}.dat", one) for one in _many(content)]
            for name, content in files.items()
        }
        return checked(self.client.post(_path(path), {**form, **parts}, headers=self.headers))

    def get(self, path: str, **headers: str) -> Any:
        """The answer at an address, which is there."""
        answer = self("GET", path, **headers)
        assert answer.status_code == 200, answer.content
        return answer

    def text(self, path: str) -> str:
        """The plain text at an address."""
        answer = self.get(path)
        assert answer["Content-Type"].startswith("text/plain")
        return str(answer.content.decode())

    def document(self, path: str) -> ElementTree.Element:
        """The document at an address."""
        return ElementTree.fromstring(self.get(path).content)

    def make(self, application: str = "echo", **form: Any) -> str:
        """The path of a new job."""
        return made(self("POST", f"/vo/{application}/async", form))


def made(answer: Any) -> str:
    """The path of the job that an answer says was made."""
    assert answer.status_code == 303, answer.content
    parts = urlsplit(answer["Location"])
    assert parts.scheme
    assert parts.netloc
    return parts.path


def job_of(path: str) -> Job:
    """The row of the job at an address."""
    return Job.objects.get(pk=path.rpartition("/")[2])


def checked(answer: Any) -> Any:
    """An answer, which is no fault of the service's and keeps to what all answers do."""
    assert answer.status_code < 500 or answer.status_code == 503, answer
    assert answer.status_code == 405 or "Cache-Control" in answer
    assert (answer.status_code == 401) == ("WWW-Authenticate" in answer)
    return answer


def content(answer: Any) -> bytes:
    """The whole of a streamed answer."""
    return b"".join(answer.streaming_content)


def parameters(document: ElementTree.Element) -> list[tuple[str, str]]:
    """Names and texts of a job's parameters."""
    found = document.iter(f"{UWS}parameter")
    return [(each.get("id", ""), each.text or "") for each in found]


def child(document: ElementTree.Element, name: str) -> ElementTree.Element:
    """The one child of that name."""
    (found,) = document.findall(UWS + name)
    return found


def invalid(documents: Iterable[bytes], folder: Path) -> str:
    """What the schemas of the IVOA find wrong with documents; empty when all is right.

    All of them are put into one, since starting the program takes longer than what it does.
    """
    (folder / "bundle.xsd").write_text(_BUNDLE)
    inner = b"\n".join(one.partition(b"?>")[2] for one in documents)
    path = folder / "bundle.xml"
    path.write_bytes(b'<b:bundle xmlns:b="urn:bundle">\n' + inner + b"</b:bundle>")
    schema = f"schemaloc=urn:bundle={(folder / 'bundle.xsd').as_uri()}"
    command = ["stilts", "xsdvalidate", f"doc={path}", "uselocals=true", schema]
    assert shutil.which("stilts")
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode == 0) == (found.stdout.strip() == ""), found
    return found.stdout


def _path(address: str) -> str:
    return address.removeprefix(HOST)


def _many(content: Any) -> list[bytes]:
    return content if isinstance(content, list) else [content]
