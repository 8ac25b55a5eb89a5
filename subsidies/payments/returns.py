"""回盘: what a bank answered, line by line. The first answer to an attempt stands; every line gets exactly one verdict."""

from __future__ import annotations

import io
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from aidcases import audit, crypto, jobs, sql
from aidcases.flow import Refused
from aidcases.jobs import Running
from aidcases.models import Job
from aidcases.models.records import JobState
from aidcases.scoping import Actor, current_actor
from students.imports.cells import bare
from students.imports.source import Refused as Unreadable
from students.imports.texts import read_texts
from subsidies.models import Payment, PaymentBatch
from subsidies.models.banking import BankReturn, ReturnLine, Sending, Verdict
from subsidies.models.payments import BatchState, Channel, PaymentState
from subsidies.payments import banks
from subsidies.payments.answers import LONGEST_SAID, Told, copied, told
from subsidies.payments.files import planned_for
from subsidies.payments.steps import Steps

KIND = "subsidies.bankreturn"
LARGEST = 20 << 20
HEARING = (BatchState.SENT, BatchState.RETURNED, BatchState.BALANCED)
NOT_SENT = "这一批还没有报送，不会有回盘。"
CHANGED = "有人刚刚改动了这一批，没有登记，请再上传一次。"
GONE = "这个文件没有登记，已经删除，请重新上传。"
EARLY = "（到账日期早于报送，按报送日登记）"
SAME_FILE = "这个文件 {at:%Y-%m-%d} 已由{by}上传过，没有再登记。"
# What a person may look into and settle; only contradictions change anything.
ODD = (Verdict.CONTRADICTS, Verdict.UNKNOWN, Verdict.WRONG_AMOUNT, Verdict.UNCLEAR)
_COLUMNS = (
    "bank_return", "path", "row", "verdict", "sending", "result", "bounce", "amount", "said", "settled_by", "settled_note",
)  # fmt: skip


@dataclass
class Sent:
    """A sending as the answer is held against it; `result` also holds what this answer itself has said before."""

    pk: int
    payment: int
    result: str
    amount: Decimal
    batch: int
    on: date


@dataclass(frozen=True)
class Judged:
    line: Told
    verdict: Verdict
    sent: Sent | None = None

    def early(self, paid_on: date) -> bool:
        """Registered as paid, by a day on which the file had not been sent: then it counts from the day it was."""
        paid = self.verdict == Verdict.APPLIED and self.line.result == "paid"
        return paid and self.sent is not None and (self.line.day or paid_on) < self.sent.on


@transaction.atomic
def request_return(batch: PaymentBatch, upload: UploadedFile, *, by: Actor, paid_on: date, profile: str = "") -> Job:
    """Seals an answer and queues its registration. `paid_on`: the day of lines that name none; `profile`: the bank's
    format if not the batch's. Raises Refused: not sent yet, empty, the same file again."""
    if not by.may(PaymentBatch.FLOW["hear"].permission):
        raise Refused("您的角色不能登记回盘")
    if not upload.size or upload.size > LARGEST:
        raise Refused("文件是空的，请重新选择。" if not upload.size else f"文件超过 {LARGEST >> 20} MB，请分开上传。")
    _sweep(batch)
    stored = f"return-{uuid.uuid4().hex}"
    path = folder() / stored
    upload.seek(0)
    sha256 = crypto.write_sealed(path, upload.chunks(1 << 20))
    try:
        _may_be_heard(locked(batch), sha256)
        name = (upload.name or "回盘").rpartition("/")[2]
        return jobs.enqueue(
            KIND, label=f"登记回盘 {batch.number}", batch=batch.pk, stored=stored, sha256=sha256, paid_on=paid_on.isoformat(),
            profile=profile or batch.bank, filename=crypto.mask_numbers(name)[:120], ending=Path(name).suffix[:10],
        )  # fmt: skip
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _sweep(batch: PaymentBatch) -> None:
    """Answers to the batch that were given up, whose job nobody has resumed: another one comes instead."""
    given_up = Job.objects.filter(kind=KIND, state__in=(JobState.FAILED, JobState.CANCELLED), params__batch=batch.pk)
    heard = set(BankReturn.objects.filter(batch=batch).values_list("stored", flat=True))
    for stored in given_up.values_list("params__stored", flat=True):
        if stored not in heard:
            (folder() / stored).unlink(missing_ok=True)


def _may_be_heard(held: PaymentBatch, sha256: str) -> None:
    if held.state not in HEARING:
        raise Refused(NOT_SENT)
    if same := BankReturn.objects.filter(batch=held, sha256=sha256).first():
        raise Refused(SAME_FILE.format(at=timezone.localtime(same.uploaded_at), by=same.uploaded_by))


def receive(job: Running) -> dict[str, Any]:
    """The job: reads, judges and registers, in one transaction at the end. → {"return": its key, "rows", "applied"}. Raises
    Refused: unreadable, the same file again. An attempt that died after its commit has registered it already."""
    path = folder() / job.params["stored"]
    made = BankReturn.objects.filter(stored=path.name).first()
    if made is None:
        if not path.exists():
            raise Refused(GONE)
        try:
            made = _registered(job.params, path, Steps(job.progress))
        except Refused:
            path.unlink(missing_ok=True)
            raise
    return {"return": made.pk, "rows": sum(made.counts.values()), "applied": made.counts.get(Verdict.APPLIED, 0)}


def _registered(asked: dict[str, Any], path: Path, steps: Steps) -> BankReturn:
    steps.begin(0, "读取回盘")
    chosen = banks.profile(asked["profile"])
    lines = told(chosen, _read(path, f"x{asked['ending']}", chosen))
    made = BankReturn(filename=asked["filename"], stored=path.name, sha256=asked["sha256"])
    batch, day = PaymentBatch.objects.get(pk=asked["batch"]), date.fromisoformat(asked["paid_on"])
    return register(batch, lines, made, current_actor(), day, steps)


def _read(path: Path, filename: str, profile: banks.Profile) -> list[tuple[int, list[str]]]:
    try:
        return read_texts(path, filename=filename, keyring=crypto.default_keyring(), separator=profile.answer.separator)
    except Unreadable as refused:
        raise Refused(*refused.reasons) from None


def folder() -> Path:
    made = settings.FILES / "bank"
    made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return made


@transaction.atomic
def register(
    batch: PaymentBatch, lines: list[Told], made: BankReturn, by: Actor, paid_on: date, steps: Steps | None = None
) -> BankReturn:
    """Under the batch's lock: verdicts, moves, the batch's own next step."""
    held, steps = locked(batch), steps or Steps()
    _may_be_heard(held, made.sha256)
    judged = judge(held, lines)
    made.batch, made.path, made.uploaded_by, made.uploaded_by_id = held, held.path, by.name, by.user_id
    made.counts = dict(Counter(str(each.verdict) for each in judged))
    made.save()
    applied = [each for each in judged if each.verdict == Verdict.APPLIED]
    steps.begin(len(judged), "登记结果")
    for first, last in steps.ranges(len(judged)):
        _write(made, judged[first - 1 : last], paid_on)
    _apply(applied, by, paid_on, steps)
    audit.record("bankreturn.received", subject=made, path=made.path, sha256=made.sha256, **made.counts)
    if applied:
        go_on(held, by)
    made.refresh_from_db()
    return made


def locked(batch: PaymentBatch) -> PaymentBatch:
    return PaymentBatch.objects.select_for_update(of=("self",), no_key=True).get(pk=batch.pk)


def judge(batch: PaymentBatch, lines: list[Told]) -> list[Judged]:
    """A verdict for every line, in their order."""
    sendings = Sending.objects.filter(file__batch=batch).order_by("pk").values_list(
        "reference", "pk", "payment", "result", "payment__amount", "file__batch", "file__sent_on", "account__number_hash",
        "account__holder",
    )  # fmt: skip
    known: dict[str, Sent] = {}
    alike: dict[tuple, list[Sent]] = defaultdict(list)
    for reference, pk, payment, result, amount, of, on, account, holder in sendings:
        known[reference] = sent = Sent(pk, payment, result, amount, of, on)
        alike[bytes(account), bare(holder), amount].append(sent)
    known |= _elsewhere({line.reference for line in lines} - set(known) - {""})
    return [_verdict(line, _match(line, known, alike), batch) for line in lines]


def _elsewhere(references: set[str]) -> dict[str, Sent]:
    """Of the office's other batches."""
    rows = Sending.objects.filter(reference__in=references).order_by().values_list(
        "reference", "pk", "payment", "result", "payment__amount", "file__batch", "file__sent_on"
    )  # fmt: skip
    return {reference: Sent(*rest) for reference, *rest in rows}


def _match(line: Told, known: dict[str, Sent], alike: dict[tuple, list[Sent]]) -> Sent | None:
    """By the reference. Without one: by account, name and amount, when only one attempt of the batch was ever like that
    (a late answer to a first attempt must not be taken for one to the second)."""
    if line.reference:
        return known.get(line.reference)
    same = alike.get(line.key, []) if line.account else []
    return same[0] if len(same) == 1 else None


def _verdict(line: Told, sent: Sent | None, batch: PaymentBatch) -> Judged:
    if sent is None:
        return Judged(line, Verdict.UNKNOWN)
    if sent.batch != batch.pk:
        return Judged(line, Verdict.OTHER_BATCH, sent)
    if line.is_odd or line.amount not in (None, sent.amount):
        return Judged(line, Verdict.WRONG_AMOUNT, sent)
    if not line.result:
        return Judged(line, Verdict.UNCLEAR, sent)
    if not sent.result:
        sent.result = line.result
        return Judged(line, Verdict.APPLIED, sent)
    return Judged(line, Verdict.REPEATED if sent.result == line.result else Verdict.CONTRADICTS, sent)


def _write(made: BankReturn, judged: list[Judged], paid_on: date) -> None:
    rows = (
        (made.pk, made.path, each.line.row, each.verdict, each.sent.pk if each.sent else None, each.line.result,
         each.line.bounce, each.line.amount, f"{EARLY if each.early(paid_on) else ''}{each.line.said}"[:LONGEST_SAID], "", "")
        for each in judged
    )  # fmt: skip
    sql.copy_in(ReturnLine, _COLUMNS, io.BytesIO("".join(copied(rows)).encode()))


def _apply(applied: list[Judged], by: Actor, paid_on: date, steps: Steps) -> None:
    """Sendings answered, payments moved; the day or the reason first, as the new state demands it."""
    sql.run(
        "UPDATE subsidies_sending s SET result = n.result FROM unnest(%s::bigint[], %s::text[]) n (id, result) "
        "WHERE s.id = n.id",
        [[each.sent.pk for each in applied], [each.line.result for each in applied]],  # type: ignore[union-attr]
    )
    bounced = [each for each in applied if each.line.result == "bounced"]
    sql.run(
        "UPDATE subsidies_payment p SET bounce = n.bounce, bounce_text = n.reason, bounced_at = %s, fixed = '', "
        "fixed_by = '', fixed_by_id = NULL, fixed_at = NULL "
        "FROM unnest(%s::bigint[], %s::text[], %s::text[]) n (id, bounce, reason) WHERE p.id = n.id",
        [
            timezone.now(),
            _payments(bounced),
            [each.line.bounce for each in bounced],
            [each.line.reason for each in bounced],
        ],
    )
    steps.begin(len(applied), "改动发放状态")
    _move("bounce", _payments(bounced), by, steps)
    paid: dict[date, list[Judged]] = defaultdict(list)
    for each in applied:
        if each.line.result == "paid":
            first = each.sent.on  # type: ignore[union-attr]
            paid[max(first, min(each.line.day or paid_on, timezone.localdate()))].append(each)
    for day, lines in paid.items():
        _move("pay", _payments(lines), by, steps, paid_on=day)


def _move(name: str, keys: list[int], by: Actor, steps: Steps, **also: Any) -> None:
    keys.sort()
    for first, last in steps.ranges(len(keys)):
        rows = Payment.objects.filter(pk__in=keys[first - 1 : last])
        with planned_for(last - first + 1):
            moved = rows.move(name, by=by, **also)  # type: ignore[attr-defined]
        if moved != last - first + 1:
            raise Refused(CHANGED)


def _payments(lines: Iterable[Judged]) -> list[int]:
    return [each.sent.payment for each in lines if each.sent]


def go_on(batch: PaymentBatch, by: Actor) -> None:
    """The batch's own next step, which nobody has to ask for: answered (by a bank), and settled when nothing is open. The
    caller holds its lock."""
    batch.refresh_from_db()
    itself = replace(by, all_powers=True)
    if batch.state == BatchState.SENT and batch.channel == Channel.BANK:
        batch.move("hear", by=itself)
    if batch.state in (BatchState.SENT, BatchState.RETURNED) and not batch.lines_open:
        batch.move("balance", by=itself)


# ---------- what a person settles ----------


def own_upload(made: BankReturn, by: Actor) -> bool:
    """By the account, not by the name: two people may have one name. Nobody signed in (a command) is told by the name."""
    same_name = made.uploaded_by_id is None and made.uploaded_by == by.name
    return made.uploaded_by_id == by.user_id if by.user_id is not None else same_name


@transaction.atomic
def settle(line: ReturnLine, *, happened: bool, note: str, by: Actor, today: date) -> ReturnLine:
    """A line that needs a person, by somebody other than who uploaded it. `happened`: the bank's second answer is true (the
    transfer came back, or arrived after all); else it stays as it is registered. Raises Refused."""
    batch = locked(line.bank_return.batch)
    held = (
        ReturnLine.objects.select_for_update(of=("self",))
        .select_related("sending__payment", "bank_return")
        .get(pk=line.pk)
    )
    wrong = {
        "您的角色不能核实": not by.may(Payment.FLOW["come_back"].permission),
        "这一行不用核实": held.verdict not in ODD,
        f"已由{held.settled_by}核实": held.settled_at is not None,
        "是您自己上传的，要由另一人核实": own_upload(held.bank_return, by),
        "请写明核实情况，例如向银行查询的结果": not note.strip(),
        "只有和以前结果不同的，才能按这次的结果登记": happened and held.verdict != Verdict.CONTRADICTS,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    if happened:
        _believe(held, batch, note, by, today)
    held.settled_by, held.settled_note, held.settled_at = (
        by.name,
        crypto.mask_numbers(note.strip())[:200],
        timezone.now(),
    )
    held.save(update_fields=["settled_by", "settled_note", "settled_at"])
    audit.record("bankreturn.settled", subject=held, path=held.path, note=held.settled_note, happened=happened)
    return held


def _believe(line: ReturnLine, batch: PaymentBatch, note: str, by: Actor, today: date) -> None:
    sending, came_back = line.sending, line.result == "bounced"
    assert sending is not None
    if sending.attempt != sending.payment.attempt or sending.result == line.result:
        raise Refused("这一笔后来又报送过，不能按这次的结果登记；请写明情况，保持原来的登记。")
    if came_back and batch.state == BatchState.BALANCED:
        batch.move("unbalance", by=by, note=note)
    if came_back:
        also = {"bounce": line.bounce, "bounce_text": "银行退回", "bounced_at": timezone.now(), "paid_on": None}
        sending.payment.move(
            "come_back", by=by, note=note, fixed="", fixed_by="", fixed_by_id=None, fixed_at=None, **also
        )
    else:
        if sending.payment.state == PaymentState.CANCELLED:
            raise Refused("这一笔已经撤销，不能登记到账；请向银行追回，写明情况后保持原来的登记。")
        sending.payment.move("arrive", by=by, note=note, paid_on=today)
    sending.result = line.result
    sending.save(update_fields=["result"])
    go_on(batch, by)
