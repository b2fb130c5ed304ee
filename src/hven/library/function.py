"""An application as a plain Python function, with a signature and help made from its fields."""

from __future__ import annotations

import inspect
import shutil
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hven.declare import Application, Field
from hven.engine import Executor, Store
from hven.library.display import display
from hven.library.performing import perform
from hven.library.places import output_folder
from hven.library.request import prepare
from hven.library.result import Result, result_of

#: What every function takes besides the parameters of its application.
_OWN: tuple[tuple[str, Any, Any, str], ...] = (
    ("output", str | Path | None, None,
     "Folder for the files; None is a temporary one that goes when the result does."),
    ("executor", Executor | str | None, None,
     "Where steps run: `inline`, `local`, `dask`, `dask:ADDRESS` or an executor."),
    ("store", Store | str | Path | None, None,
     "Folder or URL where finished steps are kept; None is the user's own."),
    ("progress", bool, False, "Whether progress is shown on standard error."),
)  # fmt: skip


_WORDS = {
    "boolean": "bool",
    "integer": "int",
    "number": "float",
    "text": "str",
    "file": "path",
    "position": "SkyPosition, SkyCoord, (ra, dec) in degrees, or text",
}


def function(application: Application) -> Callable[..., Any]:
    """The application as a function that needs no set-up.

    Parameters
    ----------
    application
        Which one. Its parameters become the function's, the required ones first.

    Returns
    -------
    Callable
        Gives the application's own dataclass, which is also a `Result`.
    """

    def call(*args: Any, **named: Any) -> Any:
        # Names that there are not, and missing ones, are told of together with all other faults.
        given = {**signature.bind_partial(*args).arguments, **named}
        own = {name: given.pop(name, default) for name, _, default, _ in _OWN}
        return _perform(application, given, **own)

    signature = _signature(application)
    call.__name__ = call.__qualname__ = application.name
    call.__module__ = "hven"
    call.__doc__ = _docstring(application)
    call.__signature__ = signature  # type: ignore[attr-defined]
    call.__annotations__ = {
        **{name: parameter.annotation for name, parameter in signature.parameters.items()},
        "return": signature.return_annotation,
    }
    return call


def _perform(
    application: Application,
    given: dict[str, Any],
    *,
    output: str | Path | None,
    executor: Executor | str | None,
    store: Store | str | Path | None,
    progress: bool,
) -> Result:
    def folder() -> Path:
        if output is not None:
            return output_folder(output)
        return Path(tempfile.mkdtemp(prefix=f"hven-{application.name}-"))

    request = prepare(application, given, folder=folder, executor=executor, store=store)
    try:
        with display(shown=progress) as listener:
            value = perform(request, [listener])
    except BaseException:
        if output is None:
            shutil.rmtree(request.folder, ignore_errors=True)
        raise
    result: Result = result_of(application, value, request.folder, temporary=output is None)
    return result


def _signature(application: Application) -> inspect.Signature:
    """Required parameters may be given by position; all others by name alone."""
    parameters = [_parameter(field) for field in application.fields]
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, kind, default, _ in _OWN
    ]
    ordered = sorted(parameters, key=lambda parameter: parameter.kind)
    return inspect.Signature([*ordered, *own], return_annotation=application.result)


def _parameter(field: Field) -> inspect.Parameter:
    if field.required:
        return inspect.Parameter(
            field.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=field.type
        )
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default,
        annotation=field.type,
    )


def _docstring(application: Application) -> str:
    parts = [application.help, "Parameters\n----------\n" + _entries(application)]
    outputs = "\n".join(f"    {output.name}: {output.help}" for output in application.outputs)
    parts.append(f"Returns\n-------\n{application.result.__name__}\n{outputs}")
    parts.append(
        "Raises\n------\nParameterError\n    With all faults of the request at once.\n"
        "InputError\n    With all files that cannot be used, at once."
    )
    if application.references:
        parts.append("References\n----------\n" + "\n".join(application.references))
    return "\n\n".join(parts)


def _entries(application: Application) -> str:
    fields = sorted(application.fields, key=lambda field: not field.required)
    entries = [
        f"{field.name} : {_type_words(field)}\n{_indented(_sentence(field))}" for field in fields
    ]
    entries += [f"{name} : optional\n{_indented(text)}" for name, _, _, text in _OWN]
    return "\n".join(entries)


def _type_words(field: Field) -> str:
    words = _WORDS.get(field.kind, field.kind)
    if field.choices:
        words = "{" + ", ".join(repr(choice) for choice in field.choices) + "}"
    if field.many:
        words = f"list of {words}"
    if field.unit:
        words += f" or Quantity, in {field.unit}"
    return words if field.required else f"{words}, default {field.default!r}"


def _sentence(field: Field) -> str:
    bounds = f" Must be {field.bounds}." if field.bounds else ""
    placeholder = f" None: {field.param.placeholder}." if field.param.placeholder else ""
    return f"{field.help}.{bounds}{placeholder}"


def _indented(text: str) -> str:
    return textwrap.fill(text, 92, initial_indent="    ", subsequent_indent="    ")
