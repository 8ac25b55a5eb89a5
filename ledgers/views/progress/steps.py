"""Steps of a task: begun, done, checked, checked again, closed, sent back; the draw for the city's second look."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import command, key_of
from ledgers.models import WorkTask
from ledgers.progress import tasks
from ledgers.views.progress.frame import office_name, year_of

DONE = {
    "start": "已开始推进。", "report": "已报告完成，等县级自查。", "close": "任务已办结。", "cancel": "任务已撤销，不再统计。",
    "self_check": "县级自查通过。", "recheck": "市级复查通过。",
}  # fmt: skip


def _task(pk: int) -> WorkTask:
    return get_object_or_404(WorkTask.objects.select_related("line", "office"), pk=pk)


@command(can=P.PROGRESS_VIEW)
def worktask_step(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """start, report, close, cancel (with a note)."""
    task, by, today = _task(pk), request.actor, timezone.localdate()
    if code == "start":
        tasks.start(task, by=by)
    elif code == "report":
        tasks.report(task, by=by, today=today)
    elif code == "close":
        tasks.close(task, by=by, today=today)
    elif code == "cancel":
        tasks.cancel(task, note=request.POST.get("note", ""), by=by)
    else:
        raise Http404
    messages.success(request, DONE[code])
    return redirect("worktask_detail", pk)


@command(can=P.PROGRESS_CHECK)
def worktask_check(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """self_check by the county, recheck by the city, with what was found (note)."""
    steps = {"self_check": tasks.self_check, "recheck": tasks.recheck}
    if code not in steps:
        raise Http404
    steps[code](_task(pk), found=request.POST.get("note", ""), by=request.actor, today=timezone.localdate())
    messages.success(request, DONE[code])
    return redirect("worktask_detail", pk)


@command(can=P.PROGRESS_CHECK)
def worktask_send_back(request: HttpRequest, pk: int) -> HttpResponse:
    day = forms.DateField(error_messages={"required": "请填写整改期限。"})
    try:
        due_on = day.clean(request.POST.get("due_on", ""))
    except forms.ValidationError as wrong:
        raise Refused(*wrong.messages) from None
    tasks.send_back(
        _task(pk), note=request.POST.get("note", ""), due_on=due_on, by=request.actor, given_name=office_name(request),
        today=timezone.localdate(),
    )  # fmt: skip
    messages.success(request, f"已退回，限 {due_on} 前整改。")
    return redirect("worktask_detail", pk)


@command(can=P.PROGRESS_CHECK)
def worktask_draw(request: HttpRequest) -> HttpResponse:
    size = request.POST.get("size", "")
    year = year_of(request)
    drawn = tasks.draw(
        year=year, seed=request.POST.get("seed", ""), size=key_of(size), by=request.actor
    )
    messages.success(request, f"抽中 {drawn} 项任务复查。" if drawn else "没有县级自查通过、待抽查的任务。")
    return redirect(f"{redirect('worktask_list').url}?year={year}&state=self_checked")
