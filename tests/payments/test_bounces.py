"""Bounces: the school's list with the exact fix, a changed card by two people, paying anew once by a second person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.inbox import reminders
from aidcases.models import User
from students.models import Account
from subsidies.models import Payment, PaymentBatch, Sending
from subsidies.models.payments import Bounce
from subsidies.payments import bounces, returns
from subsidies.payments.accounts import confirm
from tests.casework.conftest import Crew
from tests.payments import bank

pytestmark = pytest.mark.django_db


def back(crew: Crew, *reasons: str) -> tuple[PaymentBatch, list[Payment]]:
    """A batch of which a line came back for each of the reasons."""
    batch = bank.batch(len(reasons), at=crew.school)
    bank.send(crew, batch)
    bank.hear(crew, batch, [bank.bounced(row, why) for row, why in zip(bank.sent(batch), reasons, strict=True)])
    batch.refresh_from_db()
    return batch, list(Payment.objects.filter(batch=batch).order_by("pk"))


def reissue(crew: Crew, batch: PaymentBatch, persona: str = "county_checker") -> bounces.Outcome:
    with crew.acting(persona) as by:
        return bounces.reissue(Payment.objects.filter(batch=batch), by=by)


def test_every_reason_says_what_to_do():
    assert set(bounces.FIXES) == set(Bounce.values)
    assert all(len(fix.todo) > 10 for fix in bounces.FIXES.values())


def test_fixed_by_the_school_reissued_by_the_county_and_paid_once(crew: Crew):
    batch, (a, b) = back(crew, "未激活", "户名不符")
    assert reissue(crew, batch).refusals == {"学校还没有处理，也没有换一卡通": 2}
    with crew.acting("school_maker") as by:
        assert list(bounces.tasks()) == [a, b]
        with pytest.raises(Refused, match="请写明做了什么"):
            bounces.fix(a, "好", by=by)
        bounces.fix(a, "10 月 8 日家长已到网点激活", by=by)
        assert list(bounces.tasks()) == [b]
    with pytest.raises(Refused, match="您的角色不能重新发放"):
        reissue(crew, batch, "county_maker")
    own = "是您自己处理的，要由另一人重新发放"
    checker = {"fixed_by": "另一个名字", "fixed_by_id": crew["county_checker"].pk}
    told = {"fixed_by": a.fixed_by, "fixed_by_id": crew["school_maker"].pk}
    a.refresh_from_db()
    assert a.fixed_by_id == told["fixed_by_id"]
    Payment.objects.filter(pk=a.pk).update(**checker)
    assert reissue(crew, batch).refusals[own] == 1  # the account, whatever its name
    Payment.objects.filter(pk=a.pk).update(fixed_by=crew.actor("county_checker").name, fixed_by_id=told["fixed_by_id"])
    assert reissue(crew, batch).moved == 1  # another one of the same name
    a.refresh_from_db()
    assert (a.state, a.attempt) == ("reissued", 1)
    bank.send(crew, batch)
    a.refresh_from_db()
    batch.refresh_from_db()
    assert (a.state, a.attempt, batch.state) == ("sent", 2, "sent")
    first, second = Sending.objects.filter(payment=a).order_by("attempt")
    assert (first.result, second.result, first.reference != second.reference) == ("bounced", "", True)
    assert len(bank.sent(batch)) == 3
    row = bank.sent(batch)[-1]
    # The late answer to the first attempt does not count for the second.
    late = {**row, "备注": first.reference}
    assert bank.hear(crew, batch, [bank.bounced(late), bank.paid(row)]).counts == {"repeated": 1, "applied": 1}
    a.refresh_from_db()
    assert a.state == "paid"


def test_another_card_confirmed_by_a_second_person_puts_it_right(crew: Crew):
    batch, (a, b) = back(crew, "销户", "销户")
    with crew.acting("school_maker") as by, pytest.raises(Refused, match="要换一张卡"):
        bounces.fix(a, "家长说马上换卡", by=by)
    newer = bank.account(a.student, state="proposed")
    bank.account(b.student, state="proposed", from_on=bank.TODAY)
    with crew.acting("school_maker"):
        assert [payment.proposed for payment in bounces.tasks()] == [True, True]
    assert reissue(crew, batch).moved == 0
    with crew.acting("school_checker") as by:
        newer.move("confirm", by=by, confirmed_by=by.name, confirmed_by_id=by.user_id, confirmed_at=timezone.now())
        assert list(bounces.tasks()) == [b]
    assert reissue(crew, batch).moved == 1
    bank.send(crew, batch)
    assert Sending.objects.get(payment=a, attempt=2).account == newer


def test_what_only_another_account_mends_is_not_put_right_by_words(crew: Crew, browser: Callable[[str], Client]):
    batch, (name, _) = back(crew, "户名不符", "冻结")
    with crew.acting("school_maker") as by, pytest.raises(Refused, match="只写处理情况不行"):
        bounces.fix(name, "已问过银行，户名是对的", by=by)
    # However the word got there: the same card and holder are not sent a second time.
    Payment.objects.filter(batch=batch).update(fixed="已问过银行", fixed_by="校经办")
    outcome = reissue(crew, batch)
    assert (outcome.moved, outcome.refusals) == (1, {"写了处理情况，但一卡通没有更换并复核，重发还会退回": 1})
    Payment.objects.filter(pk=name.pk).update(fixed="", fixed_by="")
    school, checker = browser("school_maker"), browser("county_checker")
    page, propose = reverse("bounce_detail", args=[name.pk]), reverse("account_new", args=[name.student_id])
    shown = school.get(page).content.decode()
    assert ("只写处理情况不行" in shown, propose in shown, reverse("bounce_fix", args=[name.pk]) in shown) == (True, True, False)
    newer = bank.account(name.student, state="proposed", from_on=timezone.localdate())
    waiting = f"{reverse('account_list')}?state=proposed&amp;student={name.student_id}"
    assert waiting in school.get(page).content.decode()
    found = school.get(waiting.replace("&amp;", "&")).content.decode()
    assert ("只看一名学生" in found, name.student.person.name in found) == (True, True)
    assert "重新发放</button>" not in checker.get(page).content.decode()
    with crew.acting("school_checker"):
        assert confirm(Account.objects.filter(pk=newer.pk)).moved == 1
    assert "重新发放</button>" in checker.get(page).content.decode()
    assert reissue(crew, batch).moved == 1
    name.refresh_from_db()
    assert (name.state, name.account) == ("reissued", newer)


def test_where_nobody_of_the_school_has_an_account_the_county_sees_to_it(crew: Crew, browser: Callable[[str], Client]):
    _, (one,) = back(crew, "未激活")
    county, alone = browser("county_maker"), "学校没有账号，由县里办理"
    lists = [reverse("bounce_list"), reverse("bounce_detail", args=[one.pk])]
    assert not any("没有账号" in county.get(url).content.decode() for url in lists)
    bounces.remind_county(timezone.now())
    with crew.acting("county_maker") as by:
        assert [row.title for row in reminders(by)] == ["1 笔退票没有处理"]
    User.objects.filter(pk=crew["school_maker"].pk).update(is_active=False)
    bounces.remind_county(timezone.now())
    assert alone in county.get(lists[0]).content.decode()
    assert "这所学校没有人有账号" in county.get(lists[1]).content.decode()
    with crew.acting("county_maker") as by:
        assert [row.title for row in reminders(by)] == ["1 笔退票没有处理，其中 1 笔的学校没有账号，由县里处理"]
        bounces.fix(one, "家长已到网点激活", by=by)
    bounces.remind_county(timezone.now())
    with crew.acting("county_checker") as by:
        assert [row.title for row in reminders(by)] == ["1 笔退票已处理，待重新发放"]
    with crew.acting("county_maker") as by:
        assert not reminders(by).exists()


def test_not_paid_again_while_the_bank_says_it_arrived(crew: Crew):
    batch, (a, b) = back(crew, "未激活", "未激活")
    with crew.acting("school_maker") as by:
        for payment in (a, b):
            bounces.fix(payment, "家长已到网点激活", by=by)
    reissue_b = Payment.objects.filter(pk=b.pk)
    with crew.acting("county_checker") as by:
        assert bounces.reissue(reissue_b, by=by).moved == 1
    bank.hear(crew, batch, [bank.paid(row) for row in bank.sent(batch)])
    assert reissue(crew, batch).refusals["银行前后说法不同，先核实是不是已经到账"] == 1
    with crew.acting("county_maker") as by, pytest.raises(Refused, match="都已经报送了"):
        bank.files.request_files(batch, by=by, today=bank.TODAY)
    with crew.acting("county_head") as by:
        with pytest.raises(Refused, match="先核实"):
            bounces.give_up(a, note="放弃", by=by)
        for line in returns.ReturnLine.objects.filter(verdict="contradicts"):
            returns.settle(line, happened=True, note="问过银行", by=by, today=bank.TODAY)
    batch.refresh_from_db()
    assert (batch.state, bank.states(batch), Sending.objects.count()) == ("balanced", {"paid": 2}, 2)


def test_giving_up_the_last_one_settles_the_batch(crew: Crew):
    batch, (a,) = back(crew, "其他原因")
    with crew.acting("county_head") as by:
        bounces.give_up(a, note="本人放弃", by=by)
    batch.refresh_from_db()
    a.refresh_from_db()
    assert (batch.state, a.state, a.bounce) == ("balanced", "cancelled", "other")


def test_the_school_is_reminded_and_urgently_after_a_week(crew: Crew):
    batch, _ = back(crew, "未激活", "销户")
    now = timezone.now()
    bounces.remind(now)
    bounces.remind(now + timedelta(days=8))
    with crew.acting("school_maker") as by:
        [reminder] = reminders(by)
        assert (reminder.title, reminder.urgent) == ("2 笔退票没有处理，已超过 7 天", True)
        told = bounces.card(None)
        assert told is not None
        assert (told["bounced"], told["days"]) == (2, 0)
    with crew.acting("second_maker") as by:
        assert not reminders(by).exists()
        assert bounces.card(None) is None
    Payment.objects.filter(batch=batch).update(fixed="都办好了", fixed_by="校经办")
    assert bounces.remind(now)["ended"] == 1


def test_a_neighbour_cannot_fix_or_see(crew: Crew):
    _, (a,) = back(crew, "未激活")
    with crew.acting("foreign_maker") as by:
        assert not bounces.tasks().exists()
        with pytest.raises(Payment.DoesNotExist):
            bounces.fix(a, "家长已到网点激活", by=by)
