"""结对: helpers of children and their visits; partner schools and what they do together."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import SCHOOL, current_scope
from aidcases.web import command, page, paginate
from students.filters import searched
from subsidies.casework.classlist import in_a_school
from subsidies.giving import pairings
from subsidies.giving.filters import PairingFilter
from subsidies.giving.forms import ActivityForm, EndForm, PairingForm, SchoolPairForm, VisitForm, attempt
from subsidies.models import Pairing, PairingEnd, SchoolPair, SchoolPairEnd
from subsidies.views.giving.common import asked, child, listed, tabs, valid

LIGHT = ("student__roll_number", "student__person__id_number")


@page(can=P.GIVING_VIEW)
def pairing_list(request: HttpRequest) -> HttpResponse:
    rows = pairings.with_visits(Pairing.objects.select_related("student__person", "end").defer(*LIGHT))
    found = PairingFilter(request.GET, rows, request=request)
    shown = paginate(found.qs.order_by("-from_on", "-pk"), request)
    return render(request, "subsidies/giving/pairing_list.html", listed(found, request, page=shown))


@command(can=P.GIVING_VIEW)
def pairing_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "pairing_list", PairingFilter)


@page(can=P.GIVING_WRITE)
def pairing_new(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, pk, PairingForm(initial={"from_on": timezone.localdate()}))


def _form(request: HttpRequest, pk: int, form: PairingForm, status: int = 200) -> HttpResponse:
    return asked(request, child(pk), form, title="登记一对一结对", action="pairing_create", status=status)


@command(can=P.GIVING_WRITE)
def pairing_create(request: HttpRequest, pk: int) -> HttpResponse:
    student, form, today = child(pk), PairingForm(request.POST), timezone.localdate()
    made = attempt(form, lambda **said: pairings.pair(student, by=request.actor, today=today, **said))
    if made is None:
        return _form(request, pk, form, status=422)
    messages.success(request, "已登记。走访后请在这里记录。")
    return redirect("pairing_detail", made.pk)


def _pairing(pk: int) -> Pairing:
    return get_object_or_404(Pairing.objects.select_related("student__person").defer(*LIGHT), pk=pk)


@page(can=P.GIVING_VIEW)
def pairing_detail(request: HttpRequest, pk: int) -> HttpResponse:
    pairing, today = _pairing(pk), timezone.localdate()
    context = {
        "pairing": pairing,
        "end": PairingEnd.objects.filter(pairing=pairing).first(),
        "events": [
            {"on": each.visited_on, "title": "走访", "text": each.note, "by": each.made_by} for each in pairing.visits.all()
        ],
        "visit_form": VisitForm(initial={"visited_on": today}),
        "end_form": EndForm(initial={"from_on": today}, auto_id="end_%s"),
        "may_write": request.actor.may(P.GIVING_WRITE),
    }
    return render(request, "subsidies/giving/pairing_detail.html", context)


@command(can=P.GIVING_WRITE)
def pairing_visit(request: HttpRequest, pk: int) -> HttpResponse:
    said = valid(VisitForm(request.POST))
    pairings.visit(_pairing(pk), by=request.actor, today=timezone.localdate(), **said)
    messages.success(request, "已登记走访。")
    return redirect("pairing_detail", pk)


@command(can=P.GIVING_WRITE)
def pairing_end(request: HttpRequest, pk: int) -> HttpResponse:
    said = valid(EndForm(request.POST))
    pairings.end(_pairing(pk), by=request.actor, today=timezone.localdate(), **said)
    messages.success(request, "已登记结束。以前的走访记录都保留。")
    return redirect("pairing_detail", pk)


# --- schools -------------------------------------------------------------------------------------------------------


@page(can=P.GIVING_VIEW)
def schoolpair_list(request: HttpRequest) -> HttpResponse:
    school = request.membership.organisation.school if in_a_school() else None
    return _schools(request, SchoolPairForm(initial={"from_on": timezone.localdate(), "school": school.code if school else ""}))


def _schools(request: HttpRequest, form: SchoolPairForm, status: int = 200) -> HttpResponse:
    rows = SchoolPair.objects.select_related("school", "end").order_by("path", "-from_on", "pk")
    rows = rows.annotate(times=Count("activities"), last=Max("activities__held_on"))
    may_write = request.actor.may(P.GIVING_WRITE)
    context = {"page": paginate(rows, request), "form": form, "may_write": may_write, "tabs": tabs(request)}
    return render(request, "subsidies/giving/schoolpair_list.html", context, status=status)


def _school(typed: str) -> School:
    """Of the own area, by its code or whole name. Raises Refused."""
    rows = School.objects.filter(path__startswith=current_scope().path)
    found = list(rows.filter(code=typed.strip())[:1] or rows.filter(name=typed.strip())[:2])
    if len(found) != 1 or not current_scope().covers(found[0].path, SCHOOL):
        raise Refused(f"本单位范围内没有学校“{typed.strip()}”，请写学校标识码或全名。")
    return found[0]


@command(can=P.GIVING_WRITE)
def schoolpair_create(request: HttpRequest) -> HttpResponse:
    form, today = SchoolPairForm(request.POST), timezone.localdate()
    made = attempt(
        form, lambda school, **said: pairings.pair_schools(_school(school), by=request.actor, today=today, **said)
    )
    if made is None:
        return _schools(request, form, status=422)
    messages.success(request, "已登记校际结对。")
    return redirect("schoolpair_detail", made.pk)


@page(can=P.GIVING_VIEW)
def schoolpair_detail(request: HttpRequest, pk: int) -> HttpResponse:
    pair = get_object_or_404(SchoolPair.objects.select_related("school"), pk=pk)
    context = {
        "pair": pair,
        "events": [
            {"on": each.held_on, "title": "活动", "text": each.note, "by": each.made_by} for each in pair.activities.all()
        ],
        "end": SchoolPairEnd.objects.filter(pair=pair).first(),
        "form": ActivityForm(initial={"held_on": timezone.localdate()}),
        "end_form": EndForm(initial={"from_on": timezone.localdate()}, auto_id="end_%s"),
        "may_write": request.actor.may(P.GIVING_WRITE),
    }
    return render(request, "subsidies/giving/schoolpair_detail.html", context)


@command(can=P.GIVING_WRITE)
def schoolpair_activity(request: HttpRequest, pk: int) -> HttpResponse:
    pair, said = get_object_or_404(SchoolPair, pk=pk), valid(ActivityForm(request.POST))
    pairings.did(pair, by=request.actor, today=timezone.localdate(), **said)
    messages.success(request, "已登记活动。")
    return redirect("schoolpair_detail", pk)


@command(can=P.GIVING_WRITE)
def schoolpair_end(request: HttpRequest, pk: int) -> HttpResponse:
    pair, said = get_object_or_404(SchoolPair, pk=pk), valid(EndForm(request.POST))
    pairings.end_schools(pair, by=request.actor, today=timezone.localdate(), **said)
    messages.success(request, "已登记结束。以前的活动记录都保留。")
    return redirect("schoolpair_detail", pk)
