"""One job: how far it is, what was said, what came of it, and what its owner can do with it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from hven.declare.registry import applications
from hven.errors import ConflictError, UserError
from hven.jobs import control, sizes
from hven.jobs.clock import now
from hven.jobs.models import Job, Result
from hven.jobs.phases import ACTIVE, TERMINAL, WAITING
from hven.jobs.queue import position
from hven.portal import sharing, tags
from hven.portal.asking import asker
from hven.portal.outcomes import advice_for
from hven.portal.results import Shown, shown
from hven.portal.seeing import Seen, seen
from hven.web.archives import archive
from hven.web.log import log_lines
