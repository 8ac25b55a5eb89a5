"""来信来访: letters, visits and calls and the appeals of families: registered, answered in working days, closed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, QuerySet, When

from aidcases import crypto, inbox
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import Actor, current_scope
from subsidies.casework import appeals, objections
from subsidies.models import Application, Letter
from subsidies.models.letters import LetterKind, LetterState

# Working days to answer in. Letters, visits, calls: the fifteen days of 《信访工作条例》(2022) for taking a matter up.
# Appeals: the three working days of 教财〔2018〕16号 for objections to a determination.
LETTERS, APPEALS = 15, 3
DAYS = {kind: APPEALS if kind == LetterKind.APPEAL else LETTERS for kind in LetterKind}


def due(kind: str, received_on: date) -> date:
    """The day to answer by; the day it came does not count."""
    return objections.due(received_on, DAYS[LetterKind(kind)])


def register(
    *, kind: str, received_on: date, subject: str, text: str, from_name: str, contact: str, by: Actor, today: date,
    application: Application | None = None,
) -> Letter:  # fmt: skip
    """A new letter of the own office. `contact` is kept encrypted; numbers in the text are masked. Raises Refused."""
    wrong = {
        "请填写事由。": not subject.strip(),
        "收到日期不能晚于今天。": received_on > today,
        "收到日期早于一年前，请核对年份。": received_on < today - timedelta(days=366),
        "您的角色不能登记来信来访。": not (by.may(P.LETTER_WRITE) or by.may(P.APPLICATION_CANCEL)),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    made = Letter(
        path=current_scope().path, kind=kind, received_on=received_on, subject=crypto.mask_numbers(subject.strip())[:100],
        text=crypto.mask_numbers(text.strip()), from_name=from_name.strip()[:60], contact=contact.strip() or None,
        owner=by.name, due_on=due(kind, received_on), made_by=by.name, application=application,
    )  # fmt: skip
    made.save()
    return made


@transaction.atomic
def answer(letter: Letter, *, text: str, by: Actor, today: date, upheld: bool | None = None) -> Letter:
    """`upheld`: of an appeal against a decision, which goes back to be decided anew when it is. Raises Refused: nothing
    said, somebody else answered already."""
    held = Letter.objects.select_for_update(of=("self",)).get(pk=letter.pk)
    if not text.strip():
        raise Refused("请写明答复内容。")
    if held.state != LetterState.OPEN:
        raise Refused("已被他人处理，请刷新后再看。")
    if upheld is None and appeals.contested(held):
        raise Refused(appeals.ASKED)
    said = crypto.mask_numbers(text.strip())
    if upheld:
        appeals.send_back(held, by=by, note=said)
    Letter.objects.filter(pk=held.pk).update(answer=said, upheld=upheld)
    held.move("answer", by=by, answered_on=today, answered_by=by.name, owner=held.owner or by.name)
    inbox.done(held)
    if upheld:
        inbox.remind_all([task for task in appeals.tasks() if task.subject == held], today=today)
    return held


@transaction.atomic
def reopen(letter: Letter, *, note: str, by: Actor, today: date) -> Letter:
    """Not settled after all: the answer given stays in the text, the days run anew. Raises Refused."""
    held = Letter.objects.select_for_update(of=("self",)).get(pk=letter.pk)
    given = f"【{held.answered_on} {held.answered_by} 答复】{held.answer}"
    again = f"【{today} 重新办理】{crypto.mask_numbers(note.strip())}"
    held.move(
        "reopen", by=by, note=note, text="\n".join(filter(None, [held.text, given, again])), answer="", upheld=None,
        answered_on=None, answered_by="", due_on=due(held.kind, today), escalated_on=None,
    )  # fmt: skip
    return held


def close(letter: Letter, *, by: Actor) -> None:
    letter.move("close", by=by)


def ordered(rows: QuerySet[Letter], today: date) -> QuerySet[Letter]:
    """What is overdue first, then by the day it is due."""
    late = Case(When(state=LetterState.OPEN, due_on__lt=today, then=0), default=1)
    return rows.order_by(late, "due_on", "pk")


def state_of(letter: Letter, today: date) -> dict[str, Any]:
    """A letter with whether it is overdue and by how many days."""
    late = letter.state == LetterState.OPEN and letter.due_on < today
    tones = {LetterState.OPEN: "warn", LetterState.ANSWERED: "good", LetterState.CLOSED: ""}
    return {"letter": letter, "late": late, "days": (today - letter.due_on).days, "tone": tones[LetterState(letter.state)]}


def of_office() -> QuerySet[Letter]:
    """Letters in sight with whose they are about; nobody's contact is read for a list."""
    return Letter.objects.select_related("application__student__person").defer(
        "contact", "application__phone", "application__parent_phone", "application__student__person__id_number",
        "application__student__roll_number",
    )  # fmt: skip
