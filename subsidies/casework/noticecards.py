"""The home page's card of notices: what runs and how long, what waits, objections."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from aidcases.workdays import NotAnnounced, Workdays
from subsidies.casework import public
from subsidies.models import Objection, PublicNotice
from subsidies.models.notices import NoticeState

SHOWN = 5


def clock(notice: PublicNotice, today: date, calendar: Workdays) -> str:
    """How long a running notice still runs, in working days where the calendar knows them."""
    if notice.state != NoticeState.PUBLISHED:
        return ""
    last = public.last_day(notice.ends_at)
    if last < today:
        return "已经期满"
    if last == today:
        return "今天 24 时期满"
    try:
        return f"还剩 {calendar.between(today, last)} 个工作日，到 {last:%Y-%m-%d}"
    except NotAnnounced:
        return f"还剩 {(last - today).days} 天，到 {last:%Y-%m-%d}"


def notice_card(request: HttpRequest) -> dict[str, Any] | None:
    """None where the office never had a notice or an objection."""
    today = timezone.localdate()
    counts = PublicNotice.objects.aggregate(
        waiting=Count("pk", filter=Q(state=NoticeState.PREVIEWED)),
        over=Count("pk", filter=Q(state=NoticeState.OVER)),
        total=Count("pk"),
    )
    if not counts.pop("total"):
        return None
    open_ones = Objection.objects.holding().aggregate(
        objections=Count("pk"), overdue=Count("pk", filter=Q(due_on__lt=today))
    )
    running = (
        PublicNotice.objects.running().filter(ends_at__gt=timezone.now()).order_by("ends_at").defer("page")[:SHOWN]
    )
    calendar = Workdays.read()
    listed = [{"pk": n.pk, "title": n.title, "clock": clock(n, today, calendar)} for n in running]
    return {"running": listed, **counts, **open_ones}
