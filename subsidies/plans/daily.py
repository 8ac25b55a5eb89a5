"""Measures whose day has passed: each office nearest to the households is reminded of how many there are."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from django.db.models import Count, F, Min
from django.urls import reverse
from django.utils import timezone

from aidcases import inbox
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.models.places import above
from aidcases.roles import OfficeKind, P
from aidcases.terms import AUTUMN, Term
from aidcases.urging import offices
from subsidies.models import PlanMeasure
from subsidies.models.plans import PlanState

NEAREST = (OfficeKind.VILLAGE, OfficeKind.TOWNSHIP, OfficeKind.COUNTY)


def overdue(today: date) -> Any:
    """Measures of running plans that should have been done."""
    return PlanMeasure.objects.filter(plan__state=PlanState.ACTIVE, done_on=None, due_on__lt=today)


def measures_overdue(now: datetime) -> dict[str, int]:
    """One reminder per office and school year, as long as anything is late."""
    today = timezone.localdate(now)
    counted = overdue(today).order_by().values(path=F("plan__path"), year=F("plan__year"))
    rows = list(counted.annotate(number=Count("pk"), oldest=Min("due_on")))
    known = offices({place for row in rows for place in above(row["path"])}, NEAREST)
    late: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        nearest = next((place for place in above(row["path"]) if place in known), None)
        if nearest:
            late[nearest, row["year"]].append(row)
    tasks = [_task(known[place], year, found) for (place, year), found in late.items()]
    return inbox.keep("plan.overdue", tasks, today=today)


def _task(office: Organisation, year: int, rows: list[dict[str, Any]]) -> Task:
    number, oldest = sum(row["number"] for row in rows), min(row["oldest"] for row in rows)
    title = f"{year}—{year + 1}学年一户一策有 {number:,} 条帮扶措施过了期限，最早的 {oldest} 到期"
    url = f"{reverse('plan_list')}?term={Term(year, AUTUMN).code}&overdue=1"
    return Task(office, f"plan.overdue.{year}", title, url, oldest, permission=P.PLAN_WRITE, urgent=True)
