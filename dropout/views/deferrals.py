"""延缓入学 and 休学: all that are approved, and the registration of one from the child's or the case's page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases import files
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.web import PERSONAL, command, page, paginate, saw
from dropout import deferrals
from dropout.enums import DeferralKind
from dropout.forms import DeferralForm
from dropout.models import Deferral, DropoutCase
from dropout.models.cases import own_children_only
from students.models import Student

TABS = (("now", "有效期内"), ("soon", "一个月内到期"), ("over", "已到期"), ("all", "全部"))


def deferrals_part(case: DropoutCase, actor: Actor) -> dict[str, Any] | None:
    """Shown where there is one, or one could be registered."""
    rows = list(Deferral.objects.filter(student=case.student_id))
    may_set = actor.may(P.DROPOUT_SET) and case.state in deferrals.SUSPECTS
    if not rows and not may_set:
        return None
    return {"deferrals": rows, "may_set": may_set, "papers": deferrals.with_papers(rows)}


@page(can=P.DROPOUT_VIEW)
def deferral_list(request: HttpRequest) -> HttpResponse:
    wanted = request.GET.get("tab", "now")
    wanted = wanted if wanted in dict(TABS) else "now"
    shown = paginate(_rows(wanted).order_by("until_on", "pk"), request)
    context = {
        "page": shown,
        "rows": list(shown),
        "papers": deferrals.with_papers(shown),
        "tabs": [{"label": label, "url": f"?tab={code}", "active": code == wanted} for code, label in TABS],
        "today": timezone.localdate(),
        "own_only": own_children_only(request.actor),
        "may_set": request.actor.may(P.DROPOUT_SET),
    }
    return render(request, "dropout/deferral_list.html", context)


def _rows(tab: str) -> QuerySet[Deferral]:
    rows, today = deferrals.listed(), timezone.localdate()
    if tab == "soon":
        return deferrals.soon_over(rows, today)
    if tab == "over":
        return rows.filter(until_on__lt=today)
    return rows.filter(from_on__lte=today, until_on__gte=today) if tab == "now" else rows


def _student(pk: int) -> Student:
    return get_object_or_404(Student.objects.select_related("person").defer("roll_number", "person__id_number"), pk=pk)


def _context(student: Student, form: DeferralForm) -> dict[str, Any]:
    born = student.person.birth_on
    return {
        "student": student,
        "person": student.person,
        "form": form,
        "latest": deferrals.last_day(born) if born else None,
        "case": DropoutCase.objects.filter(student=student, state__in=deferrals.SUSPECTS).first(),
    }


@page(can=P.DROPOUT_SET, reads=PERSONAL)
def deferral_new(request: HttpRequest, pk: int) -> HttpResponse:
    student, today = _student(pk), timezone.localdate()
    saw(request, "students.student", [pk])
    born = student.person.birth_on
    kind = DeferralKind.LATER if born and deferrals.last_day(born) >= today else DeferralKind.LEAVE
    form = DeferralForm(initial={"kind": kind, "from_on": today, "approved_on": today})
    return render(request, "dropout/deferral_new.html", _context(student, form))


@command(can=P.DROPOUT_SET)
def deferral_approve(request: HttpRequest, pk: int) -> HttpResponse:
    student, form = _student(pk), DeferralForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            made, case = deferrals.approve(student, **form.cleaned_data, by=request.actor, today=timezone.localdate())
        except Refused as refused:
            form.add_error(None, refused.reasons)
    if not form.is_valid():
        return render(request, "dropout/deferral_new.html", _context(student, form), status=422)
    messages.success(request, f"已登记{made.get_kind_display()}（{made.from_on}—{made.until_on}）。")
    if case:
        messages.success(request, f"疑似辍学案件已排除：{case.get_alarm_display()}。")
        return redirect("case_detail", case.pk)
    return redirect("student_detail", pk)


@page(can=P.DROPOUT_VIEW)
def deferral_paper(request: HttpRequest, pk: int) -> HttpResponse:
    """The application and approval that were uploaded, on the side that keeps them."""
    found = get_object_or_404(Deferral.objects.filter(pk=pk))
    if (paper := files.files_of(found, deferrals.APPLICATION).first()) is None:
        raise Http404
    return files.response(paper)
