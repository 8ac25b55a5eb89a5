"""Recoveries: only what was paid, once; receipts up to what is owed; a second person lets go; the recompute agrees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.terms import Term
from students.enums import Category, Stage
from students.models import Hardship, Student
from subsidies.models import Adjustment, BankFile, Entitlement, Payment, PaymentBatch, Recovery, Rule, Sending
from subsidies.payments import listing, recovering
from tests import make
from tests.casework.conftest import Crew
from tests.payments import bank, county
from tests.subsidies.pdfs import Pdf

Browser = Callable[[str], Client]
TERM = Term.parse("2018-autumn")
TODAY = date(2018, 11, 20)


@pytest.fixture
def teen(crew: Crew) -> Student:
    """Listed for 1,000.00 and 416.66 yuan and not due any of it any more."""
    make.adopt_lanzhou()
    school = make.school("2162000103", name="榆树中学", stages=(Stage.SENIOR,), fee="833.33")
    who = make.student("高中生", at=school, stage=Stage.SENIOR, grade=1, categories=(Category.REGISTERED_POOR,))
    make.recompute()
    for number, channel in enumerate(("bank", "settlement"), 1):
        batch = PaymentBatch(
            number=f"2018-{number}", channel=channel, title="秋季", term=TERM.code, office=crew.county, path=crew.county.path,
            bank="x", prepared_by="县经办",
        )  # fmt: skip
        batch.save()
        assert listing.freeze(Entitlement.objects.filter(student=who), batch) == 1
    Hardship.objects.all().delete()
    make.recompute()
    return who


def paid(**which: object) -> None:
    """As after the bank's answer."""
    Payment.objects.filter(**which).update(state="paid", paid_on=TODAY)


def opened(crew: Crew, persona: str = "county_maker", due_on: date | None = date(2018, 12, 20)) -> recovering.Opened:
    with crew.acting(persona) as by:
        return recovering.open_recoveries(recovering.owed(TERM), why="名单更正", due_on=due_on, by=by, today=TODAY)


def differences() -> dict[str, str]:
    return {row.benefit.code: str(row.difference) for row in Adjustment.objects.select_related("benefit")}


def test_only_what_was_paid_is_asked_for_and_the_recompute_agrees(crew: Crew, teen: Student):
    assert differences() == {"senior-grant": "-1000.00", "senior-fee": "-416.66"}
    with pytest.raises(Refused, match="还没有发到卡上"):
        opened(crew)
    paid(benefit__code="senior-grant")
    made = opened(crew)
    assert (made.lines, made.yuan, made.left) == (1, Decimal(1000), 1)
    assert differences() == {"senior-fee": "-416.66"}
    make.recompute()
    assert differences() == {"senior-fee": "-416.66"}
    with pytest.raises(Refused, match="还没有发到卡上"):
        opened(crew)
    paid()
    assert opened(crew).yuan == Decimal("416.66")
    make.recompute()
    assert differences() == {}
    with pytest.raises(Refused, match="没有可以开列的"):
        opened(crew)
    assert Recovery.objects.count() == 2


def test_it_never_enters_a_batch(crew: Crew, teen: Student):
    paid()
    batch = PaymentBatch(
        number="2018-9", channel="bank", title="补发", term=TERM.code, office=crew.county, path=crew.county.path, bank="x",
        prepared_by="县经办",
    )  # fmt: skip
    batch.save()
    assert listing.back_pay(Adjustment.objects.all(), batch) == 0
    opened(crew)
    make.recompute()
    assert listing.back_pay(Adjustment.objects.all(), batch) == 0
    assert listing.freeze(Entitlement.objects.all(), batch) == 0
    batch.refresh_from_db()
    assert (batch.lines, batch.total, Payment.objects.count()) == (0, 0, 2)
    # No line of any batch asks for money back, and none can.
    assert not Payment.objects.filter(amount__lt=0).exists()


def test_receipts_up_to_what_is_owed_then_closed(crew: Crew, teen: Student):
    paid(benefit__code="senior-grant")
    opened(crew)
    found = Recovery.objects.get()

    def receive(yuan: str, number: str = "SJ-1", on: date = TODAY) -> None:
        with crew.acting("county_maker") as by:
            recovering.receive(found, yuan=Decimal(yuan), received_on=on, number=number, by=by, today=TODAY)

    for yuan, number, on, why in (
        ("1000.01", "SJ-1", TODAY, "还差 1,000.00 元，不能收 1,000.01 元"), ("0", "SJ-1", TODAY, "大于 0 元"),
        ("10", " ", TODAY, "请填写票据号"), ("10", "SJ-1", date(2018, 11, 21), "不能晚于今天"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=why):
            receive(yuan, number, on)
    receive("400")
    with pytest.raises(Refused, match="已经登记过"):
        receive("100")
    with crew.acting("county_maker") as by:
        with pytest.raises(Refused, match="还没有收齐"):
            recovering.close(found, by=by)
        recovering.take_back(found.receipts.get(), by=by, note="金额写错")
    receive("450", "SJ-2")
    receive("550", "SJ-3")
    with pytest.raises(IntegrityError), transaction.atomic():
        Recovery.objects.update(collected=Decimal(1001))
    with crew.acting("county_maker") as by:
        recovering.close(found, by=by)
        with pytest.raises(Refused, match="已收清"):
            recovering.take_back(found.receipts.first(), by=by, note="再改")
    found.refresh_from_db()
    assert (found.state, found.collected) == ("collected", Decimal(1000))
    [event] = AuditEvent.objects.filter(action="recovery.unreceived")
    assert event.note == "SJ-1 400.00 元：金额写错"


def test_a_second_person_lets_go_and_the_difference_shows_again(crew: Crew, teen: Student):
    paid(benefit__code="senior-grant")
    opened(crew)
    found = Recovery.objects.get()

    def cancel(persona: str, note: str = "家庭特别困难，县里研究决定") -> None:
        with crew.acting(persona) as by:
            recovering.cancel(found, by=by, note=note)

    with pytest.raises(Refused, match="您自己开列的"):
        cancel("county_maker")
    with pytest.raises(Refused, match="写明原因"):
        cancel("county_head", note=" ")
    with crew.acting("county_maker") as by:
        recovering.receive(found, yuan=Decimal(1), received_on=TODAY, number="1", by=by, today=TODAY)
    with pytest.raises(Refused, match="已经收了一部分"):
        cancel("county_head")
    with crew.acting("county_maker") as by:
        recovering.take_back(found.receipts.get(), by=by, note="记错")
    cancel("county_head")
    make.recompute(marked_only=True)
    assert differences()["senior-grant"] == "-1000.00"


def test_the_county_that_paid_collects(crew: Crew, teen: Student):
    paid()
    Payment.objects.update(school_path=crew.foreign.path)
    Adjustment.objects.update(school_path=crew.foreign.path)
    with pytest.raises(Refused, match="没有可以开列的"):
        opened(crew, "foreign_county_maker")
    assert opened(crew).lines == 2
    with crew.acting("foreign_county_maker") as by, pytest.raises(Refused, match="由发放这笔资助的单位"):
        recovering.receive(
            Recovery.objects.first(), yuan=Decimal(1), received_on=TODAY, number="1", by=by, today=TODAY
        )


def test_the_list_and_the_notice(crew: Crew, teen: Student):
    paid(benefit__code="senior-grant")
    opened(crew)
    with crew.acting("county_maker") as by:
        recovering.receive(Recovery.objects.get(), yuan=Decimal(250), received_on=TODAY, number="1", by=by, today=TODAY)
        found = recovering.light(Recovery.objects.all()).get()
        book = load_workbook(BytesIO(recovering.sheet(Recovery.objects.all(), "追缴清单")))
        printed = recovering.print_notice(found, TODAY)
    rows = list(book.active.iter_rows(values_only=True))
    assert list(rows[1]) == list(recovering.HEADS)
    assert rows[2][1:3] == ("榆树中学", "高中生")
    assert rows[2][6:9] == (1000, 250, 750)
    assert rows[-1][6:9] == (1000, 250, 750)
    text = "".join(Pdf(printed.pdf).pages)
    assert all(word in text for word in ("高中生", "750.00", "柒佰伍拾元整", "2018年12月20日", "名单更正"))


def test_the_pages(crew: Crew, teen: Student, browser: Browser, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("django.utils.timezone.localdate", lambda *_: TODAY)
    paid(benefit__code="senior-grant")
    maker, head, other = browser("county_maker"), browser("county_head"), browser("foreign_county_maker")
    term = "?term=2018-autumn"
    assert "还没有发放" in maker.get(reverse("recovery_new") + term).content.decode()
    maker.post(reverse("recovery_open") + term, {"why": "名单更正", "due_on": "2018-12-20"})
    found = Recovery.objects.get()
    detail = reverse("recovery_detail", args=[found.pk])
    assert "高中生" in maker.get(reverse("recovery_list") + term).content.decode()
    sought = maker.post(reverse("recovery_search") + "?state=open", {"search": "高中生"}, follow=True)
    assert "高中生" in sought.content.decode()
    said = {"yuan": "1000.01", "received_on": "2018-11-20", "number": "SJ-1"}
    refused = maker.post(reverse("recovery_receive", args=[found.pk]), said)
    assert (refused.status_code, "还差 1,000.00 元" in refused.content.decode()) == (422, True)
    notice = reverse("recovery_notice", args=[found.pk])
    assert maker.post(notice)["Content-Type"] == "application/pdf"
    maker.post(reverse("recovery_receive", args=[found.pk]), {**said, "yuan": "1000"})
    repaid = head.get(detail).content.decode()
    assert ("SJ-1" in repaid, notice in repaid) == (True, False)  # nothing left to ask the family for
    assert "已经全部收回" in maker.post(notice, follow=True, HTTP_REFERER=detail).content.decode()
    assert maker.post(reverse("recovery_sheet") + term).status_code == 200
    maker.post(reverse("receipt_remove", args=[found.receipts.get().pk]), {"note": "写错"})
    maker.post(reverse("recovery_receive", args=[found.pk]), {**said, "yuan": "1000", "number": "SJ-2"})
    maker.post(reverse("recovery_close", args=[found.pk]))
    found.refresh_from_db()
    assert found.state == "collected"
    assert other.get(detail).status_code == 404
    assert head.post(reverse("recovery_receive", args=[found.pk]), said).status_code == 403


def test_in_a_real_bank_file_there_is_back_pay_and_no_recovery(crew: Crew):
    """甲二 is owed 75 yuan more, 乙二 owes all of it back: the next file has one line."""
    paying = county.paying(crew, ("甲一", "甲二", "乙一", "乙二"))
    county.money(paying, "compulsory-boarding", "9999")
    boarding, (more, less) = [county.benefit("compulsory-boarding")], (paying.children[name] for name in ("甲二", "乙二"))
    first = county.approved(paying, county.prepared(paying, benefits=boarding))
    assert bank.send(crew, first).result["lines"] == 4
    paid(batch=first)
    run = Entitlement.objects.first().run
    Entitlement.objects.filter(student=less, benefit__in=boarding).delete()
    for who, due in ((more, 700), (less, 0)):
        Adjustment.objects.create(
            term=county.TERM.code, student=who, benefit=boarding[0], due=due, listed=625, difference=due - 625, run=run,
            rule=Rule.objects.get(code="test-boarding"), home_path=who.person.home_path, school_path=who.person.school_path,
        )  # fmt: skip
    with crew.acting("county_maker") as by:
        rows = recovering.owed(county.TERM)
        assert recovering.open_recoveries(rows, why="名单更正", due_on=None, by=by, today=county.TODAY).yuan == 625
    second = county.approved(paying, county.prepared(paying, benefits=boarding))
    assert bank.send(crew, second).result["lines"] == 1
    assert list(Sending.objects.filter(file__batch=second).values_list("payment__student", flat=True)) == [more.pk]
    text = "".join(bank.content(file).decode("gbk") for file in BankFile.objects.filter(batch=second))
    assert ("75.00" in text, "-" in text, "625" in text) == (True, False, False)
    assert (more.accounts.get().number in text, less.accounts.get().number in text) == (True, False)
    assert Recovery.objects.get().student_id == less.pk
