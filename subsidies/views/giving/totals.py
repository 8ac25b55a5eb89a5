"""Figures of an area, and the child's panel: what they were given, who helps them, what they borrow."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from aidcases.roles import P
from aidcases.scoping import HOME, current_scope
from aidcases.web import chosen_term, page
from students.models import Student
from subsidies.giving import loans, pairings, totals
from subsidies.models import Gift, Loan, Pairing, PointsAccount, TopUpCase
from subsidies.views.giving.common import TONES, tabs


@page(can=P.GIVING_VIEW)
def giving_totals(request: HttpRequest) -> HttpResponse:
    lines = totals.by_county()
    context = {"rows": lines, "whole": totals.whole(lines), "tabs": tabs(request), "today": timezone.localdate()}
    return render(request, "subsidies/giving/totals.html", context)


def panel(request: HttpRequest, student: Student) -> dict[str, Any]:
    """On the student's page."""
    year = chosen_term(request).school_year
    held = list(Loan.objects.filter(student=student))
    home = current_scope().covers(student.person.home_path, HOME)
    may_write = request.actor.may(P.GIVING_WRITE)
    open_to = home and not any(loan.year == year for loan in held) and loans.may_claim(year).filter(student=student).exists()
    gifts = Gift.objects.filter(student=student).select_related("project__donor").defer("project__donor__phone")
    return {
        "student": student,
        "gifts": list(gifts[:20]),
        "pairings": list(pairings.with_visits(Pairing.objects.filter(student=student).select_related("end"))),
        "loans": [{"loan": loan, "tone": TONES.get(loan.state, "")} for loan in held],
        "topups": [
            {"case": case, "tone": TONES.get(case.state, "")}
            for case in TopUpCase.objects.filter(student=student).select_related("benefit")
        ],
        "points": PointsAccount.objects.filter(student=student).first(),
        "may_write": may_write,
        "may_claim": open_to,
    }
