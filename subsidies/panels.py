"""Parts of other pages: the aid board on the home page, entitlements on the student's page, rules in the search."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse

from aidcases.searching import Query
from aidcases.terms import Term, chronological
from aidcases.web import chosen_term
from students.finding import Hit
from students.models import Student
from subsidies import board
from subsidies.enums import MAY_CLAIM
from subsidies.models import Entitlement, Mark, Rule, RulePack


def aid_board(request: HttpRequest) -> dict[str, Any] | None:
    """Home card of a county or a school: what is due in the term, who gets nothing, what has to be computed."""
    if board.above_counties():
        return None
    term = chosen_term(request)
    counted, lines = board.counted(term), board.by_benefit(term)
    due, last = [line for line in lines if not line["loan"]], board.last_run_seen(request, term)
    # What stands while a newer run is under way was computed by one before it.
    computed = bool(last and last.finished_at) or bool(lines)
    return {
        "term": term,
        "counted": counted,
        "computed": computed,
        "due": due,
        "loans": [line for line in lines if line["loan"]],
        "times": sum(line["students"] for line in due),
        "money": sum((line["amount"] or Decimal(0) for line in due), Decimal(0)),
        "covered": _covered(term) if counted["students"] and computed else [],
        "last": last,
    }


def _covered(term: Term) -> list[dict[str, Any]]:
    return [
        {"code": code, "label": board.COVERED[code], "count": count} for code, count in board.coverage(term).items()
    ]


def county_board(request: HttpRequest) -> dict[str, Any] | None:
    """Home card of a city: its counties side by side, those without data included."""
    if not board.above_counties():
        return None
    term = chosen_term(request)
    total, counties = board.by_county(term)
    started = [county for county in counties if county.students]
    return {
        "term": term,
        "total": total,
        "counties": counties,
        "silent": [county for county in counties if not county.students],
        "uncomputed": [county for county in started if county.computed_at is None],
        "chart": _chart(started, term) if started else None,
        "last": board.last_run(term),
    }


def _chart(counties: list[board.County], term: Term) -> dict[str, Any]:
    address = reverse("entitlement_list")
    highest_first = sorted(counties, key=lambda county: -county.amount)
    return {
        "kind": "rows",
        "title": "各县区应助金额",
        "unit": "元",
        "head": "县区",
        "columns": ["应助金额"],
        "rows": [
            {"label": c.name, "url": f"{address}?term={term.code}&county={c.code}", "values": [c.amount]}
            for c in highest_first
        ],
    }


def student_panel(request: HttpRequest, student: Student) -> dict[str, Any]:
    """What the student is due: the chosen term in full, other terms as totals."""
    term = chosen_term(request)
    rows = Entitlement.objects.filter(student=student).select_related("benefit", "rule__pack")
    by_term: dict[str, list[Entitlement]] = {}
    for row in rows.order_by(*chronological(), "benefit__order"):
        by_term.setdefault(row.term, []).append(row)
    now = _sums(by_term.pop(term.code, []))
    return {
        "student": student,
        "term": term,
        "entitled": now,
        "earlier": [{"code": code, **_sums(lines)} for code, lines in by_term.items()],
        "waits": Mark.objects.filter(term=term.code, student_id=student.pk).exists(),
    }


def _sums(lines: list[Entitlement]) -> dict[str, Any]:
    due = [line for line in lines if line.rule.delivery not in MAY_CLAIM]
    return {
        "due": due,
        "loans": [line for line in lines if line.rule.delivery in MAY_CLAIM],
        "money": sum((line.amount or Decimal(0) for line in due), Decimal(0)),
    }


def rules_found(query: Query, limit: int) -> list[Hit]:
    """Rules by a word of their title, benefit or document, and by names people use for them (滋惠 for 滋蕙)."""
    if not query.text or query.text.isascii():
        return []
    text = query.text
    named = Q(title__contains=text) | Q(benefit__name__contains=text) | Q(pack__title__contains=text)
    found = Rule.objects.filter(named | Q(aliases__icontains=text), pack__in=RulePack.objects.newest().values("pk"))
    return [
        Hit(rule.title, f"{rule.benefit.name} · {rule.pack.title}", reverse("rule_detail", args=[rule.code]))
        for rule in found.select_related("benefit", "pack").order_by("pack__code", "order")[:limit]
    ]
