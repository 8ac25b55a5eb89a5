"""What time alone makes due of reports and rectifications, asked for every hour by aidcases.daily: items of the time that
is running are made, offices are reminded, what is overdue goes to the office above."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from aidcases import inbox
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.urging import Urging, offices, urge
from dropout import periods, rectifying, reporting
from dropout.enums import ReportState, TaskState
from dropout.models import Rectification, Report

BEFORE = 7  # days before a report is due on which its office is reminded
WORKING = (OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.CITY)
R = ReportState


def _named(row: Report) -> str:
    return f"{periods.parse(row.rhythm, row.period).label}{row.get_rhythm_display()}"


REPORTS = Urging(
    "report", _named, WORKING, P.DROPOUT_REPORT, P.DROPOUT_RECEIVE, asks="请上报", late="逾期未报", urges="请督促"
)


def reports_due(now: datetime) -> dict[str, int]:
    """Makes the reports of the running month, quarter, term and year; a week before the day, and after it, reminds."""
    today = timezone.localdate(now)
    made = reporting.ensure(Organisation.objects.filter(kind__in=WORKING), today)
    soon = Report.objects.filter(state__in=(R.DUE, R.RETURNED), due_on__lte=today + timedelta(days=BEFORE))
    return {"reports_made": made, **urge(soon.defer("figures", "text"), REPORTS, today=today)}


def rectifications_due(now: datetime) -> dict[str, int]:
    """Open tasks to whoever has to put them right; overdue ones also to whoever gave them."""
    today = timezone.localdate(now)
    escalated = rectifying.escalate(today)
    rows = list(Rectification.objects.exclude(state=TaskState.CLOSED))
    known = offices([*(row.path for row in rows), *(row.given_path for row in rows)], WORKING)
    tasks = []
    for row in rows:
        over = row.state == TaskState.OPEN and row.due_on < today
        what = {"url": reverse("rectification_detail", args=[row.pk]), "due_on": row.due_on, "subject": row, "urgent": over}
        own, giver = known.get(row.path), known.get(row.given_path)
        if own and row.state == TaskState.OPEN:  # to whoever reports for the office: a class teacher sees own children's
            title = f"{'逾期未整改' if over else '请整改'}：{row.problem}"
            tasks.append(Task(own, "rectification.due", title, permission=P.DROPOUT_REPORT, **what))
        if giver and (over or row.state == TaskState.DONE):
            title = f"{'逾期未整改，请督促' if over else '已报告整改，请核实'}：{row.problem}"
            tasks.append(Task(giver, "rectification.check", title, permission=P.DROPOUT_INSPECT, **what))
    return {"escalated": escalated, **inbox.keep("rectification.", tasks, today=today)}


HOOKS = (reports_due, rectifications_due)
