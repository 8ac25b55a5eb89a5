"""The class list: every enrolled child of a term with the state of its application, the lists it is on, its last level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import django_filters
from django import forms
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    Min,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Concat

from aidcases.scoping import HOME, current_scope
from aidcases.terms import Term, chronological
from students.enums import Stage, grade_label
from students.facts import categories_in
from students.filters import ALL, EnrolmentFilter
from students.models import Enrolment
from subsidies.casework.matched import is_listed
from subsidies.enums import Level
from subsidies.models import Application, Determination, Responsible
from subsidies.models.applications import ApplicationKind, ApplicationState, OwnPupil

NONE, LISTED, INCOMPLETE, READY, RETURNED = "none", "listed", "incomplete", "ready", "returned"
STATES = [
    (LISTED, "在名单上，还没有申请"),
    (NONE, "还没有申请"),
    (INCOMPLETE, "填写中，没有填完"),
    (READY, "填完了，待提交"),
    (RETURNED, "退回修改"),
    *[pair for pair in ApplicationState.choices if pair[0] not in (ApplicationState.DRAFT, ApplicationState.DOUBLED)],
]
ORDER = ("school_path", "stage", "grade", "class_name", "pk")
COUNTED = ("all", LISTED, NONE, INCOMPLETE, READY, "submitted", "declined", RETURNED)
_FIRST = ("state", "search", "grade", "class_name", "category")


class ApplicationFilter(EnrolmentFilter):
    """Children of a term by how far their application has got."""

    state = django_filters.ChoiceFilter(label="申请情况", choices=STATES, empty_label=ALL, method="got_to")
    kind = django_filters.ChoiceFilter(label="方式", choices=ApplicationKind.choices, empty_label=ALL, method="of_kind")
    last = django_filters.ChoiceFilter(
        label="上次等级", choices=[*Level.choices, ("never", "没有认定过")], empty_label=ALL, method="last_level"
    )

    class Meta:
        model = Enrolment
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        del self.filters["boarding"], self.filters["place"]
        for name in reversed(_FIRST):
            self.filters.move_to_end(name, last=False)
        if in_a_school():
            self.filters["away"].extra["widget"] = forms.HiddenInput()

    def pick_place(self, name: str) -> None:
        """Applications are looked for by school, not by village: no list of places is read."""

    def _mine(self, **wanted: Any) -> Exists:
        return Exists(Application.objects.in_term(self.term).filter(student=OuterRef("student"), **wanted))

    def got_to(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        if value == LISTED:
            return rows.filter(is_listed(self.term), ~self._mine())
        if value == NONE:
            return rows.filter(~self._mine())
        if value in (INCOMPLETE, READY):
            return rows.filter(self._mine(state=ApplicationState.DRAFT, complete=value == READY))
        if value == RETURNED:
            return rows.filter(self._mine(state=ApplicationState.DRAFT, returned_why__gt=""))
        return rows.filter(self._mine(state=value))

    def of_kind(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        return rows.filter(self._mine(kind=value))

    def last_level(self, rows: QuerySet, _name: str, value: str) -> QuerySet:
        rows = rows.annotate(before=Subquery(earlier(self.term).filter(student=OuterRef("student")).values("level")[:1]))
        return rows.filter(before=None) if value == "never" else rows.filter(before=value)


def in_a_school() -> bool:
    """Whether whoever acts works in a school, which has only its own pupils."""
    return HOME not in current_scope().sides


def enrolled(term: Term, *, away: bool = False) -> QuerySet[Enrolment]:
    """Children of the own schools, for a class teacher the own ones; `away`: everybody in sight, those at home here who
    study elsewhere included."""
    rows, scope = Enrolment.objects.in_term(term).filter(OwnPupil(F("student"))), current_scope()
    return rows if away or scope.path == "/" else rows.filter(school_path__startswith=scope.path)


def earlier(term: Term) -> QuerySet[Determination]:
    """Determinations of the terms before, the newest first."""
    codes = [t.code for t in _before(term)]
    return Determination.objects.filter(term__in=codes).order_by(*chronological())


def _before(term: Term) -> Iterable[Term]:
    """The ten terms before: five school years."""
    year, autumn = term.year, term.autumn
    for _ in range(10):
        year, autumn = (year, False) if autumn else (year - 1, True)
        yield Term(year, "autumn" if autumn else "spring")


def applications_of(enrolments: QuerySet[Enrolment], term: Term) -> QuerySet[Application]:
    return Application.objects.in_term(term).filter(student__in=enrolments.order_by().values("student"))


def lines(pks: list[int], term: Term) -> list[dict[str, Any]]:
    """What the list shows of each enrolment, in the order given: three queries, however many."""
    rows = Enrolment.objects.for_list().defer("phone", "student__roll_number", "student__person__id_number")
    before = earlier(term).filter(student=OuterRef("student")).values("level")[:1]
    found = rows.annotate(before=Subquery(before)).in_bulk(pks)
    enrolments = [found[pk] for pk in pks if pk in found]
    students = [e.student_id for e in enrolments]
    made = Application.objects.in_term(term).filter(student__in=students).defer("phone", "parent_phone")
    applications = {a.student_id: a for a in made}
    held = categories_in(term, students, [e.student_id for e in enrolments if e.orphan])
    return [
        {
            "enrolment": each,
            "person": each.student.person,
            "application": applications.get(each.student_id),
            "categories": held[each.student_id],
            "last": Level(each.before).label if each.before else "",
        }
        for each in enrolments
    ]


def overview(term: Term, school: str = "") -> list[dict[str, Any]]:
    """Classes of a school (by its code or of a school's own scope), else schools, with their `counts`: each child under
    "all" and one of COUNTED's others; a draft that was sent back also under "returned". One query."""
    rows = enrolled(term)
    rows = rows.filter(school__code=school) if school else rows
    by_class = bool(school) or in_a_school()
    keys = ("school__code", "school__name", *(("stage", "grade", "class_name") if by_class else ()))
    told = Application.objects.in_term(term).filter(student=OuterRef("student")).order_by().values(told=_TOLD)
    waiting = Case(When(is_listed(term), told="", then=True), default=False, output_field=BooleanField())
    counted = (
        rows.order_by()
        .annotate(told=Coalesce(Subquery(told[:1]), Value("")))
        .annotate(waiting=waiting)
        .values(*keys, "told", "waiting")
        .annotate(n=Count("pk"), **({"contact": Min(Subquery(_contact()))} if by_class else {}))
        .order_by(*keys)
    )
    groups: dict[tuple, dict[str, Any]] = {}
    for row in counted:
        key = tuple(row[name] for name in keys)
        group = groups.setdefault(key, {**{name: row[name] for name in keys}, "contact": "", "counts": Counter()})
        group["contact"] = group["contact"] or row.get("contact") or ""
        state, full, back = row["told"].split("|") if row["told"] else ("", "", "")
        returned = row["n"] if back and state == ApplicationState.DRAFT else 0
        stage = _stage_of(state, full=bool(full), waiting=row["waiting"])
        group["counts"].update({"all": row["n"], stage: row["n"], RETURNED: returned})
    return [_labelled(group) for group in groups.values()]


# What is counted of an application, looked up once for each child: state|filled in|sent back.
_TOLD = Concat(
    F("state"), Value("|"), Case(When(complete=True, then=Value("1")), default=Value("")), Value("|"),
    Case(When(returned_why="", then=Value("")), default=Value("1")), output_field=CharField(),
)  # fmt: skip


def _contact() -> QuerySet:
    return Responsible.objects.filter(pk=OuterRef("student")).values("contact")[:1]


def _stage_of(state: str, *, full: bool, waiting: bool) -> str:
    if not state:
        return LISTED if waiting else NONE
    if state == ApplicationState.DRAFT:
        return READY if full else INCOMPLETE
    if state in (ApplicationState.WITHDRAWN, ApplicationState.DECLINED):
        return "declined"
    return "submitted"


def _labelled(group: dict[str, Any]) -> dict[str, Any]:
    stage = group.get("stage")
    counts = {name: group["counts"][name] for name in COUNTED}
    label = f"{grade_label(stage, group['grade'])} {group['class_name']}".strip() if stage else group["school__name"]
    key = f"{stage}-{group['grade']}" if stage and group["grade"] else ""
    return {**group, "label": label, "counts": counts, "grade_key": key, "by_class": bool(stage),
            "stage_label": Stage(stage).label if stage else ""}  # fmt: skip


def totals(groups: list[dict[str, Any]]) -> dict[str, int]:
    return {name: sum(group["counts"][name] for group in groups) for name in COUNTED}
