"""Filters of the lists of trainees and of calls, shared by the page and what is done for all that it finds."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from aidcases.scoping import HOME, current_scope
from students import finding
from students.enums import Stage
from students.filters import ALL, SearchableFilter, under
from subsidies.models import FollowUp, Trainee
from subsidies.models.vocational import CallState, Outcome, Schooling, TraineeState
from subsidies.vocational.following import AT_WORK, late
from subsidies.vocational.leavers import in_year
from subsidies.vocational.trainees import REACHED

YES_NO = [("1", "是"), ("0", "否")]


class VocationalFilter(SearchableFilter):
    """Rows of people with an institution: by name or number (posted), by institution, by home."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    school = django_filters.CharFilter(label="院校", method="of_school")
    place = django_filters.CharFilter(label="家庭所在地", method="at_home")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_school()
        if HOME in current_scope().sides:
            self.pick_place("place")
        else:  # a school does not know of homes
            del self.filters["place"]

    def meaning(self, query: Any) -> Q:
        return finding.of_student(query, "student__")

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(school=self.school) if self.school else rows.none()

    def at_home(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        """Of the own area alone: where in another county somebody lives is that county's."""
        return rows.filter(under("home_path", code), home_path__startswith=current_scope().path)


class TraineeFilter(VocationalFilter):
    """Trainees of a year; the figures of the board are values of `reached`, `kind` and `school`."""

    year = django_filters.NumberFilter(widget=forms.HiddenInput)
    state = django_filters.ChoiceFilter(label="状态", choices=TraineeState.choices, empty_label=ALL)
    kind = django_filters.ChoiceFilter(label="类别", choices=Schooling.choices, empty_label=ALL)
    reached = django_filters.ChoiceFilter(
        label="走到哪一步", choices=[(code, label) for code, (label, _) in REACHED.items()], empty_label=ALL,
        method="by_reached",
    )  # fmt: skip
    left_stage = django_filters.ChoiceFilter(
        label="毕业学段", choices=[(s.value, s.label) for s in (Stage.JUNIOR, Stage.SENIOR)], empty_label=ALL
    )
    fresh = django_filters.ChoiceFilter(
        label="应届", choices=[("1", "应届"), ("0", "往届")], empty_label=ALL, method="by_fresh"
    )
    contacted = django_filters.ChoiceFilter(label="联系过", choices=YES_NO, empty_label=ALL, method="by_contact")
    on_roll = django_filters.ChoiceFilter(label="学籍上已在读", choices=YES_NO, empty_label=ALL, method="by_roll")

    class Meta:
        model = Trainee
        fields = ()

    def __init__(self, *args: Any, year: int, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.year = year

    def by_reached(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        return rows.filter(REACHED[code][1])

    def by_fresh(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(left_year=self.year) if value == "1" else rows.filter(left_year__lt=self.year)

    def by_contact(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(contacted_on__isnull=value == "0")

    def by_roll(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        enrolled = Q(Exists(in_year(self.year).filter(student=OuterRef("student"))))
        return rows.filter(enrolled if value == "1" else ~enrolled)


class FollowUpFilter(VocationalFilter):
    """Calls of a summer's graduates."""

    year = django_filters.NumberFilter(widget=forms.HiddenInput)
    number = django_filters.ChoiceFilter(
        label="第几年", choices=[(str(n), f"第 {n} 年") for n in (1, 2, 3)], empty_label=ALL
    )
    state = django_filters.ChoiceFilter(label="状态", choices=CallState.choices, empty_label=ALL)
    standing = django_filters.ChoiceFilter(
        label="期限", choices=[("late", "逾期没有回访")], empty_label=ALL, method="by_standing"
    )
    result = django_filters.ChoiceFilter(label="去向", choices=Outcome.choices, empty_label=ALL, method="by_result")
    at_work = django_filters.ChoiceFilter(label="就业", choices=YES_NO, empty_label=ALL, method="by_work")

    class Meta:
        model = FollowUp
        fields = ()

    def by_standing(self, rows: QuerySet, _name: str, _value: str) -> QuerySet:
        return rows.filter(late(timezone.localdate()))

    def by_result(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(state=CallState.DONE, result=value)

    def by_work(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        done = rows.filter(state=CallState.DONE).exclude(result=Outcome.LOST)
        return done.filter(result__in=AT_WORK) if value == "1" else done.exclude(result__in=AT_WORK)
