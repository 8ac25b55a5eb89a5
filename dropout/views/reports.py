"""常态化报告: what is due, one report with its figures and text, who below has and has not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.seen import mark
from aidcases.web import command, page, paginate
from dropout import periods, reporting
from dropout.enums import ReportState, Rhythm
from dropout.models import Report

R = ReportState
TONES = {R.DUE: "warn", R.SUBMITTED: "info", R.RETURNED: "bad", R.ACCEPTED: "good"}
TABS = (("own", "本单位"), ("below", "下级单位"), ("late", "逾期未报"))


def _rows(which: str) -> QuerySet[Report]:
    rows = Report.objects.select_related("office")
    mine = Q(path=current_scope().path)
    if which == "own":
        return rows.filter(mine).order_by("-due_on", "pk")
    rows = rows.exclude(mine)
    if which == "late":
        return rows.filter(state__in=(R.DUE, R.RETURNED), due_on__lt=timezone.localdate()).order_by("due_on", "path")
    return rows.order_by("-due_on", "path")


def told(report: Report) -> dict[str, Any]:
    """A report with what a line of the list says of it."""
    late = report.state in (R.DUE, R.RETURNED) and report.due_on < timezone.localdate()
    period = periods.parse(report.rhythm, report.period)
    return {"report": report, "period": period, "late": late, "tone": TONES[ReportState(report.state)]}


@page(can=P.DROPOUT_VIEW)
def report_list(request: HttpRequest) -> HttpResponse:
    """?tab=own, below or late; ?rhythm=."""
    tabs = TABS if request.actor.may(P.DROPOUT_RECEIVE) else TABS[:1]
    wanted = request.GET.get("tab", "own")
    wanted = wanted if wanted in dict(tabs) else "own"
    rows = _rows(wanted)
    rhythm = request.GET.get("rhythm", "")
    if rhythm in Rhythm.values:
        rows = rows.filter(rhythm=rhythm)
    shown = paginate(rows.defer("figures", "text"), request)
    context = {
        "page": shown,
        "rows": [told(report) for report in shown],
        "wanted": wanted,
        "tabs": [{"label": label, "url": f"?tab={code}", "active": code == wanted} for code, label in tabs],
    }
    return render(request, "dropout/report_list.html", context)


def _report(pk: int) -> Report:
    return get_object_or_404(Report.objects.select_related("office"), pk=pk)


@page(can=P.DROPOUT_VIEW)
def report_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _report(pk))


def _detail(request: HttpRequest, found: Report, typed: str | None = None, problems: Sequence[str] = ()) -> HttpResponse:
    """As it stands, with what was typed and could not be saved."""
    ours = found.path == current_scope().path
    open_ = found.state in (R.DUE, R.RETURNED)
    below = reporting.statuses(reporting.period_children(found), timezone.localdate())
    context = {
        **told(found),
        "ours": ours,
        "table": (table := _table(found.figures)),
        "unclear": any(line[3] for line in table),
        "more": [(label, found.figures["total"][name]) for name, label in reporting.MORE.items()] if found.figures else [],
        "below": below,
        "counts": {"all": len(below), "late": sum(row["late"] for row in below)},
        "may_write": ours and open_ and request.actor.may(P.DROPOUT_REPORT),
        "may_receive": not ours and found.state == R.SUBMITTED and request.actor.may(P.DROPOUT_RECEIVE),
        "words": found.text if typed is None else typed,
        "seen": mark(found.text),
        "problems": problems,
    }
    return render(request, "dropout/report_detail.html", context, status=422 if problems else 200)


def _table(figures: dict[str, dict[str, int]]) -> list[tuple[str, int, int, int, int]]:
    """Lines: label, primary, junior, of no known stage, all of them."""
    if not figures:
        return []
    return [
        (label, figures["primary"][name], figures["junior"][name], reporting.unclear(figures, name), figures["total"][name])
        for name, label in reporting.FIGURES.items()
    ]


@command(can=P.DROPOUT_REPORT)
def report_fill(request: HttpRequest, pk: int) -> HttpResponse:
    reporting.fill(_report(pk), by=request.actor, today=timezone.localdate())
    messages.success(request, "数字已按现在的情况生成，请核对后上报。")
    return redirect("report_detail", pk)


@command(can=P.DROPOUT_REPORT)
def report_write(request: HttpRequest, pk: int) -> HttpResponse:
    found, words = _report(pk), request.POST.get("text", "")
    try:
        reporting.write(found, words=words, by=request.actor, seen=request.POST.get("seen"))
    except Refused as refused:
        return _detail(request, _report(pk), words, refused.reasons)
    messages.success(request, "情况说明已保存。")
    return redirect("report_detail", pk)


@command(can=P.DROPOUT_REPORT)
def report_submit(request: HttpRequest, pk: int) -> HttpResponse:
    reporting.submit(_report(pk), by=request.actor, today=timezone.localdate())
    messages.success(request, "已上报，数字不再变动。")
    return redirect("report_detail", pk)


@command(can=P.DROPOUT_RECEIVE)
def report_accept(request: HttpRequest, pk: int) -> HttpResponse:
    reporting.accept(_report(pk), by=request.actor)
    messages.success(request, "已接收。")
    return redirect("report_detail", pk)


@command(can=P.DROPOUT_RECEIVE)
def report_send_back(request: HttpRequest, pk: int) -> HttpResponse:
    reporting.send_back(_report(pk), note=request.POST.get("note", "").strip()[:200], by=request.actor)
    messages.success(request, "已退回，填报单位会看到原因。")
    return redirect("report_detail", pk)
