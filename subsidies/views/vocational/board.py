"""任务和进度: what a year's 两后生 have come to, institution by institution; the plan that is handed down."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import command, page
from subsidies.giving.forms import attempt
from subsidies.models import TrainingPlan
from subsidies.models.vocational import PlanState, Schooling, TraineeState
from subsidies.views.vocational.common import tabs, year_of, years
from subsidies.vocational import board, following, leavers, planning
from subsidies.vocational.forms import PlaceForm, PlanForm


@page(can=P.VOCATIONAL_VIEW)
def vocational_board(request: HttpRequest) -> HttpResponse:
    year = year_of(request)
    lines, states = board.by_institution(year), leavers.by_state(year)
    calls = following.totals(timezone.localdate())
    plan = planning.own(year) if request.actor.may(P.VOCATIONAL_SET) else None
    context = {
        **years(request, year, "vocational_board"),
        "tabs": tabs(request, year),
        "stats": _stats(year, states),
        "kinds": Schooling.choices,
        "rows": [_row(line, year) for line in lines],
        "whole": _row(board.total(lines), year),
        "chart": _chart(lines, year),
        "late": sum(row["late"] for row in calls),
        "waiting": sum(row["all"] - row["done"] for row in calls),
        "plan": plan,
        "gaps": _gaps(plan),
    }
    return render(request, "subsidies/vocational/board.html", context)


def _list(year: int, **where: str) -> str:
    told = "".join(f"&{name}={value}" for name, value in where.items() if value)
    return f"{reverse('trainee_list')}?year={year}{told}"


def _stats(year: int, states: dict[str, int]) -> list[dict[str, Any]]:
    """How many are where; all together first."""
    everybody = sum(n for state, n in states.items() if state != TraineeState.STRUCK)
    tones = {TraineeState.TO_CONTACT: "bad", TraineeState.NEITHER: "warn"}
    return [
        {"label": "两后生", "number": everybody, "url": _list(year), "tone": ""},
        *(
            {"label": s.label, "number": n, "url": _list(year, state=s.value), "tone": tones.get(s, "") if n else ""}
            for s, n in ((s, states.get(s.value, 0)) for s in TraineeState)
            if s != TraineeState.STRUCK
        ),
    ]


def _row(line: board.Line, year: int) -> dict[str, Any]:
    """An institution's cells: for each kind the plan, then figures with the address of their people."""
    code = line.school.code if line.school else ""
    return {
        "name": line.school.name if line.school else "合计",
        "kinds": [
            {
                "planned": line.planned[kind],
                "rate": line.rate(kind),
                "cells": [
                    {"n": n, "url": _list(year, kind=kind, reached=name, school=code)}
                    for name, n in line.counts[kind].items()
                ],
            }
            for kind in Schooling.values
        ],
    }


def _chart(lines: list[board.Line], year: int) -> dict[str, Any] | None:
    if not lines:
        return None
    return {
        "kind": "bar", "title": f"{year} 年度各院校任务完成情况", "unit": "人", "head": "院校",
        "columns": ["计划", "已入学（参训）", "已结业"],
        "rows": [
            {
                "label": line.school.name if line.school else "",
                "url": _list(year, school=line.school.code if line.school else "", reached="enrolled"),
                "values": [
                    sum(line.planned.values()), *(sum(each[name] for each in line.counts.values()) for name in board.COUNTED[:2])
                ],
            }
            for line in lines
        ],
    }  # fmt: skip


def _gaps(plan: TrainingPlan | None) -> list[str]:
    """Where the places of an own plan do not make it up."""
    if plan is None:
        return []
    pairs = {
        "学历教育": (plan.placed_degree, plan.degree), "职业培训": (plan.placed_training, plan.training),
    }  # fmt: skip
    return [
        f"{label}：各院校合计 {placed:,} 人，年度计划 {planned:,} 人，相差 {abs(placed - planned):,} 人。"
        for label, (placed, planned) in pairs.items()
        if placed != planned
    ]


# --- the plan ------------------------------------------------------------------------------------------------------


@page(can=P.VOCATIONAL_SET)
def trainingplan_edit(request: HttpRequest) -> HttpResponse:
    return _plan(request, None, None)


def _plan(request: HttpRequest, form: PlanForm | None, place: PlaceForm | None) -> HttpResponse:
    year = year_of(request)
    plan = planning.own(year)
    names = ("degree", "training", "document")
    initial = {name: getattr(plan, name) for name in names} if plan else None
    context = {
        **years(request, year, "trainingplan_edit"),
        "tabs": tabs(request, year),
        "plan": plan,
        "places": plan.places.select_related("school") if plan else [],
        "gaps": _gaps(plan),
        "open": plan is None or plan.state == PlanState.DRAFT,
        "form": form or PlanForm(initial=initial),
        "place_form": place or PlaceForm(auto_id="place_%s"),
        "blocked": "；".join(plan.blockers("fix")) if plan and plan.state == PlanState.DRAFT else "",
    }
    return render(request, "subsidies/vocational/plan.html", context, status=422 if form or place else 200)


def _back(year: int) -> HttpResponse:
    return redirect(f"{reverse('trainingplan_edit')}?year={year}")


@command(can=P.VOCATIONAL_SET)
def trainingplan_save(request: HttpRequest) -> HttpResponse:
    year, form = year_of(request), PlanForm(request.POST)
    if attempt(form, lambda **said: planning.set_plan(year, by=request.actor, **said)) is None:
        return _plan(request, form, None)
    messages.success(request, "年度计划已保存，请把任务分到院校。")
    return _back(year)


@command(can=P.VOCATIONAL_SET)
def trainingplace_set(request: HttpRequest) -> HttpResponse:
    year = year_of(request)
    plan, form = planning.own(year), PlaceForm(request.POST, auto_id="place_%s")
    if plan is None:
        raise Refused("请先填写年度计划。")
    if not attempt(form, lambda **said: planning.set_place(plan, by=request.actor, **said) or True):
        return _plan(request, None, form)
    messages.success(request, "院校任务已保存。")
    return _back(year)


@command(can=P.VOCATIONAL_SET)
def trainingplan_move(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """fix or reopen."""
    plan = get_object_or_404(TrainingPlan, pk=pk)
    if code not in TrainingPlan.FLOW.moves:
        raise Refused("没有这一步。")
    planning.move(plan, code, by=request.actor, note=request.POST.get("note", ""))
    messages.success(request, f"已{TrainingPlan.FLOW[code].label}。")
    return _back(plan.year)
