"""The county's page of quotas: seats per school and level, one by one or pasted from a sheet."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.web import chosen_term, command, page, paginate
from subsidies.casework import classlist, quota
from subsidies.casework.scoring import LEVELS
from subsidies.enums import Level

Wanted = dict[tuple[School, Level], int | None]


@page(can=P.APPLICATION_VIEW)
def quota_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    shown = paginate(quota.schools(), request)
    context = {
        "term": term,
        "page": shown,
        "lines": quota.lines(shown, term),
        "levels": LEVELS,
        "may_set": request.actor.may(P.QUOTA_SET),
        "one_school": classlist.in_a_school(),
    }
    return render(request, "subsidies/casework/quota_list.html", context)


@command(can=P.QUOTA_SET)
def quota_set(request: HttpRequest) -> HttpResponse:
    """The fields of the page that was shown."""
    named = [name.split("-", 2)[1] for name in request.POST if name.startswith("seats-")]
    schools = {school.code: school for school in quota.schools().filter(code__in=named)}
    wanted, wrong = {}, []
    for school in schools.values():
        for level in LEVELS:
            typed = request.POST.get(f"seats-{school.code}-{level}", "").strip()
            if typed and not typed.isdecimal():
                wrong.append(f"{school.name}“{level.label}”：请填整数。")
            else:
                wanted[school, level] = int(typed) if typed else None
    if wrong:
        raise Refused(*wrong[:10])
    return _set(request, wanted)


@command(can=P.QUOTA_SET)
def quota_paste(request: HttpRequest) -> HttpResponse:
    return _set(request, quota.pasted(request.POST.get("sheet", "")))


def _set(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    changed = quota.set_seats(wanted, chosen_term(request), by=request.actor)
    messages.success(request, f"已改 {changed} 个名额。" if changed else "名额没有变化。")
    return redirect(f"{reverse('quota_list')}?{request.GET.urlencode()}")
