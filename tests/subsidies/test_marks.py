"""What is written marks exactly the students whose facts it changes, whoever writes it and however."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, transaction

from aidcases import sql
from aidcases.models import School, SchoolFee
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.enums import Category, RosterKind, Stage
from students.models import Enrolment, Hardship, Person, Student
from subsidies.certificate import certify
from subsidies.models import CertificatePart, Mark
from tests import make

AUTUMN, SPRING = "2018-autumn", "2019-spring"
EVERYBODY = {"an": {AUTUMN, SPRING}, "bo": {AUTUMN}, "chen": {AUTUMN, SPRING}}


@dataclass
class World:
    """an and bo learn at one school, chen at another; an and chen in two terms. All are computed, nobody is marked."""

    one: School
    two: School
    an: Student
    bo: Student
    chen: Student

    def enrolments(self, name: str, term: str = AUTUMN):
        return Enrolment.objects.filter(student=getattr(self, name), term=term)

    def person(self, name: str):
        return Person.objects.filter(pk=getattr(self, name).pk)

    def lists(self, name: str):
        return Hardship.objects.filter(person=getattr(self, name).pk)

    def marked(self) -> dict[str, set[str]]:
        """Name → terms; a student nobody here knows by name under its number."""
        names = {getattr(self, name).pk: name for name in EVERYBODY}
        found: dict[str, set[str]] = {}
        for term, student in Mark.objects.values_list("term", "student_id"):
            found.setdefault(names.get(student, str(student)), set()).add(term)
        return found


@pytest.fixture(scope="module")
def computed(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), acting_in(EVERYWHERE), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture
def world(computed: World) -> Iterator[World]:
    """Built once; what a test writes is taken back."""
    with transaction.atomic():
        yield computed
        transaction.set_rollback(True)


def build() -> World:
    make.adopt_lanzhou()
    one, two = make.school(), make.school(place="620121100", stages=(Stage.SENIOR,), fee="800")
    made = World(
        one, two,
        make.student(at=one, boarding=True, categories=(Category.DIBAO_RURAL,)), make.student(at=one),
        make.student(at=two, stage=Stage.SENIOR, categories=(Category.DISABLED,)),
    )  # fmt: skip
    make.enrolment(made.an, at=one, term=SPRING)
    make.enrolment(made.chen, at=two, term=SPRING, stage=Stage.SENIOR)
    assert made.marked() == EVERYBODY  # by their enrolments
    for term in (AUTUMN, SPRING):
        make.recompute(term)
    assert made.marked() == {}
    return made


Write = Callable[[World], object]
AN, BO, CHEN = {"an": {AUTUMN, SPRING}}, {"bo": {AUTUMN}}, {"chen": {AUTUMN, SPRING}}
AN_NOW, CHEN_NOW = {"an": {AUTUMN}}, {"chen": {AUTUMN}}

# Write → whom it marks.
READ: dict[str, tuple[Write, dict[str, set[str]]]] = {
    "school": (lambda w: w.enrolments("an").update(school=w.two, school_path=w.two.path), AN_NOW),
    "stage": (lambda w: w.enrolments("an").update(stage=Stage.JUNIOR), AN_NOW),
    "grade": (lambda w: w.enrolments("an").update(grade=None), AN_NOW),
    "boarding": (lambda w: w.enrolments("an").update(boarding=False), AN_NOW),
    "rural": (lambda w: w.enrolments("an").update(rural_hukou=False), AN_NOW),
    "hukou of the roll": (lambda w: w.enrolments("an").update(hukou_region=None), AN_NOW),
    "entry": (lambda w: w.enrolments("an").update(entered_on=date(2018, 9, 1)), AN_NOW),
    "orphan": (lambda w: w.enrolments("an").update(orphan=True), AN_NOW),
    "home of the enrolment": (lambda w: w.enrolments("an").update(home_path="/51/"), AN_NOW),
    "one of many": (lambda w: Enrolment.objects.update(boarding=False), AN_NOW),
    "enrolment of another": (lambda w: w.enrolments("an", SPRING).update(student=w.bo),
                             {"an": {SPRING}, "bo": {SPRING}}),
    "enrolment of another term": (lambda w: w.enrolments("bo").update(term=SPRING), {"bo": {AUTUMN, SPRING}}),
    "leaving": (lambda w: w.enrolments("chen").delete(), CHEN_NOW),
    "birth": (lambda w: w.person("chen").update(birth_on=date(2003, 1, 1)), CHEN),
    "hukou": (lambda w: w.person("chen").update(hukou_region=make.region("510104")), CHEN),
    "household": (lambda w: w.person("chen").update(household_path="/62/6204/"), CHEN),
    "home": (lambda w: w.person("chen").update(home_path="/62/6204/"), CHEN),
    "identity number": (lambda w: w.person("chen").update(id_hash=b"another"), CHEN),
    "people one by one": (lambda w: [w.person(n).update(birth_on=None) for n in ("an", "bo")], AN | BO),
    "list": (lambda w: make.hardship(w.an.person, Category.ORPHAN), AN),
    "lists at once": (
        lambda w: Hardship.objects.bulk_create(
            Hardship(person=w.bo.person, category=category, source=RosterKind.POVERTY, from_on=date(2018, 1, 1))
            for category in (Category.ORPHAN, Category.REGISTERED_POOR)
        ),
        BO,
    ),
    "list from another day": (lambda w: w.lists("an").update(from_on=date(2019, 1, 1)), AN),
    "list of another category": (lambda w: w.lists("an").update(category=Category.DIBAO_URBAN), AN),
    "list of another source": (lambda w: w.lists("an").update(source=RosterKind.POVERTY), AN),
    "list of another office": (lambda w: w.lists("an").update(office_path="/62/6201/620121/"), AN),
    "list ended": (lambda w: w.lists("an").update(active=False), AN),
    "list of another person": (lambda w: w.lists("an").update(person=w.bo.person), AN | BO),
    "off the list": (lambda w: w.lists("chen").delete(), CHEN),
    "first fee": (lambda w: SchoolFee.objects.create(school=w.two, from_on=date(2019, 9, 1), annual_fee=1), CHEN),
    "fee": (lambda w: w.two.fees.update(annual_fee=Decimal("801")), CHEN),
    "fee from another day": (lambda w: w.two.fees.update(from_on=date(2017, 9, 1)), CHEN),
    "fee of another school": (lambda w: w.two.fees.update(school=w.one, from_on=date(2017, 9, 1)), AN | BO | CHEN),
    "no fee": (lambda w: w.one.fees.all().delete(), AN | BO),
    "private": (lambda w: School.objects.filter(pk=w.two.pk).update(public=False), CHEN),
    "school of another region": (lambda w: School.objects.filter(pk=w.one.pk).update(path="/51/x/"), AN | BO),
}  # fmt: skip

# What no rule reads.
UNREAD: dict[str, Write] = {
    "class": lambda w: Enrolment.objects.update(class_name="2班"),
    "phone": lambda w: Enrolment.objects.update(phone=None, phone_hash=None),
    "left behind": lambda w: Enrolment.objects.update(left_behind=True),
    "hint": lambda w: Enrolment.objects.update(disability_hint="听力"),
    "the same again": lambda w: w.enrolments("an").update(boarding=True, grade=3, stage=Stage.PRIMARY),
    "name": lambda w: Person.objects.update(name="改名", initials="GM", name_undecided=True),
    "school of the person": lambda w: Person.objects.update(school_path="/51/"),
    "ethnicity": lambda w: Person.objects.update(ethnicity="回族", sex="女", found_path="/51/"),
    "somebody new": lambda w: make.person(),
    "somebody who learns nowhere": lambda w: make.hardship(make.person()),
    "household": lambda w: make.household(members=(w.an.person,)),
    "proof": lambda w: Hardship.objects.update(detail="二级", proof_last4="1234"),
    "the same list again": lambda w: Hardship.objects.update(active=True),
    "the same fee again": lambda w: SchoolFee.objects.filter(school=w.one).update(annual_fee="0.00"),
    "school's name": lambda w: School.objects.update(name="改名学校", initials="GM", stages=[]),
    "new school": lambda w: make.school(),
}


@pytest.mark.parametrize("what", READ)
def test_marks_exactly(world: World, what: str):
    write, whom = READ[what]
    write(world)
    assert world.marked() == whom


@pytest.mark.parametrize("what", UNREAD)
def test_marks_nobody(world: World, what: str):
    UNREAD[what](world)
    assert world.marked() == {}


def test_who_enters_is_marked(world: World):
    dong = make.student(at=world.one)
    assert world.marked() == {str(dong.pk): {AUTUMN}}
    make.enrolment(world.bo, at=world.two, term=SPRING)
    assert world.marked() == {str(dong.pk): {AUTUMN}, "bo": {SPRING}}


def test_who_leaves_before_anything_was_computed_is_nobodys_to_compute(world: World):
    dong = make.student(at=world.one)
    Enrolment.objects.filter(student=dong).delete()
    assert make.recompute(marked_only=True)["students"] == 0
    assert world.marked() == {}


def test_a_mark_is_written_once_however_often_the_facts_change(world: World):
    for day in range(1, 6):
        world.person("an").update(birth_on=date(2010, 1, day))
    assert Mark.objects.count() == 2


def test_a_statement_is_one_insert_of_marks_whatever_its_size(world: World, django_assert_num_queries: Callable):
    with django_assert_num_queries(1):
        Enrolment.objects.update(grade=1)
    calls = sql.one("SELECT count(DISTINCT tx) AS n FROM subsidies_mark")
    assert (Mark.objects.count(), calls["n"]) == (5, 1)


# ---------- parts of the certificate ----------


def parts(term: str = AUTUMN) -> set[str]:
    """Code of the school @ county of the home."""
    found = CertificatePart.objects.filter(term=term)
    return {f"{school}@{county}" for school, county in found.values_list("school__code", "home_county")}


COUNTY = "/62/6201/620123/"


@pytest.mark.parametrize(
    ("move", "left"),
    [
        (lambda w: w.enrolments("an").update(school=w.two, school_path=w.two.path), "one"),
        (lambda w: w.enrolments("chen").delete(), "two"),
        (lambda w: w.enrolments("bo").update(home_path="/62/6204/620402/"), "one"),
        (lambda w: w.enrolments("bo").update(term="2019-autumn"), "one"),
        (lambda w: w.enrolments("bo").update(student=make.student(at=w.one, term="2020-autumn")), "one"),
    ],
    ids=["school", "leaving", "home", "term", "student"],
)
def test_the_part_a_student_leaves_is_stale(world: World, move: Write, left: str):
    both = {f"{world.one.code}@{COUNTY}", f"{world.two.code}@{COUNTY}"}
    assert parts() == parts(SPRING) == both
    move(world)
    assert both - parts() == {f"{getattr(world, left).code}@{COUNTY}"}
    assert parts(SPRING) == both


@pytest.mark.parametrize("what", ["class", "phone", "hint", "the same again", "name", "proof"])
def test_what_nobody_reads_leaves_the_parts_alone(world: World, what: str):
    before = parts()
    UNREAD[what](world)
    assert parts() == before


def test_another_village_of_the_county_is_no_other_part(world: World):
    before = parts()
    world.enrolments("an").update(home_path=make.region("620123100201").path)
    assert parts() == before
    assert world.marked() == AN_NOW


def test_a_school_that_everybody_left_is_no_part_any_more(world: World):
    world.enrolments("an").update(school=world.two, school_path=world.two.path)
    world.enrolments("bo").update(school=world.two, school_path=world.two.path)
    result = make.recompute(marked_only=True)
    assert parts() == {f"{world.two.code}@{COUNTY}"}
    assert CertificatePart.objects.get(term=AUTUMN).students == 3
    assert certify(Term.parse(AUTUMN), "/62/6201/")["certificate"] == result["certificate"]


def test_the_triggers_can_be_taken_out_and_put_back(world: World):
    """The migration's way back: no trigger and no function of it stays."""
    marks = import_module("subsidies.migrations.0002_marks")
    found = "SELECT count(*) AS n FROM pg_proc WHERE proname LIKE 'subsidies_mark_%%'"
    assert sql.one(found)["n"] == len(marks.MARKS)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(marks.backward())
        assert sql.one(found)["n"] == 0
        Enrolment.objects.update(grade=1)
        assert world.marked() == {}
        cursor.execute(marks.forward())
    Enrolment.objects.update(grade=2)
    assert world.marked() == EVERYBODY
