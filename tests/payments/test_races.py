"""Two connections at once: a receipt is booked once and never beyond what is owed; points are spent once, never below zero."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection

from aidcases.flow import Refused
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from students.models import Account, Student
from subsidies.giving import donations, points
from subsidies.models import Gift, Indicator, Payment, PointsAccount, PointsEntry, Receipt, Recovery
from subsidies.payments import accountlists, accounts, indicators, recovering
from tests import make
from tests.casework.conftest import Crew, build_crew
from tests.payments import bank

DAY = date(2026, 10, 20)


def together(crew: Crew, *works: Callable[[], object], persona: str = "county_maker") -> list[str]:
    """Each by the county's clerk (or another) on a connection of its own, all at once: "" or why it was refused, in order
    of the words."""
    told: list[str] = []
    start = threading.Barrier(len(works))

    def work(step: Callable[[], object]) -> None:
        try:
            with crew.acting(persona):
                start.wait(10)
                step()
                told.append("")
        except Refused as refused:
            told.append(str(refused))
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[step]) for step in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(told)


def owing(crew: Crew) -> Recovery:
    """Of 625 yuan that were paid."""
    batch = bank.batch(1, at=crew.school)
    line = Payment.objects.get(batch=batch)
    made = Recovery(
        student_id=line.student_id, term=line.term, benefit_id=line.benefit_id, yuan=625, why="名单更正", opened_by="县审核",
        home_path=line.home_path, school_path=line.school_path,
    )  # fmt: skip
    made.save()
    return made


@pytest.mark.django_db(transaction=True)
def test_a_card_an_indicator_and_a_gift_at_once_are_one_and_the_second_is_told():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        one, two = (make.student(name, at=crew.school, term=bank.TERM) for name in ("甲", "乙"))
        benefit, number = bank.rule().benefit, make.card()
    card = {"number": number, "holder": "外婆", "relation": "guardian", "bank": "农信社"}
    # One card for children of two households: whoever comes second has the alarm.
    assert together(crew, *(lambda who=who: accounts.propose(who, **card) for who in (one, two))) == ["", ""]
    with acting_in(EVERYWHERE):
        assert sorted(map(bool, Account.objects.values_list("alarm", flat=True))) == [False, True]
        Account.objects.all().delete()
        rows = [{"row": 2, "name": "甲", "id": one.person.id_number, **card, "relation": "外婆"}]
    lists: list[tuple[int, int]] = []

    def upload() -> None:
        told = accountlists.propose_all([{**rows[0], "number": make.card()}])
        lists.append((told.first, len(told.problems)))

    assert together(crew, upload, upload) == ["", ""]
    assert sorted(lists) == [(0, 1), (1, 0)]
    money = {
        "office": crew.county, "term": Term.parse(bank.TERM), "benefit": benefit, "yuan": Decimal(1000), "document": "1号",
        "issued_on": DAY,
    }  # fmt: skip
    assert together(crew, *[lambda: indicators.enter(**money)] * 3, persona="county_head") == [
        "", *["1号 的这笔指标已经登记过，没有再登记"] * 2,
    ]  # fmt: skip
    by, key = crew.actor("county_maker"), uuid4()
    with crew.acting("county_maker"):
        donor = donations.add_donor(name="某企业", kind="company", contact="", phone="", note="", by=by)
        fund = donations.add_project(donor=donor, title="助学", pledge=Decimal(0), from_on=DAY, note="", by=by)
        also = {"form": "cash", "what": "", "by": by, "today": DAY}
        donations.receive(fund, yuan=Decimal(50), received_on=DAY, receipt="", **also)
    give = {"yuan": Decimal(10), "given_on": DAY, "signed_by": "", "key": key, **also}
    assert together(crew, *[lambda: donations.give(one, fund, **give)] * 4) == [""] * 4
    with acting_in(EVERYWHERE):
        fund.refresh_from_db()
        assert (Gift.objects.count(), fund.given, Indicator.objects.count()) == (1, 10, 1)


@pytest.mark.django_db(transaction=True)
def test_a_receipt_is_booked_once_and_points_never_go_below_zero():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        recovery, who = owing(crew), make.student("积分生", at=crew.school, term=bank.TERM)
    by = crew.actor("county_maker")

    def receive(number: str, yuan: int) -> Callable[[], object]:
        told = {"number": number, "received_on": DAY, "by": by, "today": DAY}
        return lambda: recovering.receive(recovery, yuan=Decimal(yuan), **told)

    assert together(crew, receive("1", 100), receive("1", 100)) == ["", "票据号“1”已经登记过。"]
    assert together(crew, receive("2", 400), receive("3", 400)) == ["", "还差 125.00 元，不能收 400.00 元。"]
    assert together(crew, receive("4", 125), lambda: recovering.cancel(recovery, by=crew.actor("county_head"), note="算了")) == [
        "", "已经收了一部分，不能撤销",
    ]  # fmt: skip
    closes = [lambda: recovering.close(recovery, by=by)] * 2
    assert together(crew, *closes) == ["", "这一笔已收清，不能再登记。"]

    def spend(account: PointsAccount) -> Callable[[], object]:
        return lambda: points.enter(account, points=-30, what="书包", on=DAY, by=by, today=DAY)

    opened = [lambda: points.account_of(student=Student.objects.get(pk=who.pk))] * 2
    assert together(crew, *opened) == ["", ""]
    with acting_in(EVERYWHERE):
        account = PointsAccount.objects.get()  # opened once
        points.enter(account, points=50, what="全勤", on=DAY, by=by, today=DAY)
    assert together(crew, spend(account), spend(account)) == ["", "积分不够：只有 20 分，要用 30 分。"]
    with acting_in(EVERYWHERE):
        account.refresh_from_db()
        assert (account.balance, PointsEntry.objects.count()) == (20, 2)
        recovery.refresh_from_db()
        assert (recovery.state, recovery.collected, Receipt.objects.count()) == ("collected", Decimal(625), 3)
