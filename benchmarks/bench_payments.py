"""A hundred thousand lines from the approval to the bank files, in each format, and the bank's answer to all of them."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from aidcases import crypto, jobs, sql
from aidcases.models import Job, Organisation
from aidcases.scoping import SYSTEM
from benchmarks import population
from benchmarks.population import CITY, TERM
from students.models import Account
from subsidies.models import BankFile, Benefit, Indicator, PaymentBatch, Rule
from subsidies.payments import batches, files, returns

DAY = date(2018, 12, 1)
_ACCOUNTS = (
    "student", "state", "from_on", "holder", "relation", "number", "number_hash", "number_last4", "bank", "alarm", "cleared",
    "why", "proposed_by", "confirmed_by", "home_path", "school_path", "path",
)  # fmt: skip


def main(lines: int) -> dict[str, Any]:
    """Seconds of each step; bytes of the files."""
    population.build(lines)
    population.grow(lines)
    _cards()
    found: dict[str, Any] = {}
    for profile in ("rural-credit", "social-card", "postal-savings"):
        found |= _way(profile)
        sql.run("TRUNCATE subsidies_paymentbatch CASCADE")
    population.forgotten()
    return found


def _way(profile: str) -> dict[str, Any]:
    """One batch through one bank's format."""
    batch = _batch(profile)
    approval = _seconds(lambda: batches.approve(batch, "测速", day=DAY))
    job = files.request_files(batch, by=SYSTEM, today=DAY)
    making = _seconds(lambda: jobs.work_off(job))
    job = Job.objects.get(pk=job.pk)
    if job.state != "done" or job.result["lines"] != batch.lines:
        raise AssertionError(f"the files were not made: {job.error} {job.result}")
    told = {
        f"{profile}: lines": batch.lines,
        f"{profile}: approval (s)": round(approval, 1),
        f"{profile}: files ({job.result['files']}), sendings, moves (s)": round(making, 1),
        f"{profile}: from approval to files (s)": round(approval + making, 1),
    }
    if profile == "social-card":
        answer = _answer(batch)
        told["the bank's answer to all of them (s)"] = round(
            _seconds(lambda: jobs.work_off(returns.request_return(batch, answer, by=SYSTEM, paid_on=DAY))), 1
        )
        batch.refresh_from_db()
        if batch.lines_open != batch.lines // 50:
            raise AssertionError(f"{batch.lines_open} lines are open")
    return told


def _seconds(step: Callable[[], Any]) -> float:
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def _cards() -> None:
    """Everybody a card of their own, sealed."""
    rows = sql.rows(
        "SELECT p.id, p.name, p.home_path, p.school_path FROM students_student s JOIN students_person p ON p.id = s.person_id"
    )
    seal, blind = crypto.default_keyring().sealer(), crypto.default_keyring().blinder("account")
    lines = (
        f"{row['id']}\tconfirmed\t2018-09-01\t{row['name']}\tself\t\\\\x{seal(number).hex()}\t\\\\x{blind(number).hex()}\t"
        f"{number[-4:]}\t榆中联社\t\t\t\t甲\t乙\t{row['home_path']}\t{row['school_path']}\t{row['school_path']}\n"
        for n, row in enumerate(rows)
        for number in [f"621700{n:013}"]
    )
    sql.copy_in(Account, _ACCOUNTS, io.BytesIO("".join(lines).encode()))
    sql.run("UPDATE students_account SET confirmed_at = now()")
    sql.run("ANALYZE students_account")


def _batch(profile: str) -> PaymentBatch:
    """Every student a line of 625 yuan, agreed to by the schools, with money enough."""
    office = Organisation.objects.get(path=f"/{CITY[:2]}/{CITY}/")
    rule = Rule.objects.filter(pack__code="lanzhou", benefit__code="compulsory-boarding").order_by("pk")[0]
    batch = PaymentBatch(
        number=f"bench-{profile}", channel="bank", title="寄宿生生活补助", term=TERM.code, office=office, path=office.path,
        bank=profile, prepared_by="甲",
    )  # fmt: skip
    batch.save()
    sql.run(
        "INSERT INTO subsidies_payment (batch_id, student_id, term, benefit_id, rule_id, school_id, instalment, amount, central,"
        " province, city, county, other, state, attempt, bounce, bounce_text, fixed, fixed_by, account_id,"
        " home_path, school_path)"
        " SELECT %s, e.student_id, e.term, %s, %s, e.school_id, 1, 625, 312.50, 312.50, 0, 0, 0, 'listed', 0, '', '', '', '',"
        " a.id, e.home_path, e.school_path FROM students_enrolment e JOIN students_account a ON a.student_id = e.student_id"
        " WHERE e.term = %s",
        [batch.pk, rule.benefit_id, rule.pk, TERM.code],
    )
    money = {
        "office": office,
        "path": office.path,
        "benefit": Benefit.objects.get(pk=rule.benefit_id),
        "term": TERM.code,
    }
    Indicator(**money, document="测速", issued_on=DAY, yuan=Decimal(10**9), made_by="甲").save()
    PaymentBatch.objects.filter(pk=batch.pk).update(state="confirmed")
    sql.run("ANALYZE subsidies_payment")
    batch.refresh_from_db()
    return batch


def _answer(batch: PaymentBatch) -> SimpleUploadedFile:
    """Every fiftieth came back."""
    told, count = [], 0
    for file in BankFile.objects.filter(batch=batch):
        with files.open_file(file, purpose="测速") as opened:
            for line in opened.read().decode("gb18030").splitlines()[1:]:
                count += 1
                told.append(line.rpartition("|")[0] + ("|1001|户名不符" if count % 50 == 0 else "|0000|"))
    return SimpleUploadedFile("answer.txt", "\n".join([f"{count}|0", *told]).encode("gb18030"))
