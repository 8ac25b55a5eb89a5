"""The demo: a county and its neighbour with invented people, and an account for every role. Never in production."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from aidcases.actions import open_office, region_named
from aidcases.flow import Refused
from aidcases.models import Membership, School, User
from aidcases.registry import registry
from aidcases.roles import ROLE_LABELS, OfficeKind, Role
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term

COUNTY, NEIGHBOUR, CITY = "620123", "620121", "6201"
PASSWORD = "Demo-2026-aid"
ACCOUNTS = 15  # among the seeders: after the schools are there, before anybody works in one
TOWNSHIP = "620123100"
USERNAMES = (
    "jingban", "shenhe", "zhuren", "xuexiao", "xiaozhang", "banzhuren", "cunganbu", "shiju", "shenji", "linxian",
)  # fmt: skip


@dataclass(frozen=True)
class Demo:
    """What a seeder is given."""

    students: int
    seed: int
    term: Term
    say: Callable[[str], None]
    county: str = COUNTY
    neighbour: str = NEIGHBOUR
    city: str = CITY


def seed(*, students: int, seed: int, say: Callable[[str], None]) -> None:
    """Runs every app's seeder, the first of which refuses a system that is in use, and makes the accounts."""
    if settings.PRODUCTION:
        raise Refused("正式环境不装演示数据。")
    demo = Demo(students, seed, Term.containing(date.today()), say)
    with acting_in(EVERYWHERE):
        for _, seeder in sorted([*registry.demo, (ACCOUNTS, "aidcases.demo.make_accounts")]):
            import_string(seeder)(demo)


def home_school(county: str) -> School | None:
    """The school of the demo's school accounts."""
    primary = School.objects.filter(path__startswith=region_named(county).path, stages__contains=["primary"])
    return primary.order_by("code").first()


@transaction.atomic
def make_accounts(demo: Demo) -> None:
    """One account for each role a newcomer wants to see the system through."""
    offices = {code: open_office(region=region_named(code)) for code in (CITY, COUNTY, NEIGHBOUR)}
    primary = home_school(COUNTY)
    school = open_office(school=primary) if primary else None
    auditor = open_office(region=offices[COUNTY].region, kind=OfficeKind.AUDITOR)
    wanted = [
        ("jingban", "王经办", offices[COUNTY], Role.COUNTY_MAKER),
        ("shenhe", "李审核", offices[COUNTY], Role.COUNTY_CHECKER),
        ("zhuren", "张主任", offices[COUNTY], Role.COUNTY_HEAD),
        ("xuexiao", "陈老师", school, Role.SCHOOL_MAKER),
        ("xiaozhang", "吴校长", school, Role.SCHOOL_CHECKER),
        ("banzhuren", "周老师", school, Role.CLASS_TEACHER),
        ("cunganbu", "李支书", open_office(region=region_named(TOWNSHIP)), Role.CADRE),
        ("shiju", "刘专员", offices[CITY], Role.CITY_OFFICER),
        ("shenji", "赵审计", auditor, Role.AUDITOR),
        ("linxian", "孙经办", offices[NEIGHBOUR], Role.COUNTY_MAKER),
    ]
    for username, full_name, office, role in wanted:
        if office is None:
            continue
        user, made = User.objects.get_or_create(username=username, defaults={"full_name": full_name})
        if made:
            user.set_password(PASSWORD)
            user.save()
        Membership.objects.get_or_create(user=user, organisation=office, role=role)


def accounts() -> list[str]:
    """Lines for whoever starts the demo; none where no demo account has the demo's password."""
    lines = []
    found = User.objects.filter(username__in=USERNAMES)
    for user in found.order_by("pk"):
        if user.check_password(PASSWORD) and (membership := user.memberships.select_related("organisation").first()):
            lines.append(
                f"{user.username:<10} {PASSWORD}   {ROLE_LABELS[Role(membership.role)]}，{membership.organisation}"
            )
    return lines
