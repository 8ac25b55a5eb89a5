"""A bank that pays once what it gets and answers as banks do: duplicate, partial, late, out of order, twice, of others,
with strangers in between. After every step nothing is short, nothing is paid twice; at the end nothing is lost.

HISTORIES=2000 tries that many instead of a few.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from aidcases import sql
from subsidies.models import BankFile, BankReturn, Payment, PaymentBatch, ReturnLine, Sending
from subsidies.models.banking import Verdict
from subsidies.payments import answers, banks, bounces, returns
from tests.casework.conftest import Crew
from tests.payments import bank

pytestmark = pytest.mark.django_db

PROFILE = "social-card"
LINES = 3
MANY = int(os.environ.get("HISTORIES", "9"))
WHY = {"1001": "户名不符", "1003": "未激活", "1005": "已销户", "9999": "其他"}


# What is drawn first is what Hypothesis tries first: a bounce that is put right, paid anew, and answered late.
class Bank:
    """What the bank itself knows: each reference it ever got was paid or bounced, once."""

    def __init__(self) -> None:
        self.got: dict[str, list[str]] = {}  # reference → the line as it came
        self.outcome: dict[str, str] = {}  # reference → 0000 or the code of a bounce
        self.read: set[int] = set()
        self.money: dict[str, Decimal] = defaultdict(Decimal)  # account and name → yuan

    def collect(self, draw: Any) -> None:
        """Files it has not seen yet; it decides each line on the spot."""
        for file in BankFile.objects.exclude(pk__in=self.read):
            self.read.add(file.pk)
            for line in bank.content(file).decode("gbk").splitlines()[1:]:
                reference, account, holder, amount, _ = line.split("|")
                assert reference not in self.got
                self.got[reference] = [reference, account, holder, amount]
                self.outcome[reference] = draw(st.sampled_from(["1003", "0000", "0000", *WHY]))
                if self.outcome[reference] == "0000":
                    self.money[holder] += Decimal(amount)

    def line(self, reference: str) -> str:
        code = self.outcome[reference]
        return "|".join([*self.got[reference], code, WHY.get(code, "")])

    def takes_back(self, reference: str) -> None:
        _, _, holder, amount = self.got[reference]
        self.outcome[reference] = "1005"
        self.money[holder] -= Decimal(amount)


def hear(crew: Crew, batch: PaymentBatch, lines: list[str]) -> BankReturn | None:
    """The answer, registered as an upload of this text; None when it is the same file again."""
    text = "\n".join([str(len(lines)), *lines])
    told = answers.told(banks.profile(PROFILE), list(enumerate((line.split("|") for line in text.splitlines()), 1)))
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    with crew.acting("county_maker") as by:
        if BankReturn.objects.filter(batch=batch, sha256=sha256).exists():
            with pytest.raises(returns.Refused, match="上传过"), transaction.atomic():
                returns.register(batch, told, BankReturn(filename="x", stored="x", sha256=sha256), by, bank.TODAY)
            return None
        made = returns.register(batch, told, BankReturn(filename="x", stored="x", sha256=sha256), by, bank.TODAY)
    assert ReturnLine.objects.filter(bank_return=made).count() == len(lines) == sum(made.counts.values())
    mine = set(Sending.objects.filter(file__batch=batch).values_list("reference", flat=True))
    theirs = set(Sending.objects.values_list("reference", flat=True)) - mine
    assert made.counts.get("other_batch", 0) == sum(line.split("|")[0] in theirs for line in lines)
    return made


class History:
    """Two batches of one county, and its bank."""

    def __init__(self, crew: Crew, batches: list[PaymentBatch], draw: Any):
        self.crew, self.batches, self.draw, self.bank = crew, batches, draw, Bank()
        for batch in batches:
            assert bank.send(crew, batch).state == "done"
        self.bank.collect(draw)
        if not draw(st.booleans()):
            self.all_answered()

    def all_answered(self) -> None:
        for batch in self.batches:
            of = Sending.objects.filter(file__batch=batch).order_by("pk").values_list("reference", flat=True)
            hear(self.crew, batch, [self.bank.line(each) for each in of])

    def step(self) -> None:
        getattr(self, self.draw(st.sampled_from(["sends", "answers", "takes_back", "answers", "settles"])))()
        self.check()

    def answers(self) -> None:
        """Any lines in any order, any of them twice, perhaps a stranger, perhaps for the wrong batch, perhaps wrong."""
        known = list(self.bank.got)
        lines = [self.bank.line(each) for each in self.draw(st.lists(st.sampled_from(known), min_size=1, max_size=8))]
        odd = self.draw(
            st.sampled_from(["", "", "QQQQ|6217|陌生人|625.00|0000|", lines[0].replace("625.00", "6250.00")])
        )
        if odd:
            lines.insert(self.draw(st.integers(0, len(lines))), odd)
        made = hear(self.crew, self.draw(st.sampled_from(self.batches)), lines)
        if made and self.draw(st.booleans()):
            hear(self.crew, made.batch, lines)

    def sends(self) -> None:
        """What came back is put right, paid anew and sent."""
        with self.crew.acting("school_maker") as by:
            for payment in bounces.tasks():
                if payment.bounce not in bounces.BY_ACCOUNT and not self.draw(st.booleans()):
                    bounces.fix(payment, "家长已到网点办理", by=by)
                elif payment.bounce in bounces.BY_ACCOUNT:
                    bank.account(payment.student, holder=payment.student.person.name)
        with self.crew.acting("county_checker") as by:
            bounces.reissue(Payment.objects.all(), by=by)
        for batch in self.batches:
            batch.refresh_from_db()
            if bank.files.waiting(batch).exists():
                assert bank.send(self.crew, batch).state == "done"
        earlier = list(self.bank.got)
        self.bank.collect(self.draw)
        # Late: what the bank has said of the first attempts, once more, before it answers to the new ones.
        for batch in self.batches:
            hear(self.crew, batch, [self.bank.line(each) for each in earlier])

    def takes_back(self) -> None:
        """Money that was reported as paid and not paid anew since comes back."""
        rows = Sending.objects.filter(result="paid", payment__state="paid").order_by("pk")
        paid = [each.reference for each in rows if self.bank.outcome[each.reference] == "0000"]
        if paid:
            self.bank.takes_back(self.draw(st.sampled_from(paid)))

    def settles(self) -> None:
        """A person asks the bank about every contradiction, and believes what the bank knows."""
        with self.crew.acting("county_head") as by:
            for line in ReturnLine.objects.filter(verdict=Verdict.CONTRADICTS, settled_at=None).order_by("pk"):
                sending = Sending.objects.get(pk=line.sending_id)
                truth = "paid" if self.bank.outcome[sending.reference] == "0000" else "bounced"
                happened = line.result == truth and sending.result != truth
                returns.settle(line, happened=happened, note="问过银行", by=by, today=bank.TODAY)

    def check(self) -> None:
        """The identity of every batch, always, to the fen; nobody has more than one payment; the books agree."""
        assert {row["short"] for row in sql.rows("SELECT short FROM subsidies_balance")} == {Decimal(0)}
        assert all(0 <= yuan <= 625 for yuan in self.bank.money.values())
        sendings = list(Sending.objects.select_related("payment"))
        assert len({(each.payment_id, each.attempt) for each in sendings}) == len(sendings) == len(self.bank.got)
        heard = {each.reference: each.result for each in sendings}
        paid = sum(each.payment.amount for each in sendings if each.result == "paid")
        booked = sum(Payment.objects.filter(state="paid").values_list("amount", flat=True))
        assert paid == booked
        for reference, result in heard.items():
            if result == "bounced":
                assert self.bank.outcome[reference] != "0000"

    def end(self) -> None:
        """The bank answers everything; a person settles what contradicts: the books are the bank's."""
        self.all_answered()
        self.settles()
        self.check()
        states = Counter(Payment.objects.values_list("state", flat=True))
        assert set(states) <= {"paid", "bounced", "reissued"}
        assert states.total() == LINES * 2
        assert states["paid"] * 625 == sum(self.bank.money.values())
        for batch in self.batches:
            batch.refresh_from_db()
            assert (batch.state == "balanced") == (batch.lines_open == 0)


@settings(
    max_examples=MANY, deadline=None, derandomize=MANY < 100, suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a history takes half a second: making a failing one shorter takes minutes
)  # fmt: skip
@given(st.data())
def test_whatever_the_bank_answers_everybody_is_paid_once(crew: Crew, data: st.DataObject):
    with transaction.atomic():
        batches = [bank.batch(LINES, at=school, profile=PROFILE) for school in (crew.school, crew.second)]
        for payment in Payment.objects.all():  # a name is an identity to this bank
            payment.account.holder = f"户{payment.pk}"
            payment.account.save()
            payment.student.person.name = f"户{payment.pk}"
            payment.student.person.save()
        history = History(crew, batches, data.draw)
        history.check()
        for _ in range(data.draw(st.integers(2, 7))):
            history.step()
        history.end()
        transaction.set_rollback(True)
