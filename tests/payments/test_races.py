"""Two connections at once: a receipt is booked once and never beyond what is owed; points are spent once, never below zero."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection

from aidcases.flow import Refused
from aidcases.scoping import EVERYWHERE, acting_in
from students.models import Student
from subsidies.giving import points
from subsidies.models import Payment, PointsAccount, PointsEntry, Receipt, Recovery
from subsidies.payments import recovering
from tests import make
from tests.casework.conftest import Crew, build_crew
from tests.payments import bank

DAY = date(2026, 10, 20)


def together(crew: Crew, *works: Callable[[], object]) -> list[str]:
    """Each by the county's clerk on a connection of its own, all at once: "" or why it was refused, in order of the words."""
    told: list[str] = []
    start = threading.Barrier(len(works))

    def work(step: Callable[[], object]) -> None:
        try:
            with crew.acting("county_maker"):
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
