"""A discretionary benefit: decided by a second person, an entitlement by the rule, listed and taken back like every other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.terms import Term
from students.models import Student
from subsidies.explain import explain
from subsidies.giving import topups
from subsidies.models import Adjustment, Benefit, Entitlement, PaymentBatch, TopUpCase
from subsidies.payments import funnel, listing
from tests import make
from tests.casework.conftest import Crew
from tests.giving.conftest import TERM, TODAY

Browser = Callable[[str], Client]
AUTUMN = Term.parse(TERM)


def fund() -> Benefit:
    return Benefit.objects.get(code="foundation-topup")


def asked(crew: Crew, who: Student, persona: str = "school_maker", yuan: str = "800") -> TopUpCase:
    with crew.acting(persona) as by:
        return topups.ask(who, AUTUMN, benefit=fund(), hardship="母亲重病", asked=Decimal(yuan), by=by, today=TODAY)


def approved(crew: Crew, case: TopUpCase, yuan: str = "500", persona: str = "county_checker") -> None:
    with crew.acting(persona) as by:
        topups.approve(case, decided=Decimal(yuan), reason="属实", by=by, today=TODAY)
        for job in Job.objects.filter(state="queued"):
            assert jobs.work_off(job).state == "done"


def test_the_decided_amount_is_an_entitlement_that_is_listed_and_taken_back(crew: Crew, poor: Student):
    case = asked(crew, poor)
    assert make.entitled(poor, TERM) == {}
    [line] = [each for each in explain(poor, AUTUMN) if each.rule.code == "test-fund-topup"]
    assert [seen.label for seen in line.conditions if not seen.holds] == ["经评定确定"]
    approved(crew, case)
    assert make.entitled(poor, TERM) == {"test-fund-topup": "500.00"}
    [line] = [each for each in explain(poor, AUTUMN) if each.rule.code == "test-fund-topup"]
    assert (line.eligible, line.amount, line.arithmetic) == (True, Decimal(500), "经评定确定 500.00 元")
    assert make.recompute(TERM)["changed"] == 0  # the same by a whole run
    batch = PaymentBatch(
        number="1", channel="bank", title="基金会", term=TERM, office=crew.county, path=crew.county.path, bank="x",
        prepared_by="县经办",
    )  # fmt: skip
    batch.save()
    assert listing.freeze(Entitlement.objects.filter(student=poor), batch) == 1
    with crew.acting("county_head") as by:
        topups.revoke(case, reason="材料不实", by=by, today=TODAY)
        for job in Job.objects.filter(state="queued"):
            jobs.work_off(job)
    assert str(Adjustment.objects.get().difference) == "-500.00"


def test_what_is_refused(crew: Crew, poor: Student):
    plain = make.student("不困难", at=crew.school, term=TERM)
    with pytest.raises(Refused, match="不满足"):
        asked(crew, plain)
    outside = make.student("没学籍", at=crew.school, term="2025-autumn")
    with pytest.raises(Refused, match="没有学籍"):
        asked(crew, outside)
    with pytest.raises(Refused, match="大于 0 元"):
        asked(crew, poor, yuan="0")
    case = asked(crew, poor)
    with pytest.raises(Refused, match="已经有这个项目"):
        asked(crew, poor)
    with pytest.raises(Refused, match="您的角色不能"):
        approved(crew, case, persona="county_maker")
    TopUpCase.objects.filter(pk=case.pk).update(asked_by_id=crew["county_checker"].pk)
    with pytest.raises(Refused, match="由另一人决定"):
        approved(crew, case)
    with crew.acting("county_head") as by, pytest.raises(Refused, match="不同意要写明原因"):
        topups.refuse(case, reason=" ", by=by, today=TODAY)
    approved(crew, case, persona="county_head")
    with pytest.raises(Refused, match="当前状态不能同意"):
        approved(crew, case, persona="county_head")


def test_the_county_of_the_school_decides_where_the_rule_goes_by_the_school(crew: Crew, poor: Student):
    away = make.student("跨县生", at=crew.foreign, term=TERM, categories=("registered_poor",), home="620123100001")
    make.recompute(TERM)
    case = asked(crew, away, "foreign_maker")
    with pytest.raises(Refused, match="由学校所在地"):
        approved(crew, case)


def test_the_pages(crew: Crew, poor: Student, browser: Browser, today: date):
    school, head = browser("school_maker"), browser("county_head")
    term = f"?term={TERM}"
    new = school.get(reverse("topup_new", args=[poor.pk]) + term).content.decode()
    assert "教育基金会附加资助" in new
    said = {"benefit": fund().pk, "hardship": "父亲残疾，电话 13912345678", "asked": "600"}
    school.post(reverse("topup_create", args=[poor.pk]) + term, said)
    case = TopUpCase.objects.get()
    assert "13912345678" not in case.hardship
    assert "困难生" in head.get(reverse("topup_list") + term).content.decode()
    assert "同意资助" in head.get(reverse("topup_detail", args=[case.pk])).content.decode()
    for typed in ("abc", "NaN"):
        head.post(reverse("topup_approve", args=[case.pk]), {"decided": typed})
        case.refresh_from_db()
        assert case.state == "asked"
    head.post(reverse("topup_approve", args=[case.pk]), {"decided": "450", "note": "核实"})
    case.refresh_from_db()
    assert (case.state, case.decided) == ("approved", Decimal(450))
    assert "取消资助" in head.get(reverse("topup_detail", args=[case.pk])).content.decode()
    assert browser("foreign_maker").get(reverse("topup_detail", args=[case.pk])).status_code == 404


def test_the_funnel_asks_for_its_own_decision_and_not_for_a_determination(crew: Crew, poor: Student):
    case = asked(crew, poor)
    approved(crew, case)

    def stops() -> list[int]:
        with crew.acting("county_maker"):
            rows = funnel.offered(crew.county.path, AUTUMN, "bank", benefits=[fund()])
            wanted = next(c for c in funnel.conditions(AUTUMN, "bank", TODAY) if c.code == "determined")
            return list(funnel.stopped_by(rows, wanted).values_list("student", flat=True))

    assert stops() == []
    TopUpCase.objects.filter(pk=case.pk).update(state="revoked")
    assert stops() == [poor.pk]
    make.determination(poor.enrolments.get())  # a level of hardship is no decision on this
    assert stops() == [poor.pk]
