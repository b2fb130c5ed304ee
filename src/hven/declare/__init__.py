"""What an application takes and gives, as data: every surface is read from it."""

from __future__ import annotations

from hven.declare.application import Application, Example, application
from hven.declare.field import Field
from hven.declare.parameter import Output, Param
from hven.declare.position import SkyPosition
from hven.declare.registry import Broken, applications, broken, find
from hven.declare.result import ResultField
from hven.declare.schema import schema
from hven.errors import Fault

__all__ = [
    "Application",
    "Broken",
    "Example",
    "Fault",
    "Field",
    "Output",
    "Param",
    "ResultField",
    "SkyPosition",
    "application",
    "applications",
    "broken",
    "find",
    "schema",
]
