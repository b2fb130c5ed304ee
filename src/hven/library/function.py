"""An application as a plain Python function, with a signature and help made from its fields."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hven.declare import Application
from hven.declare.folder import output_folder
from hven.declare.signature import Option, dress, parameter_section, references_section, signature
from hven.engine import Executor, Store
from hven.library.performing import perform
from hven.library.request import prepare
from hven.library.result import Result, result_of
from hven.progress.display import display

#: What every function takes besides the parameters of its application.
_OWN = (
    Option("output", str | Path | None, None,
           "Folder for the files; None is a temporary one that goes when the result does."),
    Option("executor", Executor | str | None, None,
           "Where steps run: `inline`, `local`, `dask`, `dask:ADDRESS` or an executor."),
    Option("store", Store | str | Path | None, None,
           "Folder or URL where finished steps are kept; None is the user's own."),
    Option("progress", bool, False, "Whether progress is shown on standard error."),
)  # fmt: skip


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
        given = {**shown.bind_partial(*args).arguments, **named}
        own = {option.name: given.pop(option.name, option.default) for option in _OWN}
        return _perform(application, given, **own)

    shown = signature(application, _OWN, application.result)
    dress(call, application.name, "hven", shown, _docstring(application))
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


def _docstring(application: Application) -> str:
    parts = [application.help, parameter_section(application, _OWN)]
    outputs = "\n".join(f"    {output.name}: {output.help}" for output in application.outputs)
    parts.append(f"Returns\n-------\n{application.result.__name__}\n{outputs}")
    parts.append(
        "Raises\n------\nParameterError\n    With all faults of the request at once.\n"
        "InputError\n    With all files that cannot be used, at once."
    )
    return "\n\n".join([*parts, *references_section(application)])
