"""Who is due what in a term, who of the priority categories gets nothing, and what keeps an amount from being told."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from aidcases.models import School
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, page, paginate
from students.facts import categories_in
from students.filters import EXPIRED, searched
from students.models import Enrolment
from subsidies import board
from subsidies.amounts import FIGURES
from subsidies.enums import Delivery
from subsidies.filters import CoverageFilter, EntitlementFilter
from subsidies.models import Entitlement, MissingFigure


def _found(request: HttpRequest, term: Term) -> EntitlementFilter:
    return EntitlementFilter(request.GET, Entitlement.objects.in_term(term), request=request, term=term)


@page(can=P.ENTITLEMENT_VIEW)
def entitlement_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    found = _found(request, term)
    # Sorting and cutting happen on the keys alone; names and rules are joined to one page of them.
    shown = paginate(found.qs.order_by("student_id", "benefit_id").values_list("pk", flat=True), request)
    tabs = [_tab(request, "delivery", code, label) for code, label in [("", "全部"), *Delivery.choices]]
    context = {"found": found, "page": shown, "rows": _lines(list(shown)), "tabs": tabs, "term": term}
    run = found.form.cleaned_data.get("run") if found.form.is_valid() else None
    return render(request, "subsidies/entitlement_list.html", {**context, "run": run, "expired": EXPIRED})


def _tab(request: HttpRequest, name: str, code: str, label: str, count: int | None = None) -> dict[str, Any]:
    """A tab that sets one filter and keeps the others."""
    params = request.GET.copy()
    active = params.get(name, "") == code
    params.pop("page", None)
    params.pop(name, None)
    if code:
        params[name] = code
    return {"label": label, "url": f"?{params.urlencode()}", "active": active, "count": count}


def _lines(keys: list[tuple]) -> list[dict[str, Any]]:
    if not keys:
        return []
    rows = Entitlement.objects.filter(pk__in=keys).select_related("student__person", "school", "benefit", "rule")
    lines = list(rows.defer("student__roll_number", "student__person__id_number").order_by("student_id", "benefit_id"))
    studies = Enrolment.objects.filter(term=lines[0].term, student__in={line.student_id for line in lines})
    grades = {enrolment.student_id: enrolment.grade_label for enrolment in studies.defer("phone")}
    return [{"line": line, "grade": grades.get(line.student_id, "")} for line in lines]


@page(can=P.ENTITLEMENT_VIEW)
def entitlement_totals(request: HttpRequest) -> HttpResponse:
    """The totals of the list's filter, fetched after the list: they count every row, the list only fifty."""
    total = board.totals(_found(request, chosen_term(request)).qs)
    return render(request, "subsidies/entitlement_list.html#totals", {"total": total})


@command(can=P.ENTITLEMENT_VIEW)
def entitlement_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "entitlement_list", EntitlementFilter)


@page(can=P.ENTITLEMENT_VIEW)
def coverage_list(request: HttpRequest) -> HttpResponse:
    """Children with a hardship category, by what they get."""
    term = chosen_term(request)
    found = CoverageFilter(request.GET, board.priority(term), request=request, term=term)
    order = ("school_path", "stage", "grade", "class_name", "pk")
    shown = paginate(found.qs.order_by(*order).values_list("pk", flat=True), request)
    counts = board.coverage(term)
    kinds = [("", "全部", sum(counts.values()))] + [(c, label, counts[c]) for c, label in board.COVERED.items()]
    tabs = [_tab(request, "covered", *kind) for kind in kinds]
    context = {"found": found, "page": shown, "rows": _children(list(shown), term), "tabs": tabs, "term": term}
    return render(request, "subsidies/coverage_list.html", {**context, "expired": EXPIRED})


def _children(keys: list[int], term: Term) -> list[dict[str, Any]]:
    rows = Enrolment.objects.for_list().defer("phone", "student__roll_number", "student__person__id_number")
    found = rows.in_bulk(keys)
    enrolments = [found[key] for key in keys if key in found]
    students = [each.student_id for each in enrolments]
    held = categories_in(term, students, [each.student_id for each in enrolments if each.orphan])
    covered = dict(board.standing(term).filter(student_id__in=students).values_list("student_id", "covered"))
    return [
        {
            "enrolment": each,
            "categories": held[each.student_id],
            "covered": board.COVERED[covered.get(each.student_id, "none")],
            "bare": each.student_id not in covered,
        }
        for each in enrolments
    ]


@command(can=P.ENTITLEMENT_VIEW)
def coverage_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "coverage_list", CoverageFilter)


@page(can=P.ENTITLEMENT_VIEW)
def missing_list(request: HttpRequest) -> HttpResponse:
    """Figures nobody has set yet, by school: until then these children have no amount."""
    term = chosen_term(request)
    rows = list(
        MissingFigure.objects.filter(term=term.code)
        .order_by("school_path", "rule__order")
        .values("school_path", "figure", "rule__code", "rule__title")
        .annotate(students=Count("student_id"))
    )
    schools = {school.path: school for school in School.objects.filter(path__in={row["school_path"] for row in rows})}
    lines = [
        {
            "school": schools[row["school_path"]],
            "url": reverse("school_detail", args=[schools[row["school_path"]].code]),
            "figure": FIGURES[row["figure"]],
            "by_region": row["figure"] != "annual_fee",
            "code": row["rule__code"],
            "title": row["rule__title"],
            "students": row["students"],
        }
        for row in rows
    ]
    return render(request, "subsidies/missing_list.html", {"lines": lines, "term": term})
