"""代发文件: a batch's lines as files for its bank, all of them or none, however often and wherever the worker dies."""

from __future__ import annotations

import base64
import io
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from aidcases import audit, crypto, jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import Job
from aidcases.scoping import Actor, current_actor
from students.models import Account
from students.models.accounts import ALLOWED
from subsidies.models import Payment, PaymentBatch
from subsidies.models.banking import BankFile, ReturnLine, Sending, Verdict
from subsidies.models.payments import BatchState, Channel, PaymentState
from subsidies.payments import banks, stopped
from subsidies.payments.filewriting import write
from subsidies.payments.remarks import remark

KIND = "subsidies.bankfiles"
MANY = 1000  # lines
WAITING = (PaymentState.APPROVED, PaymentState.REISSUED)
SENDABLE = (BatchState.APPROVED, BatchState.CHECKED, BatchState.SENT, BatchState.RETURNED)
NOT_A_BANK = "这一批与学校结算，不生成代发文件。"
NOT_NOW = "这一批还没有审批（或核对）完，不能报送。"
NOTHING = "没有等报送的人：都已经报送了。"
HALTED = "等报送的 {:,} 人次资助已暂停或家长已放弃，不报送；不再发放的请撤销。"
ONE_ANSWER = "银行前后说法不同，先核实是不是已经到账。"
NO_CARDS = "没有可以报送的：等报送的 {} 人都没有有效的一卡通，请先登记并复核。"
_COLUMNS = ("file", "payment", "attempt", "row", "reference", "account", "result")

_GOING = """AS
    SELECT p.id, p.student_id, p.term, p.school_id, p.school_path, c.account_id
    FROM unnest(%s::bigint[]) k (id) JOIN subsidies_payment p ON p.id = k.id JOIN card c ON c.student_id = p.student_id
"""
_TO_THE_CARD = """
    UPDATE subsidies_payment p SET account_id = g.account_id FROM going g
    WHERE p.id = g.id AND p.account_id IS DISTINCT FROM g.account_id
"""
_ORDER = """
    SELECT g.id FROM going g JOIN students_person n ON n.id = g.student_id
    LEFT JOIN LATERAL (
        SELECT e.grade, e.class_name FROM students_enrolment e
        WHERE e.student_id = g.student_id AND e.term = g.term AND e.school_id = g.school_id ORDER BY e.id LIMIT 1
    ) e ON true
    ORDER BY g.school_path, e.grade, e.class_name, n.name, g.id
"""


def reference() -> str:
    """Names an attempt in the bank's file and in its answer. Nobody can guess another's (2 ** 75); without 0 and 1, which
    are taken for letters, and with a letter in front, so that no spreadsheet makes a number of it."""
    return f"R{base64.b32encode(secrets.token_bytes(10)).decode()[:15]}"


@contextmanager
def planned_for(rows: int) -> Iterator[None]:
    """Statements on so many lines, whose states have changed since anybody looked: the planner would guess one line and
    take a loop of loops."""
    if rows > MANY:
        sql.run("SET LOCAL enable_nestloop = off")
    yield
    if rows > MANY:
        sql.run("SET LOCAL enable_nestloop TO DEFAULT")


def open_contradictions(**of: Any) -> QuerySet[ReturnLine]:
    """Answers that say otherwise than before and wait for a person."""
    return ReturnLine.objects.filter(verdict=Verdict.CONTRADICTS, settled_at=None, **of)


def said_paid() -> Exists:
    """Of a payment: its bank has said both bounced and paid and nobody has found out yet: it must not be paid again."""
    return Exists(open_contradictions(sending__payment=OuterRef("pk"), result="paid"))


def going(batch: PaymentBatch) -> Q:
    """Of the batch's lines those that the next file takes, if their children have a card."""
    return Q(state__in=WAITING) & ~Q(said_paid()) & ~stopped.stopped((batch.term,))


def halted(batch: PaymentBatch) -> Q:
    """Of the batch's lines those that would go with the next file, were the child in school and the aid wanted."""
    return Q(state__in=WAITING) & stopped.stopped((batch.term,))


def waiting(batch: PaymentBatch) -> QuerySet[Payment]:
    return Payment.objects.filter(going(batch), batch=batch)


def nothing(batch: PaymentBatch) -> str:
    """Why there is nothing to send."""
    stay = Payment.objects.filter(halted(batch), batch=batch).count()
    return HALTED.format(stay) if stay else NOTHING


@transaction.atomic
def request_files(batch: PaymentBatch, *, by: Actor, today: date) -> Job:
    """Queues the files of whatever waits on the batch; a second time, while it is under way, it is the same job.
    Raises Refused."""
    held = PaymentBatch.objects.select_for_update(of=("self",), no_key=True).get(pk=batch.pk)
    _may_be_sent(held)
    if not by.may(PaymentBatch.FLOW["send"].permission):
        raise Refused("您的角色不能报送")
    if not waiting(held).exists():
        raise Refused(nothing(held))
    label = f"生成代发文件 {batch.number}"
    return jobs.enqueue(KIND, label=label, once=True, batch=batch.pk, day=today.isoformat())


def _may_be_sent(batch: PaymentBatch) -> None:
    if batch.channel != Channel.BANK:
        raise Refused(NOT_A_BANK)
    if batch.state not in SENDABLE:
        raise Refused(NOT_NOW)
    if batch.state != BatchState.SENT and (reasons := batch.blockers("send")):
        raise Refused(*reasons)


def make_files(job: Running) -> dict[str, Any]:
    """The job: files, sendings and moves in one transaction; what an attempt that died has sealed is nobody's.
    → {"files", "lines", "total", "left": lines without a card}. Raises Refused when there is nothing to send."""
    batch = PaymentBatch.objects.get(pk=job.params["batch"])
    making = _Making(job, batch, date.fromisoformat(job.params["day"]))
    try:
        with transaction.atomic():
            return making.make()
    except BaseException:
        for path in making.sealed:
            path.unlink(missing_ok=True)
        raise


@dataclass
class _Line:
    """A line as it is read; `number` in clear lives in this process only."""

    payment: int
    attempt: int
    account: int
    cells: dict[str, Any]


class _Making:
    """One attempt at a batch's files."""

    def __init__(self, job: Running, batch: PaymentBatch, day: date):
        self.job, self.batch, self.day = job, batch, day
        self.profile = banks.profile(batch.bank)
        self.sealed: list[Path] = []
        self.files: list[BankFile] = []

    def make(self) -> dict[str, Any]:
        batch = PaymentBatch.objects.select_for_update(of=("self",), no_key=True).get(pk=self.batch.pk)
        if done := list(BankFile.objects.filter(stored__startswith=f"{self.job.job.pk}-")):
            return _result(done, 0)  # the attempt before this one got as far as that
        # Whoever sealed them is dead or, being without the lock, has not begun.
        for left in _folder().glob(f"{self.job.job.pk}-*"):
            left.unlink(missing_ok=True)
        _may_be_sent(batch)
        total = self._hold()
        if not (going := self._order()):
            raise Refused(NO_CARDS.format(total) if total else nothing(batch))
        self.job.progress(0, len(going), "写入代发文件")
        for start in range(0, len(going), self.profile.rows):
            part = going[start : start + self.profile.rows]
            self._file(self._lines(part))
            self.job.progress(start + len(part))
        self._move(len(going))
        self.job.check()
        return _result(self.files, total - len(going))

    def _hold(self) -> int:
        """Locks the lines that wait and finds each the account in force that day: the table `going`. → lines that wait."""
        rows = waiting(self.batch).order_by("pk").select_for_update(of=("self",), no_key=True)
        keys = list(rows.values_list("pk", flat=True))
        cards = Account.objects.in_force_on(self.day).filter(ALLOWED.holds)
        accounts, params = sql.compiled(cards.order_by().values_list("pk", "student_id"))
        # Tables of the moment, with their size known: the lines' states have just changed, the planner would guess few.
        sql.temporary("card", f"AS SELECT * FROM ({accounts}) a (account_id, student_id)", params)
        sql.run("ANALYZE card")
        sql.temporary("going", _GOING, [keys])
        sql.run("ANALYZE going")
        sql.run(_TO_THE_CARD)
        return len(keys)

    def _order(self) -> list[int]:
        """Keys by school, grade, class and name; those without a usable account stay behind."""
        return [row["id"] for row in sql.rows(_ORDER)]

    def _lines(self, keys: list[int]) -> list[_Line]:
        rows = Payment.objects.filter(pk__in=keys).order_by().values_list(
            "pk", "attempt", "account", "amount", "account__number", "account__holder", "account__bank",
            "student__person__name", "school__name", "benefit__name",
        )  # fmt: skip
        found, limit = {}, self.profile.remark
        for pk, attempt, account, amount, number, holder, bank, student, school, benefit in rows:
            cells = {
                "account": number, "holder": holder, "amount": amount, "bank": bank, "student": student, "school": school,
                "summary": remark(benefit, self.batch.term, limit),
            }  # fmt: skip
            found[pk] = _Line(pk, attempt + 1, account, cells)
        return [found[pk] for pk in keys]

    def _file(self, lines: list[_Line]) -> None:
        """Seals one file and records it with its sendings."""
        before = BankFile.objects.filter(batch=self.batch).count()
        number, total = before + 1, sum((line.cells["amount"] for line in lines), Decimal(0))
        for order, line in enumerate(lines, 1):
            line.cells |= {"order": order, "reference": reference()}
        content = write(self.profile, [_cells(self.profile, line) for line in lines], len(lines), total)
        stored = f"{self.job.job.pk}-{number}-{secrets.token_hex(6)}"
        self.sealed.append(_folder() / stored)
        made = BankFile(
            batch=self.batch, path=self.batch.path, number=number, profile=self.profile.code, lines=len(lines),
            filename=self.profile.name_of(self.batch.file_code, number, self.day), stored=stored, total=total,
            sent_on=self.day,
            sha256=crypto.write_sealed(self.sealed[-1], [content]), made_by=current_actor().name,
        )  # fmt: skip
        made.save()
        self.files.append(made)
        sent = "".join(
            f"{made.pk}\t{line.payment}\t{line.attempt}\t{row}\t{line.cells['reference']}\t{line.account}\t\n"
            for row, line in enumerate(lines, 1)
        )
        sql.copy_in(Sending, _COLUMNS, io.BytesIO(sent.encode()))

    def _move(self, count: int) -> None:
        by, sendings = current_actor(), Sending.objects.filter(file__in=self.files)
        lines = Payment.objects.filter(
            pk__in=sendings.values("payment")
        )  # not of the keys: so long a list is slow twice
        with planned_for(count):
            moved = lines.move("send", by=by, attempt=F("attempt") + 1)  # type: ignore[attr-defined]
        if moved != count:
            raise Refused("有人刚刚改动了名单，没有生成文件，请重新生成。")
        self.batch.refresh_from_db()
        if self.batch.state != BatchState.SENT:
            self.batch.move("send", by=by)
        audit.record(
            "bankfile.made", subject=self.batch, path=self.batch.path, rows=count, sha256=[each.sha256 for each in self.files]
        )  # fmt: skip


def _cells(profile: banks.Profile, line: _Line) -> list[Any]:
    return [line.cells[column.field] for column in profile.columns]


def _folder() -> Path:
    folder = settings.FILES / "bank"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _result(files: list[BankFile], left: int) -> dict[str, Any]:
    total = sum((file.total for file in files), Decimal(0))
    return {"files": len(files), "lines": sum(file.lines for file in files), "total": str(total), "left": left}


def open_file(file: BankFile, *, purpose: str) -> BinaryIO:
    """The file in clear, in memory; who took it, its hash and what for are recorded first. Raises Refused."""
    if not purpose.strip():
        raise Refused("请写明下载用途，例如：报送代发银行。")
    audit.record(
        "bankfile.downloaded", subject=file, path=file.path, sha256=file.sha256, number=file.number,
        purpose=crypto.mask_numbers(purpose.strip())[:120],
    )  # fmt: skip
    return crypto.open_sealed(_folder() / file.stored)
