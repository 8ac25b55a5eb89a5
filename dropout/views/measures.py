"""Measures on a case and all of a kind, as for 童工专项查处."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.web import PERSONAL, command, page, paginate, saw
from dropout import measures
from dropout.enums import MeasureKind
from dropout.filters import MeasureFilter
from dropout.forms import MeasureForm
from dropout.models import DropoutCase, Measure
from dropout.views.cases import case_in_sight
from students.filters import narrowed


def measures_part(case: DropoutCase, actor: Actor) -> dict[str, Any]:
    return {"measures": list(Measure.objects.filter(case=case)), "may_write": actor.may(P.DROPOUT_WRITE)}


@page(can=P.DROPOUT_VIEW)
def measure_list(request: HttpRequest) -> HttpResponse:
    """?kind=labour is the list of checks for child labour."""
    rows = measures.listed()
    found = MeasureFilter(request.GET, rows)
    counts, kind = measures.counts(rows), request.GET.get("kind", "")
    shown = paginate(found.qs.order_by("-done_on", "-pk"), request)
    tabs = [{"label": "全部", "url": "?", "active": not kind, "count": sum(counts.values())}] + [
        {"label": label, "url": f"?kind={code}", "active": code == kind, "count": counts.get(code, 0)}
        for code, label in MeasureKind.choices
    ]
    context = {
        "page": shown,
        "rows": list(shown),
        "found": found,
        "tabs": tabs,
        "labour": kind == MeasureKind.LABOUR,
        "narrowed": narrowed(found),
    }
    return render(request, "dropout/measure_list.html", context)


@page(can=P.DROPOUT_WRITE, reads=PERSONAL)
def measure_new(request: HttpRequest, pk: int) -> HttpResponse:
    case = case_in_sight(pk)
    saw(request, "dropout.dropoutcase", [pk])
    form = MeasureForm(
        initial={
            "done_on": timezone.localdate(),
            "done_by": request.actor.name,
            "kind": request.GET.get("kind", "learning"),
        }
    )
    return render(request, "dropout/measure_new.html", {"case": case, "person": case.student.person, "form": form})


@command(can=P.DROPOUT_WRITE)
def measure_take(request: HttpRequest, pk: int) -> HttpResponse:
    case, form = case_in_sight(pk), MeasureForm(request.POST)
    labour = form.is_valid() and form.cleaned_data["kind"] == MeasureKind.LABOUR
    if labour and not form.cleaned_data["workplace"]:
        form.add_error("workplace", "童工专项查处要写明用工单位。")
    if form.is_valid():
        try:
            made = measures.take(
                DropoutCase.objects.get(pk=pk), **form.cleaned_data, by=request.actor, today=timezone.localdate()
            )
        except Refused as refused:
            form.add_error(None, refused.reasons)
    if not form.is_valid():
        context = {"case": case, "person": case.student.person, "form": form}
        return render(request, "dropout/measure_new.html", context, status=422)
    messages.success(request, f"已登记{made.get_kind_display()}。")
    return redirect("case_detail", pk)
