"""Why a student is due something in a term, and why not the rest: the conditions that select, for one student."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import PERSONAL, chosen_term, page, saw
from students.models import Enrolment, Student
from subsidies import clauses
from subsidies.enums import MAY_CLAIM
from subsidies.explain import Explained, explain
from subsidies.models import ClauseText, Entitlement


@page(can=P.ENTITLEMENT_VIEW, reads=PERSONAL)
def student_why(request: HttpRequest, pk: int) -> HttpResponse:
    term = chosen_term(request)
    enrolment = Enrolment.objects.in_term(term).filter(student=pk).select_related("student__person", "school").first()
    # In sight now, or through the enrolment of this term: a former school keeps its own terms.
    student = enrolment.student if enrolment else Student.objects.select_related("person").filter(pk=pk).first()
    if student is None:
        raise Http404
    saw(request, "students.student", [student.pk])
    explained = explain(student, term) if enrolment else []
    context = {"student": student, "person": student.person, "enrolment": enrolment, "term": term}
    context["originals"] = _originals(explained)
    return render(request, "subsidies/student_why.html", context | _sorted(explained) | _kept(student, term, explained))


def _sorted(explained: list[Explained]) -> dict[str, Any]:
    """Granted first, money before goods; then what the child misses in its own stage; other stages' rules last."""
    granted = sorted((one for one in explained if one.granted), key=lambda one: -(one.amount or 0))
    refused = [one for one in explained if not one.granted]
    return {
        "due": [one for one in granted if one.rule.delivery not in MAY_CLAIM],
        "loans": [one for one in granted if one.rule.delivery in MAY_CLAIM],
        "near": [one for one in refused if not _other_stage(one)],
        "far": [one for one in refused if _other_stage(one)],
        "total": sum((one.amount or Decimal(0) for one in granted if one.rule.delivery not in MAY_CLAIM), Decimal(0)),
        "titles": {one.rule.code: one.rule.title for one in explained},
    }


def _originals(explained: list[Explained]) -> dict[str, list[ClauseText]]:
    """Rule code → the full text of its clause, the nearest office's first."""
    known = clauses.newest({one.rule.pack.code for one in explained})
    return {one.rule.code: clauses.shown(known[one.rule.pack.code, one.rule.clause]) for one in explained}


def _other_stage(one: Explained) -> bool:
    return any(seen.code == "stage" and not seen.holds for seen in one.conditions)


def _kept(student: Student, term: Term, explained: list[Explained]) -> dict[str, Any]:
    """Whether the entitlements on record still say what today's facts say."""
    kept = set(Entitlement.objects.in_term(term).filter(student=student).values_list("rule_id", "amount"))
    now = {(one.rule.pk, one.amount) for one in explained if one.granted}
    return {"outdated": kept != now, "never_computed": not kept}
