"""在外就读: who of the own children studies elsewhere, what is recorded of one of them, one check for all of a filter."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Exists, Q, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone

from aidcases import files
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from students.filters import EXPIRED, searched
from students.models import Enrolment
from students.places import Places
from subsidies.giving.forms import attempt
from subsidies.models import Entitlement, StudyAway
from subsidies.plans import away
from subsidies.plans.filters import AwayFilter
from subsidies.plans.forms import AwayForm, CheckAllForm
from subsidies.views.giving.common import valid
from subsidies.views.plans.plans import tabs

LIGHT = ("phone", "student__roll_number", "student__person__id_number")


def _found(request: HttpRequest) -> AwayFilter:
    term, level = chosen_term(request), request.GET.get("level") or away.COUNTY
    rows = away.away(term, level if level in away.LENGTHS else away.COUNTY)
    return AwayFilter(request.GET, rows, request=request, term=term)


@page(can=P.HOUSEHOLD_VIEW)
def away_list(request: HttpRequest) -> HttpResponse:
    found = _found(request)
    rows = found.qs.for_list().select_related("school__region").defer(*LIGHT).annotate(twice=away.double(found.term))
    shown = paginate(rows.order_by("home_path", "school_path", "pk"), request)
    may_write = request.actor.may(P.PLAN_WRITE)
    context = {
        "found": found, "page": shown, "rows": _rows(list(shown), found.term), "term": found.term, "expired": EXPIRED,
        "tabs": tabs("away_list"), "may_write": may_write, "stats": _stats(found),
        "form": CheckAllForm(initial={"checked_on": timezone.localdate()}) if may_write else None,
    }  # fmt: skip
    return render(request, "subsidies/plans/away_list.html", context)


def _rows(rows: list[Enrolment], term: Term) -> list[dict[str, Any]]:
    """With what is recorded, what the home gives, and the places: three queries, however many lines."""
    students = [row.student_id for row in rows]
    known = {each.student_id: each for each in StudyAway.objects.filter(term=term.code, student__in=students)}
    given = away.granted_at_home(term).filter(student__in=students)
    sums = dict(given.values_list("student").annotate(Sum("amount")))
    places = Places(path for row in rows for path in (row.home_path, row.school.region.path))
    return [
        {
            "row": row, "person": row.student.person, "home": places.label(row.home_path), "yuan": sums.get(row.student_id),
            "there": places.label(row.school.region.path), "record": known.get(row.student_id),
            "double": away.DOUBLES.get(getattr(row, "twice", ""), ""),
        }
        for row in rows
    ]  # fmt: skip


def _stats(found: AwayFilter) -> list[dict[str, Any]]:
    """Of all who study as far away as chosen, what is still to be done: one query."""
    term, level = found.term, found.data.get("level", "")
    rows = away.away(term, level if level in away.LENGTHS else away.COUNTY).order_by()
    unchecked = ~Exists(away.recorded(term).exclude(how=""))
    told = rows.alias(twice=away.double(term)).aggregate(
        whole=Count("pk"), unchecked=Count("pk", filter=Q(unchecked)), double=Count("pk", filter=~Q(twice="")),
    )  # fmt: skip
    start = f"?term={term.code}&level={level}"
    return [
        {"label": "在外就读", "number": told["whole"], "url": start, "tone": ""},
        {"label": "还没有核实", "number": told["unchecked"], "url": f"{start}&checked=0", "tone": "zero"},
        {"label": "两地都有资助，请核对", "number": told["double"], "url": f"{start}&double=any", "tone": "zero"},
    ]


@command(can=P.HOUSEHOLD_VIEW)
def away_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "away_list", AwayFilter)


@command(can=P.PLAN_WRITE)
def away_check(request: HttpRequest) -> HttpResponse:
    """One check for all of the filter that nobody has checked."""
    found, told = _found(request), valid(CheckAllForm(request.POST))
    made, filled = away.check_all(found.qs, found.term, by=request.actor, today=timezone.localdate(), **told)
    if made + filled:
        messages.success(request, f"已登记核实 {made + filled:,} 名学生。已经核实过的没有改。")
    else:
        messages.info(request, "筛选出的都已经核实过。")
    return redirect(f"{resolve_url('away_list')}?{request.GET.urlencode()}")


# --- one child -------------------------------------------------------------------------------------------------------


def _enrolment(pk: int) -> Enrolment:
    """Of a child at home in sight who studies elsewhere."""
    term = get_object_or_404(Enrolment.objects.only("term"), pk=pk).term
    rows = away.anywhere(Term.parse(term)).for_list().select_related("school__region").defer(*LIGHT)
    return get_object_or_404(rows, pk=pk)


@page(can=P.PLAN_WRITE)
def away_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = _enrolment(pk)
    record = StudyAway.objects.filter(student=row.student_id, term=row.term).first()
    initial = {name: getattr(record, name) for name in away.COLUMNS} if record else {}
    return _edit(request, row, record, AwayForm(initial=initial | {"seen": away.shown(record)}))


def _edit(
    request: HttpRequest, row: Enrolment, record: StudyAway | None, form: AwayForm, status: int = 200
) -> HttpResponse:
    due = Entitlement.objects.filter(term=row.term, student=row.student_id).granted().select_related("benefit", "rule")
    places = Places([row.home_path, row.school.region.path])
    context = {
        "row": row, "person": row.student.person, "form": form, "record": record, "home": places.label(row.home_path),
        "there": places.label(row.school.region.path), "due": list(due.order_by("benefit__order")),
        "proof": files.files_of(record, away.PROOF).order_by("pk").last() if record else None,
    }  # fmt: skip
    return render(request, "subsidies/plans/away_edit.html", context, status=status)


@command(can=P.PLAN_WRITE)
def away_save(request: HttpRequest, pk: int) -> HttpResponse:
    row, form = _enrolment(pk), AwayForm(request.POST, request.FILES)

    def saved(*, seen: str, **said: Any) -> StudyAway:
        return away.save(row, by=request.actor, today=timezone.localdate(), mark=seen or None, **said)

    if attempt(form, saved) is None:
        record = StudyAway.objects.filter(student=row.student_id, term=row.term).first()
        return _edit(request, row, record, form, status=422)
    messages.success(request, "已保存。")
    return redirect(f"{resolve_url('away_list')}?term={row.term}")


@page(can=P.HOUSEHOLD_VIEW, reads=PERSONAL)
def away_proof(request: HttpRequest, pk: int) -> HttpResponse:
    """The newest paper of a record, in clear."""
    record = get_object_or_404(StudyAway, pk=pk)
    if (paper := files.files_of(record, away.PROOF).order_by("pk").last()) is None:
        raise Http404
    saw(request, "students.student", [record.student_id])
    return files.response(paper)
