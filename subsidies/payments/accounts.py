"""一卡通账户: proposed by one person, confirmed by another; numbers checked, cards shared across households an alarm.

A row is never rewritten: what a child's money goes to is its last confirmed account not after the day."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from aidcases import audit, crypto, sql
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import current_actor
from students.imports.cells import MARKS, alike
from students.models import Account, Student
from students.models.accounts import AccountState, Holder
from subsidies.casework.applying import Outcome
from subsidies.models import Payment
from subsidies.models.payments import Channel, PaymentState

OWN_PROPOSAL = "是您自己登记的，要由另一人复核"
SAME = "和现在用的账户一样"
WAITS = "这名学生已有一个账户等复核"
_ONE_BY_ONE = "account.proposed"
_SPACES = re.compile(r"[\s-]")
_WIDE = str.maketrans("０１２３４５６７８９", "0123456789")
# Lines that have not been sent, or will be sent again: they follow the child's card.
FOLLOWING = (PaymentState.LISTED, PaymentState.APPROVED, PaymentState.BOUNCED, PaymentState.REISSUED)

# A card of two households, or held by who works at the child's school. Only that it is so is told: which child of which
# county shares it stays with its own office.
_ALARM = """
    UPDATE students_account a SET alarm = d.alarm FROM (
        SELECT n.id, CASE
            WHEN EXISTS (
                SELECT FROM students_account o
                WHERE o.number_hash = n.number_hash AND o.student_id <> n.student_id AND o.state <> 'refused'
                  AND NOT EXISTS (SELECT FROM students_member m JOIN students_member s ON s.household_id = m.household_id
                      WHERE m.person_id = n.student_id AND s.person_id = o.student_id)
            ) THEN '这张卡也登记在别的户的孩子名下'
            WHEN n.relation <> 'self' AND EXISTS (
                SELECT FROM aidcases_user u JOIN aidcases_membership w ON w.user_id = u.id
                JOIN aidcases_organisation g ON g.id = w.organisation_id
                WHERE translate(u.full_name, %(marks)s, '') = translate(n.holder, %(marks)s, '')
                  AND g.kind = 'school' AND g.path = n.school_path
            ) THEN '户名和学校工作人员同名'
            ELSE '' END AS alarm
        FROM students_account n WHERE n.id = ANY(%(keys)s)
    ) d WHERE d.id = a.id AND a.alarm <> d.alarm
"""


def tidy(number: str) -> str:
    """6217 0000 … as people write it → its digits."""
    return _SPACES.sub("", number.translate(_WIDE))


def wrong_number(number: str) -> str:
    """What is wrong with it, or "": 16 to 19 digits; cards of the card union (62…) carry a check digit (Luhn), passbooks
    of other banks none that all of them share."""
    if not number.isascii() or not number.isdigit():
        return "账号只能是数字"
    if not 16 <= len(number) <= 19:
        return f"账号要有 16 到 19 位，现在是 {len(number)} 位"
    return "账号不对，有数字写错或颠倒了" if number.startswith("62") and not _luhn(number) else ""


def _luhn(number: str) -> bool:
    doubled = (int(d) * (1 + place % 2) for place, d in enumerate(reversed(number)))
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def problems(student: Student, *, number: str, holder: str, relation: str, bank: str) -> list[str]:
    """Sentences on what cannot be right."""
    name = student.person.name
    wrong = {
        wrong_number(number): bool(wrong_number(number)),
        "请填写户名": not holder,
        "请填写开户行": not bank,
        "请选择持卡人是谁": relation not in Holder.values,
        f"持卡人是本人时，户名要和学生姓名“{name}”一致": relation == Holder.SELF and bool(holder) and not alike(holder, name),
    }
    return [sentence for sentence, holds in wrong.items() if holds]


@transaction.atomic
def propose(
    student: Student, *, number: str, holder: str, relation: str, bank: str, why: str = "", from_on: date | None = None
) -> Account:
    """Another person has to confirm it. Raises Refused with what is wrong."""
    if not current_actor().may(P.ACCOUNT_WRITE):
        raise Refused("您的角色不能登记账户")
    number, holder, bank = tidy(number), holder.strip()[:60], bank.strip()[:60]
    if reasons := problems(student, number=number, holder=holder, relation=relation, bank=bank):
        raise Refused(*reasons)
    day = from_on or timezone.localdate()
    one_by_one()
    now = Account.objects.in_force_on(day).filter(student=student).first()
    if Account.objects.filter(student=student, state=AccountState.PROPOSED).exists():
        raise Refused(WAITS)
    if now and same(now, number, holder, relation, bank):
        raise Refused(SAME)
    if now and not why.strip():
        raise Refused("请写明为什么更换账户")
    made = made_for(student, day, number=number, holder=holder, relation=relation, bank=bank, why=why.strip()[:200])
    made.save()
    _alarm([made.pk])
    made.refresh_from_db()
    audit.record("account.proposed", subject=made, path=_path(made), change=now is not None)
    return made


def one_by_one() -> None:
    """Proposals wait for each other: the second for a child is told that one waits, the second of a number sees the first.
    One lock for all: a list has more numbers than the database keeps locks."""
    sql.lock(_ONE_BY_ONE)


def made_for(student: Student, day: date, *, number: str, **columns: Any) -> Account:
    """Not saved yet."""
    by, person = current_actor(), student.person
    return Account(
        student=student, from_on=day, number=number, number_last4=number[-4:], proposed_by=by.name,
        proposed_by_id=by.user_id, home_path=person.home_path, school_path=person.school_path, path=by.path, **columns,
    )  # fmt: skip


def same(now: Account, number: str, holder: str, relation: str, bank: str) -> bool:
    number_hash = crypto.blind(number, "account")
    return (bytes(now.number_hash), now.holder, now.relation, now.bank) == (number_hash, holder, relation, bank)


def _path(account: Account) -> str:
    return account.school_path or account.home_path


def _alarm(keys: Collection[int]) -> None:
    sql.run(_ALARM, {"keys": list(keys), "marks": MARKS})


def alarmed(keys: Collection[int]) -> int:
    """Looks at new accounts together. → those with an alarm."""
    _alarm(keys)
    return Account.objects.filter(pk__in=keys).exclude(alarm="").count()


# --- the second person ---------------------------------------------------------------------------------------------


@transaction.atomic
def confirm(rows: QuerySet[Account], *, day: date | None = None) -> Outcome:
    """Somebody else's proposals come into force; what has not been sent yet goes there from now on."""
    by = current_actor()
    keys = list(rows.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
    found = Account.objects.filter(pk__in=keys)
    refusals: Counter[str] = found.unmoved("confirm")
    own = Q(proposed_by_id=by.user_id) if by.user_id is not None else Q(pk=None)
    if mine := found.filter(own, state=AccountState.PROPOSED).count():
        refusals[OWN_PROPOSAL] += mine
    moved = found.exclude(own).move("confirm", by=by, confirmed_by=by.name, confirmed_by_id=by.user_id, confirmed_at=Now())
    fresh = found.filter(state=AccountState.CONFIRMED, confirmed_by_id=by.user_id).order_by()
    follow(fresh.values("student"), day or timezone.localdate())
    return Outcome(moved, refusals)


def follow(students: Any, day: date) -> int:
    """Lines for the bank that wait to be sent go to the account in force. → lines changed."""
    force = Account.objects.in_force_on(day).order_by().filter(student=OuterRef("student")).values("pk")[:1]
    lines = Payment.objects.filter(student__in=students, state__in=FOLLOWING, batch__channel=Channel.BANK)
    found = lines.annotate(force=Subquery(force)).exclude(force=None).exclude(account=F("force"))
    keys = list(found.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
    return Payment.objects.filter(pk__in=keys).update(account=Subquery(force))


@transaction.atomic
def refuse(rows: QuerySet[Account], note: str) -> int:
    """Not this account, with the reason whoever proposed it reads."""
    return rows.move("refuse", by=current_actor(), note=note, why=note.strip()[:200])


@transaction.atomic
def clear(account: Account, note: str) -> None:
    """What was found out about an alarm, by somebody else than who proposed the account."""
    by = current_actor()
    wrong = {
        "您的角色不能核实疑点": not by.may(P.ACCOUNT_CONFIRM),
        "请写明怎样核实、结果如何": not note.strip(),
        "这个账户没有疑点": not account.alarm,
        OWN_PROPOSAL: by.user_id is not None and by.user_id == account.proposed_by_id,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    Account.objects.filter(pk=account.pk).update(cleared=note.strip()[:200])
    audit.record("account.cleared", subject=account, path=_path(account), note=note.strip()[:200])


def changes(rows: Iterable[Account], day: date) -> list[dict[str, Any]]:
    """Accounts with what is in force instead: .account .before (or None), in one query more."""
    rows = list(rows)
    force = Account.objects.in_force_on(day).filter(student__in=[row.student_id for row in rows]).defer("number")
    now = {row.student_id: row for row in force}
    return [
        {"account": row, "before": now[row.student_id] if now.get(row.student_id, row).pk != row.pk else None}
        for row in rows
    ]
