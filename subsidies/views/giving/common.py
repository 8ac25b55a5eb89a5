"""What the pages of this folder share: the child a form is about, a list with its filter, a sheet to download."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.roles import P
from students.filters import EXPIRED, SearchableFilter, narrowed
from students.models import Student

TONES = {
    "applied": "warn", "contracted": "info", "released": "good", "repaid": "good", "asked": "warn", "approved": "good",
    "open": "warn", "collected": "good",
}  # fmt: skip


def child(pk: int) -> Student:
    """A child in sight, without their numbers."""
    rows = Student.objects.select_related("person").defer("roll_number", "person__id_number")
    return get_object_or_404(rows, pk=pk)


def told(form: forms.BaseForm) -> list[str]:
    """A form's errors as sentences, for a form that stands on somebody else's page."""
    return [f"{form[name].label}：{'；'.join(errors)}" for name, errors in form.errors.items() if name in form.fields]


def valid(form: forms.Form) -> dict[str, Any]:
    """What was typed. Raises Refused."""
    if not form.is_valid():
        raise Refused(*told(form))
    return form.cleaned_data


def asked(
    request: HttpRequest, student: Student, form: forms.Form, *, title: str, action: str, status: int = 200, **also: Any
) -> HttpResponse:
    """The page of a form about one child. `also`: note, facts (list of label, value)."""
    query = request.GET.urlencode()  # a school year
    context = {
        "student": student, "form": form, "title": title, "note": "", "facts": [],
        "action": reverse(action, args=[student.pk]) + (f"?{query}" if query else ""), **also,
    }  # fmt: skip
    return render(request, "subsidies/giving/child_form.html", context, status=status)


def listed(found: SearchableFilter, request: HttpRequest, **also: Any) -> dict[str, Any]:
    """The context every list has."""
    return {
        "found": found, "narrowed": narrowed(found), "expired": EXPIRED, "may_write": request.actor.may(P.GIVING_WRITE),
        "may_approve": request.actor.may(P.GIVING_APPROVE), "tabs": tabs(request), **also,
    }  # fmt: skip


TABS = (
    ("giving_totals", "汇总", ("giving_totals",)),
    ("loan_list", "助学贷款", ("loan_list", "loan_unclaimed", "loan_totals")),
    ("topup_list", "附加资助", ("topup_list",)),
    ("project_list", "捐助项目", ("project_list", "donor_list")),
    ("gift_list", "捐助发放", ("gift_list",)),
    ("pairing_list", "一对一结对", ("pairing_list",)),
    ("schoolpair_list", "校际结对", ("schoolpair_list",)),
    ("points_list", "爱心积分", ("points_list",)),
)


def day_of(request: HttpRequest, today: date) -> date:
    """The day posted beside a step; today where none was. Raises Refused."""
    try:
        return date.fromisoformat(request.POST.get("day", "") or today.isoformat())
    except ValueError as problem:
        raise Refused("日期要写成 2026-09-01 的样子。") from problem


def tabs(request: HttpRequest) -> list[dict[str, Any]]:
    name = request.resolver_match.url_name if request.resolver_match else ""
    return [{"label": label, "url": reverse(url), "active": name in names} for url, label, names in TABS]
