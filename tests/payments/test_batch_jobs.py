"""Jobs of a batch: true progress, cancelled half way, resumed; a worker killed in the middle of any of them loses and
doubles no line."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings as live
from django.db import transaction
from django.utils import timezone

from aidcases import jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import AuditEvent, Job
from aidcases.scoping import EVERYWHERE, acting_in
from subsidies.models import BankFile, BankReturn, Entitlement, IndicatorUse, Payment, PaymentBatch, ReturnLine, Sending
from subsidies.payments import banks, batches, batchjobs, files, returns, steps
from tests.aidcases.processes import running, until
from tests.casework.conftest import Crew, build_crew
from tests.payments import bank
from tests.payments.county import TERM, TODAY, Paying, agreed, benefit, money, paying

ALL = ("甲一", "甲二", "甲三", "乙一", "乙二")


def asked(paid: Paying, profile: str = "rural-credit") -> Job:
    with paid.crew.acting("county_maker"):
        return batchjobs.request_prepare(
            office=paid.crew.county, term=TERM, channel="bank", benefits=[benefit("compulsory-boarding")], school=None,
            bank=profile, title="", day=TODAY,
        )  # fmt: skip


def approving(paid: Paying, made: PaymentBatch) -> Job:
    with paid.crew.acting("county_head"):
        return batchjobs.request_approve(made, "榆资发〔2026〕1号", day=TODAY)


def answered(crew: Crew, made: PaymentBatch) -> Job:
    """The bank has paid all but the last."""
    *rows, last = bank.sent(made)
    file = bank.answer([*(bank.paid(row) for row in rows), bank.bounced(last, "销户")])
    with crew.acting("county_maker") as by:
        return returns.request_return(made, file, by=by, paid_on=bank.TODAY)


# --- cancelled -----------------------------------------------------------------------------------------------------


def test_each_tells_how_far_it_is_and_leaves_nothing_when_it_is_cancelled(crew: Crew, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steps, "STEP", 2)
    paid = paying(crew)
    money(paid, "compulsory-boarding", "9999")

    def half_way(job: Job) -> tuple[list[tuple], str]:
        """What it told until it was cancelled after two lines; then it is resumed."""
        told: list[tuple] = []
        real = Running.progress

        def tell(self: Running, *said: object) -> None:
            told.append(said)
            if said == (2,):
                self._lost.set()
            real(self, *said)  # type: ignore[arg-type]

        with monkeypatch.context() as patched:
            patched.setattr(Running, "progress", tell)
            jobs.perform(jobs.claim(job.pk))
        left = repr(list(PaymentBatch.objects.values_list("state", flat=True)))
        left += repr((IndicatorUse.objects.count(), BankReturn.objects.count(), ReturnLine.objects.count()))
        Job.objects.filter(pk=job.pk).update(state="queued")
        job = jobs.work_off(job)
        assert job.state == "done", job.error
        return told, left

    told, left = half_way(asked(paid))
    assert told == [(0, 0, "查找可以列入的"), (0, 5, "列入名单"), (2,)]
    assert left == "[](0, 0, 0)"
    made = PaymentBatch.objects.get()
    assert (made.lines, made.prepared_by, Payment.objects.count()) == (5, "县经办", 5)
    agreed(paid, made)
    told, left = half_way(approving(paid, made))
    assert told == [(0, 0, "核对名单和指标"), (0, 5, "审批"), (2,)]
    assert left == "['confirmed'](0, 0, 0)"
    bank.send(crew, made)
    told, left = half_way(answered(crew, made))
    assert told == [(0, 0, "读取回盘"), (0, 5, "登记结果"), (2,)]
    assert left == "['sent'](1, 0, 0)"
    assert bank.states(made) == {"bounced": 1, "paid": 4}
    with pytest.raises(Refused, match="当前状态不能审批通过"):
        approving(paid, made)


def test_what_was_given_up_is_gone_when_another_answer_comes(crew: Crew):
    made = bank.batch(1, at=crew.school)
    bank.send(crew, made)
    given_up = answered(crew, made)
    Job.objects.filter(pk=given_up.pk).update(state="cancelled")
    path = returns.folder() / given_up.params["stored"]
    assert path.exists()
    assert jobs.work_off(answered(crew, made)).state == "done"
    assert not path.exists()
    Job.objects.filter(pk=given_up.pk).update(state="queued")
    assert jobs.work_off(given_up).error == returns.GONE
    assert BankReturn.objects.count() == 1


# --- killed --------------------------------------------------------------------------------------------------------


class Workers:
    """kill −9 for whoever works on a job; then this process takes its place."""

    def __init__(self, home: Path):
        self.env = {"AIDCASES_HOME": str(home), **live.KEYRING.dump()}

    def killed(self, job: Job, block: Callable[[], object]) -> Job:
        """The worker is killed while it waits, in the middle, for what `block` holds; → the job, finished by another and
        then delivered once more."""
        with transaction.atomic():
            block()
            with running("manage.py", "runner", **self.env) as worker:
                until(self.waits)
                os.kill(worker.pid, signal.SIGKILL)
                worker.wait()
            transaction.set_rollback(True)
        assert Job.objects.get(pk=job.pk).state == "running"
        Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        first = jobs.work_off(job)
        assert (first.state, first.error, first.attempts) == ("done", "", 2)
        Job.objects.filter(pk=job.pk).update(state="queued")
        again = jobs.work_off(job)
        assert (again.state, again.result) == ("done", first.result)
        return again

    @staticmethod
    def waits() -> bool:
        return sql.one("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")["n"] > 0


def _of(of: Payment) -> Callable[[], object]:
    return lambda: Payment.objects.select_for_update(of=("self",)).get(pk=of.pk)


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_is_replaced_and_no_line_is_lost_or_doubled(tmp_path: Path, settings):
    """One batch from its list to the bank's answer; each of its four jobs loses its worker on the way."""
    settings.FILES, settings.HOME = tmp_path / "files", tmp_path
    pairs = (banks.SHIPPED / "rural-credit.toml").read_text(encoding="utf-8")
    (tmp_path / "banks").mkdir()
    text = pairs.replace('code = "rural-credit"', 'code = "pairs"').replace("rows = 5000", "rows = 2")
    (tmp_path / "banks" / "pairs.toml").write_text(text, encoding="utf-8")
    workers = Workers(tmp_path)
    with acting_in(EVERYWHERE):
        paid = paying(build_crew(), ALL)
        money(paid, "compulsory-boarding", "9999")
        row = Entitlement.objects.get(student=paid.children["乙二"], rule__code="test-boarding")
        _prepared(paid, workers, row)
        made = PaymentBatch.objects.get()
        agreed(paid, made)
        _approved(paid, workers, made)
        _filed(paid, workers, made)
        _heard(paid, workers, made)


def _prepared(paid: Paying, workers: Workers, row: Entitlement) -> None:
    def same_line() -> None:
        """Somebody else's line of the same identity, of which nobody knows yet whether it will stand."""
        Payment(
            batch_id=10**9, student_id=row.student_id, term=row.term, benefit_id=row.benefit_id, rule_id=row.rule_id, amount=625,
            other=625, school_id=row.school_id, home_path=row.home_path, school_path=row.school_path,
        ).save()  # fmt: skip

    job = workers.killed(asked(paid, "pairs"), same_line)
    assert job.result["lines"] == 5
    made = PaymentBatch.objects.get()
    assert (made.number[-3:], made.lines, made.job_id) == ("001", 5, job.pk)
    assert Payment.objects.count() == Entitlement.objects.filter(frozen=True).count() == 5


def _approved(paid: Paying, workers: Workers, made: PaymentBatch) -> None:
    job = workers.killed(approving(paid, made), _of(made.payments.order_by("pk")[3]))
    made.refresh_from_db()
    assert (job.result["lines"], made.state, bank.states(made)) == (5, "approved", {"approved": 5})
    assert IndicatorUse.objects.get().yuan == Decimal(3125)
    assert AuditEvent.objects.filter(action="payment.approve").count() == 5
    with acting_in(EVERYWHERE), pytest.raises(Refused):
        batches.approve(made, "又一次", day=TODAY)


def _filed(paid: Paying, workers: Workers, made: PaymentBatch) -> None:
    """Killed before the second of three files is recorded, both of them sealed already."""
    with paid.crew.acting("county_maker") as by:
        job = files.request_files(made, by=by, today=TODAY)
    seen: list[str] = []

    def second_file() -> None:
        BankFile(batch=made, path=made.path, number=2, profile="x", filename="x", stored="x", sha256="", lines=0, total=0,
                 made_by="x").save()  # fmt: skip

    real = Workers.waits

    def waits() -> bool:
        seen[:] = [each.name for each in files._folder().glob(f"{job.pk}-*")]
        return real()

    workers.waits = waits  # type: ignore[method-assign]
    job = workers.killed(job, second_file)
    workers.waits = real  # type: ignore[method-assign]
    assert len(seen) == 2
    kept = list(BankFile.objects.order_by("number"))
    assert [(each.number, each.lines) for each in kept] == [(1, 2), (2, 2), (3, 1)]
    assert {each.name for each in files._folder().iterdir()} == {each.stored for each in kept}
    assert not set(seen) & {each.stored for each in kept}
    lines = sorted(Payment.objects.values_list("pk", flat=True))
    assert sorted(Sending.objects.values_list("payment", "attempt")) == [(pk, 1) for pk in lines]
    assert bank.states(made) == {"sent": 5}
    assert sorted(row["户名"] for row in bank.sent(made)) == sorted(ALL)


def _heard(paid: Paying, workers: Workers, made: PaymentBatch) -> None:
    job = answered(paid.crew, made)
    job = workers.killed(job, _of(Sending.objects.order_by("-file", "-row")[0].payment))
    assert job.result | {"return": 0} == {"return": 0, "rows": 5, "applied": 5}
    made.refresh_from_db()
    assert (made.state, made.lines_open, bank.states(made)) == ("returned", 1, {"bounced": 1, "paid": 4})
    assert BankReturn.objects.get().counts == {"applied": 5}
    assert ReturnLine.objects.count() == 5
    assert sorted(Sending.objects.values_list("result", flat=True)) == ["bounced"] + ["paid"] * 4
    assert AuditEvent.objects.filter(action__in=("payment.pay", "payment.bounce")).count() == 5
