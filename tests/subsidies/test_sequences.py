"""Any sequence of writes: computing the marked comes to the same as computing everything, and both to what is explained."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aidcases.models import SchoolFee
from students.enums import Category, Stage
from students.imports.homes import derive
from students.models import Enrolment, Hardship
from subsidies.models import ComputeRun
from tests import make
from tests.subsidies.results import AUTUMN, assert_explained, from_scratch, lines, marked, missing, more

FEW = settings(
    max_examples=12, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
DAYS = [date(2017, 1, 1), date(2018, 8, 31), date(2018, 9, 1), date(2018, 9, 2), date(2019, 2, 28), date(2019, 3, 1)]
PLACES = ["620123100201", "620121100001", "620402", "510104"]
WHO = st.integers(0, 5)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.just("list"), WHO, st.sampled_from(list(Category)), st.sampled_from(DAYS), st.booleans()),
        st.tuples(st.just("unlist"), WHO),
        st.tuples(st.just("board"), WHO, st.booleans()),
        st.tuples(st.just("school"), WHO, st.integers(0, 2)),
        st.tuples(st.just("stage"), WHO, st.sampled_from(list(Stage)), st.integers(1, 9)),
        st.tuples(st.just("fee"), st.integers(0, 2), st.sampled_from(DAYS), st.sampled_from(["0", "625.01", "800"])),
        st.tuples(st.just("no fee"), st.integers(0, 2)),
        st.tuples(st.just("hukou"), WHO, st.sampled_from(PLACES)),
        st.tuples(st.just("leave"), WHO),
        st.tuples(st.just("return"), WHO),
        st.tuples(st.just("orphan"), WHO, st.booleans()),
        st.tuples(st.just("compute"), st.sampled_from(["6201", "620123", "620121"])),
    ),
    min_size=1,
    max_size=12,
)


class Town:
    """Six students in three schools of three counties, one of them in another city, and what may happen to them."""

    def __init__(self) -> None:
        make.adopt_lanzhou()
        more("fee", None, kind="school_fee", benefit="senior-fee", region="620123")
        more("more", "500.00", benefit="compulsory-boarding", region=None, when=", boarding = true")
        self.schools = [make.school(place=place, fee="800") for place in ("620123100", "620121100", "620402")]
        stages = (Stage.PRIMARY, Stage.JUNIOR, Stage.SENIOR, Stage.SECONDARY_VOCATIONAL, Stage.HIGHER_VOCATIONAL)
        self.people = [make.student(at=self.schools[n % 3], stage=stages[n % 5], grade=1) for n in range(6)]
        derive("SELECT * FROM students_person")

    def do(self, kind: str, *what: object) -> None:
        {
            "list": self.enter, "unlist": self.unlist, "board": self.board, "school": self.move, "stage": self.rise,
            "fee": self.charge, "no fee": self.uncharge, "hukou": self.settle, "leave": self.leave,
            "return": self.enrol, "orphan": self.orphan, "compute": lambda region: make.recompute(
                under=region, marked_only=True),
        }[kind](*what)  # fmt: skip

    def _enrolment(self, who: int):
        return Enrolment.objects.filter(student=self.people[who])

    def enter(self, who: int, category: str, day: date, active: bool) -> None:
        same = {"person": self.people[who].person, "category": category, "from_on": day}
        if not Hardship.objects.filter(**same).exists():
            make.hardship(self.people[who].person, category, from_on=day, active=active)
            derive("SELECT * FROM students_person")

    def unlist(self, who: int) -> None:
        Hardship.objects.filter(person=self.people[who].person).delete()
        derive("SELECT * FROM students_person")

    def board(self, who: int, boards: bool) -> None:
        self._enrolment(who).update(boarding=boards)

    def orphan(self, who: int, orphan: bool) -> None:
        self._enrolment(who).update(orphan=orphan)

    def move(self, who: int, school: int) -> None:
        self._enrolment(who).update(school=self.schools[school], school_path=self.schools[school].path)

    def rise(self, who: int, stage: str, grade: int) -> None:
        self._enrolment(who).update(stage=stage, grade=grade)

    def charge(self, school: int, day: date, fee: str) -> None:
        SchoolFee.objects.update_or_create(
            school=self.schools[school], from_on=day, defaults={"annual_fee": Decimal(fee)}
        )

    def uncharge(self, school: int) -> None:
        SchoolFee.objects.filter(school=self.schools[school]).delete()

    def settle(self, who: int, place: str) -> None:
        self._enrolment(who).update(hukou_region=make.region(place))
        derive("SELECT * FROM students_person")

    def leave(self, who: int) -> None:
        self._enrolment(who).delete()

    def enrol(self, who: int) -> None:
        if not self._enrolment(who).exists():
            make.enrolment(self.people[who], at=self.schools[0], term=AUTUMN.code)


@pytest.fixture
def town(db: None, everywhere: None) -> Town:
    town = Town()
    make.recompute(under="62")
    return town


@FEW
@given(writes=WRITES)
def test_computing_the_marked_is_computing_everything(town: Town, writes: list[tuple]):
    with transaction.atomic():
        for write in writes:
            town.do(*write)
        by_marks = make.recompute(under="62", marked_only=True)["certificate"], lines(), missing()
        assert (ComputeRun.objects.latest("pk").marked_only, marked()) == (True, set())
        assert (from_scratch("62")["certificate"], lines(), missing()) == by_marks
        for who in town.people:
            assert_explained(who)
        transaction.set_rollback(True)
