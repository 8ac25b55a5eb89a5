"""办理期限: working days by state, as the own area has set them or as they come."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.roles import P
from aidcases.scoping import current_scope
from aidcases.web import command, page
from dropout import daily, deadlines
from dropout.deadlines import DEFAULTS, Deadlines
from dropout.enums import CaseState
from dropout.forms import day
from dropout.models import Deadline


class DeadlineForm(forms.Form):
    """Working days of a state from a day on."""

    state = forms.ChoiceField(label="状态", choices=[(state.value, state.label) for state in DEFAULTS])
    days = forms.IntegerField(label="工作日", min_value=1, max_value=120)
    from_on = day("从哪天起")


def _lines() -> list[dict[str, object]]:
    today, path = timezone.localdate(), current_scope().path
    held = Deadlines.read(today, [path])
    rows = list(Deadline.objects.filter(path=path).order_by("state", "-from_on"))
    return [
        {
            "state": CaseState(state).label,
            "now": held.days(state, path),
            "default": usual,
            "rows": [{"row": row, "coming": row.from_on > today} for row in rows if row.state == state],
        }
        for state, usual in DEFAULTS.items()
    ]


@page(can=P.DROPOUT_VIEW)
def deadline_list(request: HttpRequest) -> HttpResponse:
    may = request.actor.may(P.DROPOUT_SET)
    form = DeadlineForm(initial={"from_on": timezone.localdate()}) if may else None
    return render(request, "dropout/deadline_list.html", _context(form))


def _context(form: DeadlineForm | None) -> dict[str, object]:
    return {"lines": _lines(), "form": form, "over": daily.OVER}


@command(can=P.DROPOUT_SET)
def deadline_set(request: HttpRequest) -> HttpResponse:
    form = DeadlineForm(request.POST)
    if not form.is_valid():
        return render(request, "dropout/deadline_list.html", _context(form), status=422)
    made = deadlines.settle(**form.cleaned_data, by=request.actor, today=timezone.localdate())
    messages.success(request, f"“{made.get_state_display()}”从 {made.from_on} 起 {made.days} 个工作日。")
    return redirect("deadline_list")


@command(can=P.DROPOUT_SET)
def deadline_drop(request: HttpRequest, pk: int) -> HttpResponse:
    deadlines.drop(get_object_or_404(Deadline.objects.all(), pk=pk), by=request.actor, today=timezone.localdate())
    messages.success(request, "已删除。")
    return redirect("deadline_list")
