"""Home cards: what has to be handed up and who has not; which county has last issued which ledger of the term."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from aidcases.models import Region
from aidcases.roles import OfficeKind
from aidcases.web import chosen_term
from ledgers.definitions import LEDGERS
from ledgers.models import LedgerIssue
from ledgers.schedules import BELOW
from ledgers.submitting import below, board
from ledgers.submitting import own as own_dues
from ledgers.views.submissions import told

SOON = 14  # days ahead the card looks
LINES = 5


def dues(request: HttpRequest) -> dict[str, Any] | None:
    """What the own office has to hand up soon or is late with, and which offices below have not; None when nothing."""
    kind, today = request.membership.organisation.kind, timezone.localdate()
    own = own_dues().open().filter(due_on__lte=today + timedelta(days=SOON)).with_last().order_by("due_on", "pk")
    mine = [told(due) for due in own[:LINES]]
    red = [line for line in board(today).lines if line.missing] if kind in BELOW else []
    late = below().late(today).count() if kind in BELOW else 0
    return {"mine": mine, "red": red, "late": late, "has_below": kind in BELOW} if mine or kind in BELOW else None


def counties(request: HttpRequest) -> dict[str, Any] | None:
    """Counties × ledgers, those that have issued nothing included; None for an office that is no city."""
    office = request.membership.organisation
    if office.kind != OfficeKind.CITY:
        return None
    term = chosen_term(request)
    issues = LedgerIssue.objects.finished().filter(term=term.code).order_by("path", "ledger", "-pk")
    last = {(issue.path, issue.ledger): issue for issue in issues.distinct("path", "ledger")}
    regions = Region.objects.under(office.path).filter(level="county").order_by("code")
    rows = [
        {
            "name": region.name,
            "issues": [(ledger.title, last.get((region.path, ledger.code))) for ledger in LEDGERS.values()],
        }
        for region in regions
    ]
    return {
        "term": term,
        "ledgers": list(LEDGERS.values()),
        "rows": rows,
        "silent": sum(not any(issue for _, issue in row["issues"]) for row in rows),
    }
