"""What time alone makes due of reports and rectifications, asked for every hour by aidcases.daily: items of the time that
is running are made, offices are reminded, what is overdue goes to the office above."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from aidcases import audit, inbox
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from dropout import periods, rectifying, reporting
from dropout.enums import ReportState, TaskState
from dropout.models import Rectification, Report

BEFORE = 7  # days before a report is due on which its office is reminded
WORKING = (OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.CITY)
R = ReportState


def _above(path: str) -> list[str]:
    """Paths of the places a path lies in, the nearest first."""
    steps = path.strip("/").split("/")[:-1]
    return [f"/{'/'.join(steps[:n])}/" for n in range(len(steps), 0, -1)]


def _offices(paths: Iterable[str]) -> dict[str, Organisation]:
    wanted = {each for path in paths for each in (path, *_above(path))}
    return {o.path: o for o in Organisation.objects.filter(path__in=wanted, kind__in=WORKING)}


def reports_due(now: datetime) -> dict[str, int]:
    """Makes the reports of the running month, quarter, term and year; a week before the day, and after it, reminds."""
    today = timezone.localdate(now)
    made = reporting.ensure(Organisation.objects.filter(kind__in=WORKING), today)
    rows = list(
        Report.objects.filter(state__in=(R.DUE, R.RETURNED), due_on__lte=today + timedelta(days=BEFORE))
        .select_related("office")
        .defer("figures", "text")
    )
    late = [row for row in rows if row.due_on < today and row.escalated_on is None]
    Report.objects.filter(pk__in=[row.pk for row in late]).update(escalated_on=today)
    for row in late:
        audit.record("report.escalated", subject=row, path=row.path, due=row.due_on.isoformat())
    known = _offices(row.path for row in rows)
    tasks = []
    for row in rows:
        label = f"{periods.parse(row.rhythm, row.period).label}{row.get_rhythm_display()}"
        url, over = reverse("report_detail", args=[row.pk]), row.due_on < today
        what = {"url": url, "due_on": row.due_on, "subject": row, "urgent": over}
        title = f"{'逾期未报' if over else '请上报'}：{label}"
        tasks.append(Task(row.office, "report.due", title, permission=P.DROPOUT_REPORT, **what))
        above = next((known[path] for path in _above(row.path) if path in known), None)
        if over and above:
            said = f"{row.office.name}逾期未报，请督促：{label}"
            tasks.append(Task(above, "report.escalated", said, permission=P.DROPOUT_RECEIVE, **what))
    return {"reports_made": made, **inbox.keep("report.", tasks, today=today)}


def rectifications_due(now: datetime) -> dict[str, int]:
    """Open tasks to whoever has to put them right; overdue ones also to whoever gave them."""
    today = timezone.localdate(now)
    escalated = rectifying.escalate(today)
    rows = list(Rectification.objects.exclude(state=TaskState.CLOSED))
    known = _offices([*(row.path for row in rows), *(row.given_path for row in rows)])
    tasks = []
    for row in rows:
        over = row.state == TaskState.OPEN and row.due_on < today
        what = {"url": reverse("rectification_detail", args=[row.pk]), "due_on": row.due_on, "subject": row, "urgent": over}
        own, giver = known.get(row.path), known.get(row.given_path)
        if own and row.state == TaskState.OPEN:
            title = f"{'逾期未整改' if over else '请整改'}：{row.problem}"
            tasks.append(Task(own, "rectification.due", title, permission=P.DROPOUT_WRITE, **what))
        if giver and (over or row.state == TaskState.DONE):
            title = f"{'逾期未整改，请督促' if over else '已报告整改，请核实'}：{row.problem}"
            tasks.append(Task(giver, "rectification.check", title, permission=P.DROPOUT_INSPECT, **what))
    return {"rectifications_escalated": escalated, **inbox.keep("rectification.", tasks, today=today)}


HOOKS = (reports_due, rectifications_due)
