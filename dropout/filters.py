"""Filters of the lists of cases and measures. Names and numbers never come from the address."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from aidcases.models.places import region_path
from aidcases.scoping import HOME, current_scope
from dropout.enums import Alarm, CaseState, Cause, DifferenceKind, FoundBy, MeasureKind, Proof
from dropout.models import DropoutCase, Measure
from dropout.models.cases import OPEN, OUT_OF_SCHOOL
from students import finding
from students.enums import Stage
from students.filters import ALL, YES_NO, SearchableFilter, under

S = CaseState
# 三本台账 and what is over: tab → (label, states).
ALL_OPEN = "open"  # what a number of several ledgers opens; no ledger of its own
TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "suspected": ("疑似辍学", (S.SUSPECTED, S.VERIFYING)),
    "dropout": ("辍学", OUT_OF_SCHOOL),
    "back": ("复学", (S.RETURNED, S.PLACED, S.WATCHED)),
    "closed": ("已销号", (S.CLOSED,)),
    "acquitted": ("已排除", (S.FALSE_ALARM,)),
    ALL_OPEN: ("全部在办", OPEN),
}
ENDED = ("closed", "acquitted")
LEVELS = [("0", "学校和村"), ("1", "乡镇"), ("2", "县"), ("3", "市")]


class CaseFilter(SearchableFilter):
    """Cases of one tab (`tab` is the view's: it is no condition of its own)."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    tab = django_filters.CharFilter(method="as_it_is", widget=forms.HiddenInput)
    stage = django_filters.ChoiceFilter(label="学段", choices=Stage.choices, empty_label=ALL)
    school = django_filters.CharFilter(label="学校", method="of_school")
    place = django_filters.CharFilter(label="家庭所在乡镇、村", method="at_home_in")
    overdue = django_filters.ChoiceFilter(
        label="办理期限", choices=[("1", "已逾期"), ("0", "没有逾期")], empty_label=ALL, method="by_due"
    )
    kind = django_filters.ChoiceFilter(label="疑点", choices=DifferenceKind.choices, empty_label=ALL)
    found_by = django_filters.ChoiceFilter(label="发现方式", choices=FoundBy.choices, empty_label=ALL)
    cause = django_filters.ChoiceFilter(label="辍学原因", choices=Cause.choices, empty_label=ALL)
    poor = django_filters.ChoiceFilter(label="贫困户子女", choices=YES_NO, empty_label=ALL)
    level = django_filters.ChoiceFilter(label="督办层级", choices=LEVELS, empty_label=ALL)
    alarm = django_filters.ChoiceFilter(label="核查结果", choices=Alarm.choices, empty_label=ALL)
    proof = django_filters.ChoiceFilter(label="销号依据", choices=Proof.choices, empty_label=ALL)

    class Meta:
        model = DropoutCase
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_school()
        self.pick_place("place")
        tab = self.data.get("tab", "")
        useless = {"alarm": "acquitted", "proof": "closed", "cause": "dropout"}
        hidden = [name for name, where in useless.items() if tab != where and not self.data.get(name)]
        hidden += ["overdue", "level"] if tab in ENDED else []
        if HOME not in current_scope().sides:  # a school has only its own pupils
            hidden += ["school", "place"]
        for name in hidden:
            self.filters[name].extra["widget"] = forms.HiddenInput()

    def meaning(self, query: Any) -> Q:
        return finding.of_student(query, "student__")

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(school=self.school) if self.school else rows.none()

    def at_home_in(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        """In the own area only: where a child of another county is at home that county knows."""
        return rows.filter(under("home_path", code)) if current_scope().covers(region_path(code), HOME) else rows.none()

    def by_due(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        late = Q(due_on__lt=timezone.localdate())
        return rows.filter(late) if value == "1" else rows.exclude(late)


def tab_counts(rows: QuerySet[DropoutCase]) -> dict[str, int]:
    """How many stand in each tab, and of those closed how many without proof: one query."""
    wanted = {tab: Count("pk", filter=Q(state__in=states)) for tab, (_, states) in TABS.items()}
    unproven = Count("pk", filter=Q(state=S.CLOSED, proof=Proof.NONE))
    late = Count("pk", filter=Q(state__in=OPEN, due_on__lt=timezone.localdate()))
    return rows.order_by().aggregate(**wanted, unproven=unproven, late=late)


class MeasureFilter(django_filters.FilterSet):
    """Measures of a kind, between two days."""

    kind = django_filters.ChoiceFilter(label="措施", choices=MeasureKind.choices, empty_label=ALL)
    since = django_filters.DateFilter(
        label="从", field_name="done_on", lookup_expr="gte", widget=forms.DateInput(attrs={"type": "date"})
    )
    until = django_filters.DateFilter(
        label="到", field_name="done_on", lookup_expr="lte", widget=forms.DateInput(attrs={"type": "date"})
    )

    class Meta:
        model = Measure
        fields = ()
