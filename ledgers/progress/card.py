"""The home card of tasks: what is late, what was not told, what waits to be checked or closed."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from aidcases.scoping import current_scope
from ledgers.models import WorkTask
from ledgers.models.progress import WORKING, WorkState, untold
from ledgers.progress import spans


def content(request: HttpRequest) -> dict[str, Any] | None:
    """Of the year's tasks that concern the office; None where there are none. One statement."""
    today, own = timezone.localdate(), current_scope().path
    rows = WorkTask.objects.standing().of_year(today.year).concerning(own).order_by()
    counted = rows.aggregate(
        all=Count("pk"),
        late=Count("pk", filter=Q(state__in=WORKING, due_on__lt=today)),
        untold=Count("pk", filter=untold(spans.last_due(today))),
        rectifying=Count("pk", filter=Q(state=WorkState.RECTIFYING)),
        reported=Count("pk", filter=Q(state=WorkState.REPORTED)),
        checked=Count("pk", filter=Q(state__in=(WorkState.SELF_CHECKED, WorkState.RECHECKED))),
    )
    return {"work": counted, "year": today.year} if counted["all"] else None
