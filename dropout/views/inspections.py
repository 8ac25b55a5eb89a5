"""随机抽查和整改: the seed and the draw, what was found of each child, tasks for those below."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.web import chosen_term, command, page, paginate
from dropout import drawing, rectifying
from dropout.enums import TaskState
from dropout.models import Inspection, InspectionLine, Rectification
from dropout.models.cases import own_children_only

TABS = (("open", "待整改"), ("done", "待核实"), ("closed", "已办结"))
TONES = {TaskState.OPEN: "warn", TaskState.DONE: "info", TaskState.CLOSED: "good"}
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class DrawForm(forms.Form):
    """What a draw needs."""

    seed = forms.CharField(label="种子", max_length=60, help_text="先公布，再抽取。例如当天公布的彩票号码，或会议上抽出的数字。")
    size = forms.IntegerField(label="每层抽取人数", min_value=1, max_value=drawing.MOST, initial=5)


class TaskForm(forms.Form):
    """A task for an office below."""

    office = forms.ModelChoiceField(label="承办单位", queryset=Organisation.objects.none())
    problem = forms.CharField(label="要整改的问题", max_length=200, widget=forms.Textarea(attrs={"rows": 3}))
    due_on = forms.DateField(label="整改期限", widget=DAY)


@page(can=P.DROPOUT_INSPECT)
def inspection_list(request: HttpRequest) -> HttpResponse:
    rows = Inspection.objects.annotate(
        drawn=Count("lines"),
        checked=Count("lines", filter=Q(lines__checked_on__isnull=False)),
        away=Count("lines", filter=Q(lines__in_school=False)),
    ).order_by("-pk")
    context = {
        "page": paginate(rows, request),
        "form": DrawForm(),
        "rule": drawing.RULE,
        "strata": drawing.strata(chosen_term(request)).values(),
        "term": chosen_term(request),
    }
    return render(request, "dropout/inspection_list.html", context)


@command(can=P.DROPOUT_INSPECT)
def inspection_draw(request: HttpRequest) -> HttpResponse:
    form, term = DrawForm(request.POST), chosen_term(request)
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    seed, size = form.cleaned_data["seed"].strip(), form.cleaned_data["size"]
    drawing.may_draw(seed, size, request.actor)
    job = jobs.enqueue(
        drawing.KIND, label=f"随机抽查 {term.label}", once=True, seed=seed, size=size, term=term.code,
        today=timezone.localdate().isoformat(),
    )  # fmt: skip
    return redirect("job_detail", job.pk)


@page(can=P.DROPOUT_INSPECT)
def inspection_detail(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(Inspection, pk=pk)
    given = Rectification.objects.filter(line=OuterRef("pk")).order_by().values("line").annotate(n=Count("pk")).values("n")
    lines = found.lines.select_related("student__person", "case").annotate(tasks=Coalesce(Subquery(given), 0))
    shown = paginate(lines.order_by("order"), request)
    for line in shown:
        line.layer = _layer(found, line)
    seen = found.lines.filter(checked_on__isnull=False)
    context = {
        "inspection": found,
        "page": shown,
        "rule": drawing.RULE,
        "checked": seen.count(),
        "away": seen.filter(in_school=False).count(),
        "drawn": sum(stratum["drawn"] for stratum in found.strata),
    }
    return render(request, "dropout/inspection_detail.html", context)


def _layer(inspection: Inspection, line: InspectionLine) -> str:
    """The stratum in words."""
    return next((each["label"] for each in inspection.strata if each["stratum"] == line.stratum), line.stratum)


def _line(pk: int) -> InspectionLine:
    return get_object_or_404(InspectionLine.objects.select_related("inspection", "student__person"), pk=pk)


@page(can=P.DROPOUT_INSPECT)
def inspection_line(request: HttpRequest, pk: int) -> HttpResponse:
    """What was found of one child; usable at the door."""
    found = _line(pk)
    return render(request, "dropout/inspection_line.html", _line_context(found, _task_form(found, None)))


def _task_form(line: InspectionLine, data: Any) -> TaskForm:
    form = TaskForm(data)
    offices = rectifying.offices_for(line)
    form.fields["office"].queryset = Organisation.objects.filter(pk__in=[office.pk for office in offices])  # type: ignore[attr-defined]
    return form


def _line_context(found: InspectionLine, form: TaskForm) -> dict[str, Any]:
    stored = {None: "", True: "yes", False: "no"}[found.in_school]
    tasks = Rectification.objects.filter(line=found).order_by("pk")
    return {
        "line": found, "form": form, "tasks": tasks, "in_school": stored, "found": found.found,
        "layer": _layer(found.inspection, found), "ours": found.inspection.path == current_scope().path,
    }  # fmt: skip


@command(can=P.DROPOUT_INSPECT)
def inspection_record(request: HttpRequest, pk: int) -> HttpResponse:
    found, seen, words = _line(pk), request.POST.get("in_school", ""), request.POST.get("found", "")
    try:
        if seen not in ("yes", "no"):
            raise Refused("请选择在校还是不在校。")
        rectifying.record(found, in_school=seen == "yes", found=words, by=request.actor, today=timezone.localdate())
    except Refused as refused:
        typed = {"in_school": seen, "found": words, "problems": refused.reasons}
        context = _line_context(_line(pk), _task_form(found, None)) | typed
        return render(request, "dropout/inspection_line.html", context, status=422)
    messages.success(request, "已登记抽查情况。")
    return redirect("inspection_detail", found.inspection_id)


@command(can=P.DROPOUT_INSPECT)
def rectification_give(request: HttpRequest, pk: int) -> HttpResponse:
    """To put right what was found of a drawn child."""
    found = _line(pk)
    form = _task_form(found, request.POST)
    if not form.is_valid():
        return render(request, "dropout/inspection_line.html", _line_context(found, form), status=422)
    given = request.membership.organisation.name if request.membership else request.actor.name
    made = rectifying.give(
        line=found, case=found.case, by=request.actor, given_name=given, today=timezone.localdate(), **form.cleaned_data
    )
    messages.success(request, f"已下达整改任务，期限 {made.due_on:%Y-%m-%d}。")
    return redirect("rectification_detail", made.pk)


@page(can=P.DROPOUT_VIEW)
def rectification_list(request: HttpRequest) -> HttpResponse:
    """Of the own office and those below it, what is overdue first."""
    wanted, today = request.GET.get("state", "open"), timezone.localdate()
    wanted = wanted if wanted in dict(TABS) else "open"
    shown = paginate(rectifying.ordered(Rectification.objects.filter(state=wanted), today), request)
    names = dict(Organisation.objects.filter(path__in={row.path for row in shown}).values_list("path", "name"))
    context = {
        "page": shown,
        "rows": [{"task": row, "late": row.state == "open" and row.due_on < today, "name": names.get(row.path, "")}
                 for row in shown],
        "tabs": [{"label": label, "url": f"?state={code}", "active": code == wanted} for code, label in TABS],
        "own_only": own_children_only(request.actor),
    }  # fmt: skip
    return render(request, "dropout/rectification_list.html", context)


def _task(pk: int) -> Rectification:
    return get_object_or_404(Rectification.objects.select_related("case", "line__inspection"), pk=pk)


@page(can=P.DROPOUT_VIEW)
def rectification_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _task_page(request, _task(pk))


def _task_page(request: HttpRequest, task: Rectification, refused: Refused | None = None) -> HttpResponse:
    """`refused`: why what the request holds was not taken; it stands in its form again."""
    today, own, typed = timezone.localdate(), current_scope().path, request.POST
    context = {
        "task": task,
        "late": task.state == TaskState.OPEN and task.due_on < today,
        "tone": TONES[TaskState(task.state)],
        "may_answer": task.path == own and task.state == TaskState.OPEN and request.actor.may(P.DROPOUT_WRITE),
        "may_check": task.given_path == own and task.state == TaskState.DONE and request.actor.may(P.DROPOUT_INSPECT),
        "in_sight": task.case_id is not None and type(task.case).objects.filter(pk=task.case_id).exists(),
        "typed": {"answer": typed.get("answer", task.answer), **{name: typed.get(name, "") for name in ("note", "due_on")}},
        "problems": refused.reasons if refused else (),
    }
    return render(request, "dropout/rectification_detail.html", context, status=422 if refused else 200)


@command(can=P.DROPOUT_WRITE)
def rectification_answer(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        rectifying.answer(_task(pk), text=request.POST.get("answer", ""), by=request.actor, today=timezone.localdate())
    except Refused as refused:
        return _task_page(request, _task(pk), refused)
    messages.success(request, "已报告整改情况，等下达单位核实。")
    return redirect("rectification_detail", pk)


@command(can=P.DROPOUT_INSPECT)
def rectification_accept(request: HttpRequest, pk: int) -> HttpResponse:
    rectifying.accept(_task(pk), by=request.actor)
    messages.success(request, "已核实，整改办结。")
    return redirect("rectification_detail", pk)


def _new_day(request: HttpRequest) -> date:
    day = forms.DateField(error_messages={"required": "请填写新的整改期限。"})
    try:
        return day.clean(request.POST.get("due_on", ""))
    except forms.ValidationError as wrong:
        raise Refused(*wrong.messages) from None


@command(can=P.DROPOUT_INSPECT)
def rectification_send_back(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        due_on, note = _new_day(request), request.POST.get("note", "").strip()[:200]
        rectifying.send_back(_task(pk), note=note, due_on=due_on, by=request.actor, today=timezone.localdate())
    except Refused as refused:
        return _task_page(request, _task(pk), refused)
    messages.success(request, "已退回重改。")
    return redirect("rectification_detail", pk)
