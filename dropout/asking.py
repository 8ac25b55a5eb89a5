"""家庭诉求: what a family asks for at a visit is given to somebody, answered in working days, accepted or taken up again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, QuerySet, When

from aidcases import crypto, inbox
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor
from aidcases.workdays import NotAnnounced, Workdays
from dropout.enums import TaskState
from dropout.models import CareVisit, FamilyRequest

DAYS, MOST_DAYS = 10, 60  # working days to answer in


def due(today: date, working_days: int) -> date:
    """The day to answer by; today does not count. Into a year not announced yet weekdays are counted: nobody waits for a
    calendar."""
    try:
        return Workdays.read().after(today, working_days)
    except NotAnnounced:
        day = today
        while working_days:
            day += timedelta(days=1)
            working_days -= day.weekday() < 5
        return day


def ordered(rows: QuerySet, today: date) -> QuerySet:
    """What is overdue first, then by the day it is due."""
    late = Case(When(state=TaskState.OPEN, due_on__lt=today, then=0), default=1)
    return rows.order_by(late, "due_on", "pk")


def again(row: Any, *, note: str, today: date) -> str:
    """What has been told before, with the answer given so far and why it is not the end of it."""
    given = f"【{row.answered_on} {row.answered_by} 答复】{row.answer}" if row.answer else ""
    return "\n".join(filter(None, [row.told, given, f"【{today} 继续办理】{crypto.mask_numbers(note.strip())}"]))


def ask(visit: CareVisit, *, text: str, owner: str, days: int, by: Actor, today: date) -> FamilyRequest:
    """A request raised at a visit. Raises Refused."""
    wrong = {
        "您的角色不能登记家庭诉求。": not by.may(P.CARE_WRITE),
        "请写明家庭的诉求。": len(text.strip()) < 2,
        "请写明由谁办理。": not owner.strip(),
        f"答复期限请填 1—{MOST_DAYS} 个工作日。": not 1 <= days <= MOST_DAYS,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    made = FamilyRequest(
        visit=visit, home_path=visit.home_path, school_path=visit.school_path,
        text=crypto.mask_numbers(text.strip())[:200], owner=owner.strip()[:60], due_on=due(today, days),
    )  # fmt: skip
    made.save()
    return made


def _held(row: FamilyRequest) -> FamilyRequest:
    return FamilyRequest.objects.select_for_update(of=("self",)).get(pk=row.pk)


@transaction.atomic
def answer(row: FamilyRequest, *, text: str, by: Actor, today: date) -> FamilyRequest:
    """Raises Refused: nothing said, somebody else answered already."""
    held = _held(row)
    if held.state != TaskState.OPEN:
        raise Refused("已被他人处理，请刷新后再看。")
    if len(text.strip()) < 2:
        raise Refused("请写明办理结果。")
    FamilyRequest.objects.filter(pk=held.pk).update(answer=crypto.mask_numbers(text.strip())[:400])
    held.move("answer", by=by, answered_on=today, answered_by=by.name)
    inbox.done(held)
    return held


@transaction.atomic
def accept(row: FamilyRequest, *, by: Actor) -> FamilyRequest:
    """The family is content with it. Raises Refused."""
    held = _held(row)
    held.move("close", by=by)
    return held


@transaction.atomic
def reopen(row: FamilyRequest, *, note: str, days: int, by: Actor, today: date) -> FamilyRequest:
    """The family is not content: the answer is kept, the days run anew. Raises Refused."""
    held = _held(row)
    if not 1 <= days <= MOST_DAYS:
        raise Refused(f"答复期限请填 1—{MOST_DAYS} 个工作日。")
    held.move(
        "reopen", by=by, note=note.strip()[:200], told=again(held, note=note, today=today), answer="", answered_on=None,
        answered_by="", due_on=due(today, days), escalated_on=None,
    )  # fmt: skip
    return held
