"""毕业生三年跟踪: whom to call and who is late, what each summer's graduates have come to, one call."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import chosen_term, command, page, paginate
from students.filters import EXPIRED, searched
from students.models import Student
from subsidies.giving.forms import attempt
from subsidies.models import FollowUp, Trainee
from subsidies.models.vocational import CallState, Outcome
from subsidies.views.vocational.common import LIGHT, TONES, homes, tabs
from subsidies.vocational import following
from subsidies.vocational.filters import FollowUpFilter
from subsidies.vocational.forms import CallForm


@page(can=P.VOCATIONAL_VIEW)
def followup_list(request: HttpRequest) -> HttpResponse:
    """Calls in sight, the earliest due first; ?year= one summer's graduates."""
    found = FollowUpFilter(request.GET, FollowUp.objects.all(), request=request)
    rows = found.qs.select_related("student__person", "school").defer(*LIGHT)
    shown = paginate(rows.order_by("due_on", "home_path", "pk"), request)
    where, today = homes(shown), timezone.localdate()
    wanted = request.GET.get("year", "")
    context = {
        "tabs": tabs(request, chosen_term(request).school_year),
        "found": found,
        "page": shown,
        "rows": [
            {
                "call": row, "home": where[row.pk], "tone": TONES[row.state],
                "late": row.state == CallState.DUE and row.due_on < today,
            }
            for row in shown
        ],
        "note": f"{wanted} 届毕业生" if wanted.isdecimal() else "",
        "narrowed": bool(set(request.GET) - {"page", "term"}),
        "expired": EXPIRED,
    }  # fmt: skip
    return render(request, "subsidies/vocational/followup_list.html", context)


@command(can=P.VOCATIONAL_VIEW)
def followup_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "followup_list", FollowUpFilter)


@page(can=P.VOCATIONAL_VIEW)
def followup_totals(request: HttpRequest) -> HttpResponse:
    rows = following.totals(timezone.localdate())
    context = {
        "tabs": tabs(request, chosen_term(request).school_year),
        "heads": [each.label for each in Outcome],
        "rows": [_line(row) for row in rows],
        "chart": _chart(rows) if any(row["done"] for row in rows) else None,
    }
    return render(request, "subsidies/vocational/followup_totals.html", context)


def _url(row: dict[str, Any], **where: str) -> str:
    told = "".join(f"&{name}={value}" for name, value in where.items())
    return f"{reverse('followup_list')}?year={row['year']}&number={row['number']}{told}"


def _line(row: dict[str, Any]) -> dict[str, Any]:
    cells = [
        {"n": row["all"], "url": _url(row)},
        {"n": row["done"], "url": _url(row, state=CallState.DONE.value)},
        {"n": row["late"], "url": _url(row, standing="late"), "bad": bool(row["late"])},
        *({"n": row[each.value], "url": _url(row, result=each.value)} for each in Outcome),
    ]
    return {"label": f"{row['year']} 届第 {row['number']} 年", "due_on": row["due_on"], "cells": cells, "rate": row["rate"]}


def _chart(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": "stacked", "title": "毕业生去向", "unit": "人", "head": "届别", "columns": [each.label for each in Outcome],
        "rows": [
            {
                "label": f"{row['year']} 届第 {row['number']} 年", "url": _url(row),
                "values": [row[each.value] for each in Outcome],
            }
            for row in reversed(rows)
        ],
    }  # fmt: skip


# --- one call ------------------------------------------------------------------------------------------------------


def _call(pk: int) -> FollowUp:
    return get_object_or_404(FollowUp.objects.select_related("student__person", "school").defer(*LIGHT), pk=pk)


@page(can=P.VOCATIONAL_VIEW)
def followup_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _shown(request, _call(pk), None)


def _shown(request: HttpRequest, call: FollowUp, form: CallForm | None) -> HttpResponse:
    writes, today = request.actor.may(P.VOCATIONAL_WRITE), timezone.localdate()
    last, status = following.before(call), 422 if form else 200
    if form is None and writes and call.state == CallState.DUE:
        names = ("result", "employer", "post", "wage", "place")
        source = call if call.result else last  # taken back, else as it was a year ago
        known = {name: getattr(source, name) for name in names} if source else {}
        form = CallForm(initial={"called_on": today, **known})
    context = {
        "call": call,
        "tone": TONES[call.state],
        "late": call.state == CallState.DUE and call.due_on < today,
        "tabs": tabs(request, call.year),
        "home": homes([call])[call.pk],
        "opens": Student.objects.filter(pk=call.student_id).exists(),
        "last": last,
        "form": form,
        "moves": [m.name for m in FollowUp.FLOW.open_from(call.state)] if writes else [],
    }
    return render(request, "subsidies/vocational/followup_detail.html", context, status=status)


@command(can=P.VOCATIONAL_WRITE)
def followup_record(request: HttpRequest, pk: int) -> HttpResponse:
    call, form, today = _call(pk), CallForm(request.POST), timezone.localdate()
    if attempt(form, lambda **told: following.record(call, by=request.actor, today=today, **told)) is None:
        return _shown(request, call, form)
    messages.success(request, "已登记回访。")
    return redirect("followup_detail", pk)


@command(can=P.VOCATIONAL_WRITE)
def followup_move(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """again, drop, restore."""
    call = _call(pk)
    if code not in FollowUp.FLOW.moves or code == "record":
        raise Refused("没有这一步。")
    following.move(call, code, by=request.actor, note=request.POST.get("note", ""))
    messages.success(request, f"已{FollowUp.FLOW[code].label}。")
    return redirect("followup_detail", pk)


# --- on the student's page -----------------------------------------------------------------------------------------


def panel(request: HttpRequest, student: Student) -> dict[str, Any] | None:
    """Years as 两后生 and calls after graduation; nothing for most."""
    lines = list(Trainee.objects.filter(student=student).select_related("school").defer("phone"))
    calls = list(FollowUp.objects.filter(student=student).order_by("year", "number"))
    if not (lines or calls):
        return None
    return {
        "lines": [{"trainee": line, "tone": TONES[line.state]} for line in lines],
        "calls": [{"call": call, "tone": TONES[call.state]} for call in calls],
    }
