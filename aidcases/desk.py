"""What lies on everybody's desk: what the own office has to do and by when, and the working-day calendar."""

from __future__ import annotations

import calendar as months
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from aidcases import inbox, workdays
from aidcases.filters import InboxFilter
from aidcases.flow import Refused
from aidcases.models import CalendarDay, CalendarYear
from aidcases.registry import NavItem, registry
from aidcases.roles import P
from aidcases.web import back, command, page, paginate

registry.add(
    NavItem(1, "待办", "inbox", "bell", P.HOME),
    NavItem(85, "工作日历", "calendar", "calendar3", P.HOME, ("calendar_set",)),
)

# ---------- inbox ----------

ON_A_PAGE = 200  # so that a printed list is whole


def left(due_on: date, today: date) -> str:
    """How long there is, in words."""
    days = (due_on - today).days
    if days < 0:
        return f"已逾期 {-days} 天"
    return "今天到期" if days == 0 else f"还有 {days} 天"


@page(can=P.HOME)
def inbox_list(request: HttpRequest) -> HttpResponse:
    """Open reminders of the office as far as the role may act on them; overdue first."""
    today = timezone.localdate()
    found = InboxFilter(request.GET, inbox.of(request.actor), request=request, today=today)
    shown = paginate(found.qs, request, ON_A_PAGE)
    lines = [{"row": row, "left": left(row.due_on, today), "late": row.due_on < today} for row in shown]
    return render(request, "aidcases/inbox.html", {"found": found, "page": shown, "lines": lines, "asked": request.GET})


@command(can=P.HOME)
def inbox_done(request: HttpRequest, pk: int) -> HttpResponse:
    inbox.put_away(get_object_or_404(inbox.reminders(request.actor), pk=pk))
    messages.success(request, "已划掉。划错了可以在“已办结”里恢复。")
    return back(request, "inbox")


@command(can=P.HOME)
def inbox_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    inbox.take_out(get_object_or_404(inbox.of(request.actor), pk=pk))
    messages.success(request, "已恢复到待办。")
    return back(request, "inbox")


# ---------- calendar ----------

EARLIEST, LATEST = 2004, 2099


class CalendarForm(forms.Form):
    """A year's holidays and make-up days as the State Council's announcement lists them."""

    year = forms.IntegerField(label="年份", min_value=EARLIEST, max_value=LATEST, widget=forms.HiddenInput)
    document = forms.CharField(label="依据文件", max_length=120, help_text="例如：国办发明电〔2026〕7号。")
    off = forms.CharField(
        label="放假的日子",
        widget=forms.Textarea(attrs={"rows": 9}),
        help_text="一行一条，照通知抄：10月1日至7日 国庆节。其中的周六周日会自动略去。",
    )
    on = forms.CharField(
        label="调休上班的周六、周日",
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        help_text="一行一条：10月10日 国庆节调休。没有就空着。",
    )

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        for name, working in (("off", False), ("on", True)):
            try:
                said[name] = workdays.typed(said.get(name, ""), year=said.get("year", EARLIEST), working=working)
            except Refused as unread:
                self.add_error(name, unread.reasons)
        return said


def _asked_year(request: HttpRequest) -> int:
    asked = request.GET.get("year", "")
    year = int(asked) if asked.isdecimal() and len(asked) == 4 else timezone.localdate().year
    return min(max(year, EARLIEST), LATEST)


@page(can=P.HOME)
def calendar(request: HttpRequest) -> HttpResponse:
    year = _asked_year(request)
    days = list(CalendarDay.objects.filter(day__year=year))
    entered = CalendarYear.objects.filter(year=year).first()
    initial = {
        "year": year,
        "document": entered.document if entered else "",
        "off": workdays.written(each for each in days if not each.working),
        "on": workdays.written(each for each in days if each.working),
    }
    return _calendar(request, year, CalendarForm(initial=initial), days, entered)


def _calendar(
    request: HttpRequest, year: int, form: CalendarForm, days: list[CalendarDay], entered: CalendarYear | None
) -> HttpResponse:
    context = {
        "year": year,
        "entered": entered,
        "months": [_month(year, month, {each.day: each for each in days}) for month in range(1, 13)],
        "total": sum(d.working - (not d.working) for d in days) + _weekdays(year),
        "earlier": year - 1 if year > EARLIEST else None,
        "later": year + 1 if year < LATEST else None,
        "today": timezone.localdate(),
        "form": form if request.actor.may(P.CALENDAR_SET) else None,
    }
    return render(request, "aidcases/calendar.html", context, status=422 if form.errors else 200)


def _weekdays(year: int) -> int:
    return sum(
        date.fromordinal(n).weekday() < 5 for n in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
    )


def _month(year: int, month: int, changed: dict[date, CalendarDay]) -> dict[str, Any]:
    """Weeks of cells; a cell outside the month is None."""
    weeks = [
        [_cell(day, changed.get(day)) if day.month == month else None for day in week]
        for week in months.Calendar().monthdatescalendar(year, month)
    ]
    working = sum(1 for week in weeks for cell in week if cell and cell["works"])
    return {"number": month, "weeks": weeks, "working": working}


def _cell(day: date, changed: CalendarDay | None) -> dict[str, Any]:
    works = changed.working if changed else day.weekday() < 5
    mark = ("班" if works else "休") if changed else ""
    return {"day": day, "works": works, "mark": mark, "note": changed.note if changed else ""}


@command(can=P.CALENDAR_SET)
def calendar_set(request: HttpRequest) -> HttpResponse:
    form = CalendarForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        notes = {**said["off"], **said["on"]}
        try:
            workdays.enter(
                said["year"],
                off=said["off"],
                on=said["on"],
                document=said["document"],
                by=request.actor.name,
                notes=notes,
            )
        except Refused as refused:
            form.add_error(None, refused.reasons)
        else:
            messages.success(request, f"{said['year']} 年的放假安排已录入。")
            return redirect(f"{reverse('calendar')}?year={said['year']}")
    typed = request.POST.get("year", "")
    year = int(typed) if typed.isdecimal() and EARLIEST <= int(typed) <= LATEST else timezone.localdate().year
    days = list(CalendarDay.objects.filter(day__year=year))
    return _calendar(request, year, form, days, CalendarYear.objects.filter(year=year).first())
