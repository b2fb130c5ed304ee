"""A parser of options whose complaints are the user's faults."""

from __future__ import annotations

import argparse
from typing import NoReturn

from hven.errors import Fault, ParameterError


class Parser(argparse.ArgumentParser):
    """Raises what argparse would print with a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the options."""
        raise ParameterError([Fault(self.prog, message)])
