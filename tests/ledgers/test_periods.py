"""Ledgers of a school year and a calendar year: people once, person-times and yuan of both terms, tied to the bridge."""

from __future__ import annotations

import io
import re
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.db.models import Sum
from django.urls import reverse
from openpyxl import load_workbook

from aidcases import jobs, spans
from aidcases.models import Job
from aidcases.scoping import SYSTEM, current_actor
from aidcases.terms import Term, UnknownTerm
from ledgers import submitting
from ledgers.actions import open_file, request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import Due, LedgerIssue
from ledgers.schedules import parse
from ledgers.submitting import candidates, obstacles
from students.models import Enrolment
from subsidies.actions import request_recompute
from subsidies.models import Entitlement, Payment
from subsidies.payments import listing
from tests import make
from tests.ledgers.conftest import ActAs
from tests.ledgers.test_payments import paid
from tests.personas import As, World

__all__ = ["paid"]  # the fixture
HERE = "/62/6201/620123/"
SCHOOL, YEAR = spans.of_terms("2018-2019"), spans.of_terms("2019")
SPRING = "2019-spring"


@pytest.fixture
def two_terms(world: World, paid: Any) -> World:
    """After the autumn of `paid`: in spring the poor child and the plain one go on, the plain one now on 低保; a new one
    comes. The poor child is paid in April, the other due of spring is listed or not."""
    poor, plain, _teen = world.here.students
    for child in (poor, plain):
        make.enrolment(child, at=world.here.primary, term=SPRING, boarding=child == poor)
    make.hardship(plain.person, "dibao_rural", from_on=date(2019, 4, 1))
    make.student("春生", at=world.here.primary, term=SPRING, home="620123100201")
    assert jobs.work_off(request_recompute(term=Term.parse(SPRING), path="/62/6201/")).state == "done"
    batch = make.batch("bank", term=SPRING)
    listing.freeze(Entitlement.objects.filter(term=SPRING, school_path__startswith=HERE, student=poor), batch)
    rows = Payment.objects.filter(batch=batch)
    assert rows.count() == 1
    for move in ("approve", "send"):
        rows.move(move, by=SYSTEM)
    rows.move("pay", by=SYSTEM, paid_on=date(2019, 4, 3))
    return world


def whole(code: str, when: Any) -> dict[str, Any]:
    ledger = LEDGERS[code]
    return ledger.tables(ledger.of(when), area_at(HERE))[0].totals()


def test_a_year_counts_people_once_and_adds_up_its_terms(two_terms: World, act_as: ActAs):
    autumn, spring = (spans.of_terms(code) for code in ("2018-autumn", SPRING))
    with act_as("maker"):
        first, second, both = (whole("aid-summary", each) for each in (autumn, spring, SCHOOL))
        for name in ("人次", "金额", "实发金额"):
            assert both[name] == first[name] + second[name] > max(first[name], second[name]), name
        grants = Entitlement.objects.granted().of(HERE).filter(term__in=("2018-autumn", SPRING))
        assert both["应资助人数"] == len(set(grants.values_list("student", flat=True)))
        assert both["应资助人数"] < first["应资助人数"] + second["应资助人数"]
        assert both["实资助人数"] + both["未资助人数"] == both["应资助人数"]
        categories = ("脱贫/监测", "低保", "特困", "孤儿", "残疾", "其他")
        assert sum(both[name] for name in categories) == both["应资助人数"]
        assert (first["低保"], both["低保"]) == (1, 2)  # the plain child counts where it was found poor
        roll = whole("payment-roll", SCHOOL)
        assert roll["发放金额"] == whole("payment-roll", autumn)["发放金额"] + whole("payment-roll", spring)["发放金额"]
        [listed] = LEDGERS["payment-roll"].tables(SCHOOL, area_at(HERE))
        terms = [row[2] for row in listed.first(50)]
        assert set(terms) == {autumn.label, spring.label}
        assert listed.size() == Payment.objects.standing().count()
    boarding = _line(act_as, "义务教育寄宿生生活补助")
    assert (boarding["people"], boarding["paid"], boarding["times"], boarding["paid_yuan"]) == (1, 1, 2, Decimal("1000.00"))
    books = _line(act_as, "义务教育免费教科书")  # of spring nobody's are settled; who had them in autumn is aided
    assert (books["people"], books["paid"], books["unpaid"]) == (4, 2, 2)
    assert books["reason"] == "没有列入发放 1 人；正在发放 1 人"


def _line(act_as: ActAs, benefit: str) -> dict[str, Any]:
    with act_as("maker"):
        lines = LEDGERS["aid-summary"].tables(SCHOOL, area_at(HERE))[0].lines
    return next(dict(line.cells) for line in lines if line.cells["benefit"] == benefit)


def test_the_years_tie_to_the_bridge(two_terms: World, act_as: ActAs):
    every = Payment.objects.paid()
    in_2019 = every.filter(paid_on__year=2019).aggregate(yuan=Sum("amount"))["yuan"]
    with act_as("maker"):
        [bridge] = LEDGERS["calendar-bridge"].tables(Term.parse(SPRING), area_at(HERE))
        cells = bridge.whole.cells
        assert whole("aid-summary", SCHOOL)["实发金额"] == cells["school"]
        for code, sheet in (("aid-summary", "汇总"), ("payment-roll", "花名册")):
            of_school = " ".join(LEDGERS[code].notes(SCHOOL, area_at(HERE), sheet))
            assert f"已发放到账 {cells['school']:,.2f} 元，与《学年与年度资助资金对账表》的“计入学年”相同" in of_school
            of_year = " ".join(LEDGERS[code].notes(YEAR, area_at(HERE), sheet))
            assert f"＝2019 年到账 {in_2019:,.2f} 元" in of_year
        assert cells["calendar"] == in_2019
        assert whole("aid-summary", YEAR)["实发金额"] == in_2019  # of 2018's autumn nothing came in 2019


def test_the_figures_of_a_year_open_their_rows(two_terms: World, as_: As):
    maker = as_("maker")
    page = maker.get(reverse("ledger_detail", args=["aid-summary"]), {"term": "2018-2019"}).content.decode()
    assert "统计期间：2018 年 9 月 1 日至 2019 年 8 月 31 日，含2018—2019学年秋季学期、2018—2019学年春季学期" in page
    assert '<option value="2018-2019" selected>' in page
    opened = set(re.findall(r'href="([^"]*/aid-summary/rows/[^"]*)"[^>]*>(?:<b>)?([0-9,]+)<', page))
    assert len(opened) > 20
    for address, figure in sorted(opened)[::4]:
        listed = maker.get(unescape(address)).content.decode()
        assert f"共 <b>{figure}</b>" in listed, (address, figure)
    other = maker.get(reverse("ledger_detail", args=["poverty-register"]), {"term": "2018"}).content.decode()
    assert "本表是期末所在学期（2018—2019学年秋季学期）的情况" in other
    assert "2018—2019学年春季学期：本学期还没有测算" not in page
    of_year = maker.get(reverse("ledger_detail", args=["aid-summary"]), {"term": "2019"}).content.decode()
    assert "2019—2020学年秋季学期：本学期还没有测算" in of_year


def test_a_year_is_handed_up_with_its_own_ledger(two_terms: World, act_as: ActAs):
    period = parse("school", "2018-2019")
    assert (period.said, period.of_terms, parse("half", "2018-H2").of_terms) == ("2018—2019学年报", "2018-2019", "2018-autumn")
    assert parse("year", "2018").of_terms == "2018"
    with pytest.raises(UnknownTerm):
        spans.of_terms("2018-2020")
    due = Due(office=two_terms.here.office, path=HERE, ledger="aid-summary", rhythm="school", period="2018-2019",
              term=period.of_terms, due_on=date(2019, 9, 15))  # fmt: skip
    due.save()
    made = {}
    with act_as("maker"):
        for code in ("2018-autumn", "2018-2019"):
            issue = request_issue(LEDGERS["aid-summary"], spans.of_terms(code), area_at(HERE), purpose="上报")
            assert jobs.work_off(Job.objects.get(pk=issue.job_id)).state == "done"
            made[code] = LedgerIssue.objects.get(pk=issue.pk)
        assert obstacles(due, made["2018-autumn"]) == ["这份台账不是要上报的那个学期或年度的。"]
        issue = made["2018-2019"]
        assert "（2018—2019学年）" in issue.title
        assert list(candidates(due)) == [issue]
        assert submitting.answers(issue) == [due]
        assert dict(issue.totals)["实发金额"] == f"{whole('aid-summary', SCHOOL)['实发金额']:.2f}"
        with open_file(issue) as file:
            sheet = load_workbook(io.BytesIO(file.read())).worksheets[0]
    text = "".join(str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value)
    assert "统计期间：2018 年 9 月 1 日至 2019 年 8 月 31 日" in text
    assert text.count("的测算，校验码") == 2
    assert "2018—2019学年春季学期：依据" in text
    with act_as("head"):
        handed = submitting.submit(due, issue, by=current_actor(), today=date(2019, 9, 10))
    assert handed.state == "submitted"
    assert Enrolment.objects.filter(term=SPRING).count() == 3
