"""退票: what the school does about each, by the bank's reason, and paying anew once it is put right, by a second person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now, TruncDate
from django.urls import reverse
from django.utils import timezone

from aidcases import crypto, inbox
from aidcases.conditions import All, Condition
from aidcases.flow import Refused
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from aidcases.scoping import HOME, SCHOOL, Actor, current_scope
from students.models import Account
from students.models.accounts import ALLOWED
from subsidies.casework.applying import Outcome
from subsidies.models import Payment, PaymentBatch
from subsidies.models.payments import Bounce, PaymentState
from subsidies.payments import stopped
from subsidies.payments.batches import withdraw
from subsidies.payments.files import said_paid
from subsidies.payments.reminding import able
from subsidies.payments.returns import locked

DAYS = 7  # within which a school has put a bounce right


@dataclass(frozen=True)
class Fix:
    """`todo`: what the school does. `account`: whether the card itself has to be another one."""

    todo: str
    account: bool = False


FIXES: dict[str, Fix] = {
    Bounce.NAME: Fix(
        "核对户名：请家长出示银行卡，把户名改成和银行登记的一字不差（注意同音字、少数民族姓名中间的点）。", True
    ),
    Bounce.MISSING: Fix("核对账号：请家长出示银行卡，逐位核对后重新登记。", True),
    Bounce.INACTIVE: Fix("请持卡人带身份证到银行网点激活，激活后写明办理日期。"),
    Bounce.FROZEN: Fix("请持卡人带身份证到银行网点解除挂失或冻结；办不了的，换一张卡登记。"),
    Bounce.CLOSED: Fix("这张卡已经销户，请登记另一张一卡通。", True),
    Bounce.EXPIRED: Fix("请持卡人带新身份证到银行网点更新证件有效期，更新后写明办理日期。"),
    Bounce.LIMIT: Fix("这张卡有收款限额：请持卡人到网点升级为一类账户，或换一张卡登记。"),
    Bounce.NOT_FINANCIAL: Fix("请持卡人带社保卡和身份证到发卡银行网点开通金融功能，开通后写明办理日期。"),
    Bounce.OTHER_BANK: Fix("代发银行不支持这家银行的卡，请登记代发银行的一卡通。", True),
    Bounce.OTHER: Fix("请按银行说明向网点问清原因，处理好后写明情况。"),
}


# Sent again to the same card and holder it would come back again: no word of anybody's stands for another account.
BY_ACCOUNT = tuple(code for code, fix in FIXES.items() if fix.account)
OTHER_ACCOUNT = "这个原因要换一张卡，或改户名、账号：请登记新的一卡通，由另一人复核，只写处理情况不行"


def changed() -> Exists:
    """Another account was confirmed for the child since the money came back."""
    newer = Account.objects.filter(ALLOWED.holds, student=OuterRef("student"), state="confirmed")
    return Exists(newer.filter(confirmed_at__gt=OuterRef("bounced_at"), from_on__lte=TruncDate(Now())))


def put_right() -> Q:
    """Of a bounce: a word of what was done is enough where the account may stay; else only another account is."""
    return Q(changed()) | (~Q(fixed="") & ~Q(bounce__in=BY_ACCOUNT))


def conditions(by: Actor, terms: Collection[str]) -> All:
    """What must hold before a line of one of the terms is paid anew; each guards, counts and explains."""
    return All(
        (
            *stopped.conditions(terms),
            Condition("put_right", "学校还没有处理，也没有换一卡通", ~Q(fixed="") | Q(changed())),
            Condition("other_account", "写了处理情况，但一卡通没有更换并复核，重发还会退回", Q(fixed="") | put_right()),
            Condition("one_answer", "银行前后说法不同，先核实是不是已经到账", ~Q(said_paid())),
            Condition("second_person", "是您自己处理的，要由另一人重新发放", Q(fixed="") | ~_fixed_by(by)),
        )
    )


def _fixed_by(by: Actor) -> Q:
    """By the account, not by the name: two people may have one name. Nobody signed in (a command) is told by the name."""
    return Q(fixed_by_id=by.user_id) if by.user_id is not None else Q(fixed_by_id=None, fixed_by=by.name)


def bounced() -> QuerySet[Payment]:
    """Lines that came back and wait for somebody, those that wait longest first."""
    rows = Payment.objects.filter(state=PaymentState.BOUNCED, bounced_at__isnull=False)  # by the index of those
    return rows.order_by("bounced_at", "pk")


def tasks() -> QuerySet[Payment]:
    """Those nobody has done anything about: `proposed`, whether another card waits for its second person."""
    waits = Account.objects.filter(student=OuterRef("student"), state="proposed")
    left = bounced().filter(~Q(changed()), fixed="").annotate(proposed=Exists(waits))
    # A child has two homes: the school that lists the line sees to it, the other side only looks.
    return left if current_scope().path == "/" else left.filter(school_path__startswith=current_scope().path)


def manned(permission: P = P.ACCOUNT_WRITE) -> Exists:
    """Of rows with a school_path: somebody of the school's own has an account and may do this."""
    there = able(permission).filter(organisation__kind=OfficeKind.SCHOOL)
    return Exists(there.filter(organisation__path=OuterRef("school_path")))


def county_sees_to(payment: Any) -> bool:
    """Of a line with `manned`: a school of the own area that has nobody for it; the county puts it right in its place."""
    return not payment.manned and current_scope().covers(payment.school_path, SCHOOL)


@transaction.atomic
def fix(payment: Payment, what: str, *, by: Actor) -> Payment:
    """What was done about a bounce, in the school's words. Raises Refused."""
    held = Payment.objects.select_for_update(of=("self",), no_key=True).get(pk=payment.pk)
    text = crypto.mask_numbers(" ".join(what.split()))
    wrong = {
        "您的角色不能处理退票": not by.may(P.ACCOUNT_WRITE),
        "这一笔已经不是退票，请刷新页面": held.state != PaymentState.BOUNCED,
        "请写明做了什么，例如：10 月 8 日家长已到网点激活": len(text) < 4,
        "最多写 200 个字": len(text) > 200,
        "由学校处理，请通知学校": not current_scope().covers(held.school_path, SCHOOL),
    }
    if held.bounce in BY_ACCOUNT and not Payment.objects.filter(changed(), pk=held.pk).exists():
        wrong[OTHER_ACCOUNT] = True
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    held.fixed, held.fixed_by, held.fixed_by_id, held.fixed_at = text, by.name, by.user_id, timezone.now()
    held.save(update_fields=["fixed", "fixed_by", "fixed_by_id", "fixed_at"])
    return held


@transaction.atomic
def reissue(rows: QuerySet[Payment], *, by: Actor) -> Outcome:
    """Bounced lines that were put right wait for the next bank file of their batch, under the same identity. Raises
    Refused."""
    keys = list(rows.order_by("pk").values_list("pk", flat=True))
    lines = list(Payment.objects.filter(pk__in=keys).order_by().values_list("batch", "term").distinct())
    of, terms = sorted({batch for batch, _ in lines}), {term for _, term in lines}
    list(PaymentBatch.objects.filter(pk__in=of).order_by("pk").select_for_update(of=("self",), no_key=True))
    chosen = Payment.objects.filter(pk__in=keys)
    refusals: Counter[str] = chosen.unmoved("reissue")  # type: ignore[attr-defined]
    waiting, needed = chosen.filter(state=PaymentState.BOUNCED), conditions(by, terms)
    labels = {condition.code: condition.label for condition in needed}
    refusals.update({labels[code]: count for code, count in needed.funnel(waiting).items() if count})
    ready = waiting.filter(needed.hold).order_by().values("pk")
    moved = Payment.objects.filter(pk__in=ready).move("reissue", by=by)  # type: ignore[attr-defined]
    return Outcome(moved, refusals)


@transaction.atomic
def give_up(payment: Payment, *, note: str, by: Actor) -> None:
    """A bounced line that will not be paid, taken off its batch with the reason; the batch settles itself if it was the
    last. Raises Refused."""
    locked(payment.batch)
    if not withdraw(Payment.objects.filter(pk=payment.pk, state=PaymentState.BOUNCED), note):
        raise Refused("这一笔已经不是退票，请刷新页面。")


# ---------- reminders ----------


def remind(now: datetime) -> dict[str, int]:
    """Each school with bounces that nobody has put right, urgent from the eighth day on."""
    today = timezone.localdate(now)
    rows = tasks().order_by("school_path").values("school_path")
    found = {row["school_path"]: row for row in rows.annotate(n=Count("pk"), since=Min("bounced_at"))}
    offices = Organisation.objects.filter(path__in=found, kind=OfficeKind.SCHOOL)
    return inbox.keep("payment.bounce", [_task(office, found[office.path], today) for office in offices], today=today)


def _task(office: Organisation, row: dict[str, Any], today: date) -> Task:
    due = timezone.localdate(row["since"]) + timedelta(days=DAYS)
    late = due < today
    title = f"{row['n']} 笔退票没有处理{'，已超过 7 天' if late else ''}"
    return Task(office, "payment.bounce", title, reverse("bounce_list"), due, None, P.ACCOUNT_WRITE, urgent=late)


def remind_county(now: datetime) -> dict[str, int]:
    """Each county that paid: what waits to be put right, for whoever looks after the schools, and what was put right, for
    the second person who has it paid anew."""
    today = timezone.localdate(now)
    left, ready = tasks().annotate(manned=manned()), bounced().filter(put_right())
    told = _by_office(left, alone=Count("pk", filter=Q(manned=False)))
    found = [_county(office, row, today) for office, row in told]
    found += [_anew(office, row, today) for office, row in _by_office(ready)]
    return inbox.keep("payment.returned", found, today=today)


def _by_office(rows: QuerySet[Payment], **more: Count) -> list[tuple[Organisation, dict[str, Any]]]:
    counted = rows.order_by().values("batch__office").annotate(n=Count("pk"), since=Min("bounced_at"), **more)
    told = {row["batch__office"]: row for row in counted}
    return [(office, told[office.pk]) for office in Organisation.objects.filter(pk__in=told)]


def _county(office: Organisation, row: dict[str, Any], today: date) -> Task:
    due = timezone.localdate(row["since"]) + timedelta(days=DAYS)
    alone = f"，其中 {row['alone']} 笔的学校没有账号，由县里处理" if row["alone"] else ""
    title, url = f"{row['n']} 笔退票没有处理{alone}", reverse("bounce_list")
    return Task(office, "payment.returned", title, url, due, office, P.ACCOUNT_WRITE, urgent=due < today)


def _anew(office: Organisation, row: dict[str, Any], today: date) -> Task:
    due = timezone.localdate(row["since"]) + timedelta(days=2 * DAYS)
    title, url = f"{row['n']} 笔退票已处理，待重新发放", f"{reverse('bounce_list')}?state=ready"
    return Task(office, "payment.returned.ready", title, url, due, office, P.PAYMENT_APPROVE, urgent=due < today)


def card(request: Any) -> dict[str, Any] | None:
    """The home page of a school: how many came back, and for how long the oldest has waited. A county has them on its
    board and on each batch's page."""
    if HOME in current_scope().sides:
        return None
    told = tasks().order_by().aggregate(n=Count("pk"), since=Min("bounced_at"))
    if not told["n"]:
        return None
    return {"bounced": told["n"], "days": (timezone.now() - told["since"]).days, "most": DAYS}
