"""Home cards: what has to be handed up and who has not; what each county has issued in the term."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, F
from django.http import HttpRequest
from django.utils import timezone

from aidcases.models import Region
from aidcases.roles import OfficeKind
from aidcases.web import chosen_term
from ledgers.definitions import LEDGERS
from ledgers.enums import SubmissionState
from ledgers.models import LedgerIssue
from ledgers.schedules import BELOW
from ledgers.submitting import below
from ledgers.submitting import own as own_dues
from ledgers.views.submissions import told

SOON = 14  # days ahead the card looks
LINES = 5


def dues(request: HttpRequest) -> dict[str, Any] | None:
    """What the own office has to hand up soon or is late with, and which offices below have not; None when nothing."""
    kind, today = request.membership.organisation.kind, timezone.localdate()
    own = own_dues().open().filter(due_on__lte=today + timedelta(days=SOON)).with_last().order_by("due_on", "pk")
    mine = [told(due) for due in own[:LINES]]
    has_below = kind in BELOW and below().exists()  # a county's schools hand up only what it asks of them
    red = _late(today) if has_below else []
    late = sum(line["late"] for line in red)
    told_of = {"mine": mine, "red": red[:LINES], "late": late, "more": len(red) - LINES, "has_below": has_below}
    waiting = below().with_last().filter(last_state=SubmissionState.SUBMITTED).count() if has_below else 0
    return {**told_of, "waiting": waiting} if mine or has_below else None


def _late(today: date) -> list[dict[str, Any]]:
    """Offices below and how many items each is late with (name, late, ledgers), the most first; one statement."""
    rows = below().late(today).order_by().values(name=F("office__name"))
    counted = rows.annotate(late=Count("pk"), codes=ArrayAgg("ledger", distinct=True)).order_by("-late", "name")
    return [{**row, "ledgers": [LEDGERS[code].title for code in row["codes"] if code in LEDGERS]} for row in counted]


def counties(request: HttpRequest) -> dict[str, Any] | None:
    """What each county has issued, those that have issued nothing included; None for an office that is no city."""
    office = request.membership.organisation
    if office.kind != OfficeKind.CITY:
        return None
    term = chosen_term(request)
    found = LedgerIssue.objects.finished().filter(term=term.code).order_by("path", "ledger", "-pk").distinct("path", "ledger")
    issued: dict[str, list[LedgerIssue]] = {}
    for issue in found:
        issued.setdefault(issue.path, []).append(issue)
    regions = Region.objects.under(office.path).filter(level="county").order_by("code")
    rows = [{"name": region.name, "issues": (mine := issued.get(region.path, [])), "last": _newest(mine)} for region in regions]
    return {"term": term, "all": len(LEDGERS), "rows": rows, "silent": sum(not row["issues"] for row in rows)}


def _newest(issues: list[LedgerIssue]) -> LedgerIssue | None:
    return max(issues, key=lambda issue: (issue.finished_at, issue.pk), default=None)
