"""The declaration itself: a function with annotated parameters becomes an Application."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from hven.declare.annotations import parameter_of
from hven.declare.field import Field
from hven.declare.parameter import RESERVED_NAMES
from hven.declare.result import ResultField, result_fields
from hven.errors import DeclarationError, Fault, ParameterError

#: Looks at values that are right one by one and yields what is wrong between them.
Check = Callable[[Mapping[str, Any]], Iterable[Fault]]
#: Given all values and the bytes of the input files: about how many seconds, and bytes of results.
Cost = Callable[[Mapping[str, Any], int], tuple[float, float]]


@dataclass(frozen=True)
class Example:
    """A run that shows what an application does, in seconds.

    Parameters
    ----------
    help
        What is to be seen in it, one sentence.
    values
        Parameters as typed; files by their names.
    make
        Writes these files into a folder.
    picture
        What comes out, as WebP of at most 800 pixels; a file of the application's package.
    """

    help: str
    values: Mapping[str, str | list[str]]
    make: Callable[[Path], None]
    picture: Path | None = None


@dataclass(frozen=True, eq=False)
class Application:
    """A declared function: what it takes, what it gives, and its body.

    Parameters
    ----------
    name
        How the command line, the library and addresses name it.
    title
        How people name it.
    help
        What it does, from the docstring of the body.
    version
        Raised by the author when the same input gives another result.
    references
        What to cite.
    fields
        The parameters, in order.
    outputs
        The fields of the result, in order.
    result
        The dataclass that the body returns.
    body
        The plain function.
    conditions
        Finds what is wrong between parameters; None when there is nothing.
    warm
        Loads what each run needs; called once in a process from which runs are forked.
    family
        The heading under which lists and menus show it.
    cost
        What a run takes, known to a factor of two; None where nobody knows.
    example
        A run that shows what it does; None where there is none.
    """

    name: str
    title: str
    help: str
    version: int
    references: tuple[str, ...]
    fields: tuple[Field, ...]
    outputs: tuple[ResultField, ...]
    result: type[Any]
    body: Callable[..., Any]
    conditions: Check | None = None
    warm: Callable[[], None] | None = None
    family: str = "Other"
    cost: Cost | None = None
    example: Example | None = None
    #: Templates of pages call what they can, and this they should not.
    do_not_call_in_templates: ClassVar[bool] = True

    @property
    def summary(self) -> str:
        """The first line of the help, without the full stop."""
        return self.help.strip().split("\n")[0].rstrip(".")

    def field(self, name: str) -> Field:
        """The parameter of that name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    def parse(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All values as the body gets them, defaults filled in.

        Parameters
        ----------
        given
            Texts as typed, or values, or values as JSON has them, by name.

        Raises
        ------
        ParameterError
            With all faults of the request: unknown names, missing ones, wrong values; and, when
            there are none of these, what is wrong between parameters.
        """
        faults = [self._unknown(name) for name in given if name not in self._names()]
        values: dict[str, Any] = {}
        for field in self.fields:
            try:
                values[field.name] = _value(field, given)
            except ParameterError as error:
                faults.extend(error.faults)
        if not faults and self.conditions is not None:
            faults.extend(self.conditions(values))
        if faults:
            raise ParameterError(faults)
        return values

    def to_json(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as JSON has them; `parse` takes them back."""
        return {field.name: field.to_json(values[field.name]) for field in self.fields}

    def __call__(self, run: Any, **given: Any) -> Any:
        """Check the values, then run the body."""
        return self.body(run, **self.parse(given))

    def _names(self) -> list[str]:
        return [field.name for field in self.fields]

    def _unknown(self, name: str) -> Fault:
        names = self._names()
        close = difflib.get_close_matches(name.lower().replace("-", "_"), names, 1, 0.6)
        hint = f"did you mean {close[0]}?" if close else f"its parameters are {', '.join(names)}"
        return Fault(name, f"is not a parameter of {self.name}; {hint}")


def application(
    name: str,
    *,
    title: str,
    version: int = 1,
    references: Iterable[str] = (),
    check: Check | None = None,
    warm: Callable[[], None] | None = None,
    family: str = "Other",
    cost: Cost | None = None,
    example: Example | None = None,
) -> Callable[[Callable[..., Any]], Application]:
    """Declare the decorated function as an application.

    Its first parameter is `run`; each other one is `Annotated[type, Param(...)]`. It returns a
    frozen dataclass, each field of which is `Annotated[type, Output(...)]`.

    Parameters
    ----------
    name
        Small letters, digits and underscores: a word of the command line and of Python.
    title
        How people name it.
    version
        Raised when the same input gives another result.
    references
        What to cite.
    check
        Given all values, yields a Fault for each condition between them that does not hold.
    warm
        Loads what each run needs, such as compiled code; a service calls it once and forks.
    family
        The heading under which lists and menus show it: `Images`, `Particles`.
    cost
        Given all values and the bytes of the input files, tells about how many seconds a run
        takes, and how many bytes its results.
    example
        A run that shows what it does, in seconds.

    Raises
    ------
    DeclarationError
        The function is declared wrongly; all faults are listed.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise DeclarationError(
            f"name: must be small letters, digits and underscores, beginning with a letter, "
            f"got {name!r}"
        )

    def declare(body: Callable[..., Any]) -> Application:
        result = inspect.get_annotations(body).get("return")
        cls, outputs = result_fields(body, result)
        return Application(
            name=name,
            title=title,
            help=inspect.getdoc(body) or "",
            version=version,
            references=tuple(references),
            fields=_fields(body),
            outputs=outputs,
            result=cls,
            body=body,
            conditions=check,
            warm=warm,
            family=family,
            cost=cost,
            example=example,
        )

    return declare


def _value(field: Field, given: Mapping[str, Any]) -> Any:
    if field.name in given:
        return field.check(given[field.name])
    if field.required:
        raise ParameterError([Fault(field.name, f"must be given ({field.help}), got nothing")])
    # The body owns what it is given: a default that is a list is not shared between calls.
    return list(field.default) if isinstance(field.default, list) else field.default


def _fields(body: Callable[..., Any]) -> tuple[Field, ...]:
    parameters = list(inspect.signature(body).parameters.values())
    if not parameters or parameters[0].name != "run":
        raise DeclarationError(f"{body.__qualname__}: its first parameter must be `run`")
    fields: list[Field] = []
    faults: list[str] = []
    for parameter in parameters[1:]:
        try:
            fields.append(parameter_of(body, parameter))
        except DeclarationError as error:
            faults.append(f"{parameter.name}: {error}")
        if parameter.name.lower() in RESERVED_NAMES:
            faults.append(f"{parameter.name}: must be another name, this one is reserved")
    lowered = [parameter.name.lower() for parameter in parameters]
    if len(set(lowered)) < len(lowered):
        faults.append("parameters must have names that differ by more than case")
    if faults:
        raise DeclarationError("\n".join(f"{body.__qualname__}: {fault}" for fault in faults))
    return tuple(fields)
