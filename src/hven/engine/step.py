"""Steps: pure functions whose results are kept."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

from hven.errors import DeclarationError

P = ParamSpec("P")
R = TypeVar("R")

#: Every step declared in this process, in order; a fresh worker imports their modules.
STEPS: list[Step[..., Any]] = []


class Step(Generic[P, R]):
    """A pure function whose results are kept under a key made of its name, version and arguments.

    Called directly it is the plain function. `Run.call` and `Run.map` keep what it returns.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        version: int,
        retries: int = 0,
        timeout: float | None = None,
        memory: int | None = None,
        gpu: int = 0,
        threads: int = 1,
    ) -> None:
        update_wrapper(self, function)
        #: The plain function.
        self.function = function
        #: Raised by the author whenever the results change; kept results of other versions stay.
        self.version = version
        #: How many more times it is tried when it fails by no fault of the user.
        self.retries = retries
        #: Seconds after which the worker that runs it is killed, or None.
        self.timeout = timeout
        #: Bytes one call needs at most, or None when it is not worth saying.
        self.memory = memory
        #: Graphics cards one call needs.
        self.gpu = gpu
        #: Threads one call uses.
        self.threads = threads
        self.module = function.__module__
        self.qualname = function.__qualname__
        #: What the key and the lock file know it by.
        self.name = f"{self.module}.{self.qualname}"
        #: What users see as progress: the first line of its documentation.
        self.title = (inspect.getdoc(function) or function.__name__).split("\n", 1)[0]
        self._parameters = _parameters(self)
        self._required = {n for n, p in self._parameters.items() if p.default is p.empty}
        self._names = tuple(n for n, p in self._parameters.items() if p.kind is not p.KEYWORD_ONLY)
        self._defaults = {
            n: p.default for n, p in self._parameters.items() if p.default is not p.empty
        }
        STEPS.append(self)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the plain function here; nothing is kept."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<step {self.name} version {self.version}>"

    def __reduce__(self) -> tuple[Callable[[str, str], Step[..., Any]], tuple[str, str]]:
        return find_step, (self.module, self.qualname)

    @property
    def short_name(self) -> str:
        """The function's own name."""
        return self.qualname.rpartition(".")[2]

    def arguments(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Every argument by name, defaults filled in.

        Raises
        ------
        TypeError
            The arguments do not fit the function, worded as Python does.
        """
        bound = dict(zip(self._names, args, strict=False))
        fits = len(args) <= len(self._names) and bound.keys().isdisjoint(kwargs)
        bound.update(kwargs)
        if not (
            fits and bound.keys() <= self._parameters.keys() and bound.keys() >= self._required
        ):
            # Binding by hand is ten times faster than inspect's; inspect words the error.
            inspect.signature(self.function).bind(*args, **kwargs)
        filled = {**self._defaults, **bound}
        return {name: filled[name] for name in self._parameters}


def step(
    *,
    version: int,
    retries: int = 0,
    timeout: float | None = None,
    memory: int | None = None,
    gpu: int = 0,
    threads: int = 1,
) -> Callable[[Callable[P, R]], Step[P, R]]:
    """Declare a pure function whose results are kept.

    Parameters
    ----------
    version
        Raise it whenever the results change. It is part of every key.
    retries
        How many more times it is tried when it fails by no fault of the user.
    timeout
        Seconds after which a call is stopped, in compiled code too (not under `Inline`).
    memory
        Bytes one call needs at most; calls that together need more than there is do not run at
        once.
    gpu
        Graphics cards one call needs; no executor of this version acts on it.
    threads
        Threads one call uses: it takes the place of so many others, and numerical libraries are
        held to it (by Dask's workers to one).

    Returns
    -------
    Callable
        A decorator for a function at the top level of a module, whose parameters all have names.
    """

    def declare(function: Callable[P, R]) -> Step[P, R]:
        return Step(
            function,
            version=version,
            retries=retries,
            timeout=timeout,
            memory=memory,
            gpu=gpu,
            threads=threads,
        )

    return declare


def find_step(module: str, qualname: str) -> Step[..., Any]:
    """The step of that name, its module imported when needed."""
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, Step):
        raise DeclarationError(f"{module}.{qualname}: must be a step, was {found!r}")
    return found


def _parameters(declared: Step[..., Any]) -> dict[str, inspect.Parameter]:
    if "<locals>" in declared.qualname:
        raise DeclarationError(
            f"{declared.name}: a step must be defined at the top level of a module, "
            "where a worker can find it; was defined inside a function"
        )
    parameters = dict(inspect.signature(declared.function).parameters)
    for name, parameter in parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise DeclarationError(
                f"{declared.name}: every parameter of a step must have a name, "
                f"was {parameter.kind.description} {name!r}"
            )
    return parameters
