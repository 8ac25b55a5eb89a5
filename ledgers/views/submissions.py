"""Reporting upwards: what the own office has to hand up, one item with what was handed up for it, who below has and has
not, and what the offices below are asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import current_scope
from aidcases.seen import mark
from aidcases.web import command, key_of, page, paginate
from ledgers import schedules, submitting
from ledgers.definitions import LEDGERS
from ledgers.enums import STANDING, Counted, Rhythm, SubmissionState
from ledgers.models import Due, LedgerIssue, Submission
from ledgers.schedules import BELOW, RHYTHMS, Plan

S = SubmissionState
TONES = {S.SUBMITTED: "info", S.ACCEPTED: "good", S.RETURNED: "bad", S.REPLACED: ""}
TABS = (("open", "待上报"), ("done", "已上报"))
ALL = ("", "全部")
OFFICES: dict[OfficeKind | None, str] = {OfficeKind.COUNTY: "县区", OfficeKind.SCHOOL: "学校"}


def kind_below(request: HttpRequest) -> OfficeKind | None:
    """The kind of the offices that hand up to the one somebody works in."""
    return BELOW.get(OfficeKind(request.membership.organisation.kind))


def told(due: Due) -> dict[str, Any]:
    """An item `with_last()` with what a line says of it."""
    ledger = LEDGERS.get(due.ledger)
    return {
        "due": due,
        "title": ledger.title if ledger else due.ledger,
        "period": schedules.parse(due.rhythm, due.period).said,
        "status": submitting.status(due, timezone.localdate()),
    }


@page(can=P.LEDGER_VIEW)
def due_list(request: HttpRequest) -> HttpResponse:
    """?tab=open or done: what the own office has to hand up."""
    wanted = request.GET.get("tab", "open")
    wanted = wanted if wanted in dict(TABS) else "open"
    rows = submitting.own().with_last()
    rows = rows.open().order_by("due_on", "pk") if wanted == "open" else rows.settled().order_by("-due_on", "-pk")
    shown = paginate(rows, request)
    context = {
        "page": shown,
        "rows": [told(due) for due in shown],
        "wanted": wanted,
        "tabs": [{"label": label, "url": f"?tab={code}", "active": code == wanted} for code, label in TABS],
        "below": kind_below(request),
    }
    return render(request, "ledgers/due_list.html", context)


def _due(pk: int) -> Due:
    return get_object_or_404(Due.objects.select_related("office").with_last(), pk=pk)


@page(can=P.LEDGER_VIEW)
def due_detail(request: HttpRequest, pk: int) -> HttpResponse:
    due = _due(pk)
    ours = due.path == current_scope().path
    rows = list(due.submissions.select_related("issue", "replaces").order_by("-pk"))
    last = rows[0] if rows else None
    context = {
        **told(due),
        "ours": ours,
        "rows": [{"row": row, "tone": TONES[SubmissionState(row.state)]} for row in rows],
        "last": last,
        "seen": mark(last.pk if last else None),
        "phone": "" if ours else submitting.phone_of(due.office),
        "candidates": list(submitting.candidates(due)[:5]) if ours else [],
        "may_submit": ours and request.actor.may(P.LEDGER_SUBMIT),
        "may_receive": bool(last) and last.state == S.SUBMITTED and _may_receive(request, due),
        "settled": due.last_state in STANDING,
    }
    return render(request, "ledgers/due_detail.html", context)


def _may_receive(request: HttpRequest, due: Due) -> bool:
    return request.actor.may(P.LEDGER_RECEIVE) and submitting.receives(due, request.actor)


@command(can=P.LEDGER_SUBMIT)
def due_submit(request: HttpRequest, pk: int) -> HttpResponse:
    due, number = get_object_or_404(submitting.own(), pk=pk), request.POST.get("issue", "")
    issue = LedgerIssue.objects.filter(pk=key_of(number)).first()
    if issue is None:
        raise Refused("请选择要上报的台账。")
    made = submitting.submit(
        due, issue, by=request.actor, today=timezone.localdate(), why=request.POST.get("why", ""),
        seen=request.POST.get("seen"),
    )  # fmt: skip
    return _said(request, made)


@command(can=P.LEDGER_SUBMIT)
def issue_submit(request: HttpRequest, pk: int) -> HttpResponse:
    """Outside the schedule."""
    issue = get_object_or_404(LedgerIssue, pk=pk)
    return _said(request, submitting.submit_extra(issue, by=request.actor, today=timezone.localdate()))


def _said(request: HttpRequest, made: Submission) -> HttpResponse:
    messages.success(request, "已上报，数字不再变动；要更正请重新生成后再上报。")
    return redirect("due_detail", made.due_id)


def _handed(pk: int) -> Submission:
    return get_object_or_404(Submission, pk=pk)


@command(can=P.LEDGER_RECEIVE)
def submission_accept(request: HttpRequest, pk: int) -> HttpResponse:
    found = submitting.accept(_handed(pk), by=request.actor, today=timezone.localdate())
    messages.success(request, "已接收。")
    return redirect("due_detail", found.due_id)


@command(can=P.LEDGER_RECEIVE)
def submission_send_back(request: HttpRequest, pk: int) -> HttpResponse:
    note = request.POST.get("note", "")
    found = submitting.send_back(_handed(pk), note=note, by=request.actor, today=timezone.localdate())
    messages.success(request, "已退回，填报单位会看到原因。")
    return redirect("due_detail", found.due_id)


# ---------- who has and who has not ----------


class BoardForm(forms.Form):
    """Which columns of the board."""

    ledger = forms.ChoiceField(label="台账", required=False)
    period = forms.ChoiceField(label="期间", required=False)

    def __init__(self, data: Any):
        super().__init__(data)
        known = {"ledger": [(code, each.title) for code, each in LEDGERS.items()], "period": submitting.known_periods()}
        for name, choices in known.items():
            self.fields[name].choices = [ALL, *choices]

    @property
    def wanted(self) -> dict[str, str]:
        """What is set and known."""
        self.is_valid()
        return {name: value for name, value in getattr(self, "cleaned_data", {}).items() if value}


@page(can=P.LEDGER_VIEW)
def due_board(request: HttpRequest) -> HttpResponse:
    """?ledger= and ?period=month:2018-10."""
    form, kind = BoardForm(request.GET), kind_below(request)
    board = submitting.board(timezone.localdate(), **form.wanted)
    context = {
        "form": form,
        "board": board,
        "counts": board.counts,
        "level": OFFICES.get(kind, "单位"),
        "has_below": kind is not None,
        "may_set": request.actor.may(P.LEDGER_RECEIVE),
    }
    return render(request, "ledgers/due_board.html", context)


# ---------- what is asked for ----------


class ScheduleForm(forms.Form):
    """A line of the schedule."""

    ledger = forms.ChoiceField(label="台账", choices=lambda: [(code, each.title) for code, each in LEDGERS.items()])
    rhythm = forms.ChoiceField(label="周期", choices=[(each.value, each.label) for each in RHYTHMS])
    counted = forms.ChoiceField(label="从何时起算", choices=Counted.choices, initial=Counted.LAST)
    days = forms.IntegerField(label="多少天内上报", min_value=0, max_value=366, initial=5)


@page(can=P.LEDGER_VIEW)
def schedule_list(request: HttpRequest) -> HttpResponse:
    """What the offices below hand up."""
    office: Organisation = request.membership.organisation
    kind, today = kind_below(request), timezone.localdate()
    rows = [
        {
            "plan": plan,
            "title": LEDGERS[plan.ledger].title,
            "rhythm": Rhythm(plan.rhythm).label,
            "next": plan.due_on(schedules.running(plan.rhythm, today)),
        }
        for plan in (schedules.plans(office.path, kind) if kind else [])
    ]
    may_set = kind is not None and request.actor.may(P.LEDGER_RECEIVE)
    context = {
        "rows": rows,
        "has_below": kind is not None,
        "may_set": may_set,
        "form": ScheduleForm() if may_set else None,
        "level": OFFICES.get(kind, ""),
        "counted": Counted.choices,
    }
    return render(request, "ledgers/schedule_list.html", context)


@command(can=P.LEDGER_RECEIVE)
def schedule_set(request: HttpRequest) -> HttpResponse:
    form, kind = ScheduleForm(request.POST), kind_below(request)
    if kind is None:
        raise Refused("本单位没有下级单位上报。")
    if not form.is_valid():
        raise Refused(*(f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items()))
    said = form.cleaned_data
    plan = Plan(
        said["ledger"], Rhythm(said["rhythm"]), kind, Counted(said["counted"]), said["days"],
        active=request.POST.get("active") != "0",
    )  # fmt: skip
    schedules.set_plan(plan, by=request.actor, today=timezone.localdate())
    messages.success(request, "上报安排已改，下级单位的待办随之更新。")
    return redirect("schedule_list")
