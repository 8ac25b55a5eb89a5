"""Ledgers of the money: whatever they say is what the payments say, to the fen."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from students.models import Student
from subsidies.casework import notices
from subsidies.models import Entitlement, NoticeLine, Payment, PaymentBatch
from subsidies.models.notices import NoticeKind
from subsidies.payments import listing
from subsidies.payments.words import in_words
from tests import make
from tests.ledgers.conftest import ActAs
from tests.personas import CANARY, TERM, World

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"
DAY = date(2018, 11, 20)


@pytest.fixture
def paid(world: World) -> list[PaymentBatch]:
    """A bank batch and a settlement batch of the county: one child paid, one bounced, the goods handed out but for one."""
    for child in (*world.here.students, world.crossing):
        make.account(child)
    bank, goods = make.batch("bank"), make.batch("settlement")
    mine = Entitlement.objects.filter(school_path__startswith=HERE)
    listing.freeze(mine, bank)
    listing.freeze(mine, goods)
    rows = Payment.objects.filter(batch=bank)
    assert rows.count() == 2
    rows.move("approve", by=SYSTEM)
    rows.move("send", by=SYSTEM)
    rows.filter(student=world.here.students[0]).move("pay", by=SYSTEM, paid_on=DAY)
    rows.filter(student=world.here.students[2]).move("bounce", by=SYSTEM, bounce="closed", bounce_text="已销户")
    handed = Payment.objects.filter(batch=goods).exclude(student=world.crossing)
    handed.move("approve", by=SYSTEM)
    handed.move("settle", by=SYSTEM, paid_on=DAY)
    return [bank, goods]


def rows(code: str, path: str = HERE) -> list[dict[str, Any]]:
    [table] = LEDGERS[code].tables(TERM, area_at(path))
    names = [column.name for column in table.columns]
    found = [dict(zip(names, cells, strict=True)) for cells in table.first(1000)]
    assert table.size() == len(found) == table.totals()["rows"]
    return found


def totals(code: str, path: str = HERE) -> dict[str, Any]:
    [table, *_] = LEDGERS[code].tables(TERM, area_at(path))
    return table.totals()


def yuan(found: Any) -> Decimal:
    return found.aggregate(yuan=Sum("amount", default=Decimal("0.00")))["yuan"]


def test_every_total_ties_to_the_payments(paid: list[PaymentBatch], act_as: ActAs):
    standing, bank = Payment.objects.standing(), Payment.objects.filter(batch=paid[0])
    with act_as("maker"):
        roll, sheet, summary = totals("payment-roll"), totals("bank-sheet"), totals("aid-summary")
        assert roll["发放金额"] == yuan(standing) == sum(batch.total for batch in PaymentBatch.objects.all()) == 1900
        assert sum(roll[level] for level in ("中央", "省级", "市级", "县级", "未分级")) == roll["发放金额"]
        assert sheet["代发金额"] == yuan(bank) == PaymentBatch.objects.get(pk=paid[0].pk).total == 1500
        assert summary["实发金额"] == yuan(standing.paid())
        assert summary["实资助人数"] == len(set(standing.paid().values_list("student", flat=True))) == 3
        assert summary["未资助人数"] == summary["应资助人数"] - 3
        missing = sum((row["应享金额"] or 0 for row in rows("unaided")), Decimal(0))
        assert missing == summary["金额"] - summary["实发金额"]
        words = " ".join(LEDGERS["payment-roll"].notes(TERM, area_at(HERE), ""))
        assert in_words(yuan(standing)) in words
    for path in (HERE, THERE, "/62/6201/"):
        with act_as("city"):
            assert totals("payment-roll", path)["rows"] == standing.filter(
                pk__in=[p.pk for p in standing if path in (p.home_path[: len(path)], p.school_path[: len(path)])]
            ).count()


def test_the_roll_and_the_sheet_say_what_became_of_each_line(world: World, paid: list[PaymentBatch], act_as: ActAs):
    poor, teen = world.here.students[0], world.here.students[2]
    with act_as("maker"):
        roll = {(row["姓名"], row["资助项目"]): row for row in rows("payment-roll")}
        one = roll[poor.person.name, "义务教育寄宿生生活补助"]
        assert (one["大写"], one["状态"], one["到账日期"], one["中央"]) == ("伍佰元整", "已发放", DAY, 250)
        assert one["账号"].startswith("****")
        assert roll[poor.person.name, "义务教育免费教科书"]["大写"] == "实物，不计金额"
        sheet = {row["学生姓名"]: row for row in rows("bank-sheet")}
        assert set(sheet) == {poor.person.name, teen.person.name}
        assert (sheet[teen.person.name]["状态"], sheet[teen.person.name]["退票说明"]) == ("退票", "已销户")
    with act_as("other_maker"):
        assert {row["姓名"] for row in rows("payment-roll", THERE)} == {"跨县生"}


def test_who_has_not_been_aided_and_why(world: World, paid: list[PaymentBatch], act_as: ActAs):
    teen = world.here.students[2].person.name
    with act_as("maker"):
        found = {(row["姓名"], row["资助项目"]): row["未资助原因"] for row in rows("unaided")}
        assert found[teen, "普通高中国家助学金"] == "退票（销户）"
        assert {why for (name, _), why in found.items() if name == "跨县生"} == {"正在发放（已列入）"}
        assert not any(name == world.here.students[0].person.name for name, _ in found)
    with act_as("other_maker"):
        there = {(row["姓名"], row["资助项目"]): row["未资助原因"] for row in rows("unaided", THERE)}
        assert there[f"{CANARY['620121']}贫生", "义务教育寄宿生生活补助"] == "没有公示，或公示的金额不同"
        assert there[f"{CANARY['620121']}贫生", "义务教育免费教科书"] == "可以编入批次"  # as the board says


def test_the_summary_tells_how_far_the_money_is(world: World, paid: list[PaymentBatch], act_as: ActAs):
    with act_as("maker"):
        [table, *_] = LEDGERS["aid-summary"].tables(TERM, area_at(HERE))
    found = {(line.cells["stage"], line.cells["benefit"]): line.cells for line in table.lines}
    books = found["小学", "义务教育免费教科书"]
    assert (books["people"], books["paid"], books["unpaid"], books["reason"]) == (3, 2, 1, "正在发放")
    grant = found["普通高中", "普通高中国家助学金"]
    assert (grant["paid"], grant["reason"]) == (0, "退票")
    boarding = found["小学", "义务教育寄宿生生活补助"]
    assert (boarding["paid"], boarding["paid_yuan"], boarding["reason"]) == (1, 500, "")


def test_the_notice_of_the_money_shows_the_batch_to_the_fen(world: World, paid: list[PaymentBatch], act_as: ActAs):
    office = world.here.office
    with act_as("maker"):
        made = notices.draft(
            NoticeKind.FUNDS, office=office, term=Term.parse(TERM.code), by=SYSTEM, batch=paid[0].number
        )
    shown = NoticeLine.objects.filter(notice=made)
    batch = PaymentBatch.objects.get(pk=paid[0].pk)
    assert sum(line.amount for line in shown) == batch.total == yuan(batch.payments.standing())
    assert {line.student_id for line in shown} == set(batch.payments.values_list("student", flat=True))


def test_a_child_of_two_counties_is_listed_once(world: World, paid: list[PaymentBatch]):
    """Home there, school here: the other county's batch finds nothing to list, and no line can be forced in."""
    from django.db import IntegrityError, transaction

    child: Student = world.crossing
    assert {p.batch_id for p in Payment.objects.filter(student=child)} == {paid[1].pk}
    theirs = make.batch("settlement", under="620121")
    assert listing.freeze(Entitlement.objects.filter(home_path__startswith=THERE, student=child), theirs) == 0
    line = Payment.objects.filter(student=child).first()
    line.pk, line.batch = None, theirs
    with pytest.raises(IntegrityError), transaction.atomic():
        line.save(force_insert=True)
    assert Payment.objects.filter(student=child, batch=theirs).count() == 0
