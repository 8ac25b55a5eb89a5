"""A bank's answers: every line one verdict, the first answer stands, nothing pays twice, contradictions wait for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from aidcases import sql
from aidcases.flow import Refused
from subsidies.models import BankReturn, Payment, PaymentBatch, ReturnLine, Sending
from subsidies.payments import batches, returns
from tests.casework.conftest import Crew
from tests.payments import bank

pytestmark = pytest.mark.django_db


def sent(crew: Crew, lines: int = 3, **also) -> tuple[PaymentBatch, list[dict]]:
    made = bank.batch(lines, at=crew.school, **also)
    assert bank.send(crew, made).state == "done"
    made.refresh_from_db()
    return made, bank.sent(made)


def short(batch: PaymentBatch) -> list[Decimal]:
    return [row["short"] for row in sql.rows("SELECT short FROM subsidies_balance WHERE batch_id = %s", [batch.pk])]


def test_paid_and_bounced_with_their_reasons_and_the_batch_goes_on_by_itself(crew: Crew):
    batch, (a, b, c) = sent(crew)
    made = bank.hear(crew, batch, [bank.paid(a), bank.bounced(b, "户名不符[张*]，账号 6217000000000000123")])
    assert made.counts == {"applied": 2}
    batch.refresh_from_db()
    assert (batch.state, bank.states(batch), short(batch)) == (
        "returned",
        {"bounced": 1, "paid": 1, "sent": 1},
        [0] * 5,
    )
    back = Payment.objects.get(batch=batch, state="bounced")
    assert (back.bounce, back.bounce_text) == ("name", "户名不符[张*],账号 **************0123")
    assert back.bounced_at is not None
    assert Payment.objects.get(batch=batch, state="paid").paid_on == bank.TODAY
    line = ReturnLine.objects.get(sending__payment=back)
    assert b["账号"] not in line.said
    assert b["账号"][-4:] in line.said
    bank.hear(crew, batch, [bank.paid(c)])
    batch.refresh_from_db()
    assert batch.state == "returned"  # one bounce is open
    with crew.acting("county_head") as by:
        back.move("cancel", by=by, note="已死亡", cancelled_at=bank.timezone.now())
        returns.go_on(batch, by)
    batch.refresh_from_db()
    assert batch.state == "balanced"


def test_all_paid_is_balanced_and_a_late_answer_changes_nothing(crew: Crew):
    batch, rows = sent(crew)
    bank.hear(crew, batch, [bank.paid(row) for row in reversed(rows)])
    batch.refresh_from_db()
    assert batch.state == "balanced"
    made = bank.hear(crew, batch, [bank.paid(rows[0]), bank.paid(rows[0])])
    assert made.counts == {"repeated": 2}
    batch.refresh_from_db()
    assert (batch.state, bank.states(batch)) == ("balanced", {"paid": 3})


def test_the_same_file_again_is_refused_and_the_same_lines_are_repeated(crew: Crew):
    batch, (a, b, _) = sent(crew)
    file = bank.answer([bank.paid(a), bank.paid(a), bank.bounced(b), bank.bounced(b, "销户")])
    assert bank.heard(crew, batch, file).counts == {"applied": 2, "repeated": 2}
    stored = set(returns.folder().iterdir())
    with pytest.raises(Refused, match=r"这个文件 2026-\d\d-\d\d 已由县经办上传过"):
        bank.heard(crew, batch, file)
    assert set(returns.folder().iterdir()) == stored
    again = bank.hear(crew, batch, [bank.bounced(b), bank.paid(a)])
    assert again.counts == {"repeated": 2}
    assert Payment.objects.get(batch=batch, state="bounced").bounce == "name"  # the first answer stands
    assert ReturnLine.objects.filter(bank_return__batch=batch).count() == 6


def test_what_does_not_fit_is_kept_and_moves_nothing(crew: Crew):
    batch, (a, b, c) = sent(crew)
    other, (x, *_) = sent(crew, 1)
    rows = [
        {**bank.paid(x)},  # of another batch
        bank.paid(a, 备注="QQQQQQQQQQQQQQQQ"),
        bank.paid(a, 金额="625.01"),
        bank.paid(b, 金额="很多"),
        {**c, "处理结果": "处理中"},
        {"户名": "只有名字"},
        {"序号": "合计", "金额": "1.00"},
    ]
    made = bank.hear(crew, batch, rows)
    assert made.counts == {"other_batch": 1, "unknown": 2, "wrong_amount": 2, "unclear": 1}
    assert ReturnLine.objects.get(verdict="other_batch").sending.file.batch == other
    assert list(ReturnLine.objects.order_by("row").values_list("row", flat=True)) == [2, 3, 4, 5, 6, 7]
    batch.refresh_from_db()
    other.refresh_from_db()
    assert (batch.state, bank.states(batch)) == ("sent", {"sent": 3})
    assert (other.state, bank.states(other)) == ("sent", {"sent": 1})


def test_without_a_reference_only_what_is_unmistakable_is_matched(crew: Crew):
    batch, (a, b, c) = sent(crew)
    bare = [{**bank.paid(row), "备注": None} for row in (a, b, c)]
    bare[1]["户名"] = "别人"
    bare[2]["金额"] = "￥625元"
    assert bank.hear(crew, batch, bare).counts == {"applied": 2, "unknown": 1}
    # Two children on one card: nobody can tell which of them is meant.
    twins = bank.batch(0, at=crew.school)
    PaymentBatch.objects.filter(pk=twins.pk).update(state="prepared", approved_at=None)
    for n in (1, 2):
        child = bank.line(twins, f"双{n}", at=crew.school, card=False)
        bank.account(child.student, number="6217000099990000001", holder="家长")
    bank.send(crew, bank.approved(twins))
    row = {**bank.paid(bank.sent(twins)[0]), "备注": None}
    assert bank.hear(crew, twins, [row]).counts == {"unknown": 1}


def test_the_gbk_text_of_another_bank(crew: Crew):
    batch = bank.batch(3, at=crew.school, profile="social-card")
    bank.send(crew, batch)
    lines = bank.content(batch.files.get()).decode("gbk").splitlines()[1:]
    a, b, c = (line.split("|")[:4] for line in lines)
    told = "\r\n".join(
        ["3|1875.00", "|".join([*a, "0000", "", "20261021"]), "|".join([*b, "1002", "账号不存在"]), "|".join(c)]
    )
    made = bank.heard(crew, batch, SimpleUploadedFile("HP.txt", told.encode("gbk")))
    assert made.counts == {"applied": 2, "unclear": 1}
    assert Payment.objects.get(state="paid").paid_on == date(2026, 10, 21)
    assert Payment.objects.get(state="bounced").bounce == "missing"


def test_without_a_reference_the_dot_of_a_name_may_be_another(crew: Crew):
    batch = bank.batch(0, at=crew.school)
    PaymentBatch.objects.filter(pk=batch.pk).update(state="prepared", approved_at=None)
    for name in ("阿依·古丽", "买买提·江"):
        child = bank.line(batch, name, at=crew.school, card=False)
        bank.account(child.student, holder=name)
    bank.send(crew, bank.approved(batch))
    rows = {row["户名"]: {**bank.paid(row), "备注": None} for row in bank.sent(batch)}
    answers = [{**rows["阿依·古丽"], "户名": "阿依．古丽"}, {**rows["买买提·江"], "户名": "买买提江"}]
    assert bank.hear(crew, batch, answers).counts == {"applied": 2}


def test_nothing_is_paid_before_it_was_sent(crew: Crew, browser: Callable[[str], Client]):
    batch = bank.batch(3, at=crew.school, profile="social-card")
    bank.send(crew, batch)
    lines = bank.content(batch.files.get()).decode("gbk").splitlines()[1:]
    a, b, c = (line.split("|")[:4] for line in lines)
    told = "\r\n".join(
        ["3|1875.00", "|".join([*a, "0000", "", "20261018"]), "|".join([*b, "0000", "", "20261021"]), "|".join([*c, "0000"])]
    )
    made = bank.heard(crew, batch, SimpleUploadedFile("HP.txt", told.encode("gbk")))
    assert made.counts == {"applied": 3}
    days = [Payment.objects.get(sendings__row=row).paid_on for row in (1, 2, 3)]
    assert days == [bank.TODAY, date(2026, 10, 21), bank.TODAY]
    early = ReturnLine.objects.filter(said__startswith=returns.EARLY)
    assert [line.sending.row for line in early] == [1]
    page = browser("county_maker").get(reverse("bank_return_detail", args=[made.pk])).content.decode()
    assert "1 行的到账日期早于报送，已按报送日登记" in page


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "文件是空的"),
        (b"\x89PNG\r\n", "这不是表格文件"),
        ("甲,乙\n1,2\n".encode(), "没有找到表头（“备注”、“处理结果”）"),
        ("备注,处理结果\n".encode(), "没有明细"),
        (b"\n\n", "没有内容"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(crew: Crew, content: bytes, sentence: str):
    batch, _ = sent(crew, 1)
    stored = set(returns.folder().iterdir())
    with pytest.raises(Refused, match=sentence):
        bank.heard(crew, batch, SimpleUploadedFile("x.csv", content))
    assert not BankReturn.objects.exists()
    assert set(returns.folder().iterdir()) == stored


def test_only_the_maker_and_only_what_was_sent(crew: Crew):
    batch = bank.batch(1, at=crew.school)
    row = {"备注": "A", "处理结果": "成功"}
    with pytest.raises(Refused, match="还没有报送"):
        bank.hear(crew, batch, [row])
    with pytest.raises(Refused, match="您的角色不能登记回盘"):
        bank.hear(crew, batch, [row], persona="county_checker")


def settle(crew: Crew, line: ReturnLine, persona: str, note: str = "问过银行", *, happened: bool = True) -> ReturnLine:
    with crew.acting(persona) as by:
        return returns.settle(line, happened=happened, note=note, by=by, today=bank.TODAY)


def test_money_that_came_back_after_all_is_confirmed_by_a_second_person(crew: Crew):
    batch, (a,) = sent(crew, 1)
    bank.hear(crew, batch, [bank.paid(a)])
    assert bank.hear(crew, batch, [bank.bounced(a, "销户")]).counts == {"contradicts": 1}
    batch.refresh_from_db()
    assert (batch.state, bank.states(batch)) == ("balanced", {"paid": 1})
    line = ReturnLine.objects.get(verdict="contradicts")
    with pytest.raises(Refused, match="您的角色不能核实"):
        settle(crew, line, "county_maker")
    with pytest.raises(Refused, match="请写明核实情况"):
        settle(crew, line, "county_checker", " ")
    settle(crew, line, "county_checker")
    batch.refresh_from_db()
    back = Payment.objects.get(batch=batch)
    assert (batch.state, back.state, back.bounce, back.paid_on, short(batch)) == (
        "returned",
        "bounced",
        "closed",
        None,
        [0] * 5,
    )
    with pytest.raises(Refused, match="已由县审核核实"):
        settle(crew, line, "county_head")
    assert bank.hear(crew, batch, [bank.bounced(a), bank.bounced(a)]).counts == {"repeated": 2}


def test_money_that_arrived_after_all_is_not_paid_again(crew: Crew):
    batch, (a, b) = sent(crew, 2)
    bank.hear(crew, batch, [bank.bounced(a), bank.bounced(b)])
    bank.hear(crew, batch, [bank.paid(a), bank.paid(b)])
    first, second = ReturnLine.objects.filter(verdict="contradicts")
    settle(crew, first, "county_checker")
    batch.refresh_from_db()
    assert (batch.state, bank.states(batch)) == ("returned", {"bounced": 1, "paid": 1})
    settle(crew, second, "county_checker", "银行说记错了", happened=False)
    assert bank.states(batch) == {"bounced": 1, "paid": 1}
    assert Sending.objects.get(pk=second.sending_id).result == "bounced"


def test_the_second_person_is_another_account_whatever_its_name(crew: Crew):
    batch, (a, b) = sent(crew, 2)
    bank.hear(crew, batch, [bank.paid(a), bank.paid(b)])
    bank.hear(crew, batch, [bank.bounced(a), bank.bounced(b)])
    first, second = ReturnLine.objects.filter(verdict="contradicts").order_by("row")
    type(crew["county_checker"]).objects.filter(pk=crew["county_checker"].pk).update(full_name=crew["county_maker"].full_name)
    crew["county_checker"].refresh_from_db()
    assert settle(crew, first, "county_checker").settled_by == BankReturn.objects.first().uploaded_by  # two of one name
    BankReturn.objects.update(uploaded_by_id=crew["county_head"].pk)
    with pytest.raises(Refused, match="您自己上传的"):  # one under two names
        settle(crew, second, "county_head")


def test_the_last_open_line_taken_off_settles_the_batch(crew: Crew):
    made = bank.batch(2, at=crew.school)
    bare = Payment.objects.filter(batch=made).last()
    bare.account.alarm = "这张卡还登记在别的户名下"
    bare.account.save()
    bank.send(crew, made)
    bank.hear(crew, made, [bank.paid(row) for row in bank.sent(made)])
    made.refresh_from_db()
    assert (made.state, made.lines_open) == ("returned", 1)
    with crew.acting("county_head"):
        assert batches.withdraw(Payment.objects.filter(pk=bare.pk), "已去世") == 1
    made.refresh_from_db()
    assert (made.state, made.lines_open, short(made)) == ("balanced", 0, [0] * 5)
