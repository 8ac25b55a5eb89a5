"""Loans: up to the rule's amount, by a second person, once a year, filled in from last year's; who has not asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from students.models import Student
from subsidies.giving import loans
from subsidies.models import Loan
from tests import make
from tests.casework.conftest import Crew
from tests.giving.conftest import TERM, TODAY

Browser = Callable[[str], Client]
ASKED = {
    "lender": "国家开发银行", "contract": "", "yuan": Decimal(8000), "tuition": Decimal(5000), "board": Decimal(1200),
    "interest": loans.INTEREST, "note": "", "applied_on": date(2026, 9, 3),
}  # fmt: skip


def applied(crew: Crew, who: Student, persona: str = "county_maker", **said: Any) -> Loan:
    with crew.acting(persona) as by:
        return loans.apply(who, 2026, by=by, today=TODAY, **{**ASKED, **said})


def step(crew: Crew, persona: str, loan: Loan, name: str, day: date = TODAY, note: str = "") -> None:
    with crew.acting(persona) as by:
        loan.refresh_from_db()
        loans.move(loan, name, by=by, day=day, note=note, today=TODAY)


def test_the_money_pays_tuition_then_board_then_living(crew: Crew, borrower: Student):
    loan = applied(crew, borrower)
    assert (loan.for_tuition, loan.for_board, loan.for_living) == (5000, 1200, 1800)
    assert loan.ceiling == Decimal(8000)
    small = Loan(yuan=Decimal(5500), tuition=Decimal(5000), board=Decimal(1200))
    assert (small.for_tuition, small.for_board, small.for_living) == (5000, 500, 0)


def test_what_is_refused(crew: Crew, borrower: Student):
    plain = make.student("小学生", at=crew.school, term=TERM)
    first = applied(crew, borrower, contract="HT-1")
    wrong = [
        (plain, "county_maker", {}, "不能申请助学贷款"),
        (borrower, "county_maker", {"yuan": Decimal("8000.01")}, "超过最高额 8,000.00 元"),
        (borrower, "county_maker", {}, "本学年已经有一笔"),
        (borrower, "county_maker", {"contract": "HT-1"}, "合同编号已经登记过"),
        (borrower, "county_maker", {"yuan": Decimal(0), "lender": " "}, "请填写经办银行.*要大于 0 元"),
        (borrower, "county_maker", {"applied_on": date(2026, 12, 1)}, "不能晚于今天"),
        (plain, "school_maker", {}, "由家庭所在地"),
    ]
    for who, persona, said, why in wrong:
        with pytest.raises(Refused, match=why):
            applied(crew, who, persona, **said)
    with crew.acting("county_maker"), pytest.raises(IntegrityError), transaction.atomic():
        Loan.objects.filter(pk=first.pk).update(yuan=Decimal(9000))


def test_from_application_to_repaid_by_two_people(crew: Crew, borrower: Student):
    loan = applied(crew, borrower)
    with pytest.raises(Refused, match="还没有填合同编号"):
        step(crew, "county_checker", loan, "contract")
    with crew.acting("county_maker") as by:
        loans.amend(loan, by=by, today=TODAY, **{**ASKED, "contract": "HT-9", "yuan": Decimal(7000)})
    Loan.objects.filter(pk=loan.pk).update(applied_by_id=None)
    with pytest.raises(Refused, match="您的角色不能确认合同"):
        step(crew, "county_maker", loan, "contract")
    step(crew, "county_checker", loan, "contract")
    with crew.acting("county_maker") as by, pytest.raises(Refused, match="不能再改"):
        loans.amend(loan, by=by, today=TODAY, **ASKED)
    with pytest.raises(Refused, match="早于上一步"):
        step(crew, "county_maker", loan, "release", day=date(2026, 10, 1))
    step(crew, "county_maker", loan, "release")
    step(crew, "county_maker", loan, "repay")
    loan.refresh_from_db()
    assert (loan.state, loan.yuan, loan.contracted_by) == ("repaid", Decimal(7000), "县审核")
    actions = AuditEvent.objects.filter(subject_type="subsidies.loan").order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["loan.applied", "loan.amended", "loan.contract", "loan.release", "loan.repay"]


def test_nobody_confirms_what_they_wrote_themselves(crew: Crew, borrower: Student):
    loan = applied(crew, borrower, contract="HT-2")
    Loan.objects.filter(pk=loan.pk).update(applied_by_id=crew["county_checker"].pk)
    with pytest.raises(Refused, match="要由另一人确认"):
        step(crew, "county_checker", loan, "contract")
    with pytest.raises(IntegrityError), transaction.atomic():
        Loan.objects.filter(pk=loan.pk).update(contracted_by_id=crew["county_checker"].pk)


def test_who_may_and_has_not_asked_and_the_totals(crew: Crew, borrower: Student):
    with crew.acting("county_maker"):
        assert list(loans.unclaimed(2026).values_list("student_id", flat=True)) == [borrower.pk]
        [county] = loans.totals(2026)
        assert (county["name"], county["may"], county["loans"], county["without"]) == ("榆中县", 1, 0, 1)
    loan = applied(crew, borrower, contract="HT-3")
    with crew.acting("county_maker"):
        assert not loans.unclaimed(2026).exists()
    step(crew, "county_checker", loan, "contract")
    step(crew, "county_maker", loan, "release")
    with crew.acting("city"):
        [county] = loans.totals(2026)
    assert (county["loans"], county["lent"], county["n_released"], county["released"]) == (1, 8000, 1, 8000)
    with crew.acting("foreign_county_maker"):
        assert loans.totals(2026) == []


def test_a_withdrawn_loan_may_be_asked_for_again_and_next_year_is_filled_in(crew: Crew, borrower: Student):
    loan = applied(crew, borrower)
    step(crew, "county_maker", loan, "withdraw", note="家长不同意")
    again = applied(crew, borrower, yuan=Decimal(6000))
    with crew.acting("county_maker"):
        filled = loans.renewal(borrower, 2027)
    assert filled == {
        "lender": "国家开发银行", "yuan": Decimal(6000), "tuition": Decimal(5000), "board": Decimal(1200),
        "interest": loans.INTEREST,
    }  # fmt: skip
    assert again.state == "applied"


def test_the_pages(crew: Crew, borrower: Student, browser: Browser, today: date):
    maker, checker = browser("county_maker"), browser("county_checker")
    year = "?year=2026"
    listed = maker.get(reverse("loan_unclaimed") + year).content.decode()
    assert "贷款生" in listed
    new = maker.get(reverse("loan_new", args=[borrower.pk]) + year).content.decode()
    assert "8,000.00 元" in new
    form = {**ASKED, "contract": "HT-7", "yuan": "9000"}
    refused = maker.post(reverse("loan_create", args=[borrower.pk]) + year, form)
    assert (refused.status_code, "超过最高额" in refused.content.decode()) == (422, True)
    made = maker.post(reverse("loan_create", args=[borrower.pk]) + year, {**form, "yuan": "8000"}, follow=True)
    assert "8,000.00" in made.content.decode()
    loan = Loan.objects.get()
    for client, code, state in ((maker, "contract", "applied"), (checker, "contract", "contracted")):
        client.post(reverse("loan_move", args=[loan.pk, code]), {"day": "2026-10-10"})
        loan.refresh_from_db()
        assert loan.state == state
    assert "HT-7" in maker.get(reverse("loan_list") + year).content.decode()
    assert "榆中县" in browser("city").get(reverse("loan_totals") + year).content.decode()
    assert browser("foreign_county_maker").get(reverse("loan_detail", args=[loan.pk])).status_code == 404
