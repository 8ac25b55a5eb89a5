"""Writing on a household's plan: costs and helper, measures, its start, what it has brought."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.roles import P
from aidcases.web import command, page
from subsidies.giving.forms import attempt
from subsidies.models import HouseholdPlan, PlanChild, PlanMeasure
from subsidies.plans import families, making
from subsidies.plans.forms import CostForm, FinishForm, MeasureForm, PlanForm, ReviewForm
from subsidies.views.giving.common import valid
from subsidies.views.plans.plans import plan_of, shown, term_of

FIELDS = ("cause", "second_cause", "income_per_head", "owner", "owner_unit")


def _lines(plan: HouseholdPlan) -> list[PlanChild]:
    return list(families.lines(PlanChild.objects.filter(plan=plan), plan.year))


@page(can=P.PLAN_WRITE)
def plan_edit(request: HttpRequest, pk: int) -> HttpResponse:
    plan = plan_of(pk)
    lines = _lines(plan)
    initial = {name: getattr(plan, name) for name in FIELDS} | {"seen": making.shown(plan, lines)}
    return _edit(request, plan, PlanForm(initial=initial), [CostForm(line=line) for line in lines])


def _edit(
    request: HttpRequest, plan: HouseholdPlan, form: PlanForm, costs: list[CostForm], status: int = 200
) -> HttpResponse:
    told = [
        f"{each.line.student.person.name}：{each[name].label} {'；'.join(errors)}"
        for each in costs
        for name, errors in each.errors.items()
    ]
    context = {"plan": plan, "form": form, "costs": costs, "wrong": told, "term": term_of(request, plan)}
    return render(request, "subsidies/plans/plan_edit.html", context, status=status)


@command(can=P.PLAN_WRITE)
def plan_save(request: HttpRequest, pk: int) -> HttpResponse:
    plan = plan_of(pk)
    form, costs = PlanForm(request.POST), [CostForm(request.POST, line=line) for line in _lines(plan)]
    if not any(each.errors for each in costs):
        typed = {each.line.pk: each.cleaned_data for each in costs}
        if attempt(
            form, lambda seen, **said: making.save(plan, costs=typed, mark=seen or None, by=request.actor, **said)
        ):
            messages.success(request, "已保存。")
            return redirect("plan_detail", pk)
    form.is_valid()
    return _edit(request, plan, form, costs, status=422)


@command(can=P.PLAN_WRITE)
def plan_children(request: HttpRequest, pk: int) -> HttpResponse:
    plan = plan_of(pk)
    added = making.add_missing(plan, term_of(request, plan))
    messages.success(request, f"已补上 {added} 名学生，请填写费用。")
    return redirect("plan_detail", pk)


@command(can=P.PLAN_WRITE)
def planmeasure_add(request: HttpRequest, pk: int) -> HttpResponse:
    plan = plan_of(pk)
    form, today = MeasureForm(request.POST, lines=_lines(plan)), timezone.localdate()
    if attempt(form, lambda **said: making.add_measure(plan, by=request.actor, today=today, **said)) is None:
        return shown(request, plan, status=422, measure_form=form)
    messages.success(request, "已登记措施。")
    return redirect("plan_detail", pk)


def _measure(pk: int) -> PlanMeasure:
    """Of a plan in sight: a school sees measures of its children and writes none."""
    return get_object_or_404(
        PlanMeasure.objects.filter(plan__in=HouseholdPlan.objects.all()).select_related("plan"), pk=pk
    )


@command(can=P.PLAN_WRITE)
def planmeasure_finish(request: HttpRequest, pk: int) -> HttpResponse:
    measure, told = _measure(pk), valid(FinishForm(request.POST))
    making.finish(measure, by=request.actor, today=timezone.localdate(), **told)
    messages.success(request, "已登记办结。")
    return redirect("plan_detail", measure.plan_id)


@command(can=P.PLAN_WRITE)
def planmeasure_drop(request: HttpRequest, pk: int) -> HttpResponse:
    measure = _measure(pk)
    making.drop(measure)
    messages.success(request, "已删除这条措施。")
    return redirect("plan_detail", measure.plan_id)


@command(can=P.PLAN_WRITE)
def plan_begin(request: HttpRequest, pk: int) -> HttpResponse:
    plan_of(pk).move("start", by=request.actor)
    messages.success(request, "计划开始执行。措施到期没有办结，会提醒最近的单位。")
    return redirect("plan_detail", pk)


@command(can=P.PLAN_REVIEW)
def plan_review(request: HttpRequest, pk: int) -> HttpResponse:
    plan, form, today = plan_of(pk), ReviewForm(request.POST, auto_id="review_%s"), timezone.localdate()
    if attempt(form, lambda **said: making.review(plan, by=request.actor, today=today, **said)) is None:
        return shown(request, plan, status=422, review_form=form)
    messages.success(request, "已登记评估。")
    return redirect("plan_detail", pk)


@command(can=P.PLAN_REVIEW)
def plan_close(request: HttpRequest, pk: int) -> HttpResponse:
    return _moved(request, pk, "close", "帮扶计划已结束。")


@command(can=P.PLAN_REVIEW)
def plan_resume(request: HttpRequest, pk: int) -> HttpResponse:
    return _moved(request, pk, "resume", "计划继续执行，请补充措施。", note=request.POST.get("note", ""))


def _moved(request: HttpRequest, pk: int, name: str, told: str, **also: Any) -> HttpResponse:
    plan_of(pk).move(name, by=request.actor, **also)
    messages.success(request, told)
    return redirect("plan_detail", pk)
