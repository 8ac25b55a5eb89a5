"""A batch from its list to its end: who may be on it, who says so, what it takes of the money, and what it sums to."""

from __future__ import annotations

import threading
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from aidcases.scoping import EVERYWHERE, acting_in
from students.models import Enrolment
from subsidies.models import (
    Adjustment,
    BatchPart,
    Entitlement,
    Indicator,
    IndicatorUse,
    Mark,
    NoticeLine,
    Payment,
    PaymentBatch,
    Rule,
)
from subsidies.payments import batches, funnel, indicators, obstacles
from tests import make
from tests.casework.conftest import Crew, build_crew
from tests.payments import county
from tests.payments.county import TERM, TODAY, Paying, agreed, approved, benefit, money, paying, prepared


@pytest.fixture
def paid(crew: Crew) -> Paying:
    return paying(crew)


def blocked(paid: Paying, channel: str = "bank") -> dict[str, int]:
    with paid.crew.acting("county_maker"):
        rows = funnel.offered(paid.crew.county.path, TERM, channel)
        owed = funnel.owed(paid.crew.county.path, TERM, channel, TODAY)
        found = funnel.counted(rows, owed, funnel.conditions(TERM, channel, TODAY))
        assert found.ready == funnel.payable(rows, TERM, channel, TODAY).count()
        assert {c.code: funnel.stopped_by(rows, c).count() for c, _ in found.blocked} == {
            c.code: n for c, n in found.blocked
        }
        return {"ready": found.ready, "listed": found.listed, **{c.code: n for c, n in found.blocked}}


def test_everybody_who_may_be_paid_and_why_the_others_may_not(paid: Paying):
    assert blocked(paid) == {"ready": 6, "listed": 0}
    assert blocked(paid, "settlement") == {"ready": 5, "listed": 0}  # everybody's: no list is announced, no card needed
    who = paid.children
    who["甲二"].accounts.all().delete()
    make.account(who["甲三"], alarm="这张卡也登记在别的户的孩子名下", from_on=date(2026, 9, 1))
    lines = NoticeLine.objects.filter(student=who["乙一"])
    lines.update(state="paused")
    assert blocked(paid) == {"ready": 3, "listed": 0, "account": 1, "no_alarm": 1, "unopposed": 1}
    lines.update(state="removed")
    NoticeLine.objects.filter(student=who["乙二"]).update(amount=600)
    Entitlement.objects.filter(student=who["甲二"]).update(state="suspended")
    assert blocked(paid) == {"ready": 2, "listed": 0, "account": 1, "no_alarm": 1, "announced": 2, "standing": 1}
    lines.update(state="standing")
    lines.update(notice=county.announce(paid.crew, Entitlement.objects.none(), state="published"))
    make.determination(who["甲一"].enrolments.get(), "none")
    assert blocked(paid) == {
        "ready": 0, "listed": 0, "account": 1, "no_alarm": 1, "announced": 1, "notice_over": 1, "standing": 1, "determined": 1,
        "computed": 2,
    }  # fmt: skip
    make.account(who["甲三"], from_on=date(2026, 10, 1))  # a later one is in force
    assert blocked(paid)["ready"] == 1


def test_from_the_list_to_the_end_of_what_is_settled_with_schools(paid: Paying):
    money(paid, "senior-fee", "2000")
    made = prepared(paid, "settlement")
    assert (made.number, made.state, made.lines, made.total, made.parts_open) == (
        "620123-2026秋-001", "prepared", 5, Decimal(2000), 2,
    )  # fmt: skip
    assert set(made.payments.values_list("account", flat=True)) == {None}
    approved(paid, made)
    with paid.crew.acting("county_maker"):
        some = made.payments.filter(school_path=paid.crew.school.path)
        with pytest.raises(Refused, match="收据"):
            batches.settle(made, date(2026, 11, 22), " ", today=date(2026, 11, 22))
        day = timezone.localdate(PaymentBatch.objects.get(pk=made.pk).approved_at)
        assert batches.settle(made, day, "0012345", some, today=day) == 3
        assert PaymentBatch.objects.get(pk=made.pk).state == "sent"
        assert batches.balance(made) == [
            {
                "label": "未分级", "batch_id": made.pk, "funding": "other", "approved": 2000, "paid": 1200, "pending": 800,
                "bounced": 0, "cancelled": 0, "short": 0,
            }
        ]  # fmt: skip
        assert batches.settle(made, day, "0012346", today=day) == 2
        with pytest.raises(Refused, match="没有等结算"):
            batches.settle(made, day, "0012346", today=day)
    made.refresh_from_db()
    assert (made.state, made.lines_open) == ("balanced", 0)
    assert set(made.payments.values_list("paid_on", flat=True)) == {day}


def test_levels_are_split_to_the_fen_and_schools_agree_one_by_one(paid: Paying):
    made = prepared(paid)
    line = made.payments.get(student=paid.children["甲二"])
    assert (line.amount, line.central, line.province, line.county) == (
        Decimal("625.00"), Decimal("312.50"), Decimal("206.25"), Decimal("106.25"),
    )  # fmt: skip
    assert line.account == paid.children["甲二"].accounts.get()
    assert Entitlement.objects.filter(frozen=True).count() == 6
    parts = {part.school_id: part for part in BatchPart.objects.select_related("batch")}
    ours, theirs = parts[paid.crew.school.pk], parts[paid.crew.second.pk]
    with paid.crew.acting("school_maker"), pytest.raises(Refused, match="您的角色"):
        batches.agree(ours)
    with paid.crew.acting("school_checker"):
        assert not BatchPart.objects.filter(pk=theirs.pk).exists()
        batches.agree(ours)
        with pytest.raises(Refused, match="已经确认过"):
            batches.agree(ours)
    with paid.crew.acting("second_checker"):
        batches.object_to(theirs, "乙二已转走")
        theirs.refresh_from_db()
        assert (theirs.objection, theirs.agreed_at) == ("乙二已转走", None)
    with paid.crew.acting("county_maker"):
        with pytest.raises(Refused, match="有审核人账号"):
            batches.agree_instead(theirs, "纸质")
        with pytest.raises(Refused, match="要写明原因"):
            batches.leave_out(made.payments.filter(student=paid.children["乙二"]), " ")
        assert batches.leave_out(made.payments.filter(student=paid.children["乙二"]), "已转走") == 1
    assert not Entitlement.objects.get(student=paid.children["乙二"], rule__code="test-boarding").frozen
    assert Mark.objects.filter(student_id=paid.children["乙二"].pk).exists()
    with paid.crew.acting("second_checker"):
        batches.agree(theirs)
    made.refresh_from_db()
    assert (made.state, made.lines, made.parts_open) == ("confirmed", 5, 0)
    with paid.crew.acting("county_maker"):
        assert batches.leave_out(made.payments.filter(student=paid.children["乙一"]), "晚了") == 0
        with pytest.raises(Refused, match="您的角色"):
            batches.set_check(made, True)
    with paid.crew.acting("county_head"):
        batches.reopen(made, "名单要再看")
    assert (made.state, made.parts_open) == ("prepared", 2)
    with paid.crew.acting("county_maker"):
        batches.leave_out(made.payments.filter(school_path=paid.crew.second.path, state="listed"), "整校移出")
    with paid.crew.acting("school_checker"):
        batches.agree(ours)  # the other school has nothing left to agree to
    made.refresh_from_db()
    assert (made.state, made.lines) == ("confirmed", 4)


def test_the_second_person_the_money_and_what_changed_since_stand_against_an_approval(paid: Paying):
    made = agreed(paid, prepared(paid))
    with paid.crew.acting("county_maker"), pytest.raises(Refused, match="您的角色"):
        batches.approve(made, "1号")
    PaymentBatch.objects.filter(pk=made.pk).update(prepared_by_id=paid.crew["county_head"].pk)
    with paid.crew.acting("county_head"), pytest.raises(Refused) as refused:
        batches.approve(made, "1号")
    names = {code: benefit(code).name for code in ("compulsory-boarding", "senior-grant")}
    assert set(refused.value.reasons) == {
        batches.OWN_BATCH, *(f"“{name}”还没有登记指标" for name in names.values()),
    }  # fmt: skip
    PaymentBatch.objects.filter(pk=made.pk).update(prepared_by_id=paid.crew["county_maker"].pk)
    own = money(paid, "compulsory-boarding", "900", school=paid.crew.second)  # 625 × 2 at that school
    central = money(paid, "compulsory-boarding", "1200", funding="central")
    money(paid, "senior-grant", "999.99")
    with paid.crew.acting("county_checker"), pytest.raises(Refused) as refused:
        batches.approve(made, "1号")
    assert refused.value.reasons == [
        f"“{names['compulsory-boarding']}”指标不够，还缺省级 ￥706.25、县级 ￥318.75",
        f"“{names['senior-grant']}”指标不够，还缺未分级 ￥0.01",
    ]
    assert not IndicatorUse.objects.exists()
    money(paid, "senior-grant", "5000")
    rest = money(paid, "compulsory-boarding", "5000")
    with paid.crew.acting("county_checker"):
        batches.approve(made, "榆资发〔2026〕1号")
    made.refresh_from_db()
    assert (made.state, made.approved_lines, made.document) == ("approved", 6, "榆资发〔2026〕1号")
    assert (made.central, made.province, made.county, made.other) == (
        Decimal("1562.50"), Decimal("1031.25"), Decimal("531.25"), Decimal("1000.00"),
    )  # fmt: skip
    for each in (own, central, rest):
        each.refresh_from_db()
    assert own.used + central.used + rest.used == Decimal("3125.00")
    assert own.used == 900
    assert set(made.payments.values_list("state", flat=True)) == {"approved"}
    assert AuditEvent.objects.filter(action="payment.approve").count() == 6
    with paid.crew.acting("county_head"):
        assert batches.withdraw(made.payments.filter(student=paid.children["乙一"]), "已转走") == 1
        assert {
            (row["approved"] - row["cancelled"] - row["pending"], row["short"]) for row in batches.balance(made)
        } == {(0, 0)}
    assert sum(IndicatorUse.objects.values_list("yuan", flat=True)) == Decimal("3500.00")
    with pytest.raises(DatabaseError, match="no line is added"), transaction.atomic():
        Payment.objects.create(
            batch=made, student=paid.children["乙一"], term=TERM.code, benefit=benefit("senior-fee"), school=paid.crew.second,
            rule=made.payments.first().rule, amount=1, other=1, school_path=paid.crew.second.path,
            home_path=paid.children["乙一"].person.home_path,
        )  # fmt: skip
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        made.payments.update(amount=1, central=1, province=0, county=0, other=0)
    with pytest.raises(DatabaseError, match="no line is removed"), transaction.atomic():
        made.payments.all().delete()
    with paid.crew.acting("county_head"):
        batches.cancel(made, "重新编制")
    assert not IndicatorUse.objects.exists()
    assert set(Indicator.objects.values_list("used", flat=True)) == {Decimal(0)}
    assert not Entitlement.objects.filter(frozen=True).exists()
    make.recompute(TERM.code, marked_only=True)
    again = prepared(paid)
    assert (again.number, again.lines) == ("620123-2026秋-002", 6)


def test_less_due_or_no_card_any_more_stops_the_approval_and_more_due_is_the_next_instalment(paid: Paying):
    money(paid, "compulsory-boarding", "9999")
    money(paid, "senior-grant", "9999")
    made = agreed(paid, prepared(paid))
    Enrolment.objects.filter(student=paid.children["乙二"]).delete()
    make.recompute(TERM.code)
    make.account(paid.children["甲三"], alarm="户名和学校工作人员同名", from_on=date(2026, 10, 1))
    with paid.crew.acting("county_head"), pytest.raises(Refused) as refused:
        batches.approve(made, "1号")
    assert [reason[:8] for reason in refused.value.reasons] == ["1 笔编制以后应", "1 笔的一卡通不"]
    assert Adjustment.objects.get().difference == Decimal("-625.00")
    with paid.crew.acting("county_head"):
        batches.reopen(made, "移出")
    with paid.crew.acting("county_maker"):
        gone = made.payments.filter(student__in=[paid.children["乙二"].pk, paid.children["甲三"].pk])
        assert batches.leave_out(gone, "已不在校或换卡") == 2
    make.recompute(TERM.code, marked_only=True)
    assert not Adjustment.objects.exists()
    approved(paid, made)
    run = Entitlement.objects.first().run
    Adjustment.objects.create(
        term=TERM.code, student=paid.children["甲二"], benefit=benefit("compulsory-boarding"), due=700, listed=625,
        rule=Rule.objects.get(code="test-boarding"), difference=75, run=run,
        home_path=paid.children["甲二"].person.home_path, school_path=paid.crew.school.path,
    )  # fmt: skip
    second = prepared(paid)
    line = second.payments.get()
    assert (line.instalment, line.amount, line.central, line.student) == (
        2, Decimal("75.00"), Decimal("37.50"), paid.children["甲二"],
    )  # fmt: skip
    assert not Adjustment.objects.exists()
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.filter(pk=line.pk).update(instalment=1)
    with pytest.raises(Refused, match="没有可以列入的人"):
        prepared(paid)


def test_a_child_who_studies_elsewhere_is_its_home_s_and_its_school_need_not_agree(crew: Crew):
    paid = paying(crew, ("甲一", "甲二"))
    Rule.objects.filter(code="test-boarding").update(jurisdiction="household")
    away = county.child(crew.foreign, "外读")
    make.recompute(TERM.code)
    county.announce(crew, Entitlement.objects.filter(student=away))
    made = prepared(paid, benefits=[benefit("compulsory-boarding")])
    assert made.payments.filter(student=away).exists()
    part = BatchPart.objects.get(school=crew.foreign)
    assert (part.agreed_by, made.parts_open) == (batches.ELSEWHERE, 1)
    with crew.acting("foreign_county_maker"):
        assert not PaymentBatch.objects.exists()
        assert funnel.offered(crew.foreign_county.path, TERM, "bank").count() == 0
        assert Payment.objects.get().student_id == away.pk  # the school's county sees that its pupil is on a list


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_cannot_take_the_same_money():
    with acting_in(EVERYWHERE):
        paid = paying(build_crew())
        money(paid, "compulsory-boarding", "1875")  # for three of five
        one = agreed(paid, prepared(paid, benefits=[benefit("compulsory-boarding")], school=paid.crew.school))
        two = agreed(paid, prepared(paid, benefits=[benefit("compulsory-boarding")], school=paid.crew.second))
    told: list[object] = []
    start = threading.Barrier(2)

    def work(persona: str, which: PaymentBatch) -> None:
        try:
            with paid.crew.acting(persona):
                start.wait(10)
                told.append(batches.approve(which, "1号").state)
        except Refused as refused:
            told.append(refused.reasons)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=each) for each in (("county_head", one), ("county_checker", two))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(each, str) for each in told) == [False, True]
    assert "指标不够" in str(next(each for each in told if not isinstance(each, str)))
    with acting_in(EVERYWHERE):
        left = Indicator.objects.get()
        assert left.used in (Decimal(1875), Decimal(1250))
        assert left.used == sum(IndicatorUse.objects.values_list("yuan", flat=True))


def test_what_makes_no_sense_is_not_entered(paid: Paying):
    for said, why in (
        ({"yuan": "0"}, "大于 0"), ({"document": " "}, "文号"), ({"funding": "country"}, "这一级"),
        ({"school": paid.crew.foreign}, "不在本单位"), ({"arrived_on": date(2026, 1, 1)}, "早于下达"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=why):
            money(paid, "senior-fee", **{"yuan": "5", **said})
    with paid.crew.acting("county_checker"), pytest.raises(Refused, match="您的角色"):
        indicators.enter(
            office=paid.crew.county,
            term=TERM,
            benefit=benefit("senior-fee"),
            yuan=Decimal(1),
            document="1",
            issued_on=TODAY,
        )
    made = money(paid, "senior-fee", "5")
    with pytest.raises(Refused, match="已经登记过"):  # the same form again
        money(paid, "senior-fee", "5.00", note="再登记一次", arrived_on=TODAY)
    for other in ({"document": "榆财教〔2026〕2号"}, {"funding": "county"}, {"school": paid.crew.second}, {"issued_on": TODAY}):
        with paid.crew.acting("county_head"):
            indicators.drop(money(paid, "senior-fee", "5", **other))
    with paid.crew.acting("county_head"):
        indicators.drop(made)
    assert not Indicator.objects.exists()


def test_where_no_money_has_come_down_everybody_sees_it(paid: Paying):
    """A school sees no indicator, and sees all the same whether there is one."""

    def first(persona: str = "school_maker") -> dict[str, set[str | None]]:
        with paid.crew.acting(persona):
            rows = Entitlement.objects.filter(rule__code__in=("test-boarding", "test-grant", "test-fee"))
            told = rows.values_list("rule__code", "school__name", obstacles.first_obstacle(TERM, TODAY))
            return {f"{code} {school}": {what for c, s, what in told if (c, s) == (code, school)} for code, school, _ in told}

    assert set.union(*first().values()) == {"no_indicator"}
    money(paid, "senior-grant", "9000")
    money(paid, "compulsory-boarding", "9000", school=paid.crew.second)
    with paid.crew.acting("school_maker"):
        assert not Indicator.objects.exists()
    assert first() == {
        "test-boarding 榆树小学": {"no_indicator"}, "test-grant 榆树小学": {None}, "test-fee 榆树小学": {"no_indicator"},
    }  # fmt: skip
    assert first("second_maker")["test-boarding 槐树小学"] == {None}
    Indicator.objects.update(office=paid.crew.foreign_county, path=paid.crew.foreign_county.path, school=None)
    assert set.union(*first("county_maker").values()) == {"no_indicator"}
    paid.children["甲二"].accounts.all().delete()
    assert obstacles.labels(TERM, TODAY)["no_indicator"] == "没有登记指标"
    assert first()["test-boarding 榆树小学"] == {"account", "no_indicator"}
