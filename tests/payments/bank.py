"""Builders for what goes to a bank and comes back: an approved batch with its lines, the bank's own files read, answers."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import openpyxl
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import Job, School
from students.models import Account, Student
from subsidies.models import BankFile, BankReturn, Benefit, Payment, PaymentBatch, ReturnLine, Rule, RulePack, Sending
from subsidies.payments import files, returns
from subsidies.payments.files import open_file
from tests import make

TERM = "2026-autumn"
TODAY = date(2026, 10, 20)
HERE = "/62/6201/620123/"
_numbers = count(1)


def rule() -> Rule:
    """Any rule of any benefit: what a line is for does not matter to a bank."""
    found = Rule.objects.filter(code="bank-test").first()
    if found:
        return found
    pack = RulePack.objects.get_or_create(
        code="bank-test", version=1, defaults={"title": "政策", "document": "文件", "text": "", "sha256": "0" * 64}
    )[0]
    return Rule.objects.create(
        code="bank-test", pack=pack, benefit=Benefit.objects.order_by("pk")[0], title="寄宿生补助", clause="第一条",
        jurisdiction="school", amount_kind="fixed", period="term",
    )  # fmt: skip


def account(who: Student, **also: Any) -> Account:
    """A card of the child's own, in force since the term began unless told."""
    return make.account(who, **{"from_on": date(2026, 9, 1), **also})


def batch(
    lines: int = 3, *, at: School, profile: str = "rural-credit", cards: bool = True, yuan: str = "625.00", **also: Any
) -> PaymentBatch:
    """Approved, with so many lines of children 甲1 … at a school (`at`), each with a card unless told."""
    office = make.office("620123")
    made = PaymentBatch(
        number=f"620123-2026秋-{next(_numbers):03d}", channel="bank", title="寄宿生生活补助", term=TERM, office=office,
        path=office.path, bank=profile, prepared_by="县经办", **also,
    )  # fmt: skip
    made.save()
    for n in range(1, lines + 1):
        line(made, f"甲{n}", at=at, yuan=yuan, card=cards)
    return approved(made)


def line(of: PaymentBatch, name: str, *, at: School, yuan: str = "625.00", card: bool = True) -> Payment:
    who = make.student(name, at=at, term=TERM)
    amount, half = Decimal(yuan), (Decimal(yuan) / 2).quantize(Decimal("0.01"))
    made = Payment(
        batch=of, student=who, term=TERM, benefit=rule().benefit, rule=rule(), school=at, amount=amount, central=half,
        county=amount - half, account=account(who) if card else None, home_path=who.person.home_path, school_path=at.path,
    )  # fmt: skip
    made.save()
    return made


def approved(made: PaymentBatch) -> PaymentBatch:
    """As the approval leaves a batch, without its guards."""
    lines = list(Payment.objects.filter(batch=made))
    Payment.objects.filter(batch=made).update(state="approved", approved_at=timezone.now())
    sums = {level: sum((getattr(each, level) for each in lines), Decimal(0)) for level in ("central", "county")}
    PaymentBatch.objects.filter(pk=made.pk).update(
        state="approved", approved_by="县主任", approved_at=timezone.now(), approved_lines=len(lines), **sums
    )
    made.refresh_from_db()
    return made


def send(crew: Any, of: PaymentBatch) -> Job:
    """The job of its files, worked off here."""
    with crew.acting("county_maker") as by:
        return jobs.work_off(files.request_files(of, by=by, today=TODAY))


def content(file: BankFile) -> bytes:
    with open_file(file, purpose="报送") as opened:
        return opened.read()


def table(file: BankFile) -> list[list[Any]]:
    """The cells of an .xlsx."""
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(content(file))).active]


def sent(of: PaymentBatch) -> list[dict[str, Any]]:
    """What stands in the batch's .xlsx files, by heading, without 合计."""
    found = []
    for file in BankFile.objects.filter(batch=of):
        head, *rows, _total = table(file)
        found += [dict(zip(head, row, strict=True)) for row in rows]
    return found


def answer(rows: Iterable[dict[str, Any]], *, name: str = "回盘.xlsx") -> SimpleUploadedFile:
    """An .xlsx as the bank of `rural-credit` sends it back; what a row does not say is empty."""
    titles = ["序号", "账号", "户名", "金额", "备注", "处理结果", "失败原因"]
    book = openpyxl.Workbook()
    book.active.append(titles)
    for row in rows:
        book.active.append([row.get(title) for title in titles])
    held = io.BytesIO()
    book.save(held)
    return SimpleUploadedFile(name, held.getvalue())


def paid(row: dict[str, Any], **also: Any) -> dict[str, Any]:
    return {**row, "处理结果": "成功", **also}


def bounced(row: dict[str, Any], why: str = "户名不符", **also: Any) -> dict[str, Any]:
    return {**row, "处理结果": "失败", "失败原因": why, **also}


def hear(crew: Any, of: PaymentBatch, rows: Iterable[dict[str, Any]], *, persona: str = "county_maker") -> BankReturn:
    return heard(crew, of, answer(rows), persona=persona)


def heard(crew: Any, of: PaymentBatch, file: SimpleUploadedFile, *, persona: str = "county_maker") -> BankReturn:
    """Uploaded, its job worked off here. Raises Refused where it was refused, at once or by the job."""
    with crew.acting(persona) as by:
        job = jobs.work_off(returns.request_return(of, file, by=by, paid_on=TODAY))
        if job.state != "done":
            raise Refused(job.error)
        return BankReturn.objects.get(pk=job.result["return"])


def states(of: PaymentBatch) -> dict[str, int]:
    rows = Payment.objects.filter(batch=of).values_list("state", flat=True)
    return {state: list(rows).count(state) for state in sorted(set(rows))}


def traces(side: Any, mark: str) -> ReturnLine:
    """A county's batch with a file, what the bank answered (a line that contradicts), and a child's money that came back.
    Made once; the words of the office's work bear the mark."""
    found = ReturnLine.objects.filter(said=f"{mark}原文").first()
    if found:
        return found
    child, clerk = side.students[0], f"{mark}办事员"
    of = make.batch(under=side.code)
    PaymentBatch.objects.filter(pk=of.pk).update(title=f"{mark}批次", prepared_by=clerk)
    card = account(child)
    line = Payment(
        batch=of, student=child, term=of.term, benefit=rule().benefit, rule=rule(), school=side.primary, amount=625, other=625,
        instalment=9, account=card, home_path=child.person.home_path, school_path=side.primary.path,
    )  # fmt: skip
    line.save()
    approved(of)
    PaymentBatch.objects.filter(pk=of.pk).update(state="returned", approved_by=clerk, other=625)
    Payment.objects.filter(pk=line.pk).update(
        state="bounced", bounce="name", bounce_text="户名不符", bounced_at=timezone.now(), attempt=1
    )
    own = {"batch": of, "path": of.path, "sha256": "0" * 64}
    file = BankFile(
        **own, number=1, profile="x", filename=f"{mark}代发.xlsx", stored="none", lines=1, total=625, made_by=clerk
    )
    file.save()
    sending = Sending(
        file=file, payment=line, attempt=1, row=1, reference=f"{side.code}A", account=card, result="bounced"
    )
    sending.save()
    heard = BankReturn(**own, filename=f"{mark}回盘.xlsx", stored="none", counts={"contradicts": 1}, uploaded_by=clerk)
    heard.save()
    made = ReturnLine(
        bank_return=heard,
        path=of.path,
        row=1,
        verdict="contradicts",
        sending=sending,
        result="paid",
        said=f"{mark}原文",
    )
    made.save()
    return made
