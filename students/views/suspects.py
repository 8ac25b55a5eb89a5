"""People who may be one, side by side: told apart for good, or merged."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from students import merging
from students.filters import SuspectFilter, narrowed
from students.imports.matching import RUNGS
from students.models import Person, Suspect
from students.models.reviews import SuspectState
from students.views import evidence
from students.views.reviews import tabs


@page(can=P.IMPORT_VIEW)
def suspect_list(request: HttpRequest) -> HttpResponse:
    found = SuspectFilter(request.GET, Suspect.objects.select_related("file"), request=request)
    shown = paginate(found.qs, request)
    people = Person.objects.defer("id_number").in_bulk([pk for s in shown for pk in (s.first_id, s.second_id)])
    context = {
        "tabs": tabs("suspect_list"),
        "found": found,
        "page": shown,
        "narrowed": narrowed(found),
        "rows": [
            {
                "suspect": s,
                "rung": RUNGS.get(s.rung, s.rung),
                "first": people.get(s.first_id),
                "second": people.get(s.second_id),
            }
            for s in shown
        ],
    }
    return render(request, "students/suspect_list.html", context)


@page(can=P.IMPORT_VIEW, reads=PERSONAL)
def suspect_detail(request: HttpRequest, pk: int) -> HttpResponse:
    suspect = get_object_or_404(Suspect.objects.select_related("file", "batch"), pk=pk)
    people = list(
        Person.objects.filter(pk__in=[suspect.first_id, suspect.second_id]).select_related("student").order_by("pk")
    )
    saw(request, "students.person", [person.pk for person in people])
    both = len(people) == 2
    context: dict[str, Any] = {
        "suspect": suspect,
        "rung": RUNGS.get(suspect.rung, suspect.rung),
        "people": people,
        "both": both,
        "found": evidence.of_people(people, chosen_term(request)) if people else None,
        "keep": merging.proposed(*people).pk if both else None,
        "waits": both and suspect.state == SuspectState.OPEN,
        "tabs": tabs(""),
    }
    return render(request, "students/suspect_detail.html", context)


@command(can=P.REVIEW_DECIDE)
def suspect_decide(request: HttpRequest, pk: int) -> HttpResponse:
    suspect = get_object_or_404(Suspect, pk=pk)
    why, keep = request.POST.get("why", ""), request.POST.get("keep", "")
    if request.POST.get("same") == "0":
        merging.part(suspect, why=why)
        messages.success(request, "已记下：不是同一个人，以后不再提示。")
    elif keep.isdecimal():
        merging.merge(suspect, keep=int(keep), why=why)
        messages.success(request, "已合并。发现合错了，可以撤销。")
    else:
        raise Refused("请选择是不是同一个人；是的话，请选保留哪一条记录。")
    return redirect("suspect_detail", pk=suspect.pk)
