"""Activity rooms of schools, and the tables of disabled and migrant children with figures that open into names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import chosen_term, command, page, paginate
from dropout import rooms
from dropout.careforms import RoomForm
from dropout.carelists import KINDS, disabled_by_school, migrants_by_school
from dropout.enums import CareKind
from dropout.forms import read_day
from dropout.models import ActivityRoom


@page(can=P.CARE_VIEW)
def room_list(request: HttpRequest) -> HttpResponse:
    """Open rooms; ?closed=1 those that were closed."""
    closed = request.GET.get("closed") == "1"
    rows = ActivityRoom.objects.filter(ended_on__isnull=not closed).select_related("school").order_by("path", "pk")
    return _rooms(request, paginate(rows, request), None, 200)


def _rooms(request: HttpRequest, shown: Any, form: RoomForm | None, status: int) -> HttpResponse:
    closed = request.GET.get("closed") == "1"
    schools = rooms.schools()
    if form is None and request.actor.may(P.CARE_WRITE) and schools.exists():
        only = schools[:2] if len(schools[:2]) == 1 else []
        form = RoomForm(schools=schools, initial={"from_on": timezone.localdate(), "school": only[0] if only else None})
    tabs = [("使用中", "", not closed), ("已停用", "1", closed)]
    context = {
        "page": shown, "rooms": list(shown), "form": form, "closed": closed, "today": timezone.localdate(),
        "tabs": [{"label": label, "url": f"?closed={code}", "active": active} for label, code, active in tabs],
        "typed": bool(form and form.errors),
    }  # fmt: skip
    return render(request, "dropout/care_rooms.html", context, status=status)


@command(can=P.CARE_WRITE)
def room_open(request: HttpRequest) -> HttpResponse:
    form = RoomForm(request.POST, schools=rooms.schools())
    if not form.is_valid():
        rows = ActivityRoom.objects.filter(ended_on=None).select_related("school").order_by("path", "pk")
        return _rooms(request, paginate(rows, request), form, 422)
    told = form.cleaned_data
    made = rooms.open_room(school=told.pop("school"), facts=told, by=request.actor, today=timezone.localdate())
    messages.success(request, f"已登记{made.school.name}的{made.name}。")
    return redirect("room_list")


@command(can=P.CARE_WRITE)
def room_close(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(ActivityRoom, pk=pk)
    day = read_day(request.POST.get("ended_on", ""), "停用日期")
    rooms.close_room(found, ended_on=day, by=request.actor, today=timezone.localdate())
    messages.success(request, "已停用，记录保留。")
    return redirect("room_list")


# --- tables --------------------------------------------------------------------------------------------------------


@page(can=P.CARE_VIEW)
def care_tables(request: HttpRequest) -> HttpResponse:
    """残疾儿童情况统计 and 随迁子女统计 of a term."""
    term = chosen_term(request)
    lines = disabled_by_school(term)
    schools, origins = migrants_by_school(term)
    context = {
        "term": term,
        "kinds": [*KINDS.values(), "合计"],
        "disabled": [_disabled(line, term) for line in lines],
        "schools": [_migrants(line, term) for line in schools],
        "origins": [{**line, "url": _names(term, CareKind.MIGRANT, origin=line["code"])} for line in origins],
    }
    return render(request, "dropout/care_tables.html", context)


def _names(term: Term, kind: CareKind, **filters: str) -> str:
    """The list of those whom a figure counts."""
    chosen = {name: value for name, value in filters.items() if value}
    return f"{reverse('care_list')}?{urlencode({'kind': kind.value, 'term': term.code, 'marked': '1', **chosen})}"


def _disabled(line: dict[str, Any], term: Term) -> dict[str, Any]:
    def cells(side: str, enrolled: str) -> list[dict[str, Any]]:
        where = {"school": line["school"], "place": line["place"], "enrolled": enrolled, "age": "1"}
        return [
            {"n": n, "url": _names(term, CareKind.DISABLED, **where, what="" if kind == "all" else kind)}
            for kind, n in line[side].items()
        ]

    everybody = _names(term, CareKind.DISABLED, school=line["school"], place=line["place"], age="1",
                       enrolled="1" if line["school"] else "0" if line["place"] else "")  # fmt: skip
    return {
        "label": line["label"], "total": {"n": line["total"], "url": everybody}, "enrolled": cells("enrolled", "1"),
        "out": cells("out", "0"), "rate": line["rate"],
    }  # fmt: skip


def _migrants(line: dict[str, Any], term: Term) -> dict[str, Any]:
    where = {"school": line["code"], "stage": line["stage"]}
    cells = [
        {"n": line[name], "url": _names(term, CareKind.MIGRANT, **where, origin=origin)}
        for name, origin in (("near", "in"), ("far", "out"), ("all", ""))
    ]
    return {"name": line["name"], "label": line["label"], "cells": cells}
