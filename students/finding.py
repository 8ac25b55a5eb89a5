"""Finding people, households and schools by what a person typed; also the sources of the global search."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Case, Q, When
from django.urls import reverse

from aidcases.models import School
from aidcases.scoping import current_scope
from aidcases.searching import Query
from aidcases.terms import chronological
from students.models import Enrolment, Household, Member, Student


@dataclass(frozen=True)
class Hit:
    """A line of the global search."""

    label: str
    detail: str
    url: str
    term: str = ""  # the code of the term the detail speaks of


def by_name(text: str, person: str) -> Q:
    """Latin letters are pinyin initials, anything else is the beginning of a name; both stand on an index."""
    if text.isascii() and text.isalnum():
        return Q(**{f"{person}initials__startswith": text.lower()})
    return Q(**{f"{person}name__startswith": text})


def of_student(query: Query, path: str = "") -> Q:
    """What a search means for rows from which `path` (as `student__`) leads to a Student."""
    person = f"{path}person__"
    if query.id_hash:
        return Q(**{f"{person}id_hash": query.id_hash})
    if query.roll_hash:
        return Q(**{f"{path}roll_hash": query.roll_hash})
    if query.last4:
        return Q(**{f"{person}id_last4": query.last4})
    return by_name(query.text, person)


def of_household(query: Query) -> Q:
    """By the household's number, or by anybody in it."""
    if query.roll_hash:
        return Q(pk=None)
    if query.id_hash:
        who = Q(person__id_hash=query.id_hash)
    elif query.last4:
        who = Q(person__id_last4=query.last4)
    elif query.text.isdigit():
        return Q(number__startswith=query.text)
    else:
        who = by_name(query.text, "person__")
    # The ids first: a semi-join from the few people found is cheaper than a test of every household.
    return Q(pk__in=Member.objects.filter(who).values("household"))


def of_school(text: str) -> Q:
    """By a part of the name, the beginning of the code, or pinyin initials."""
    if text.isascii() and text.isalnum():
        return Q(code__startswith=text.upper()) | Q(initials__startswith=text.lower())
    return Q(name__contains=text)


def students(query: Query, limit: int) -> list[Hit]:
    found = list(Student.objects.filter(of_student(query)).select_related("person").defer(
        "roll_number", "person__id_number").order_by("person__name", "pk")[:limit])  # fmt: skip
    latest = {
        enrolment.student_id: enrolment
        for enrolment in Enrolment.objects.filter(student__in=found).select_related("school").defer("phone")
        .order_by("student", *chronological()).distinct("student")
    }  # fmt: skip
    return [
        Hit(
            student.person.name,
            _studies(student, latest.get(student.pk)),
            reverse("student_detail", args=[student.pk]),
            latest[student.pk].term if student.pk in latest else "",
        )
        for student in found
    ]


def _studies(student: Student, enrolment: Enrolment | None) -> str:
    person = student.person
    parts = [person.sex, f"{person.birth_on:%Y-%m-%d}" if person.birth_on else ""]
    if enrolment:
        parts.append(f"{enrolment.school.name} {enrolment.grade_label} {enrolment.class_name}".strip())
    return " · ".join(part for part in parts if part)


def households(query: Query, limit: int) -> list[Hit]:
    found = Household.objects.filter(of_household(query)).select_related("head", "region").defer(
        "phone", "head__id_number").order_by("path", "pk")[:limit]  # fmt: skip
    return [
        Hit(
            f"{household.head.name}户" if household.head else household.number or "未登记户主",
            " · ".join(part for part in (household.number, household.region.name) if part),
            reverse("household_detail", args=[household.pk]),
        )
        for household in found
    ]


def ours_first() -> Case:
    """ORDER BY for shared rows with a path: the own area before the rest of the country."""
    return Case(When(path__startswith=current_scope().path, then=0), default=1)


def schools_named(text: str, limit: int) -> list[School]:
    """Schools are no secret; an empty word finds none."""
    found = School.objects.filter(of_school(text)).select_related("region") if text else School.objects.none()
    return list(found.order_by(ours_first(), "path")[:limit])


def schools(query: Query, limit: int) -> list[Hit]:
    return [
        Hit(
            school.name,
            f"{school.region.name} · {school.code}",
            reverse("school_detail", args=[school.code]),
        )
        for school in schools_named(query.text, limit)
    ]
