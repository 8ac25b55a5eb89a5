"""Filters of the households with and without a plan, and of the children who study elsewhere."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from aidcases import searching
from students import finding
from students.enums import Stage
from students.filters import ALL, SearchableFilter, under
from students.models import Enrolment, Household
from subsidies.models.plans import Aided, PlanState
from subsidies.plans import away, daily, families

NO_PLAN = "none"


class OfTerm(SearchableFilter):
    """One that stays in the term it was opened in, and picks a place."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.data["term"] = self.term.code
        self.pick_place("place")


class PlanFilter(OfTerm):
    """Households of families.poor."""

    search = django_filters.CharFilter(method="as_it_is", label="户编号、姓名、证件号")
    term = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)  # a search stays in its school year
    state = django_filters.ChoiceFilter(
        label="帮扶计划", choices=[(NO_PLAN, "还没有计划"), *PlanState.choices], empty_label=ALL, method="by_state"
    )
    cause = django_filters.ChoiceFilter(
        label="致贫原因", choices=[("1", "因学致贫"), ("0", "其他原因")], empty_label=ALL, method="by_cause"
    )
    place = django_filters.CharFilter(label="乡镇、村", method="in_place")
    owner = django_filters.ChoiceFilter(
        label="帮扶责任人", choices=[("0", "有计划，没有责任人"), ("1", "有责任人")], empty_label=ALL, method="by_owner"
    )
    overdue = django_filters.ChoiceFilter(
        label="措施", choices=[("1", "有过期没办结的")], empty_label=ALL, method="by_overdue"
    )
    above = django_filters.NumberFilter(label="全年自付高于（元）", method="by_share", min_value=0)

    class Meta:
        model = Household
        fields = ()

    def meaning(self, query: searching.Query) -> Q:
        return finding.of_household(query)

    def by_state(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(plan__id__isnull=True) if value == NO_PLAN else rows.filter(plan__state=value)

    def by_cause(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(first=0 if value == "1" else 1)

    def in_place(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(under("path", code))

    def by_owner(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        planned = rows.filter(plan__id__isnull=False)
        return planned.filter(plan__owner="") if value == "0" else planned.exclude(plan__owner="")

    def by_overdue(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        late = daily.overdue(timezone.localdate())
        return rows.filter(Exists(late.filter(plan=OuterRef("plan__id"))))

    def by_share(self, rows: QuerySet, _name: str, value: Any) -> QuerySet:
        return rows.filter(pk__in=families.paying_above(self.term, value))


class AwayFilter(OfTerm):
    """Children of away.away; how far is chosen first, because it decides who is on the list at all."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    term = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)
    level = django_filters.ChoiceFilter(
        label="就读地",
        choices=[(away.TOWNSHIP, "出乡镇"), (away.PROVINCE, "出省")],
        empty_label="出县",
        method="as_it_is",
    )
    checked = django_filters.ChoiceFilter(
        label="核实", choices=[("0", "还没有核实"), ("1", "已核实")], empty_label=ALL, method="by_checked"
    )
    aided = django_filters.ChoiceFilter(
        label="就读地资助", choices=[*Aided.choices, ("none", "没有登记")], empty_label=ALL, method="by_aided"
    )
    double = django_filters.ChoiceFilter(
        label="两地资助",
        choices=[("any", "两地都有，请核对"), *away.DOUBLES.items()],
        empty_label=ALL,
        method="by_double",
    )
    stage = django_filters.ChoiceFilter(label="学段", choices=Stage.choices, empty_label=ALL)
    place = django_filters.CharFilter(label="家庭所在乡镇、村", method="at_home_in")

    class Meta:
        model = Enrolment
        fields = ()

    def meaning(self, query: searching.Query) -> Q:
        return finding.of_student(query, "student__")

    def by_checked(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        done = Exists(away.recorded(self.term).exclude(how=""))
        return rows.filter(done if value == "1" else ~done)

    def by_aided(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        if value == "none":
            return rows.filter(~Exists(away.recorded(self.term).exclude(aided="")))
        return rows.filter(Exists(away.recorded(self.term).filter(aided=value)))

    def by_double(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        found = rows.alias(twice=away.double(self.term))
        return found.exclude(twice="") if value == "any" else found.filter(twice=value)

    def at_home_in(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(under("home_path", code))
