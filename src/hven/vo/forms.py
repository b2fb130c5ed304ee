"""Parameters of applications within forms: by name, repeated for lists, files as parts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.datastructures import MultiValueDict

from hven.declare import Application, Field
from hven.errors import ConflictError, Fault, MissingError, ParameterError
from hven.jobs import uploads
from hven.jobs.models import Upload
from hven.vo.asking import Asked
from hven.vo.phases import named

#: Names that the standard keeps for itself.
CONTROLS = frozenset({"phase", "action", "destruction", "executionduration", "wait", "runid"})
#: Names that are no parameters either: what browsers add, and what asks for another view.
MARKS = frozenset({"csrfmiddlewaretoken", "uws_phase"})
#: Begins a value that names a part of the same request.
_INLINE = "param:"
#: Bytes of a part that is a text.
_LONGEST_TEXT = 2**20


@contextlib.contextmanager
def parameters(asked: Asked, made: Application) -> Iterator[dict[str, Any]]:
    """The parameters of an application within a request, files as references to uploads.

    The uploads are made here, and removed again when what is done with them fails.

    Raises
    ------
    ParameterError
        With all faults of the parts; the values themselves are not looked at.
    """
    form = _Form(asked, made)
    try:
        yield form.read()
    except BaseException:
        form.discard()
        raise


class _Form:
    def __init__(self, asked: Asked, made: Application) -> None:
        self._asked = asked
        self._fields = {field.name.lower(): field for field in made.fields}
        self._made: list[Upload] = []
        self._faults: list[Fault] = []
        self._files: MultiValueDict[str, UploadedFile[Any]] = named(asked.request.FILES)
        self._unused = set(self._files)

    def read(self) -> dict[str, Any]:
        found = {name: self._values(name, texts) for name, texts in self._texts().items()}
        for name in sorted(self._unused):
            found.setdefault(name, []).extend(
                self._content(name, file) for file in self._files.getlist(name)
            )
        for name, values in found.items():
            field = self._fields.get(name)
            if field is not None and not field.many and len(values) > 1:
                told = f"must be a single value, got {len(values)} of them"
                self._faults.append(Fault(name, told))
        if self._faults:
            raise ParameterError(self._faults)
        # A text alone may stand for a list, with an item a line.
        return {
            self._fields[name].name if name in self._fields else name: (
                values[0] if len(values) == 1 else values
            )
            for name, values in found.items()
        }

    def discard(self) -> None:
        for upload in self._made:
            with contextlib.suppress(MissingError, ConflictError):
                uploads.remove(upload)

    def _texts(self) -> dict[str, list[str]]:
        """The texts of each parameter; `UPLOAD=NAME,URI;NAME,URI` is another way to give some."""
        found = {
            name: list(texts)
            for name, texts in self._asked.given.lists()
            if name not in CONTROLS | MARKS
        }
        if "upload" in self._fields:
            return found
        pairs = [pair for text in found.pop("upload", []) for pair in text.split(";")]
        for pair in filter(None, map(str.strip, pairs)):
            name, comma, place = pair.partition(",")
            if not comma:
                told = f"must be NAME,param:PART, got '{pair[:80]}'"
                self._faults.append(Fault("UPLOAD", told))
            found.setdefault(name.strip().lower(), []).append(place.strip())
        return found

    def _values(self, name: str, texts: list[str]) -> list[str]:
        values = []
        for text in texts:
            part = text.removeprefix(_INLINE).lower()
            if text.startswith(_INLINE) and part in self._files:
                self._unused.discard(part)
                values += [self._content(name, file) for file in self._files.getlist(part)]
            elif text.startswith(_INLINE) and self._takes_files(name):
                told = f"must name a part of the request, there is none called '{part[:80]}'"
                self._faults.append(Fault(name, told))
            else:
                values.append(text)
        return values

    def _takes_files(self, name: str) -> bool:
        field: Field | None = self._fields.get(name)
        return field is not None and field.kind == "file"

    def _content(self, name: str, file: UploadedFile[Any]) -> str:
        """What stands for a part: a reference to an upload, or its text."""
        if name not in self._fields:
            return ""  # Refused by its name, without a look at it.
        if self._takes_files(name):
            return self._upload(name, file)
        content = file.read(_LONGEST_TEXT + 1)
        if len(content) > _LONGEST_TEXT:
            told = f"must have at most {_LONGEST_TEXT} bytes, got {file.size}"
            self._faults.append(Fault(name, told))
            return ""
        return str(content.decode(errors="replace"))

    def _upload(self, name: str, file: UploadedFile[Any]) -> str:
        try:
            upload = uploads.take_whole(
                self._asked.user, file.name or name, file.size, "", file.read
            )
        except ParameterError as error:
            self._faults += [Fault(name, f"{fault.name} {fault.text}") for fault in error.faults]
            return ""
        self._made.append(upload)
        return f"upload:{upload.pk}"
