"""Whoever leaves school or refuses after the listing is not approved, sent, settled or paid anew, and everybody is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from students.models import Student, Suspension
from subsidies.models import Adjustment, Benefit, Entitlement, Mark, Payment, PaymentBatch, Refusal
from subsidies.payments import batches, bounces, files, funnel
from tests import make
from tests.casework.conftest import Crew
from tests.payments import bank
from tests.payments.county import TERM, TODAY, Paying, agreed, approved, benefit, money, paying, prepared

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(crew: Crew) -> Paying:
    made = paying(crew)
    for code in ("compulsory-boarding", "senior-grant", "senior-fee"):
        money(made, code, "99999")
    return made


def leave(who: Student, from_on: date = TODAY, active: bool = True) -> None:
    """What a confirmed case of dropout writes (dropout.cases.confirm)."""
    paths = {"home_path": who.person.home_path, "school_path": who.person.school_path}
    Suspension(student=who, active=active, from_on=from_on, made_by="县审核", **paths).save()


def say(who: Student, of: Benefit | None, active: bool = True) -> None:
    paths = {"home_path": who.person.home_path, "school_path": who.person.school_path}
    Refusal(student=who, term=TERM.code, benefit=of, active=active, why="家里够用", set_by="校经办", **paths).save()


def states(made: PaymentBatch, *names: str) -> dict[str, str]:
    rows = Payment.objects.filter(batch=made, student__person__name__in=names)
    return dict(rows.values_list("student__person__name", "state"))


def recompute() -> None:
    make.recompute(TERM.code, marked_only=True)


def test_an_approval_names_each_reason_and_goes_through_without_them(paid: Paying):
    made, who = agreed(paid, prepared(paid)), paid.children
    leave(who["甲二"])
    with paid.crew.acting("county_head"), pytest.raises(Refused) as refused:  # not computed anew yet
        batches.approve(made, "1号")
    assert refused.value.reasons == [
        "1 笔的孩子已确认辍学，资助暂停，请退回学校后移出", "1 笔的资料变了，还没有重新测算，请重新测算后再审批",
    ]  # fmt: skip
    say(who["乙一"], benefit("compulsory-boarding"))
    say(who["甲一"], None)  # whatever the need gives: two lines
    recompute()
    assert set(Entitlement.objects.filter(frozen=True).values_list("state", flat=True)) == {"due"}  # listed stays listed
    with paid.crew.acting("county_head"), pytest.raises(Refused) as refused:
        batches.approve(made, "1号")
    assert refused.value.reasons == [
        "1 笔的孩子已确认辍学，资助暂停，请退回学校后移出", "3 笔的家长已放弃这项资助，请退回学校后移出",
    ]  # fmt: skip
    with paid.crew.acting("county_head"):
        batches.reopen(made, "移出")
    with paid.crew.acting("county_maker"):
        gone = [who[name].pk for name in ("甲一", "甲二", "乙一")]
        assert batches.leave_out(made.payments.filter(student__in=gone), "辍学或放弃") == 4
    recompute()
    assert approved(paid, made).approved_lines == 2


def test_back_in_school_after_the_term_or_wanted_after_all_nothing_stops(paid: Paying):
    who = paid.children
    leave(who["甲二"])
    leave(who["甲二"], active=False)
    leave(who["甲三"], from_on=TERM.next.first_day)
    say(who["乙一"], None)
    say(who["乙一"], None, active=False)
    recompute()
    made = agreed(paid, prepared(paid, "settlement"))
    say(who["甲一"], None)  # what everybody gets isn't meant
    recompute()
    assert approved(paid, made).approved_lines == 5


def test_a_file_never_takes_who_left_or_refused_since_and_names_them(paid: Paying, browser: Callable[[str], Client]):
    made, who = approved(paid, prepared(paid)), paid.children
    leave(who["甲二"])
    say(who["乙一"], benefit("compulsory-boarding"))
    page = browser("county_maker")
    shown = page.get(reverse("batch_files", args=[made.pk])).content.decode()
    assert "2 人次资助已暂停或家长已放弃，不报送" in shown
    names = page.get(reverse("batch_detail", args=[made.pk]), {"odd": "stopped"}).content.decode()
    assert [name in names for name in ("甲二", "乙一", "甲一", "资助暂停", "已放弃")] == [True, True, False, True, True]
    with paid.crew.acting("county_maker") as by:
        job = jobs.work_off(files.request_files(made, by=by, today=TODAY))
        assert (job.result["lines"], states(made, "甲二", "乙一")) == (4, {"甲二": "approved", "乙一": "approved"})
        with pytest.raises(Refused, match="2 人次资助已暂停或家长已放弃"):
            files.request_files(made, by=by, today=TODAY)
    leave(who["甲二"], active=False)  # back: it goes with the next file
    with paid.crew.acting("county_maker") as by:
        assert jobs.work_off(files.request_files(made, by=by, today=TODAY)).result["lines"] == 1
    line = str(Payment.objects.get(batch=made, student=who["乙一"]).pk)
    answer = browser("county_head").post(
        reverse("batch_withdraw", args=[made.pk]), {"line": line, "note": "放弃"}, follow=True
    )
    assert "撤销 1 人次" in answer.content.decode()
    assert states(made, "甲二", "乙一") == {"甲二": "sent", "乙一": "cancelled"}


def test_a_bounce_of_theirs_is_not_paid_anew_and_one_on_its_way_can_be_withdrawn(
    crew: Crew, browser: Callable[[str], Client]
):
    batch = bank.batch(3, at=crew.school)
    bank.send(crew, batch)
    bank.hear(crew, batch, [bank.bounced(row, "未激活") for row in bank.sent(batch)])
    one, two, three = Payment.objects.filter(batch=batch).order_by("pk")
    Payment.objects.filter(batch=batch).update(fixed="家长已到网点激活", fixed_by="校经办", fixed_at=timezone.now())
    leave(one.student)
    say(two.student, two.benefit)
    with crew.acting("county_checker") as by:
        told = bounces.reissue(Payment.objects.filter(batch=batch), by=by)
    assert (told.moved, dict(told.refusals)) == (1, {"孩子已确认辍学，资助暂停": 1, "家长已放弃这项资助": 1})
    page = browser("county_checker").get(reverse("bounce_list"), {"state": "ready"}).content.decode()
    assert (page.count("资助暂停"), page.count("已放弃")) == (1, 1)
    leave(three.student)
    with crew.acting("county_maker") as by, pytest.raises(Refused, match="1 人次资助已暂停"):
        files.request_files(batch, by=by, today=TODAY)
    with crew.acting("county_head"):
        assert batches.withdraw(Payment.objects.filter(batch=batch), "辍学或放弃") == 3
    batch.refresh_from_db()
    assert (batch.state, bank.states(batch)) == ("balanced", {"cancelled": 3})


def test_no_back_pay_is_listed_for_them_nor_for_who_waits_to_be_computed(paid: Paying):
    made, who = approved(paid, prepared(paid)), paid.children
    line = made.payments.get(student=who["甲二"])
    for name in ("甲二", "甲三", "乙一", "乙二"):
        Adjustment(
            term=TERM.code, student=who[name], benefit=line.benefit, rule=line.rule, due=700, listed=625, difference=75,
            run=Entitlement.objects.first().run, home_path=line.home_path, school_path=who[name].person.school_path,
        ).save()  # fmt: skip
    leave(who["甲二"])
    say(who["甲三"], line.benefit)
    Mark.objects.all().delete()
    Mark.objects.create(term=TERM.code, student_id=who["乙一"].pk)
    with paid.crew.acting("county_maker"):
        owed = funnel.owed(paid.crew.county.path, TERM, "bank", TODAY)
        assert list(owed.values_list("student__person__name", "difference")) == [("乙二", Decimal(75))]


def test_fees_of_who_left_are_not_settled_and_the_rest_is(paid: Paying):
    made = approved(paid, prepared(paid, "settlement"))
    leave(paid.children["甲二"])
    day = timezone.localdate(made.approved_at)
    with paid.crew.acting("county_maker"):
        assert batches.settle(made, day, "001", today=day) == 4
        with pytest.raises(Refused, match="没有等结算的人"):
            batches.settle(made, day, "002", today=day)
    with paid.crew.acting("county_head"):
        assert batches.withdraw(made.payments.filter(student=paid.children["甲二"]), "辍学") == 1
    made.refresh_from_db()
    assert made.state == "balanced"
