"""Visits at families and what they asked for: written down on a phone, followed to an answer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, current_scope
from aidcases.web import chosen_term, command, page, paginate
from dropout import asking, caring
from dropout.careforms import RequestForm, VisitForm
from dropout.enums import TaskState
from dropout.models import CareVisit, FamilyRequest
from students.models import Student

TABS = ((TaskState.OPEN, "待办理"), (TaskState.DONE, "已办理，待家庭认可"), (TaskState.CLOSED, "已办结"))
TONES = {TaskState.OPEN: "warn", TaskState.DONE: "info", TaskState.CLOSED: "good"}
_HEAVY = ("student__roll_number", "student__person__id_number")


def _child(pk: int) -> Student:
    found = get_object_or_404(Student.objects.select_related("person").defer("roll_number", "person__id_number"), pk=pk)
    scope, person = current_scope(), found.person
    if not (scope.covers(person.home_path, HOME) or scope.covers(person.school_path, SCHOOL)):
        raise Http404  # a former pupil
    return found


@page(can=P.CARE_VIEW)
def carevisit_list(request: HttpRequest) -> HttpResponse:
    """Visits of the term, the last first."""
    term = chosen_term(request)
    rows = caring.visited(term).select_related("student__person").defer(*_HEAVY).prefetch_related("requests")
    shown = paginate(rows, request)
    return render(request, "dropout/care_visits.html", {"page": shown, "visits": list(shown), "term": term})


@page(can=P.CARE_WRITE)
def carevisit_new(request: HttpRequest, pk: int) -> HttpResponse:
    form = VisitForm(initial={"visited_on": timezone.localdate(), "who": request.actor.name, "days": asking.DAYS})
    return render(request, "dropout/care_visit_new.html", {"child": _child(pk), "form": form})


@command(can=P.CARE_WRITE)
def carevisit_save(request: HttpRequest, pk: int) -> HttpResponse:
    child, form = _child(pk), VisitForm(request.POST)
    if not form.is_valid():
        return render(request, "dropout/care_visit_new.html", {"child": child, "form": form}, status=422)
    told = form.cleaned_data
    wanted = [caring.Wanted(told["request"], told["owner"], told["days"])] if told["request"].strip() else []
    said = {name: told[name] for name in ("visited_on", "who", "met", "text")}
    made = caring.visit(child, **said, by=request.actor, today=timezone.localdate(), wanted=wanted)
    messages.success(request, "已登记走访。")
    return redirect("carevisit_detail", made.pk)


@page(can=P.CARE_VIEW)
def carevisit_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(CareVisit.objects.select_related("student__person").defer(*_HEAVY), pk=pk)
    form = RequestForm(initial={"days": asking.DAYS}) if request.actor.may(P.CARE_WRITE) else None
    today = timezone.localdate()
    context = {"visit": found, "rows": [_row(row, today) for row in found.requests.all()], "form": form}
    return render(request, "dropout/care_visit.html", context)


@command(can=P.CARE_WRITE)
def carevisit_ask(request: HttpRequest, pk: int) -> HttpResponse:
    form, visit = RequestForm(request.POST), get_object_or_404(CareVisit, pk=pk)
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    told = form.cleaned_data
    made = asking.ask(
        visit,
        text=told["request"],
        owner=told["owner"],
        days=told["days"],
        by=request.actor,
        today=timezone.localdate(),
    )
    messages.success(request, f"已登记诉求，请在 {made.due_on:%Y-%m-%d} 前答复。")
    return redirect("carevisit_detail", pk)


# --- requests ------------------------------------------------------------------------------------------------------


def _row(row: FamilyRequest, today: Any) -> dict[str, Any]:
    late = row.state == TaskState.OPEN and row.due_on < today
    return {"request": row, "late": late, "days": (today - row.due_on).days, "tone": TONES[TaskState(row.state)]}


def _requests() -> Any:
    heavy = [f"visit__{name}" for name in _HEAVY]
    return FamilyRequest.objects.select_related("visit__student__person").defer(*heavy)


@page(can=P.CARE_VIEW)
def familyrequest_list(request: HttpRequest) -> HttpResponse:
    """What families in sight have asked for, overdue first."""
    today = timezone.localdate()
    wanted = next((state for state, _ in TABS if state == request.GET.get("state")), TaskState.OPEN)
    shown = paginate(asking.ordered(_requests().filter(state=wanted), today), request)
    context = {
        "page": shown,
        "rows": [_row(row, today) for row in shown],
        "tabs": [{"label": label, "url": f"?state={state.value}", "active": state == wanted} for state, label in TABS],
    }
    return render(request, "dropout/care_requests.html", context)


def _request(pk: int) -> FamilyRequest:
    return get_object_or_404(_requests(), pk=pk)


@page(can=P.CARE_VIEW)
def familyrequest_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = _request(pk)
    context = {**_row(found, timezone.localdate()), "found": found, "writes": request.actor.may(P.CARE_WRITE)}
    return render(request, "dropout/care_request.html", {**context, "default_days": asking.DAYS})


@command(can=P.CARE_WRITE)
def familyrequest_answer(request: HttpRequest, pk: int) -> HttpResponse:
    asking.answer(_request(pk), text=request.POST.get("answer", ""), by=request.actor, today=timezone.localdate())
    messages.success(request, "已登记办理结果。请告诉家庭，认可后办结。")
    return redirect("familyrequest_detail", pk)


@command(can=P.CARE_WRITE)
def familyrequest_accept(request: HttpRequest, pk: int) -> HttpResponse:
    asking.accept(_request(pk), by=request.actor)
    messages.success(request, "家庭认可，已办结。")
    return redirect("familyrequest_detail", pk)


@command(can=P.CARE_WRITE)
def familyrequest_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    note, today = request.POST.get("note", ""), timezone.localdate()
    held = asking.reopen(_request(pk), note=note, days=asking.DAYS, by=request.actor, today=today)
    messages.success(request, f"已继续办理，请在 {held.due_on:%Y-%m-%d} 前答复。")
    return redirect("familyrequest_detail", pk)
