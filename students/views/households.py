"""Households of the registers. They belong to the home side; a school never comes here."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from aidcases import crypto
from aidcases.registry import registry
from aidcases.roles import P
from aidcases.terms import Term
from aidcases.web import PERSONAL, chosen_term, command, page, paginate, saw
from students.enums import Category
from students.filters import EXPIRED, HouseholdFilter, narrowed, searched
from students.models import Enrolment, Household, Member
from students.panels import members, origins
from students.places import Places
from students.views.secrets import masked_fact, reveal

MONITORED = dict(Category.choices)
RISK = {None: "", True: "已消除", False: "未消除"}


@page(can=P.HOUSEHOLD_VIEW)
def household_list(request: HttpRequest) -> HttpResponse:
    term = chosen_term(request)
    found = HouseholdFilter(request.GET, Household.objects.all(), request=request, term=term)
    shown = paginate(found.qs.order_by("path", "number", "pk").values_list("pk", flat=True), request)
    context = {"found": found, "page": shown, "rows": _lines(list(shown), term), "term": term}
    return render(request, "students/household_list.html", {**context, "narrowed": narrowed(found), "expired": EXPIRED})


@command(can=P.HOUSEHOLD_VIEW)
def household_search(request: HttpRequest) -> HttpResponse:
    return searched(request, "household_list", HouseholdFilter)


def _lines(pks: list[int], term: Term) -> list[dict[str, Any]]:
    """What the list shows of each household, in the order given: four queries, however many lines."""
    rows = Household.objects.select_related("head").defer("phone", "head__id_number").in_bulk(pks)
    households = [rows[pk] for pk in pks if pk in rows]
    places = Places(household.path for household in households)
    living = Member.objects.filter(household__in=pks).order_by()
    people = dict(living.values_list("household").annotate(Count("pk")))
    enrolled = Enrolment.objects.in_term(term).filter(student__person__memberships__household__in=pks)
    pupils = Counter(enrolled.values_list("student__person__memberships__household", flat=True))
    return [
        {
            "household": household,
            "place": places.label(household.path),
            "people": people.get(household.pk, 0),
            "pupils": pupils[household.pk],
            "monitored": MONITORED.get(household.monitored, ""),
        }
        for household in households
    ]


@page(can=P.HOUSEHOLD_VIEW, reads=PERSONAL)
def household_detail(request: HttpRequest, pk: int) -> HttpResponse:
    household = get_object_or_404(Household.objects.select_related("head"), pk=pk)
    term = chosen_term(request)
    people = members([household.pk], term)
    saw(request, "students.person", [line["person"].pk for line in people])
    context = {"household": household, "members": people, "term": term, "facts": _facts(request, household)}
    context |= {"panels": _panels(request, household)}
    return render(request, "students/household_detail.html", context)


def _panels(request: HttpRequest, household: Household) -> list[SafeString]:
    """The parts of the page that the apps have registered, each with its own context."""
    return [
        render_to_string(panel.template, {"household": household, **content}, request)
        for panel in registry.visible(registry.household_panels, request.actor)
        if (content := panel.content(request, household)) is not None
    ]


def _facts(request: HttpRequest, household: Household) -> list[dict[str, Any]]:
    income = household.income_per_head
    origin = origins([household.row_id], request).get(household.row_id)
    return [
        {"label": "户编号", "value": household.number or "不在防返贫系统，仅在低保或特困名单"},
        {"label": "户主", "value": household.head.name if household.head else ""},
        {"label": "所在地", "value": Places([household.path]).label(household.path)},
        masked_fact(request, household, "phone", "联系电话", crypto.mask_phone(household.phone or "")),
        {"label": "家庭人口", "value": f"{household.size} 人" if household.size else ""},
        {"label": "户类型", "value": household.kind},
        {"label": "脱贫属性", "value": household.exit_status},
        {"label": "监测对象类型", "value": MONITORED.get(household.monitored, "")},
        {"label": "风险是否消除", "value": RISK[household.risk_cleared]},
        {"label": "致贫原因", "value": household.cause},
        {"label": "人均纯收入", "value": f"￥{income:,.2f} / 年" if income is not None else ""},
        {"label": "数据来源", "value": origin["label"] if origin else ""},
    ]


@command(can=P.SECRET_REVEAL)
def household_reveal(request: HttpRequest, pk: int) -> HttpResponse:
    household = get_object_or_404(Household, pk=pk)
    return reveal(request, household, what="phone", label="联系电话", value=household.phone)
