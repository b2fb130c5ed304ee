"""A running Hven, from Python: `Service(url)`; any other UWS service: `Uws(url)`."""

from __future__ import annotations

from hven.client.job import Job, Progress
from hven.client.results import RemoteFile, Results
from hven.client.service import Service, Usage
from hven.client.uws import Uws

__all__ = ["Job", "Progress", "RemoteFile", "Results", "Service", "Usage", "Uws"]
