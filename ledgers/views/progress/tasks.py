"""Tasks: the list, one with its months and steps, giving, changing, telling, the rows behind a figure."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.seen import mark
from aidcases.web import command, key_of, page, paginate
from ledgers.models import Talk, WorkLine, WorkMonth, WorkTask
from ledgers.models.progress import WORKING, WorkState
from ledgers.progress import figures, sources, spans, tasks
from ledgers.progress.filters import TaskFilter
from ledgers.progress.forms import ChangeForm, LineForm, MonthForm, TaskForm
from ledgers.views.progress.frame import COUNTY, office_name, refuse_errors, tabs, year_of
from students.places import codes_of
from subsidies.models import Benefit

S = WorkState
TONES = {S.GIVEN: "warn", S.UNDER_WAY: "info", S.REPORTED: "info", S.SELF_CHECKED: "info", S.RECHECKED: "info",
         S.RECTIFYING: "bad", S.CLOSED: "good", S.CANCELLED: ""}  # fmt: skip
YEARS = 5


def _year_tabs(year: int, today_year: int) -> list[dict[str, Any]]:
    return [
        {"label": f"{each} 年", "url": f"?year={each}", "active": each == year}
        for each in sorted({year, *range(today_year - YEARS + 2, today_year + 2)})
    ]


@page(can=P.PROGRESS_VIEW)
def worktask_list(request: HttpRequest) -> HttpResponse:
    """?year= and the filter; what is done so far is reckoned for the page alone."""
    today, year = timezone.localdate(), year_of(request)
    rows = WorkTask.objects.of_year(year).select_related("line", "office").order_by("due_on", "pk")
    found = TaskFilter(request.GET, rows, year=year, today=today)
    shown = paginate(found.qs, request)
    span = spans.current("month", today) if year == today.year else spans.parse(f"{year}-12")
    context = {
        "found": found,
        "page": shown,
        "rows": [(row, TONES[WorkState(row.task.state)]) for row in figures.of(shown, span, today, request.actor)],
        "span": span,
        "year": year,
        "years": _year_tabs(year, today.year),
        "narrowed": any(found.form.data.get(name) for name in found.filters),
        "tabs": tabs(request, "tasks"),
        "may_give": request.actor.may(P.PROGRESS_GIVE),
        "may_draw": request.actor.may(P.PROGRESS_CHECK) and len(codes_of(current_scope().path)) < COUNTY,
    }
    return render(request, "ledgers/progress/worktask_list.html", context)


# --- giving --------------------------------------------------------------------------------------------------------


@page(can=P.PROGRESS_GIVE)
def workline_list(request: HttpRequest) -> HttpResponse:
    year = year_of(request)
    context = {
        "lines": WorkLine.objects.filter(year=year).order_by("path", "pk"),
        "year": year,
        "years": _year_tabs(year, timezone.localdate().year),
        "form": LineForm(initial={"year": year}),
    }
    return render(request, "ledgers/progress/workline_list.html", context)


@command(can=P.PROGRESS_GIVE)
def workline_add(request: HttpRequest) -> HttpResponse:
    form = LineForm(request.POST)
    refuse_errors(form)
    made = tasks.name_line(**form.cleaned_data, by=request.actor)
    messages.success(request, f"已建工作线“{made.name}”，可以在它下面下达任务。")
    return redirect("worktask_new")


def _task_form(data: Any = None) -> TaskForm:
    own = WorkLine.objects.filter(path=current_scope().path).order_by("-year", "pk")
    return TaskForm(data, lines=own, offices=tasks.may_be_given())


@page(can=P.PROGRESS_GIVE)
def worktask_new(request: HttpRequest) -> HttpResponse:
    return render(request, "ledgers/progress/worktask_new.html", {"form": _task_form()})


@command(can=P.PROGRESS_GIVE)
def worktask_give(request: HttpRequest) -> HttpResponse:
    form, today = _task_form(request.POST), timezone.localdate()
    if form.is_valid():
        values = dict(form.cleaned_data)
        line, offices = values.pop("line"), values.pop("offices")
        try:
            made = tasks.give(
                line, offices, tasks.Said(**values), by=request.actor, given_name=office_name(request), today=today
            )
        except Refused as refused:
            for reason in refused.reasons:
                form.add_error(None, reason)
        else:
            messages.success(request, f"已下达 {made} 项任务。")
            return redirect(f"{redirect('worktask_list').url}?year={line.year}")
    return render(request, "ledgers/progress/worktask_new.html", {"form": form}, status=422)


# --- one task ------------------------------------------------------------------------------------------------------


def _task(pk: int) -> WorkTask:
    return get_object_or_404(WorkTask.objects.select_related("line", "office", "rectification"), pk=pk)


@page(can=P.PROGRESS_VIEW)
def worktask_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _task(pk))


def _detail(
    request: HttpRequest, task: WorkTask, form: ChangeForm | None = None, month: MonthForm | None = None
) -> HttpResponse:
    """With what was typed and could not be saved."""
    today = timezone.localdate()
    span = spans.current("year", today) if task.line.year == today.year else spans.parse(str(task.line.year))
    [figure] = figures.of([task], span, today)
    fields = tasks.may_change(task, request.actor)
    start = {name: getattr(task, name) for name in fields}
    problems = [form for form in (form, month) if form is not None]
    context = {
        "task": task, "figure": figure, "tone": TONES[WorkState(task.state)],
        "source": sources.SOURCES[task.source] if task.source else None,
        "benefit": Benefit.objects.get(code=task.benefit).name if task.benefit else "",
        "opens": bool(task.source) and request.actor.may(sources.SOURCES[task.source].can),
        "months": list(task.months.order_by("-month")),
        "form": form or (ChangeForm(initial=start, only=fields) if fields else None),
        "month": month or _month_form(task, request, today), "seen": mark(*tasks.told(task)),
        "steps": _steps(task, request), "talks": Talk.objects.filter(task=task),
        "may_talk": request.actor.may(P.PROGRESS_GIVE) and task.path != current_scope().path,
        "year_code": str(task.line.year), "edited": form is not None,
    }  # fmt: skip
    return render(request, "ledgers/progress/worktask_detail.html", context, status=422 if problems else 200)


def _months(task: WorkTask, today: Any) -> list[str]:
    return spans.between(task.first_month, min(spans.month_of(today), f"{task.line.year}-12"))


def _month_form(task: WorkTask, request: HttpRequest, today: Any) -> MonthForm | None:
    """For the owner; the first month that was not told yet is chosen (or ?month= with what was told of it)."""
    months = _months(task, today)
    mine = task.path == current_scope().path and task.state in WORKING and request.actor.may(P.PROGRESS_WRITE)
    if not mine or not months:
        return None
    known = {row.month: row for row in task.months.all()}
    wanted = request.GET.get("month", "")
    chosen = wanted if wanted in months else next((each for each in months if each not in known), months[-1])
    row = known.get(chosen)
    start = {"month": chosen} | (
        {name: getattr(row, name) for name in ("done", "problem", "remedy")} if row else {}
    )  # fmt: skip
    form = _empty_month(task, months, initial=start)
    form.seen = mark(*tasks.shown(row))
    return form


def _empty_month(task: WorkTask, months: list[str], *args: Any, **kwargs: Any) -> MonthForm:
    made = MonthForm(*args, months=months, unit=task.get_unit_display(), counted=bool(task.source), **kwargs)
    made.seen = ""
    return made


def _steps(task: WorkTask, request: HttpRequest) -> dict[str, str | None]:
    """Step → why it can't be made now ("" when it can); steps that are not for whoever acts are not there."""
    own, actor = current_scope().path, request.actor
    county = len(codes_of(own)) == COUNTY
    checks = actor.may(P.PROGRESS_CHECK) and (task.path != own or county)
    suits = {
        "start": task.path == own, "report": task.path == own, "self_check": county and checks,
        "recheck": not county and checks, "close": task.given_path == own, "cancel": task.given_path == own,
        "send_back": checks and not tasks.checked_above(task),
    }  # fmt: skip
    found = {}
    for move in WorkTask.FLOW.open_from(task.state):
        if suits[move.name] and actor.may(move.permission):
            found[move.name] = "；".join(task.blockers(move.name))
    return found


@command(can=P.PROGRESS_VIEW)
def worktask_change(request: HttpRequest, pk: int) -> HttpResponse:
    task = _task(pk)
    fields = tasks.may_change(task, request.actor)
    if not fields:
        raise Refused("任务已报完成或不归本单位，不能修改。")
    form = ChangeForm(request.POST, only=fields)
    if form.is_valid():
        try:
            tasks.change(task, form.cleaned_data, by=request.actor, seen=request.POST.get("seen", ""))
        except Refused as refused:
            for reason in refused.reasons:
                form.add_error(None, reason)
        else:
            messages.success(request, "已保存。")
            return redirect("worktask_detail", pk)
    return _detail(request, _task(pk), form=form)


@command(can=P.PROGRESS_WRITE)
def workmonth_tell(request: HttpRequest, pk: int) -> HttpResponse:
    task, today = _task(pk), timezone.localdate()
    form = _empty_month(task, _months(task, today), request.POST)
    if form.is_valid():
        said = {"done": None, **form.cleaned_data}
        try:
            tasks.tell(task, **said, by=request.actor, today=today, seen=request.POST.get("seen", ""))
        except Refused as refused:
            for reason in refused.reasons:
                form.add_error(None, reason)
        else:
            messages.success(request, f"已填报 {said['month']} 的进度。")
            return redirect("worktask_detail", pk)
    row = WorkMonth.objects.filter(task=task, month=request.POST.get("month", "")).first()
    form.seen = mark(*tasks.shown(row))
    return _detail(request, _task(pk), month=form)


# --- rows behind a figure ------------------------------------------------------------------------------------------


@page(can=P.PROGRESS_VIEW)
def work_rows(request: HttpRequest) -> HttpResponse:
    """?task=&span=2026-11&from=year: who stands behind a figure the system counts; of a typed one the months."""
    task = _task(key_of(request.GET.get("task", "")))
    try:
        span = spans.parse(request.GET.get("span", str(task.line.year)))
    except ValueError:
        raise Http404 from None
    whole = request.GET.get("from") == "year"
    first = spans.parse(str(span.year)).first if whole else span.first
    context: dict[str, Any] = {"task": task, "span": span, "first": first, "whole": whole}
    if not task.source:
        rows = task.months.filter(month__gte=spans.month_of(first), month__lte=span.months[-1]).order_by("month")
        return render(request, "ledgers/progress/work_rows.html", {**context, "months": list(rows), "page": None})
    source = sources.SOURCES[task.source]
    if not request.actor.may(source.can):
        raise Http404
    shown = paginate(sources.shown(source, source.of(task, first, span.last)), request)
    [(now, so_far)] = sources.counted([task], span).values() or [(0, 0)]
    context |= {"page": shown, "source": source, "number": so_far if whole else now, "months": None}
    return render(request, "ledgers/progress/work_rows.html", context)
