"""The tables that administrators see and change; Django finds this module by its name."""

from hven.portal.admin import accounts, jobs, service

__all__ = ["accounts", "jobs", "service"]
