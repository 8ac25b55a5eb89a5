"""Bank files: every line once, in order, at most N a file; twice is once; a killed worker leaves nothing half done."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal

import pytest
from django.conf import settings

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from subsidies.models import BankFile, Payment, Sending
from subsidies.payments import banks, files
from tests.casework.conftest import Crew
from tests.payments import bank, county

pytestmark = pytest.mark.django_db


def small(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """The profiles with so many rows a file."""
    from dataclasses import replace

    real = banks.profile
    monkeypatch.setattr(banks, "profile", lambda code: replace(real(code), rows=rows))


def test_every_line_goes_once_in_files_of_at_most_n(crew: Crew, monkeypatch: pytest.MonkeyPatch):
    small(monkeypatch, 2)
    made = bank.batch(5, at=crew.school)
    job = bank.send(crew, made)
    assert (job.state, job.result) == ("done", {"files": 3, "lines": 5, "total": "3125.00", "left": 0}), job.error
    found = list(BankFile.objects.filter(batch=made))
    assert [(each.number, each.lines, each.total) for each in found] == [
        (1, 2, Decimal(1250)), (2, 2, Decimal(1250)), (3, 1, Decimal(625)),
    ]  # fmt: skip
    assert [each.sha256 for each in found] == [hashlib.sha256(bank.content(each)).hexdigest() for each in found]
    assert [each.filename for each in found] == [f"{made.file_code}-{n:02}.xlsx" for n in (1, 2, 3)]
    assert (made.file_code, "秋" in made.number) == (f"620123-202609-{made.number[-3:]}", True)  # ASCII for the bank alone
    rows = bank.sent(made)
    assert [row["户名"] for row in rows] == ["甲1", "甲2", "甲3", "甲4", "甲5"]
    assert [row["序号"] for row in rows] == [1, 2, 1, 2, 1]
    sendings = list(Sending.objects.order_by("file", "row"))
    assert [row["备注"] for row in rows] == [each.reference for each in sendings]
    assert len({each.reference for each in sendings}) == 5
    assert all(len(each.reference) == 16 and each.attempt == 1 for each in sendings)
    assert [row["账号"] for row in rows] == [each.account.number for each in sendings]
    made.refresh_from_db()
    assert (made.state, bank.states(made)) == ("sent", {"sent": 5})
    assert {payment.attempt for payment in Payment.objects.filter(batch=made)} == {1}
    with crew.acting("county_maker") as by, pytest.raises(Refused, match="都已经报送了"):
        files.request_files(made, by=by, today=bank.TODAY)
    plain = bank.content(found[0])
    stored = (settings.FILES / "bank" / found[0].stored).read_bytes()
    assert stored.startswith(b"SEALED1")
    assert plain[:100] not in stored


def test_each_line_says_its_own_benefit(crew: Crew):
    paid = county.paying(crew, ("甲一", "甲二"))
    for code in ("compulsory-boarding", "senior-grant"):
        county.money(paid, code, "9999")
    made = county.approved(paid, county.prepared(paid))
    assert bank.send(crew, made).result["lines"] == 3
    lines = bank.content(BankFile.objects.get(batch=made)).decode("gbk").splitlines()[1:]
    assert sorted(line.rsplit("|", 1)[1] for line in lines) == ["26秋国家助学金", *["26秋寄宿生生活补助"] * 2]


def test_those_without_a_card_stay_and_go_with_the_next_file(crew: Crew):
    made = bank.batch(2, at=crew.school)
    bare = Payment.objects.filter(batch=made).last()
    bare.account.state, bare.account.alarm = "confirmed", "这张卡还登记在别的户名下"
    bare.account.save()
    assert bank.send(crew, made).result["left"] == 1
    made.refresh_from_db()
    assert (made.state, bank.states(made)) == ("sent", {"approved": 1, "sent": 1})
    with crew.acting("county_maker") as by:
        failed = jobs.work_off(files.request_files(made, by=by, today=bank.TODAY))
    assert failed.state == "failed"
    assert "都没有有效的一卡通" in failed.error
    newer = bank.account(bare.student, from_on=date(2026, 10, 1))
    bank.account(bare.student, from_on=date(2026, 12, 1))  # not yet in force
    assert bank.send(crew, made).result == {"files": 1, "lines": 1, "total": "625.00", "left": 0}
    assert Sending.objects.get(payment=bare).account == newer
    assert [each.number for each in BankFile.objects.filter(batch=made)] == [1, 2]


def test_asked_for_twice_is_one_job_and_only_the_maker_may(crew: Crew):
    made = bank.batch(1, at=crew.school)
    with crew.acting("county_maker") as by:
        first, second = (files.request_files(made, by=by, today=bank.TODAY) for _ in range(2))
    assert first.pk == second.pk
    with crew.acting("county_checker") as by, pytest.raises(Refused, match="您的角色不能报送"):
        files.request_files(made, by=by, today=bank.TODAY)
    settlement = bank.batch(1, at=crew.school)
    settlement.channel = "settlement"
    settlement.save()
    with crew.acting("county_maker") as by, pytest.raises(Refused, match="与学校结算"):
        files.request_files(settlement, by=by, today=bank.TODAY)
    asked = bank.batch(1, at=crew.school, poverty_check=True)
    with crew.acting("county_maker") as by, pytest.raises(Refused, match="先由乡村振兴部门核对"):
        files.request_files(asked, by=by, today=bank.TODAY)


class Killed(BaseException):
    """As if the process had ended."""


@pytest.mark.parametrize("at", ["write", "copy_in", "move"])
def test_an_attempt_that_dies_leaves_nothing_and_the_next_sends_everything_once(
    crew: Crew,
    monkeypatch: pytest.MonkeyPatch,
    at: str,
):
    small(monkeypatch, 2)
    made = bank.batch(5, at=crew.school)
    with crew.acting("county_maker") as by:
        job = files.request_files(made, by=by, today=bank.TODAY)
    left = files._folder() / f"{job.pk}-1-dead"
    left.write_bytes(b"half")
    calls = []

    def dies(real):  # type: ignore[no-untyped-def]
        def call(*arguments, **named):  # type: ignore[no-untyped-def]
            calls.append(1)
            if len(calls) == 2 or at == "move":
                raise Killed
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patched:
        if at == "move":
            patched.setattr(files._Making, "_move", dies(files._Making._move))
        else:
            where = files if at == "write" else files.sql
            patched.setattr(where, at, dies(getattr(where, at)))
        with pytest.raises(Killed):
            jobs.perform(jobs.claim(job.pk))
    assert (BankFile.objects.count(), Sending.objects.count(), bank.states(made)) == (0, 0, {"approved": 5})
    Job.objects.filter(pk=job.pk).update(state="queued")
    job = jobs.work_off(job)
    assert job.result["lines"] == 5, job.error
    assert sorted(Sending.objects.values_list("payment", "attempt")) == [
        (pk, 1) for pk in Payment.objects.filter(batch=made).order_by("pk").values_list("pk", flat=True)
    ]
    assert not left.exists()
    # Delivered twice, or killed between the commit and the job's own end: the same files.
    Job.objects.filter(pk=job.pk).update(state="queued")
    again = jobs.work_off(job)
    assert again.result["lines"] == 5
    assert (BankFile.objects.count(), Sending.objects.count()) == (3, 5)


def test_who_took_a_file_and_what_for_is_recorded_with_its_hash(crew: Crew):
    made = bank.batch(1, at=crew.school)
    bank.send(crew, made)
    file = BankFile.objects.get()
    with crew.acting("county_maker"):
        with pytest.raises(Refused, match="下载用途"):
            files.open_file(file, purpose=" ")
        files.open_file(file, purpose="报送联社").close()
    event = AuditEvent.objects.filter(action="bankfile.downloaded").latest("pk")
    assert (event.data["sha256"], event.data["purpose"], event.user_id) == (
        file.sha256,
        "报送联社",
        crew["county_maker"].pk,
    )
    with crew.acting("foreign_county_maker"):
        assert not BankFile.objects.exists()
