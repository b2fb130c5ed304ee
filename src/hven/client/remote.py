"""An application of a service, as a function made from the service's schema."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hven.client.inputs import prepared
from hven.client.job import Job
from hven.client.telling import Listener, nobody
from hven.declare import Application, Fault
from hven.declare.schema_reading import application_of
from hven.declare.signature import Option, dress, parameter_section, references_section, signature

if TYPE_CHECKING:
    from hven.client.service import Service

#: What every function takes besides the parameters of its application.
_OWN = (
    Option("run", bool, True, "Whether the job is queued at once; else it stays PENDING."),
    Option("progress", bool, False, "Whether the sending of files is shown."),
)


class RemoteApplication:
    """An application that a service offers.

    Parameters
    ----------
    service
        Which one.
    found
        What its list says of the application.
    """

    def __init__(self, service: Service, found: Mapping[str, Any]) -> None:
        self._service = service
        #: How calls and addresses name it.
        self.name = str(found["name"])
        #: How people name it.
        self.title = str(found["title"])
        #: What it does, one phrase.
        self.summary = str(found["summary"])

    @cached_property
    def schema(self) -> Mapping[str, Any]:
        """Its parameters as JSON Schema."""
        path = f"/applications/{urllib.parse.quote(self.name, safe='')}"
        found: Mapping[str, Any] = self._service.connection.get(path)["parameters"]
        return found

    @cached_property
    def declaration(self) -> Application:
        """The same as a declaration, which checks values as the service does."""
        return application_of(self.schema)

    @cached_property
    def function(self) -> Callable[..., Job]:
        """It as a function that makes a job."""

        def call(*args: Any, **named: Any) -> Job:
            # Names that there are not, and missing ones, are told of with all other faults.
            given = {**shown.bind_partial(*args).arguments, **named}
            own = {option.name: given.pop(option.name, option.default) for option in _OWN}
            return self._service.submit(self.name, given, **own)

        shown = signature(self.declaration, _OWN, Job)
        dress(call, self.name, "hven.client", shown, _docstring(self.declaration))
        return call

    def prepared(
        self, given: Mapping[str, Any], tell: Listener = nobody, faults: tuple[Fault, ...] = ()
    ) -> dict[str, Any]:
        """Parameters as JSON: checked, local files sent; see `hven.client.inputs`."""

        def send(files: Sequence[Path]) -> list[str]:
            return self._service.send(files, tell)

        return prepared(self.declaration, given, send, faults)

    def __call__(self, *args: Any, **named: Any) -> Job:
        """Make a job; see the signature of `function`."""
        return self.function(*args, **named)

    def __repr__(self) -> str:
        return f"<{self.name} of {self._service.url}: {self.title}>"


def _docstring(application: Application) -> str:
    parts = [application.help, parameter_section(application, _OWN)]
    outputs = "\n".join(f"    {output.name}: {output.help}" for output in application.outputs)
    parts.append(f"Returns\n-------\nJob\n    Its `results`, when it has ended:\n{outputs}")
    parts.append(
        "Raises\n------\nParameterError\n    With all faults of the request at once.\n"
        "InputError\n    With all files that cannot be sent, at once."
    )
    return "\n\n".join([*parts, *references_section(application)])
