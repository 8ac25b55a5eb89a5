"""Filters of the lists of loans, gifts, helpers, points, top-ups and recoveries."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from aidcases.scoping import HOME, current_scope
from students import finding
from students.filters import ALL, SearchableFilter
from students.models import Household
from subsidies.models import Benefit, DonationProject, Gift, Loan, Pairing, PointsAccount, Recovery, TopUpCase
from subsidies.models.giving import Form, HelperKind
from subsidies.models.loans import LoanState, TopUpState


class ChildFilter(SearchableFilter):
    """Rows of children: by name or number (posted), by school."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    school = django_filters.CharFilter(label="学校", method="of_school")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_school()
        if HOME not in current_scope().sides:  # a school has only its own children
            self.filters["school"].extra["widget"] = forms.HiddenInput()

    def meaning(self, query: Any) -> Q:
        return finding.of_student(query, "student__")

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(school_path=self.school.path) if self.school else rows.none()


class LoanFilter(ChildFilter):
    """Loans of a school year."""

    state = django_filters.ChoiceFilter(label="状态", choices=LoanState.choices, empty_label=ALL)

    class Meta:
        model = Loan
        fields = ()


class GiftFilter(ChildFilter):
    """What children were given."""

    project = django_filters.ModelChoiceFilter(
        label="捐助项目", queryset=lambda request: DonationProject.objects.all(), empty_label=ALL
    )
    form = django_filters.ChoiceFilter(label="形式", choices=Form.choices, empty_label=ALL)
    signed = django_filters.ChoiceFilter(
        label="签收", choices=[("1", "已签收"), ("0", "没有签收")], empty_label=ALL, method="by_signed"
    )

    class Meta:
        model = Gift
        fields = ()

    def by_signed(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(signed_on__isnull=value == "0")


class PairingFilter(ChildFilter):
    """Helpers of children."""

    kind = django_filters.ChoiceFilter(label="结对类型", choices=HelperKind.choices, empty_label=ALL)
    standing = django_filters.ChoiceFilter(
        label="现状", choices=[("1", "正在结对"), ("0", "已经结束")], empty_label=ALL, method="by_standing"
    )
    visited = django_filters.ChoiceFilter(
        label="走访", choices=[("0", "还没有走访过"), ("1", "走访过")], empty_label=ALL, method="by_visited"
    )

    class Meta:
        model = Pairing
        fields = ()

    def by_standing(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(end__isnull=value == "1")

    def by_visited(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(last_visit__isnull=value == "0")


class PointsFilter(ChildFilter):
    """Accounts of goods points."""

    whose = django_filters.ChoiceFilter(
        label="积分户", choices=[("household", "家庭"), ("student", "学生")], empty_label=ALL, method="by_whose"
    )

    class Meta:
        model = PointsAccount
        fields = ()

    def meaning(self, query: Any) -> Q:
        head = Q() if query.roll_hash else Q(household__in=_households(query))
        return finding.of_student(query, "student__") | head

    def by_whose(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(household__isnull=value == "student")


def _households(query: Any) -> QuerySet:
    return Household.objects.filter(finding.of_household(query)).order_by().values("pk")


class TopUpFilter(ChildFilter):
    """Cases of a term."""

    state = django_filters.ChoiceFilter(label="状态", choices=TopUpState.choices, empty_label=ALL)

    class Meta:
        model = TopUpCase
        fields = ()


class RecoveryFilter(ChildFilter):
    """The collection list."""

    benefit = django_filters.ModelChoiceFilter(
        label="资助项目", queryset=lambda request: Benefit.objects.order_by("order"), empty_label=ALL
    )
    overdue = django_filters.ChoiceFilter(
        label="期限", choices=[("1", "已过期限")], empty_label=ALL, method="by_overdue"
    )

    class Meta:
        model = Recovery
        fields = ()

    def by_overdue(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        return rows.filter(due_on__lt=timezone.localdate())
