"""抽查和整改: what was found of a drawn child; what somebody below has to put right, by when; who has checked it."""

from __future__ import annotations

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Case, QuerySet, When

from aidcases import audit, crypto, inbox
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.models.places import above
from aidcases.roles import OfficeKind, P
from aidcases.scoping import EVERYWHERE, Actor, acting_in, current_actor, current_scope
from dropout.enums import TaskState
from dropout.models import DropoutCase, InspectionLine, Rectification

WORKING = (OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.TOWNSHIP)
FASTER = "已被他人处理，请刷新后再看。"


@transaction.atomic
def record(line: InspectionLine, *, in_school: bool, found: str, by: Actor, today: date) -> InspectionLine:
    """What was seen at the door or in the classroom; the last word counts, every one is in the log. Raises Refused."""
    if not by.may(P.DROPOUT_INSPECT):
        raise Refused("您的角色不能登记抽查情况。")
    if not in_school and len(found.strip()) < 5:
        raise Refused("不在校的请写明抽查情况（至少 5 个字）。")
    held = InspectionLine.objects.select_for_update(of=("self",)).select_related("inspection").get(pk=line.pk)
    if held.inspection.path != current_scope().path:  # the inspected see their child's line, and leave it alone
        raise Refused("由组织抽查的单位登记。")
    held.in_school, held.found = in_school, crypto.mask_numbers(found.strip())[:200]
    held.checked_on, held.checked_by = today, by.name
    held.save(update_fields=["in_school", "found", "checked_on", "checked_by"])
    audit.record("inspectionline.checked", subject=held, in_school=in_school)
    return held


def offices_for(line: InspectionLine) -> list[Organisation]:
    """Who can be told to put it right: the school and the county that have the child, below the inspecting office."""
    own = current_scope().path
    found = Organisation.objects.filter(kind__in=WORKING, path__startswith=own).order_by("-path")
    return list(found.filter(path__in=[*above(line.school_path), *above(line.home_path)]).exclude(path=own))


@transaction.atomic
def give(
    office: Organisation, *, problem: str, due_on: date, by: Actor, given_name: str, today: date,
    line: InspectionLine | None = None, case: DropoutCase | None = None,
) -> Rectification:  # fmt: skip
    """A task for an office below. Raises Refused."""
    wrong = {
        "您的角色不能下达整改。": not by.may(P.DROPOUT_INSPECT),
        "请写明要整改的问题（至少 5 个字）。": len(problem.strip()) < 5,
        "整改期限要在今天以后，一年以内。": not today < due_on <= today + timedelta(days=366),
        "只能向本单位范围内的单位下达整改。": not office.path.startswith(current_scope().path),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    made = Rectification(
        path=office.path, given_path=current_scope().path, given_name=given_name[:80], line=line, case=case,
        problem=crypto.mask_numbers(problem.strip())[:200], due_on=due_on, made_by=by.name, made_on=today,
    )  # fmt: skip
    made.save()
    audit.record("rectification.given", subject=made, path=office.path, due=due_on.isoformat())
    return made


@transaction.atomic
def answer(task: Rectification, *, text: str, by: Actor, today: date) -> Rectification:
    """What was done, by whoever had to do it. Raises Refused."""
    held = Rectification.objects.select_for_update(of=("self",)).get(pk=task.pk)
    if held.path != current_scope().path:
        raise Refused("由承办单位报告整改情况。")
    if len(text.strip()) < 5:
        raise Refused("请写明整改情况（至少 5 个字）。")
    if held.state != TaskState.OPEN:
        raise Refused(FASTER)
    Rectification.objects.filter(pk=held.pk).update(answer=crypto.mask_numbers(text.strip())[:400])
    held.move("answer", by=by, answered_on=today, answered_by=by.name)
    inbox.done(held)
    return held


@transaction.atomic
def accept(task: Rectification, *, by: Actor) -> Rectification:
    _by_giver(task)
    task.move("accept", by=by)
    return task


@transaction.atomic
def send_back(task: Rectification, *, note: str, due_on: date, by: Actor, today: date) -> Rectification:
    _by_giver(task)
    if not today < due_on <= today + timedelta(days=366):
        raise Refused("整改期限要在今天以后，一年以内。")
    task.move("send_back", by=by, note=note, due_on=due_on, escalated_on=None)
    return task


def _by_giver(task: Rectification) -> None:
    if task.given_path != current_scope().path:
        raise Refused("由下达整改的单位核实。")


def ordered(rows: QuerySet[Rectification], today: date) -> QuerySet[Rectification]:
    """What is overdue first, then by the day it is due."""
    late = Case(When(state=TaskState.OPEN, due_on__lt=today, then=0), default=1)
    return rows.order_by(late, "due_on", "pk")


def escalate(today: date) -> int:
    """Marks overdue tasks once. → how many."""
    with acting_in(EVERYWHERE, current_actor()):
        late = list(Rectification.objects.filter(state=TaskState.OPEN, due_on__lt=today, escalated_on=None))
        Rectification.objects.filter(pk__in=[row.pk for row in late]).update(escalated_on=today)
        for row in late:
            audit.record("rectification.escalated", subject=row, path=row.path, due=row.due_on.isoformat())
    return len(late)
