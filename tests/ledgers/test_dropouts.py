"""The three ledgers of dropout prevention say of each child what the rosters and its case say."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from dropout.models import Difference, TeamMember, Visit
from ledgers.areas import area_at
from ledgers.definition import NOT_OURS, Listing
from ledgers.definitions import LEDGERS
from students.models import RosterEntry
from tests import make
from tests.dropout.build import case
from tests.ledgers.conftest import ActAs
from tests.personas import TERM, World

HERE = "/62/6201/620123/"


def rows(table: Listing) -> list[dict[str, Any]]:
    names = [column.name for column in table.columns]
    return [dict(zip(names, cells, strict=True)) for cells in table.first(100)]


@pytest.fixture
def gone(world: World) -> Any:
    """Our poor child has left school and was visited twice; our plain one is on the home register and in school."""
    poor, plain = world.here.students[:2]
    primary = world.here.primary
    held = case(
        "persuading", student=poor, persuasions=1, rounds=2, school=primary, stage="primary", grade=3, whereabouts="兰州打工"
    )
    TeamMember(case=held, seat="teacher", name="赵老师", from_on=date(2018, 10, 9), set_by="甲").save()
    for number, persuading in ((1, False), (2, True)):
        Visit(
            case=held, key=uuid.uuid4(), number=number, visited_at=timezone.make_aware(timezone.datetime(2018, 10, 9 + number)),
            place="家中", kind="home", persuading=persuading, people="赵老师", said="愿意返校", result="willing", made_by="甲",
        ).save()  # fmt: skip
    Difference(
        term=TERM.code, student=poor, kind="absent", poor=True, area=primary.path, home_path=held.home_path,
        school_path=held.school_path, case=held, found_on=date(2018, 10, 8),
    ).save()  # fmt: skip
    for child in (poor, plain):
        RosterEntry(kind="population", term=TERM.code, person=child.person).save()
    RosterEntry(kind="present", term=TERM.code, person=plain.person, present=True).save()
    return held


def test_each_child_is_told_as_its_case_stands(gone: Any, act_as: ActAs):
    area = area_at(HERE)
    with act_as("maker"):
        [table, visits] = LEDGERS["dropouts"].tables(TERM, area)
        [row] = rows(table)
        first, second = rows(visits)
        [suspected] = rows(LEDGERS["suspected"].tables(TERM, area)[0])
        school_age = {row["姓名"]: row for row in rows(LEDGERS["school-age"].tables(TERM, area)[0])}
    assert (row["帮扶教师"], row["劝返次数"], row["去向"], row["年级"]) == ("赵老师", 1, "兰州打工", "三年级")
    assert (row["特殊群体"], row["脱贫（监测）户"], row["备注"]) == ("建档立卡（脱贫户）", "是", "第 2 次辍学")
    assert (row["年龄"], row["办理情况"], row["发现方式"]) == (8, "劝返中", "名单比对")
    assert row["资助落实"].startswith("应享 ")
    assert row["证件号码"].startswith("*")
    assert (first["次数"], second["次数"], second["日期"]) == (1, 2, date(2018, 10, 11))
    assert (suspected["疑点"], suspected["贫困户子女"], suspected["办理情况"]) == ("有学籍不在校", "是", "劝返中")
    poor, plain = gone.student.person.name, next(name for name in school_age if name != gone.student.person.name)
    assert (school_age[poor]["比对疑点"], school_age[poor]["办理情况"]) == ("有学籍不在校", "劝返中")
    assert (school_age[plain]["是否在校"], school_age[plain]["学籍"], school_age[plain]["比对疑点"]) == ("是", "有", "")


def test_the_school_does_not_see_the_village(gone: Any, act_as: ActAs):
    with act_as("school"):
        [row] = rows(LEDGERS["dropouts"].tables(TERM, area_at(gone.school.path))[0])
    assert (row["村"], row["脱贫（监测）户"]) == (NOT_OURS, NOT_OURS)
    with act_as("other_maker"):
        assert rows(LEDGERS["dropouts"].tables(TERM, area_at("/62/6201/620121/"))[0]) == []


def test_a_case_closed_before_the_term_is_no_part_of_it(world: World, act_as: ActAs):
    closed = case("closed", student=make.student(at=world.here.primary), closed_on=date(2018, 8, 31))
    with act_as("maker"):
        table = LEDGERS["dropouts"].tables(TERM, area_at(HERE))[0]
        assert rows(table) == []
        type(closed).objects.filter(pk=closed.pk).update(closed_on=date(2018, 9, 1))
        assert len(rows(table)) == 1
