"""Applications as plain Python functions: the layer between a caller and a body."""

from __future__ import annotations

from hven.declare.folder import output_folder
from hven.library.function import function
from hven.library.performing import perform
from hven.library.places import executor_of, store_of
from hven.library.request import Request, prepare
from hven.library.result import Result

__all__ = [
    "Request",
    "Result",
    "executor_of",
    "function",
    "output_folder",
    "perform",
    "prepare",
    "store_of",
]
