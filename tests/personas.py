"""Two fully populated counties and everyone who works in them. Every view test uses at least two of these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from django.test import Client

from aidcases.models import Organisation, School, User
from aidcases.roles import OfficeKind, Role
from aidcases.terms import Term
from students.enums import Stage
from students.models import Student
from tests import make

TERM = Term.parse("2018-autumn")

As = Callable[[str], Client]  # the fixture as_: a persona's browser

# Nobody whom a test adds is born on these people's days: their identity numbers stay the same (tests.kept).
BORN = date(2010, 5, 17)

# Names no other text contains: found on a page, they prove a leak.
CANARY = {"620123": "榆槐", "620121": "登枫"}


@dataclass
class Side:
    """One county: its places, children and people of the offices."""

    code: str
    primary: School
    senior: School
    office: Organisation
    students: list[Student] = field(default_factory=list)


@dataclass
class World:
    here: Side
    there: Side
    users: dict[str, User]
    crossing: Student  # home there, school here
    term: Term = TERM

    def __getitem__(self, persona: str) -> User:
        return self.users[persona]


def _side(code: str, township: str, village: str) -> Side:
    mark = CANARY[code]
    primary = make.school(place=township, name=f"{mark}中心小学", stages=(Stage.PRIMARY,))
    senior = make.school(place=township, name=f"{mark}第一中学", stages=(Stage.SENIOR,), fee="800")
    side = Side(code, primary, senior, make.office(code))
    poor = make.student(
        f"{mark}贫生", at=primary, home=village, boarding=True, categories=("registered_poor",), born=BORN
    )
    head = make.person(f"{mark}户主", home=village, born=date(1980, 3, 17))
    make.household(village=village, head=head, members=(poor.person,))
    plain = make.student(f"{mark}普生", at=primary, home=village, born=BORN)
    teen = make.student(
        f"{mark}高生",
        at=senior,
        stage=Stage.SENIOR,
        grade=1,
        home=village,
        categories=("dibao_rural",),
        born=date(2002, 2, 17),
    )
    side.students = [poor, plain, teen]
    return side


def build() -> World:
    """Entitlements computed under the lanzhou pack adopted by the city."""
    from subsidies.actions import adopt_pack, load_pack

    here = _side("620123", "620123100", "620123100201")
    there = _side("620121", "620121100", "620121100001")
    crossing = make.student("跨县生", at=here.primary, home="620121100001", categories=("registered_poor",), born=BORN)
    make.household(village="620121100001", head=make.person("跨县户主", home="620121100001", born=date(1979, 1, 17)),
                   members=(crossing.person,))  # fmt: skip
    city = make.office("6201")
    auditor = make.office("620123", OfficeKind.AUDITOR)
    users = {
        "maker": make.user("maker", "甲经办", here.office, Role.COUNTY_MAKER),
        "checker": make.user("checker", "甲审核", here.office, Role.COUNTY_CHECKER),
        "head": make.user("head", "甲主任", here.office, Role.COUNTY_HEAD),
        "other_maker": make.user("other_maker", "乙经办", there.office, Role.COUNTY_MAKER),
        "school": make.user("school", "校经办", make.school_office(here.primary), Role.SCHOOL_MAKER),
        "other_school": make.user("other_school", "校二经办", make.school_office(here.senior), Role.SCHOOL_MAKER),
        "city": make.user("city", "市专员", city, Role.CITY_OFFICER),
        "auditor": make.user("auditor", "审计员", auditor, Role.AUDITOR),
        "nobody": User.objects.create_user("nobody", password=make.PASSWORD, full_name="无任职"),
    }
    load_pack("lanzhou")
    adopt_pack("lanzhou", region=make.region("6201"))
    return World(here, there, users, crossing)


def compute(world: World) -> None:
    """Runs the recompute for both counties in this process."""
    from aidcases import jobs
    from subsidies.actions import request_recompute

    job = jobs.work_off(request_recompute(term=world.term, path="/62/6201/"))
    assert job.state == "done", job.error
