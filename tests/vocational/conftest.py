"""A county with its vocational centre: young people of poor families who left school in the summer of 2018."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from aidcases.models import School
from aidcases.roles import OfficeKind, Role
from aidcases.scoping import Actor, acting_in
from students.enums import Category, Stage
from students.models import Student
from tests import make
from tests.personas import As, World

__all__ = ["As"]

HERE = "/62/6201/620123/"
VILLAGE, FAR_VILLAGE = "620123100201", "620121100001"
TODAY = date(2018, 11, 20)
LAST, NOW = "2018-spring", "2018-autumn"


@dataclass
class Vocational:
    """`centre` lies in the county, `far` in the next one."""

    world: World
    junior: School
    centre: School
    far: School
    people: dict[str, Student] = field(default_factory=dict)

    def actor(self, persona: str) -> Actor:
        return self.world[persona].memberships.get().actor

    @contextmanager
    def acting(self, persona: str) -> Iterator[Actor]:
        office = self.world[persona].memberships.get().organisation
        with acting_in(office.scope, self.actor(persona)):
            yield self.actor(persona)


def leaver(name: str, at: School, *, home: str = VILLAGE, stage: str = Stage.JUNIOR, grade: int = 3, born: int = 2003,
           poor: bool = True, term: str = LAST) -> Student:  # fmt: skip
    held = (Category.REGISTERED_POOR,) if poor else ()
    return make.student(name, at=at, term=term, stage=stage, grade=grade, home=home, born=date(born, 3, 1), categories=held)


@pytest.fixture
def voc(county: World) -> Vocational:
    """待业生 and 高三生 are 两后生; the others are not, each for a reason of their own; 跨县生二 is the next county's."""
    junior = make.school(name="榆槐初级中学", place="620123100", stages=(Stage.JUNIOR,))
    centre = make.school("2162099001", name="榆槐职教中心", place="620123100", stages=(Stage.SECONDARY_VOCATIONAL,))
    far = make.school("2162099002", name="登枫职业学院", place="620121100", stages=(Stage.HIGHER_VOCATIONAL,))
    senior = county.here.senior
    made = Vocational(county, junior, centre, far)
    made.people = {
        "waiting": leaver("待业生", junior),
        "senior": leaver("高三生", senior, stage=Stage.SENIOR, born=2000),
        "autumn": leaver("秋季生", junior, term="2017-autumn"),  # of whom the spring roll says nothing
        "rich": leaver("不困难生", junior, poor=False),
        "second": leaver("初二生", junior, grade=2),
        "old": leaver("年长生", junior, born=1990),
        "gone_on": leaver("升学生", junior),
        "away": leaver("跨县生二", junior, home=FAR_VILLAGE),
    }
    make.enrolment(made.people["gone_on"], at=centre, term=NOW, stage=Stage.SECONDARY_VOCATIONAL, grade=1)
    cadre = make.user("cadre", "村干部", make.office(VILLAGE, OfficeKind.VILLAGE), Role.CADRE)
    clerk = make.user("centre", "职教经办", make.school_office(centre), Role.SCHOOL_MAKER)
    county.users.update(cadre=cadre, centre=clerk)
    return made


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Callable[[date], None]:
    """Sets the day that pages see."""

    def given(day: date) -> None:
        monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: day)

    given(TODAY)
    return given


def asked(client: Client, url: str, most: int = 12) -> str:
    """A page, in at most so many queries."""
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(url)
    assert answer.status_code == 200
    asks = [each["sql"][:90] for each in seen if not each["sql"].startswith(("SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL"))]
    assert len(asks) <= most, asks
    return answer.content.decode()
