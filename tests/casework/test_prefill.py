"""Forms filled in before anybody types: from the school's own last one, from the roll, from the lists; for sets."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from students.models import Enrolment, Guardian, Student
from subsidies.casework import applying, form, matched, prefill
from subsidies.casework.form import Line
from subsidies.models import Application
from subsidies.models.applications import ApplicationKind as Kind
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew

LAST, TERM, SPRING = Term.parse("2025-autumn"), Term.parse("2026-autumn"), Term.parse("2027-spring")
FATHER = Line("张大山", 40, "父子", "务农", "农民", Decimal("8000.00"), "健康")
FULL: dict[str, Any] = {
    "household_size": 2, "address": "一村12号", "parent_phone": "13912345678", "other": "患病", "promised_on": date(2025, 9, 3),
    "boxes": ["martyr"],
}  # fmt: skip


def last_year(crew: Crew, who: Student | None = None, *, at: Any = None, term: Term = LAST) -> Student:
    """A child with a complete form of a former term, enrolled in TERM too."""
    at = at or crew.school
    who = who or build.student("张小树", at=at)
    made = build.application(who, at=at, term=term.code)
    assert form.save(made, FULL, [FATHER], version=0, by=SYSTEM).complete
    return who


def create(kind: Kind = Kind.APPLIED, term: Term = TERM, **also: Any) -> int:
    return prefill.create(Enrolment.objects.in_term(term), term, kind=kind, by=SYSTEM, **also)


def test_the_last_form_comes_along_a_year_older_and_unsigned(crew: Crew):
    last_year(crew)
    assert create() == 1
    made = Application.objects.get(term=TERM.code)
    assert (made.address, made.parent_phone, made.other, made.household_size) == ("一村12号", "13912345678", "患病", 2)
    assert made.parent_phone_hash == Application.objects.get(term=LAST.code).parent_phone_hash
    assert form.lines_of(made) == [Line("张大山", 41, "父子", "务农", "农民", Decimal("8000.00"), "健康")]
    assert made.promised_on is None
    assert [p.field for p in form.problems(made)] == ["promised_on"]
    assert (made.kind, made.state, made.boxes, made.version) == ("applied", "draft", ["martyr"], 0)


def test_within_a_school_year_the_promise_still_counts_and_nobody_is_older(crew: Crew):
    who = build.student("张小树", at=crew.school)
    make.enrolment(who, at=crew.school, term=SPRING.code)
    last_year(crew, who, term=TERM)
    assert create(Kind.RENEWED, SPRING) == 1
    made = Application.objects.get(term=SPRING.code)
    assert (made.promised_on, made.complete, made.kind) == (date(2025, 9, 3), True, "renewed")
    assert form.lines_of(made)[0].age == 40


def test_a_class_is_renewed_with_one_new_promise(crew: Crew):
    for _ in range(3):
        last_year(crew, build.student(at=crew.school))
    build.student("新来的", at=crew.school)
    assert create(Kind.RENEWED, promised_on=date(2026, 9, 5)) == 3
    assert Application.objects.filter(term=TERM.code, complete=True, promised_on=date(2026, 9, 5)).count() == 3
    assert create(Kind.RENEWED) == 0
    assert AuditEvent.objects.filter(action="application.created", note="与上次相同").count() == 3


def test_what_another_school_wrote_down_stays_there(crew: Crew):
    who = build.student("转学生", at=crew.school)
    last_year(crew, who, at=crew.second)
    assert create(Kind.RENEWED) == 0
    assert create() == 1
    made = Application.objects.get(term=TERM.code)
    assert (made.address, made.parent_phone, form.lines_of(made)) == ("", None, [])


def test_a_later_form_is_no_last_form(crew: Crew):
    who = build.student("张小树", at=crew.school)
    last_year(crew, who, term=SPRING)
    create()
    assert Application.objects.get(term=TERM.code).address == ""


def test_the_first_form_takes_what_the_roll_knows(crew: Crew):
    who = build.student("张小树", at=crew.school)
    Guardian(student=who, name="张大山", relation="父亲").save()
    Guardian(student=who, name="邻居甲", relation="邻居").save()
    create()
    made = Application.objects.get()
    assert (made.phone, made.rural_hukou, made.native_place) == ("13800001234", True, "甘肃省兰州市榆中县")
    assert [(line.name, line.relation) for line in form.lines_of(made)] == [("张大山", "父子"), ("邻居甲", "邻居")]
    assert not made.complete


def test_lists_tick_their_boxes_in_the_order_of_the_form(crew: Crew):
    listed = build.student("名单生", at=crew.school, categories=("disabled", "dibao_urban", "registered_poor"))
    build.student("普通生", at=crew.school)
    assert create(Kind.MATCHED) == 1
    made = Application.objects.get()
    assert (made.student, made.kind, made.complete) == (listed, "matched", True)
    assert made.boxes == made.listed_boxes == ["poor", "dibao", "disabled"]


def test_the_rolls_own_mark_of_an_orphan_counts(crew: Crew):
    who = build.student("孤儿生", at=crew.school)
    Enrolment.objects.filter(student=who).update(orphan=True)
    assert Enrolment.objects.filter(matched.is_listed(TERM)).count() == 1
    assert create(Kind.MATCHED) == 1
    assert Application.objects.get().listed_boxes == ["orphan"]


def test_a_list_that_ended_no_longer_ticks_and_what_the_family_ticked_stays(crew: Crew):
    who = last_year(crew)
    make.hardship(who.person, "dibao_rural", from_on=date(2025, 1, 1))
    create(promised_on=date(2026, 9, 5))
    made = Application.objects.get(term=TERM.code)
    assert (made.boxes, made.listed_boxes) == (["dibao", "martyr"], ["dibao"])
    make.hardship(who.person, "dibao_rural", from_on=date(2026, 9, 1), active=False)
    make.hardship(who.person, "tekun_rural", from_on=date(2026, 9, 1))
    assert matched.refresh(Application.objects.all(), TERM) == 1
    made.refresh_from_db()
    assert (made.boxes, made.listed_boxes) == (["tekun", "martyr"], ["tekun"])
    assert matched.refresh(Application.objects.all(), TERM) == 0


def test_submitting_looks_at_the_lists_once_more(crew: Crew):
    who = build.student("名单生", at=crew.school, categories=("registered_poor",))
    create(Kind.MATCHED)
    make.hardship(who.person, from_on=date(2026, 9, 1), active=False)
    told = applying.submit(Application.objects.all(), TERM, by=SYSTEM, today=date(2026, 9, 9))
    assert (told.moved, dict(told.refusals)) == (0, {"申请表还没有填完整": 1})


def test_a_school_creates_for_its_own_and_who_may_not_is_refused(crew: Crew):
    build.student(at=crew.school)
    build.student(at=crew.second)
    with crew.acting("teacher") as teacher:
        rows = Enrolment.objects.in_term(TERM)
        assert prefill.create(rows, TERM, kind=Kind.APPLIED, by=teacher) == 1
    with crew.acting("county_maker") as maker, pytest.raises(Refused, match="您的角色"):
        prefill.create(Enrolment.objects.in_term(TERM), TERM, kind=Kind.APPLIED, by=maker)
    assert Application.objects.get().school == crew.school


def test_queries_do_not_grow_with_the_class(crew: Crew, django_assert_num_queries: Callable):
    for _ in range(5):
        build.student(at=crew.school, categories=("registered_poor",))
    with django_assert_num_queries(4):  # who is meant; the statement; windows and marking
        assert create(Kind.MATCHED) == 5
    with django_assert_num_queries(9):
        assert applying.submit(Application.objects.all(), TERM, by=SYSTEM, today=date(2026, 9, 9)).moved == 5


def test_three_thousand_are_made_and_submitted_in_seconds(crew: Crew):
    first = build.student(at=crew.school, categories=("registered_poor",))
    _multiply(first, 3000)
    began = time.perf_counter()
    assert create(Kind.MATCHED) == 3000
    made = time.perf_counter()
    told = applying.submit(Application.objects.all(), TERM, by=SYSTEM, today=date(2026, 9, 9))
    done = time.perf_counter()
    assert (told.moved, told.refusals.total()) == (3000, 0)
    print(f"3,000 made in {made - began:.2f} s, submitted in {done - made:.2f} s")
    assert made - began < 5
    assert done - made < 5


def _multiply(first: Student, times: int) -> None:
    """So many children like the first, on the same list."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table, key, numbered in (
            ("students_person", "id", "id"), ("students_student", "person_id", "person_id"),
            ("students_enrolment", "student_id", "student_id"), ("students_hardship", "person_id", "person_id"),
        ):  # fmt: skip
            cursor.execute(
                "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns WHERE table_name = %s "
                "AND column_name NOT IN ('id', 'id_hash', 'roll_hash') AND column_name <> %s", [table, key],
            )  # fmt: skip
            columns = cursor.fetchone()[0]
            cursor.execute(
                f"INSERT INTO {table} ({numbered}, {columns}) SELECT 9000000 + n, {columns} FROM {table} "
                f"CROSS JOIN generate_series(1, %s) n WHERE {key} = %s", [times - 1, first.pk],
            )  # fmt: skip
