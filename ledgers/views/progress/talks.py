"""约谈: the list, one, and writing one down."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import current_scope
from aidcases.web import command, key_of, page, paginate
from ledgers.models import Talk, WorkTask
from ledgers.progress import talks, tasks
from ledgers.progress.forms import TalkForm
from ledgers.progress.goals import GOALS
from ledgers.views.progress.frame import office_name, tabs, year_of


@page(can=P.PROGRESS_VIEW)
def talk_list(request: HttpRequest) -> HttpResponse:
    year = year_of(request)
    rows = Talk.objects.filter(year=year).select_related("office", "task", "rectification").order_by("-held_on", "-pk")
    this = timezone.localdate().year
    context = {
        "page": paginate(rows, request),
        "year": year,
        "years": [{"label": f"{each} 年", "url": f"?year={each}", "active": each == year} for each in range(this - 3, this + 1)],
        "tabs": tabs(request, "talks"),
        "may_hold": request.actor.may(P.PROGRESS_GIVE),
    }
    return render(request, "ledgers/progress/talk_list.html", context)


@page(can=P.PROGRESS_VIEW)
def talk_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Talk.objects.select_related("office", "task", "rectification"), pk=pk)
    indicator = GOALS[found.indicator].label if found.indicator else ""
    return render(request, "ledgers/progress/talk_detail.html", {"talk": found, "indicator": indicator})


def _about(request: HttpRequest) -> tuple[WorkTask | None, str]:
    """?task= or ?indicator=: what the talk is about."""
    key, indicator = request.GET.get("task", ""), request.GET.get("indicator", "")
    task = WorkTask.objects.select_related("line", "office").filter(pk=key_of(key)).first()
    return task, indicator if indicator in GOALS else ""


def _form(task: WorkTask | None, indicator: str, data: Any = None, place: str = "") -> TalkForm:
    """place: the code of a county whose office is chosen."""
    offices: Any = tasks.may_be_given().exclude(path=current_scope().path)
    start: dict[str, Any] = {"held_on": timezone.localdate()}
    if task:
        offices = Organisation.objects.filter(pk=task.office_id)
        start |= {"office": task.office_id, "about": f"工作任务“{task.title}”进度滞后", "people": task.person}
    elif indicator:
        start |= {"about": f"{GOALS[indicator].label}没有达到目标"}
    if place and (office := offices.filter(region=place, kind=OfficeKind.COUNTY).first()):
        start["office"] = office.pk
    return TalkForm(data, offices=offices, initial=start)


@page(can=P.PROGRESS_GIVE)
def talk_new(request: HttpRequest) -> HttpResponse:
    task, indicator = _about(request)
    context = {"form": _form(task, indicator, place=request.GET.get("place", "")), "task": task, "query": request.GET.urlencode()}
    return render(request, "ledgers/progress/talk_new.html", context)


@command(can=P.PROGRESS_GIVE)
def talk_hold(request: HttpRequest) -> HttpResponse:
    task, indicator = _about(request)
    form, today = _form(task, indicator, request.POST), timezone.localdate()
    if form.is_valid():
        values = dict(form.cleaned_data)
        office = values.pop("office")
        year = task.line.year if task else values["held_on"].year
        try:
            made = talks.hold(
                office, talks.Said(**values), task=task, indicator=indicator, year=year, by=request.actor,
                given_name=office_name(request), today=today,
            )  # fmt: skip
        except Refused as refused:
            for reason in refused.reasons:
                form.add_error(None, reason)
        else:
            messages.success(request, "约谈已登记。")
            return redirect("talk_detail", made.pk)
    context = {"form": form, "task": task, "query": request.GET.urlencode()}
    return render(request, "ledgers/progress/talk_new.html", context, status=422)
