"""What lists of children share: who of a list is shown, with the class and the case, in two statements for a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import django_filters
from django import forms
from django.db.models import Count, Exists, F, OuterRef, QuerySet

from aidcases.scoping import HOME, SCHOOL, current_scope
from aidcases.searching import Query
from aidcases.terms import Term
from dropout.models import DropoutCase
from dropout.models.cases import OnMyTeam
from students import finding
from students.filters import ALL, SearchableFilter, under
from students.models import Enrolment
from students.places import Places

POOR = [("1", "贫困户子女"), ("0", "不是贫困户子女")]


class ChildFilter(SearchableFilter):
    """Rows with a student, a home_path and a school_path."""

    search = django_filters.CharFilter(method="as_it_is", label="姓名、首字母、证件号或学籍号")
    school = django_filters.CharFilter(label="学校", method="of_school")
    place = django_filters.CharFilter(label="家庭所在乡镇、村", method="at_home_in")

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.pick_school()
        self.pick_place("place")
        if HOME not in current_scope().sides:  # a school has only its own pupils, of whose homes it sees no village
            for name in ("school", "place"):
                self.filters[name].extra["widget"] = forms.HiddenInput()

    def meaning(self, query: Query) -> Any:
        return finding.of_student(query, "student__")

    def of_school(self, rows: QuerySet, _name: str, _code: str) -> QuerySet:
        return rows.filter(school_path=self.school.path) if self.school else rows.none()

    def at_home_in(self, rows: QuerySet, _name: str, code: str) -> QuerySet:
        """Homes of the own area only: of others the register's village is not shown."""
        if HOME not in current_scope().sides:
            return rows.none()
        return rows.filter(under("home_path", code), home_path__startswith=current_scope().path)


def choices(label: str, options: Any, **extra: Any) -> django_filters.ChoiceFilter:
    return django_filters.ChoiceFilter(label=label, choices=options, empty_label=ALL, **extra)


def mine(rows: QuerySet) -> QuerySet:
    """Rows with a case: of a class teacher those whose team they are on, of anybody else all."""
    return rows.filter(OnMyTeam(F("case_id")))


def enrolments_of(students: Iterable[int], term: Term) -> dict[int, Enrolment]:
    """student → the row of the roll in the term."""
    rows = Enrolment.objects.in_term(term).filter(student__in=list(students)).select_related("school").defer("phone")
    return {row.student_id: row for row in rows}


def cases_of(students: Iterable[int]) -> dict[int, DropoutCase]:
    return {case.student_id: case for case in DropoutCase.objects.filter(student__in=list(students))}


def homes_of(rows: Iterable[Any]) -> dict[int, str]:
    """student → where it lives, in words, for the home side only."""
    paths = {row.student_id: row.home_path for row in rows if current_scope().covers(row.home_path, HOME)}
    places = Places(paths.values())
    return {student: places.label(path) for student, path in paths.items()}


def in_a_school() -> bool:
    return HOME not in current_scope().sides


def school_side() -> bool:
    return SCHOOL in current_scope().sides


def counted(rows: QuerySet, by: tuple[str, ...], *, having: QuerySet) -> list[dict[str, Any]]:
    """Rows with a student, counted by columns: `pupils`, and `entered` of them that stand in `having`."""
    there = Exists(having.filter(student=OuterRef("student")))
    found = rows.order_by(*by).values(*by)
    return list(found.annotate(pupils=Count("pk"), entered=Count("pk", filter=there)))
