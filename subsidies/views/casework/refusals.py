"""放弃: what a child's family does not want of what is due in a term, benefit by benefit; and takes back."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import chosen_term, command, page
from students.models import Enrolment
from subsidies.casework import classlist, refusing
from subsidies.models import Benefit

ALL = "all"  # stands for the refusal that goes with a declined application


def _enrolled(request: HttpRequest, pk: int) -> QuerySet[Enrolment]:
    """The child's enrolment at one of the own schools in the term."""
    return classlist.enrolled(chosen_term(request)).filter(student=pk)


@page(can=P.APPLICATION_WRITE)
def refusal_detail(request: HttpRequest, pk: int) -> HttpResponse:
    term = chosen_term(request)
    enrolment = get_object_or_404(_enrolled(request, pk).select_related("student__person", "school").defer("phone"))
    context = {
        "term": term,
        "enrolment": enrolment,
        "person": enrolment.student.person,
        "lines": refusing.lines(pk, term),
        "standing": refusing.standing(pk, term),
        "all": ALL,
    }
    return render(request, "subsidies/casework/refusal_detail.html", context)


@command(can=P.APPLICATION_WRITE)
def refusal_set(request: HttpRequest, pk: int) -> HttpResponse:
    """`do` refuse (with `benefit` codes and a note) or back (one `benefit` code, or all)."""
    rows, codes = _enrolled(request, pk), request.POST.getlist("benefit")
    get_object_or_404(rows.defer("phone"))
    benefits = list(Benefit.objects.filter(code__in=codes))
    if request.POST.get("do") == "refuse":
        refusing.refuse(rows, benefits, why=request.POST.get("note", ""), by=request.actor)
        messages.success(request, "已登记放弃，正在重新测算这名学生。请把签字的放弃说明归档。")
    elif request.POST.get("do") == "back":
        refusing.take_back(rows, [*benefits, *([None] if ALL in codes else [])], by=request.actor)
        messages.success(request, "已收回放弃，正在重新测算这名学生。")
    else:
        raise Refused("没有这一步，请刷新页面再试。")
    return redirect("refusal_detail", pk)
