"""约谈: who was spoken to about what is late, what was agreed; with an order to put it right by a day where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db import transaction

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.roles import P
from aidcases.scoping import Actor, current_scope
from dropout import rectifying
from ledgers.models import Talk, WorkTask
from ledgers.progress.goals import GOALS
from subsidies.giving.common import said as without_numbers

TEXTS = {"held_by": 60, "people": 120, "about": 200, "minutes": 4000, "result": 400}


@dataclass(frozen=True)
class Said:
    """What was said. due_on: by when it is to be put right; None for no order."""

    held_on: date
    held_by: str
    people: str
    about: str
    minutes: str
    result: str
    due_on: date | None = None


@transaction.atomic
def hold(
    office: Organisation, said: Said, *, task: WorkTask | None = None, indicator: str = "", year: int, by: Actor,
    given_name: str, today: date,
) -> Talk:  # fmt: skip
    """Writes the talk down. Raises Refused."""
    own = current_scope().path
    wrong = {
        "您的角色不能登记约谈。": not by.may(P.PROGRESS_GIVE),
        "只能约谈下级单位。": not office.path.startswith(own) or office.path == own,
        "任务不是这个单位的。": task is not None and task.path != office.path,
        "请从列表中选择指标。": bool(indicator) and indicator not in GOALS,
        "约谈日期不能晚于今天。": said.held_on > today,
        "请写明谈话记录和要求（各至少 5 个字）。": min(len(said.minutes.strip()), len(said.result.strip())) < 5,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    order = None
    if said.due_on:
        problem = f"约谈要求：{without_numbers(said.about, TEXTS['about'])}"
        order = rectifying.give(office, problem=problem, due_on=said.due_on, by=by, given_name=given_name, today=today)
    made = Talk(
        office=office, path=office.path, given_path=own, given_name=given_name[:80], task=task, indicator=indicator,
        year=year, held_on=said.held_on, rectification=order, made_by=by.name,
        **{name: without_numbers(getattr(said, name), most) for name, most in TEXTS.items()},
    )  # fmt: skip
    made.save()
    audit.record("talk.held", subject=made, path=office.path, year=year, indicator=indicator)
    return made
