"""Imported first by the server that forks workers: one thread each for numerical libraries."""

from __future__ import annotations

from hven.engine.executors.threads import set_thread_environment

set_thread_environment(1)
