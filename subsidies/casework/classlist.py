"""The class list: every enrolled child of a term with the state of its application, the lists it is on, its last level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import django_filters
from django import forms
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, QuerySet, Subquery

from aidcases import sql
from aidcases.scoping import HOME, current_scope
from aidcases.terms import Term, chronological
from students.enums import Stage, grade_label
from students.facts import categories_in, roll_orphans
from students.filters import ALL, EnrolmentFilter
from students.models import Enrolment
from subsidies.casework.matched import is_listed, listings
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
    by_class = bool(school) or in_a_school()
    names = ("stage", "grade", "class_name") if by_class else ()
    keys = ("school__code", "school__name", *names)
    groups: dict[tuple, dict[str, Any]] = {}
    for row in sql.rows(*_counting(term, school, names)):
        key = tuple(row[name] for name in keys)
        group = groups.setdefault(key, {**{name: row[name] for name in keys}, "contact": "", "counts": Counter()})
        group["contact"] = group["contact"] or row["contact"] or ""
        returned = row["n"] if row["back"] and row["state"] == ApplicationState.DRAFT else 0
        stage = _stage_of(row["state"] or "", full=bool(row["complete"]), waiting=row["waiting"])
        group["counts"].update({"all": row["n"], stage: row["n"], RETURNED: returned})
    return sorted(map(_labelled, groups.values()), key=lambda group: group["school__code"])  # its classes as they come


# Each table is read once and put together as a whole: a subquery for each child is what took the time. Whoever is on a list
# is joined, once each. What a school is called is looked up for the few lines that come of it: joined to them, whose number
# PostgreSQL does not know, it was read over for every one.
_COUNT = """
    WITH held (person_id) AS ({held})
    SELECT (SELECT code FROM aidcases_school s WHERE s.id = c.school_id) AS school__code,
        (SELECT name FROM aidcases_school s WHERE s.id = c.school_id) AS school__name, c.*
    FROM (
        SELECT e.school_id{keys}, a.state, a.complete, a.why <> '' AS back, count(*)::int AS n, {contact} AS contact,
            a.student_id IS NULL AND (e.marked OR h.person_id IS NOT NULL) AS waiting
        FROM ({children}) e (student_id, school_id{keys}, marked)
        LEFT JOIN held h ON h.person_id = e.student_id
        LEFT JOIN ({applied}) a (student_id, state, complete, why) ON a.student_id = e.student_id{contacts}
        GROUP BY e.school_id{keys}, a.state, a.complete, back, waiting
    ) c ORDER BY c.school_id{keys}
"""
_CONTACTS = " LEFT JOIN ({of}) r (student_id, contact) ON r.student_id = e.student_id"


def _counting(term: Term, school: str, keys: tuple[str, ...]) -> tuple[str, list[Any]]:
    """_COUNT over what is in sight; by the columns `keys` of a class, then with who answers for its children."""
    rows = enrolled(term)
    rows = rows.filter(school__code=school) if school else rows
    marked = ExpressionWrapper(roll_orphans(term), BooleanField())
    parts: dict[str, QuerySet] = {
        "held": listings(term).values_list("person").distinct(),
        "children": rows.annotate(marked=marked).values_list("student", "school", *keys, "marked"),
        "applied": Application.objects.in_term(term).values_list("student", "state", "complete", "returned_why"),
    }
    if keys:
        parts["contacts"] = Responsible.objects.values_list("student", "contact")
    found = {name: sql.compiled(part.order_by()) for name, part in parts.items()}
    words = {name: text for name, (text, _) in found.items()}
    words["contacts"] = _CONTACTS.format(of=words["contacts"]) if keys else ""
    statement = _COUNT.format(
        **words, contact="min(r.contact)" if keys else "''", keys="".join(f", {name}" for name in keys)
    )
    return statement, [value for _, params in found.values() for value in params]


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
