"""追缴: money that was paid and is not due any more: collection list, receipts, notice to the family. It never enters a
batch: what comes back is written down by its receipt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from aidcases import audit, crypto, sql
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.paper import Printed, print_pdf
from aidcases.scoping import Actor
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework.approvals import current_office
from subsidies.models import Adjustment, Payment, PaymentBatch, Receipt, Recovery
from subsidies.models.payments import PaymentState
from subsidies.models.recoveries import RecoveryState
from subsidies.payments.words import in_words

TEMPLATE = Path(__file__).parent.parent / "recovery.typ"
OWN_WORK = "是您自己开列的，要由另一人决定不再追缴。"
ELSEWHERE = "由发放这笔资助的单位办理。"
ALL_BACK = "已经全部收回，没有要退的钱，不用打印退款通知书；请点“收清”办结。"
NOT_PAID_OUT = "还没有发到卡上，请在发放批次里撤销这一笔，不用追缴。"


@dataclass(frozen=True)
class Opened:
    """lines: recoveries made. yuan: together. left: differences that were chosen but whose money has not gone out."""

    lines: int
    yuan: Decimal
    left: int


def owed(term: Term) -> QuerySet[Adjustment]:
    """What was listed beyond what is due, by a batch of the own office or of one below: whoever paid collects.
    `recoverable`: yuan of it that really went out and is not asked for yet."""
    rows = Adjustment.objects.filter(term=term.code, difference__lt=0)
    mine = _same(Payment).filter(batch__in=PaymentBatch.objects.order_by().values("pk"))
    paid = _sum(_same(Payment).filter(state=PaymentState.PAID), "amount")
    asked = _sum(_same(Recovery).exclude(state=RecoveryState.CANCELLED), "yuan")
    return rows.filter(Exists(mine)).annotate(recoverable=paid - asked)


def _same(model: Any) -> QuerySet:
    """Rows of the same term, child and benefit."""
    return model.objects.order_by().filter(
        term=OuterRef("term"), student_id=OuterRef("student_id"), benefit_id=OuterRef("benefit_id")
    )


def _sum(rows: QuerySet, column: str) -> Coalesce:
    return Coalesce(Subquery(rows.values("term").annotate(yuan=Sum(column)).values("yuan")), Decimal(0))


# Only what was paid is asked for, and only once. The difference shrinks by it at once, as the recompute would have it.
_OPEN = """
    WITH asking AS (
        SELECT c.*, LEAST(-c.difference, COALESCE(p.yuan, 0) - COALESCE(r.yuan, 0)) AS yuan FROM chosen c
        JOIN LATERAL (
            SELECT sum(amount) AS yuan FROM subsidies_payment o WHERE o.state = 'paid'
            AND (o.term, o.student_id, o.benefit_id) = (c.term, c.student_id, c.benefit_id)) p ON true
        LEFT JOIN LATERAL (
            SELECT sum(yuan) AS yuan FROM subsidies_recovery o WHERE o.state <> 'cancelled'
            AND (o.term, o.student_id, o.benefit_id) = (c.term, c.student_id, c.benefit_id)) r ON true
    ),
    made AS (
        INSERT INTO subsidies_recovery (student_id, term, benefit_id, state, yuan, collected, why, due_on, opened_by,
            opened_by_id, home_path, school_path)
        SELECT student_id, term, benefit_id, 'open', yuan, 0, %(why)s, %(due_on)s, %(by)s, %(by_id)s, home_path, school_path
        FROM asking WHERE yuan > 0 RETURNING term, student_id, benefit_id, yuan
    ),
    settled AS (
        DELETE FROM subsidies_adjustment a USING made m
        WHERE (a.term, a.student_id, a.benefit_id) = (m.term, m.student_id, m.benefit_id) AND a.difference = -m.yuan
    ),
    smaller AS (
        UPDATE subsidies_adjustment a SET listed = listed - m.yuan, difference = difference + m.yuan FROM made m
        WHERE (a.term, a.student_id, a.benefit_id) = (m.term, m.student_id, m.benefit_id) AND a.difference <> -m.yuan
    )
    SELECT count(*)::int AS lines, COALESCE(sum(yuan), 0) AS yuan FROM made
"""


@transaction.atomic
def open_recoveries(rows: QuerySet[Adjustment], *, why: str, due_on: date | None, by: Actor, today: date) -> Opened:
    """追缴 of the rows of `owed`: a line of the collection list for each whose money went out. Raises Refused."""
    if not by.may(Recovery.FLOW["close"].permission):
        raise Refused("您的角色不能开列追缴。")
    if not why.strip():
        raise Refused("请写明追缴原因，会印在给家长的通知上。")
    if due_on and due_on <= today:
        raise Refused("期限要晚于今天。")
    columns = ("term", "student_id", "benefit_id", "difference", "home_path", "school_path")
    locked = rows.order_by().select_for_update(of=("self",)).values_list(*columns)
    text, params = sql.compiled(locked)
    sql.temporary("chosen", f"AS SELECT * FROM ({text}) c ({', '.join(columns)})", params)
    chosen = sql.one("SELECT count(*)::int AS n FROM chosen")["n"]
    said = crypto.mask_numbers(why.strip())[:200]
    made = sql.one(_OPEN, {"why": said, "due_on": due_on, "by": by.name, "by_id": by.user_id})
    if not made["lines"]:
        raise Refused(NOT_PAID_OUT if chosen else "没有可以开列的追缴。")
    audit.record("recovery.opened", rows=made["lines"], note=said)
    return Opened(made["lines"], made["yuan"], chosen - made["lines"])


def ours(recovery: Recovery) -> bool:
    """Whether the own office, or one below it, paid what is to come back."""
    paid = Payment.objects.filter(term=recovery.term, student=recovery.student_id, benefit=recovery.benefit_id)
    return paid.filter(batch__in=PaymentBatch.objects.order_by().values("pk")).exists()


def _held(recovery: Recovery) -> Recovery:
    """Locked, of the own office, and still to be collected. Raises Refused."""
    if not ours(recovery):
        raise Refused(ELSEWHERE)
    held = Recovery.objects.select_for_update(of=("self",)).get(pk=recovery.pk)
    if held.state != RecoveryState.OPEN:
        raise Refused(f"这一笔{held.get_state_display()}，不能再登记。")
    return held


@transaction.atomic
def receive(recovery: Recovery, *, yuan: Decimal, received_on: date, number: str, by: Actor, today: date) -> Receipt:
    """Money that came back, by its receipt; never more than is owed. Raises Refused."""
    held = _held(recovery)
    left = held.yuan - held.collected
    wrong = {
        "金额要大于 0 元。": yuan <= 0,
        f"还差 {left:,.2f} 元，不能收 {yuan:,.2f} 元。": yuan > left,
        "收到日期不能晚于今天。": received_on > today,
        "请填写票据号。": not number.strip(),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    made = Receipt(recovery=held, yuan=yuan, received_on=received_on, number=number.strip()[:40], made_by=by.name)
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as problem:
        raise Refused(f"票据号“{made.number}”已经登记过。") from problem
    audit.record("recovery.received", subject=held)
    return made


@transaction.atomic
def take_back(receipt: Receipt, *, by: Actor, note: str) -> None:
    """A receipt that was written down wrongly, as long as the recovery is open. Raises Refused."""
    held = _held(receipt.recovery)
    if not note.strip():
        raise Refused("请写明为什么删除这张票据。")
    said = f"{receipt.number} {receipt.yuan:,.2f} 元：{crypto.mask_numbers(note.strip())[:150]}"
    receipt.delete()
    audit.record("recovery.unreceived", subject=held, note=said)


@transaction.atomic
def close(recovery: Recovery, *, by: Actor) -> None:
    _held(recovery).move("close", by=by)


@transaction.atomic
def cancel(recovery: Recovery, *, by: Actor, note: str) -> None:
    """不再追缴, by another person than who opened it: the difference shows again at the next recompute. Raises Refused."""
    if by.user_id is not None and recovery.opened_by_id == by.user_id:
        raise Refused(OWN_WORK)
    _held(recovery).move("cancel", by=by, note=note)
    sql.run(
        "INSERT INTO subsidies_mark (term, student_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [recovery.term, recovery.student_id],
    )


def light(rows: QuerySet[Recovery]) -> QuerySet[Recovery]:
    """With the names a list shows, and nobody's numbers."""
    related = rows.select_related("student__person", "benefit")
    return related.defer("student__roll_number", "student__person__id_number")


def schools_of(rows: list[Recovery]) -> dict[str, str]:
    """{path: name} of the schools of a page of rows."""
    return dict(School.objects.filter(path__in={row.school_path for row in rows}).values_list("path", "name"))


def sums(rows: QuerySet[Recovery]) -> dict[str, Decimal]:
    """yuan, collected, left: of what stands."""
    standing = ~Q(state=RecoveryState.CANCELLED)
    told = rows.order_by().aggregate(
        yuan=Sum("yuan", filter=standing, default=Decimal(0)), collected=Sum("collected", filter=standing, default=Decimal(0))
    )
    return {**told, "left": told["yuan"] - told["collected"]}


# --- papers --------------------------------------------------------------------------------------------------------

HEADS = {
    "序号": 7, "学校": 30, "姓名": 14, "学期": 26, "资助项目": 30, "原因": 34, "应收回（元）": 14, "已收回（元）": 14,
    "未收回（元）": 14, "期限": 12, "状态": 12,
}  # fmt: skip


def sheet(rows: QuerySet[Recovery], title: str) -> bytes:
    """追缴清单 as .xlsx: a line each and a line of totals; money as numbers, no identity number."""
    # Here, not above: openpyxl takes a fifth of a second, and every command imports this module.
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    book.properties.title, book.properties.creator = title, current_office()
    page = book.create_sheet("追缴清单")
    for number, width in enumerate(HEADS.values(), start=1):
        page.column_dimensions[get_column_letter(number)].width = width
    page.freeze_panes, page.print_title_rows = "A3", "2:2"
    page.page_setup.orientation, page.sheet_properties.pageSetUpPr.fitToPage = "landscape", True
    page.page_setup.fitToHeight = 0
    page.append([_text(page, title, Font(bold=True, size=16))])
    page.append([_text(page, head, Font(bold=True)) for head in HEADS])
    found = list(light(rows))
    schools = schools_of(found)
    for number, row in enumerate(found, start=1):
        texts = [schools.get(row.school_path, ""), row.student.person.name, Term.parse(row.term).label, row.benefit.name, row.why]
        page.append([
            number, *(_text(page, text) for text in texts), row.yuan, row.collected, row.yuan - row.collected, row.due_on,
            row.get_state_display(),
        ])  # fmt: skip
    told = sums(rows)
    page.append(["合计", *[None] * 5, told["yuan"], told["collected"], told["left"], None, "不再追缴的不计"])
    held = BytesIO()
    book.save(held)
    return held.getvalue()


def _text(page: Any, text: str, font: Any = None) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(page, text)
    cell.data_type = "s"  # also what begins with = is a text
    if font:
        cell.font = font
    return cell


def print_notice(recovery: Recovery, today: date) -> Printed:
    """退款通知书 for the family: what, why, how much in figures and in words, until when. Raises Refused."""
    if recovery.state != RecoveryState.OPEN:
        raise Refused(f"这一笔{recovery.get_state_display()}，不用打印通知书。")
    if not (left := recovery.yuan - recovery.collected):
        raise Refused(ALL_BACK)
    enrolled = Enrolment.objects.filter(term=recovery.term, student=recovery.student_id).select_related("school").defer("phone")
    enrolment = enrolled.first()
    data = {
        "name": recovery.student.person.name,
        "school": enrolment.school.name if enrolment else "",
        "class": f"{enrolment.grade_label} {enrolment.class_name}".strip() if enrolment else "",
        "term": Term.parse(recovery.term).label,
        "benefit": recovery.benefit.name,
        "why": recovery.why,
        "yuan": f"{recovery.yuan:,.2f}",
        "collected": f"{recovery.collected:,.2f}" if recovery.collected else "",
        "left": f"{left:,.2f}",
        "words": in_words(left),
        "due": _day(recovery.due_on) if recovery.due_on else "",
        "number": f"{recovery.pk:06d}",
        "office": current_office(),
        "day": _day(today),
    }
    return print_pdf(TEMPLATE, data)


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def late(rows: QuerySet[Recovery], today: date) -> QuerySet[Recovery]:
    """Still open after their day."""
    return rows.filter(state=RecoveryState.OPEN, due_on__lt=today)


def ordered(rows: QuerySet[Recovery]) -> QuerySet[Recovery]:
    """School by school, the earliest day first."""
    return rows.order_by("school_path", F("due_on").asc(nulls_last=True), "pk")
