"""Typed builders: the shortest way to a valid row, with names of its own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.utils import timezone

from aidcases.actions import open_office
from aidcases.models import Membership, Organisation, Region, School, SchoolFee, User
from aidcases.roles import OfficeKind, Role
from students.enums import Category, RosterKind, Stage
from students.models import Account, Enrolment, Hardship, Household, Member, Person, Student

if TYPE_CHECKING:
    from subsidies.models import Entitlement, PaymentBatch

_numbers = count(1)
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
PASSWORD = "Aid-2026-demo"


def id_number(region: str = "620123", born: date = date(2010, 5, 1)) -> str:
    """A valid identity number nobody else has."""
    body = f"{region:0<6.6}{born:%Y%m%d}{next(_numbers) % 1000:03d}"
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, _WEIGHTS, strict=True)) % 11]


def region(code: str) -> Region:
    return Region.objects.get(code=code)


def school(
    code: str = "",
    *,
    place: str = "620123100",
    name: str = "",
    stages: tuple[str, ...] = (Stage.PRIMARY,),
    fee: str | None = "0",
) -> School:
    code = code or f"21620{next(_numbers):05d}"
    made = School(code=code, name=name or f"第{next(_numbers)}学校", region=region(place), stages=list(stages))
    made.save()
    if fee is not None:
        SchoolFee.objects.create(school=made, from_on=date(2016, 9, 1), annual_fee=Decimal(fee))
    return made


def person(name: str = "", *, home: str = "620123100001", born: date = date(2010, 5, 1), number: str = "") -> Person:
    place = region(home)
    made = Person(
        name=name or f"张{next(_numbers)}",
        id_number=number or id_number(home[:6], born),
        sex="男",
        birth_on=born,
        name_authority=3,
        initials="Z",
        hukou_region=place,
        home_path=place.path,
        found_path=place.path,
    )
    made.id_last4 = made.id_number[-4:]
    made.save()
    return made


def student(
    name: str = "",
    *,
    at: School,
    term: str = "2018-autumn",
    stage: str = Stage.PRIMARY,
    grade: int = 3,
    home: str = "620123100001",
    boarding: bool = False,
    categories: tuple[str, ...] = (),
    born: date = date(2010, 5, 1),
    phone: str = "13800001234",
) -> Student:
    """A student with a person, an enrolment and hardship rows from 2017."""
    who = person(name, home=home, born=born)
    who.school_path = at.path
    who.save()
    made = Student(person=who)
    made.save()
    enrolment(made, at=at, term=term, stage=stage, grade=grade, boarding=boarding, phone=phone)
    for category in categories:
        hardship(who, category)
    return made


def enrolment(who: Student, *, at: School, term: str, stage: str = Stage.PRIMARY, grade: int = 3, boarding: bool = False,
              phone: str = "13800001234") -> Enrolment:  # fmt: skip
    made = Enrolment(
        student=who, term=term, school=at, stage=stage, grade=grade, boarding=boarding, rural_hukou=True, phone=phone,
        hukou_region=who.person.hukou_region, home_path=who.person.home_path, school_path=at.path, class_name="1班",
    )  # fmt: skip
    made.save()
    return made


def determination(enrolled: Enrolment, level: str = "hard") -> None:
    from subsidies.actions import determine
    from subsidies.enums import DeterminedBy, Level

    determine(Enrolment.objects.filter(pk=enrolled.pk), level=Level(level), source=DeterminedBy.APPLICATION)


_SOURCES = {"dibao": RosterKind.DIBAO, "tekun": RosterKind.TEKUN, "disabled": RosterKind.DISABLED}


def hardship(
    who: Person, category: str = Category.REGISTERED_POOR, *, from_on: date = date(2017, 1, 1), active: bool = True
) -> Hardship:
    source = _SOURCES.get(category.split("_")[0], RosterKind.POVERTY)
    made = Hardship(
        person=who, category=category, source=source, from_on=from_on, active=active, office_path="/62/6201/620123/"
    )
    made.save()
    return made


def household(
    number: str = "", *, village: str = "620123100001", head: Person | None = None, members: tuple[Person, ...] = ()
) -> Household:
    place = region(village)
    made = Household(
        number=number or f"{village}{next(_numbers):05d}", region=place, path=place.path, head=head, size=len(members) + 1,
        phone="13900005678", kind="一般贫困户",
    )  # fmt: skip
    made.save()
    for who, relation in ((head, "户主"), *((m, "之子") for m in members)):
        if who:
            Member(household=made, person=who, relation=relation, from_on=date(2014, 1, 1)).save()
    return made


def user(username: str, full_name: str, office: Organisation, role: Role) -> User:
    made = User.objects.create_user(username, password=PASSWORD, full_name=full_name)
    Membership(user=made, organisation=office, role=role).save()
    return made


def office(code: str, kind: OfficeKind | None = None) -> Organisation:
    return open_office(region=region(code), kind=kind)


def school_office(at: School) -> Organisation:
    return open_office(school=at)


def adopt_lanzhou(region_code: str = "6201", *, from_on: date | None = None, until: date | None = None) -> None:
    """The lanzhou pack, adopted from a day (default: its own first); `until`: no longer from that day."""
    from subsidies.actions import adopt_pack, load_pack

    load_pack("lanzhou")
    adopt_pack("lanzhou", region=region(region_code), from_on=from_on)
    if until:
        adopt_pack("lanzhou", region=region(region_code), from_on=until, active=False)


def recompute(term: str = "2018-autumn", *, under: str = "6201", marked_only: bool = False) -> dict:
    """The real job, worked off in this process; its result."""
    from aidcases import jobs
    from aidcases.terms import Term
    from subsidies.actions import request_recompute

    job = jobs.work_off(request_recompute(term=Term.parse(term), path=region(under).path, marked_only=marked_only))
    assert job.state == "done", job.error
    return job.result


def entitled(who: Student, term: str = "2018-autumn") -> dict[str, str | None]:
    """Rule → amount of what a student is entitled to now, as text; None where nothing is counted in money."""
    from subsidies.models import Entitlement

    rows = Entitlement.objects.filter(student=who, term=term).values_list("rule__code", "amount")
    return {rule: None if amount is None else str(amount) for rule, amount in rows}


_CARDS = count(1)


def card() -> str:
    """A card number of the card union, with its check digit, that nobody else has."""
    body = f"621700{next(_CARDS):012d}"
    doubled = (int(d) * (2 - place % 2) for place, d in enumerate(reversed(body)))
    return body + str(-sum(d // 10 + d % 10 for d in doubled) % 10)


def account(
    who: Student, *, number: str = "", from_on: date = date(2017, 1, 1), state: str = "confirmed", **also: object
) -> Account:
    """A card of the child's own, in force unless told."""
    number = number or card()
    fields: dict = {"holder": who.person.name, "relation": "self", "bank": "榆中县农村信用联社", "proposed_by": "甲"}
    if state == "confirmed":
        fields |= {"confirmed_by": "乙", "confirmed_at": timezone.now()}
    made = Account(
        student=who, number=number, number_last4=number[-4:], from_on=from_on, state=state, home_path=who.person.home_path,
        school_path=who.person.school_path, **{"path": who.person.school_path or who.person.home_path, **fields, **also},
    )  # fmt: skip
    made.save()
    return made


def batch(channel: str = "bank", *, under: str = "620123", term: str = "2018-autumn", **also: object) -> PaymentBatch:
    """An empty batch of a county's office, being prepared."""
    from subsidies.models import PaymentBatch

    place = office(under)
    made = PaymentBatch(
        number=f"{under}-{term}-{next(_numbers):03d}", channel=channel, term=term, title="发放批次", office=place,
        path=place.path, bank="social-card" if channel == "bank" else "", prepared_by="甲", **also,
    )  # fmt: skip
    made.save()
    return made


def listed(entitlements: QuerySet[Entitlement]) -> int:
    """Everything due of them on new batches, for the bank and for settlement; how many lines."""
    from subsidies.payments import listing

    return sum(listing.freeze(entitlements, batch(channel)) for channel in ("bank", "settlement"))
