"""The city's home card: which county has last issued which ledger of the term."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from aidcases.models import Region
from aidcases.roles import OfficeKind
from aidcases.web import chosen_term
from ledgers.definitions import LEDGERS
from ledgers.models import LedgerIssue


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
