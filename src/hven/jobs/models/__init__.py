"""The tables of jobs."""

from hven.jobs.models.attempt import Attempt, Cause, Outcome
from hven.jobs.models.event import Event
from hven.jobs.models.inputs import Dataset, Fetch, Upload
from hven.jobs.models.job import Job, Lane, Stop
from hven.jobs.models.notification import Notification
from hven.jobs.models.result import ProductUse, Result
from hven.jobs.models.schedule import Schedule
from hven.jobs.models.service import Part, Switch
from hven.jobs.models.user import User

__all__ = [
    "Attempt",
    "Cause",
    "Dataset",
    "Event",
    "Fetch",
    "Job",
    "Lane",
    "Notification",
    "Outcome",
    "Part",
    "ProductUse",
    "Result",
    "Schedule",
    "Stop",
    "Switch",
    "Upload",
    "User",
]
