"""The source of a step: its function and everything of its package that it names."""

from __future__ import annotations

import ast
import builtins
import hashlib
import inspect
import io
import textwrap
import tokenize
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from hven.engine.step import Step

#: Parts of this package that carry steps out but do not say what they compute.
_CARRIERS = ("hven.engine", "hven.declare", "hven.errors")
_UNCOUNTED = (tokenize.COMMENT, tokenize.NL, tokenize.ENDMARKER)
#: Blank space that means something.
_MARKS = {tokenize.NEWLINE: ";", tokenize.INDENT: "{", tokenize.DEDENT: "}"}
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


def source_digest(step: Step[..., Any]) -> str:
    """A digest of everything a step's result may depend on, as far as names tell.

    Notes
    -----
    Taken together are: the step's function without its decorators; every function, class and plain
    constant of the same top-level package that it names, also in annotations; what these name; and
    so on. Other packages are not looked into, nor are names made at run time. Comments, blank
    space and documentation do not count.
    """
    package = step.module.partition(".")[0]
    found: dict[str, str] = {}
    _collect(step.function, package, found)
    text = "\n".join(f"{name}\n{found[name]}" for name in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _collect(thing: Any, package: str, found: dict[str, str]) -> None:
    """Add the source of a function or class, and of what it names."""
    thing = _unwrapped(thing)
    name = f"{thing.__module__}.{thing.__qualname__}"
    if name in found:
        return
    source = textwrap.dedent(inspect.getsource(thing))
    tree = ast.parse(source).body[0]
    found[name] = _bare_text(source, tree)
    globals_ = getattr(inspect.getmodule(thing), "__dict__", {})
    for label, value in _named(tree, globals_, package):
        if _is_ours(value, package):
            _collect(value, package, found)
        elif _is_plain(value):
            found[f"{thing.__module__}:{label}"] = repr(value)


def _named(tree: ast.AST, globals_: dict[str, Any], package: str) -> Iterator[tuple[str, Any]]:
    """What the names in a piece of source stand for, and what modules of the package give."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in globals_ and not hasattr(builtins, node.id):
            yield node.id, globals_[node.id]
        elif isinstance(node, ast.Attribute):
            owner = _module_of(node.value, globals_)
            ours = owner is not None and owner.__name__.partition(".")[0] == package
            if owner is not None and ours and hasattr(owner, node.attr):
                yield f"{owner.__name__}.{node.attr}", getattr(owner, node.attr)


def _module_of(node: ast.expr, globals_: dict[str, Any]) -> ModuleType | None:
    if isinstance(node, ast.Name):
        value = globals_.get(node.id)
    elif isinstance(node, ast.Attribute):
        value = getattr(_module_of(node.value, globals_), node.attr, None)
    else:
        return None
    return value if isinstance(value, ModuleType) else None


def _unwrapped(thing: Any) -> Any:
    """The function below a step, a numba function or another wrapper."""
    for name in ("function", "py_func"):
        thing = getattr(thing, name, thing)
    return inspect.unwrap(thing) if callable(thing) else thing


def _is_ours(value: Any, package: str) -> bool:
    module = getattr(_unwrapped(value), "__module__", None) or ""
    if not isinstance(module, str) or module.startswith(_CARRIERS):
        return False
    is_code = inspect.isfunction(_unwrapped(value)) or inspect.isclass(value)
    return is_code and module.partition(".")[0] == package


def _is_plain(value: Any) -> bool:
    """Whether a value is a constant whose text says all."""
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return type(value) in _PLAIN


def _bare_text(source: str, tree: ast.stmt) -> str:
    """Source without comments, documentation, blank space, and a step's own decorator."""
    dropped = {line for node in ast.walk(tree) for line in _documentation_lines(node)}
    if isinstance(tree, ast.FunctionDef):
        for decorator in tree.decorator_list:
            if _is_step_decorator(decorator):
                dropped.update(range(decorator.lineno, (decorator.end_lineno or 0) + 1))
    parts = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _UNCOUNTED and token.start[0] not in dropped:
            parts.append(_MARKS.get(token.type, token.string))
    # A formatter adds commas at the ends of lists that it breaks.
    text = "".join(parts)
    for bracket in ")]}":
        text = text.replace(f",{bracket}", bracket)
    return text


def _documentation_lines(node: ast.AST) -> range:
    if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        return range(0)
    first = node.body[0]
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
        return range(0)
    if not isinstance(first.value.value, str):
        return range(0)
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


def _is_step_decorator(node: ast.expr) -> bool:
    called: Callable[..., Any] | ast.expr = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Name) and called.id == "step"
