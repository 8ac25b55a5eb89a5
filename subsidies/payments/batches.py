"""发放批次: prepared by one person, agreed to by the schools, approved by another, settled or sent, balanced.

Locks: the batch first, then its lines, then indicators. Whoever acts is the current actor."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils import timezone

from aidcases import audit, inbox, sql
from aidcases.flow import Refused
from aidcases.models import Membership, Organisation, School
from aidcases.roles import PERMISSIONS, OfficeKind, P
from aidcases.scoping import Scope, acting_in, current_actor, current_scope
from aidcases.terms import Term
from students.models import Account
from subsidies.models import Adjustment, BatchPart, Benefit, Payment, PaymentBatch
from subsidies.models.payments import FUNDING, BatchState, Channel, PaymentState
from subsidies.payments import funnel, indicators, listing, reminding, stopped
from subsidies.payments.files import ONE_ANSWER, said_paid
from subsidies.payments.returns import go_on
from subsidies.payments.steps import Steps

NOBODY = "现在没有可以列入的人，请看下面各项原因。"
OWN_BATCH = "是您自己编制的，要由另一人审批"
ELSEWHERE = "学校不在本县，由县中心核对"
B, S = BatchState, PaymentState
UNSENT = (S.LISTED, S.APPROVED)


def _must(permission: P, what: str) -> None:
    if not current_actor().may(permission):
        raise Refused(f"您的角色不能{what}")


def held(batch: PaymentBatch) -> PaymentBatch:
    """The batch as it stands, locked until the transaction ends."""
    return PaymentBatch.objects.select_for_update(of=("self",)).get(pk=batch.pk)


# --- preparing -----------------------------------------------------------------------------------------------------


@transaction.atomic
def prepare(
    *, office: Organisation, term: Term, channel: str, benefits: Collection[Benefit], school: School | None = None,
    bank: str = "", title: str = "", poverty_check: bool | None = None, day: date | None = None,
    job_id: int | None = None, steps: Steps | None = None,
) -> PaymentBatch:  # fmt: skip
    """A batch of everything that may be paid now (subsidies.payments.funnel), back-pay included.

    `bank`: the profile of its files. `poverty_check`: None as the office's last batch had it. `job_id`: the job that
    makes it, `steps`: who is told how far it is. Raises Refused.
    """
    by, steps = current_actor(), steps or Steps()
    may_prepare(office=office, channel=channel, benefits=benefits, bank=bank)
    day = day or timezone.localdate()
    batch = PaymentBatch(
        number=_number(office, term), channel=channel, term=term.code, office=office, path=office.path,
        title=title.strip()[:120] or _title(term, channel, benefits, school), prepared_by=by.name, prepared_by_id=by.user_id,
        bank=bank if channel == Channel.BANK else "",
        poverty_check=_checked_before(office) if poverty_check is None else poverty_check, job_id=job_id,
    )  # fmt: skip
    batch.save()
    asked = {"benefits": benefits, "school": school}
    steps.begin(0, "查找可以列入的")
    rows = funnel.payable(funnel.offered(office.path, term, channel, **asked), term, channel, day)
    lines = listing.freeze(rows, batch, steps)
    lines += listing.back_pay(funnel.owed(office.path, term, channel, day, **asked), batch, steps)
    if not lines:
        raise Refused(NOBODY)
    _agree_elsewhere(batch)
    audit.record("paymentbatch.prepared", subject=batch, lines=lines)
    batch.refresh_from_db()
    return batch


def may_prepare(*, office: Organisation, channel: str, benefits: Collection[Benefit], bank: str) -> None:
    """Raises Refused with what is wrong with the question."""
    _must(P.PAYMENT_PREPARE, "编制发放批次")
    wrong = {
        "由县学生资助管理中心编制。": office.kind != OfficeKind.COUNTY,
        "请选择资助项目。": not benefits,
        "请选择银行格式。": channel == Channel.BANK and not bank,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)


def _number(office: Organisation, term: Term) -> str:
    """620123-2026秋-003: counted per office and term; batches are cancelled, never deleted."""
    sql.lock("payment.number", office.path, term.code)
    made = PaymentBatch.objects.filter(path=office.path, term=term.code).count()
    return f"{office.region_id}-{term.year}{'秋' if term.autumn else '春'}-{made + 1:03d}"


def _title(term: Term, channel: str, benefits: Collection[Benefit], school: School | None) -> str:
    names = "、".join(benefit.name for benefit in list(benefits)[:2])
    more = f"等 {len(benefits)} 项" if len(benefits) > 2 else ""
    where = f"{school.name} " if school else ""
    return f"{term.label} {where}{names}{more}（{Channel(channel).label}）"[:120]


def _checked_before(office: Organisation) -> bool:
    last = PaymentBatch.objects.filter(path=office.path).order_by("-pk").first()
    return last.poverty_check if last else False


def _agree_elsewhere(batch: PaymentBatch) -> None:
    """A school of another county has nobody who could agree here: the office answers for it."""
    parts = BatchPart.objects.filter(batch=batch, agreed_at=None).exclude(school_path__startswith=batch.path)
    parts.update(agreed_by=ELSEWHERE, agreed_at=Now())


@transaction.atomic
def leave_out(payments: QuerySet[Payment], note: str) -> int:
    """Lines off a batch that is still being prepared: what is due stays due. → lines. Raises Refused."""
    keys = list(payments.order_by().values_list("batch", flat=True).distinct())
    batches = [held(batch) for batch in PaymentBatch.objects.filter(pk__in=keys).order_by("pk")]
    moved = listing.cancel(payments, by=current_actor(), note=note, move="leave_out")
    for batch in batches:
        _confirmed(batch)
    return moved


@transaction.atomic
def set_check(batch: PaymentBatch, wanted: bool) -> None:
    """Whether the poverty office looks through it before it is sent: the head decides, until the approval."""
    _must(P.INDICATOR_SET, "设定是否核对")
    rows = PaymentBatch.objects.filter(pk=batch.pk, state__in=(B.PREPARED, B.CONFIRMED))
    if not rows.update(poverty_check=wanted):
        raise Refused("已经审批，不能再改是否核对")
    audit.record("paymentbatch.poverty_check", subject=batch, wanted=wanted)


# --- schools -------------------------------------------------------------------------------------------------------


@transaction.atomic
def agree(part: BatchPart) -> None:
    """The school's second person has looked through its lines; the last school's word moves the batch on."""
    _must(P.PAYMENT_CONFIRM, "确认本校名单")
    _agreed(part, current_actor().name)


@transaction.atomic
def agree_instead(part: BatchPart, note: str) -> None:
    """A school where nobody may confirm here has signed on paper: the county writes down who did."""
    _must(P.PAYMENT_PREPARE, "代学校登记")
    if checkers().filter(organisation__path=part.school_path).exists():
        raise Refused("这所学校有审核人账号，要由学校自己确认")
    if not note.strip():
        raise Refused("请写明学校谁签的字、哪天签的")
    _agreed(part, f"{current_actor().name}代登记：{note.strip()}"[:120])


def checkers() -> QuerySet[Membership]:
    """Of those who may confirm at a school."""
    roles = [role for role, powers in PERMISSIONS.items() if P.PAYMENT_CONFIRM in powers]
    return Membership.objects.filter(organisation__kind=OfficeKind.SCHOOL, role__in=roles, user__is_active=True)


def _agreed(part: BatchPart, name: str) -> None:
    batch = _open_part(part)
    rows = BatchPart.objects.filter(pk=part.pk, agreed_at=None)
    if not rows.update(agreed_by=name, agreed_by_id=current_actor().user_id, agreed_at=Now(), objection=""):
        raise Refused("这份名单已经确认过了")
    audit.record("batchpart.agreed", subject=part, path=part.school_path)
    inbox.done(part, reminding.PART)
    _confirmed(batch)


@transaction.atomic
def object_to(part: BatchPart, note: str) -> None:
    """The school says what is wrong; the county leaves out or explains, and the school agrees afterwards."""
    _must(P.PAYMENT_CONFIRM, "对名单提出意见")
    if not note.strip():
        raise Refused("请写明哪里不对")
    _open_part(part)
    rows = BatchPart.objects.filter(pk=part.pk)
    rows.update(agreed_by="", agreed_by_id=None, agreed_at=None, objection=note.strip()[:200])
    audit.record("batchpart.objected", subject=part, path=part.school_path)


def _open_part(part: BatchPart) -> PaymentBatch:
    """Its batch, which is the county's, locked while it is being prepared. Raises Refused afterwards."""
    with _of_county(part.batch):
        batch = held(part.batch)
    if batch.state != B.PREPARED:
        raise Refused("批次已经交县里审批，不能再改；有问题请联系县学生资助管理中心退回")
    return batch


def _confirmed(batch: PaymentBatch) -> None:
    """By itself, when nobody is left who has to agree."""
    with _of_county(batch):
        batch.refresh_from_db()
        if batch.state == B.PREPARED and batch.lines and not batch.parts_open:
            batch.move("confirm", by=current_actor())
            reminding.again(reminding.APPROVAL, [batch.pk])


def _of_county(batch: PaymentBatch) -> Any:
    return acting_in(Scope(batch.path), current_actor())


@transaction.atomic
def reopen(batch: PaymentBatch, note: str) -> None:
    """Back to the schools, which agree anew."""
    held(batch).move("reopen", by=current_actor(), note=note)
    parts = BatchPart.objects.filter(batch=batch).exclude(agreed_by=ELSEWHERE)
    parts.update(agreed_by="", agreed_by_id=None, agreed_at=None, objection=f"县里退回：{note.strip()}"[:200])
    inbox.done(batch, reminding.APPROVAL)
    reminding.again(reminding.PART, parts.values_list("pk", flat=True))
    batch.refresh_from_db()


# --- approval ------------------------------------------------------------------------------------------------------


def _less_due() -> Q:
    """Of lines that were listed for more than is due by now."""
    same = Adjustment.objects.filter(
        term=OuterRef("term"), student=OuterRef("student"), benefit=OuterRef("benefit"), difference__lt=0
    )
    return Q(Exists(same))


def _card_lost(batch: PaymentBatch, day: date) -> Q:
    """Of lines for the bank whose child has lost its card, or whose card has come under suspicion."""
    if batch.channel != Channel.BANK:
        return Q(pk=None)
    good = Account.objects.in_force_on(day).exclude(pk__in=Account.objects.exclude(alarm="").filter(cleared=""))
    return ~Q(student__in=good.order_by().values("student"))


def _stale(batch: PaymentBatch, day: date) -> list[tuple[str, Q]]:
    """What may have become of lines since they were listed, as the refusal says it."""
    return [
        ("编制以后应享金额减少了，请退回学校后移出", _less_due()),
        *((f"的{each.label}，请退回学校后移出", ~each.holds) for each in stopped.conditions((batch.term,))),
        ("的资料变了，还没有重新测算，请重新测算后再审批", ~funnel.computed(Term.parse(batch.term)).holds),
        ("的一卡通不能用了，请退回学校后移出", _card_lost(batch, day)),
    ]


def against_approval(batch: PaymentBatch, day: date) -> list[str]:
    """Why it, as it was read, cannot be approved now: the button's tooltip and the refusal."""
    by, move = current_actor(), batch.FLOW["approve"]
    reasons = [] if batch.state in move.sources else [f"当前状态不能{move.label}"]
    reasons += [condition.label for condition in move.guards.failing(PaymentBatch.objects.filter(pk=batch.pk))]
    if by.user_id is not None and by.user_id == batch.prepared_by_id:
        reasons.append(OWN_BATCH)
    stale = _stale(batch, day)
    rows = indicators.grouped(
        batch.payments.filter(state=S.LISTED), **{f"n{n}": Count("pk", filter=which) for n, (_, which) in enumerate(stale)}
    )
    told = [(sum(row[f"n{n}"] for row in rows), sentence) for n, (sentence, _) in enumerate(stale)]
    reasons += [f"{lines:,} 笔{sentence}" for lines, sentence in told if lines]
    return reasons + indicators.refusals(indicators.cover(indicators.needs(rows), indicators.of_batch(batch)))


def may_approve(batch: PaymentBatch, document: str, day: date) -> None:
    """Raises Refused with every reason that stands against it."""
    _must(P.PAYMENT_APPROVE, "审批")
    if not document.strip():
        raise Refused("请填写审批文号")
    if reasons := against_approval(batch, day):
        raise Refused(*reasons)


@transaction.atomic
def approve(
    batch: PaymentBatch, document: str, *, day: date | None = None, steps: Steps | None = None
) -> PaymentBatch:
    """审批 by a second person: takes of the indicators, writes the approved sums, lines listed → approved.

    Raises Refused with every reason that stands against it.
    """
    by, steps, batch = current_actor(), steps or Steps(), held(batch)
    steps.begin(0, "核对名单和指标")
    list(indicators.of_batch(batch).order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    may_approve(batch, document, day or timezone.localdate())
    indicators.take(batch)
    lines = batch.payments.filter(state=S.LISTED)
    sums = lines.order_by().aggregate(**{level: Sum(level, default=0) for level in FUNDING})
    moment = timezone.now()
    moved = sum(some.move("approve", by=by, approved_at=moment) for some in steps.through(lines, "审批"))
    batch.move(
        "approve", by=by, note=document.strip(), approved_by=by.name, approved_by_id=by.user_id, approved_at=moment,
        document=document.strip()[:60], approved_lines=moved, **sums,
    )  # fmt: skip
    inbox.done(batch, reminding.APPROVAL)
    return batch


def check(batch: PaymentBatch, note: str) -> None:
    """What the poverty office found."""
    if not note.strip():
        raise Refused("请写明核对情况")
    batch.move("check", by=current_actor(), note=note, checked_note=note.strip()[:200])


@transaction.atomic
def withdraw(payments: QuerySet[Payment], note: str) -> int:
    """Approved, bounced or reissued lines that nobody will pay: they stay in the balance as cancelled, the money is free
    again. A batch whose last open line it was is settled with that. → lines. Raises Refused."""
    keys = list(payments.order_by().values_list("batch", flat=True).distinct())
    batches = [held(batch) for batch in PaymentBatch.objects.filter(pk__in=keys).order_by("pk")]
    if payments.filter(said_paid()).exists():
        raise Refused(ONE_ANSWER)
    moved = listing.cancel(payments, by=current_actor(), note=note)
    for batch in batches:
        indicators.release(batch)
        batch.refresh_from_db()
        if not batch.lines_open:
            go_on(batch, current_actor())
    return moved


@transaction.atomic
def cancel(batch: PaymentBatch, note: str) -> None:
    """作废 before anything was sent: indicators and entitlements are free again, its students computed anew."""
    batch_held = held(batch)
    if reasons := batch_held.blockers("cancel"):
        raise Refused(*reasons)
    listing.cancel(batch_held.payments.filter(state__in=UNSENT), by=current_actor(), note=note)
    for use in batch_held.uses.order_by("indicator"):
        use.delete()
    batch_held.move("cancel", by=current_actor(), note=note)
    inbox.done(batch, reminding.APPROVAL)
    batch.refresh_from_db()


# --- the end -------------------------------------------------------------------------------------------------------


@transaction.atomic
def settle(
    batch: PaymentBatch, day: date, receipt: str, lines: QuerySet[Payment] | None = None, *, today: date | None = None
) -> int:
    """Fees were settled with the school, goods handed out: lines → paid, by the school's receipt. The batch closes
    itself with the last; what has been stopped since waits to be withdrawn. → lines. Raises Refused."""
    by, batch = current_actor(), held(batch)
    wrong = {
        "这个批次由银行代发，不和学校结算": batch.channel != Channel.SETTLEMENT,
        "请填写收据或发票号": not receipt.strip(),
        "结算日期不能晚于今天": day > (today or timezone.localdate()),
        "结算日期不能早于审批": batch.approved_at is not None and day < timezone.localtime(batch.approved_at).date(),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    rows = batch.payments.filter(~stopped.stopped((batch.term,)), state=S.APPROVED)
    rows = rows.filter(pk__in=lines.order_by().values("pk")) if lines is not None else rows
    if not rows.exists():
        raise Refused("没有等结算的人")
    if batch.state != B.SENT:
        batch.move("send", by=by)
    moved = rows.move("settle", by=by, note=f"收据 {receipt.strip()[:60]}", paid_on=day)
    batch.refresh_from_db()
    if not batch.lines_open:
        close(batch)
    return moved


def close(batch: PaymentBatch) -> None:
    """结清: every line has a result."""
    batch.move("balance", by=current_actor())


def balance(batch: PaymentBatch) -> list[dict[str, Any]]:
    """Per level that bears something: .label, approved = paid + pending + bounced + cancelled; `short` is 0, always.
    Empty before the approval."""
    if not current_scope().covers(batch.path):
        return []
    rows = sql.rows("SELECT * FROM subsidies_balance WHERE batch_id = %s", [batch.pk])
    told = {row["funding"]: row for row in rows}
    return [{"label": label, **told[level]} for level, label in FUNDING.items() if level in told and told[level]["approved"]]
