"""留守儿童活动室 of schools: opened, closed; a closed one stays in the list."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import Actor, current_scope
from dropout.models import ActivityRoom


def schools() -> Any:
    """Whose rooms whoever acts may open and close."""
    return School.objects.filter(path__startswith=current_scope().path).order_by("path")


@transaction.atomic
def open_room(*, school: School, facts: dict[str, Any], by: Actor, today: date) -> ActivityRoom:
    """Raises Refused."""
    wrong = {
        "您的角色不能登记活动室。": not by.may(P.CARE_WRITE),
        "请选择本单位管辖的学校。": not current_scope().covers(school.path),
        "启用日期不能晚于今天。": facts["from_on"] > today,
        "这所学校已经有同名的活动室。": ActivityRoom.objects.filter(
            school=school, name=facts["name"], ended_on=None
        ).exists(),
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    made = ActivityRoom(path=school.path, school=school, **facts)
    made.save()
    audit.record("activityroom.opened", subject=made, path=made.path)
    return made


@transaction.atomic
def close_room(room: ActivityRoom, *, ended_on: date, by: Actor, today: date) -> ActivityRoom:
    """Raises Refused."""
    held = ActivityRoom.objects.select_for_update(of=("self",)).get(pk=room.pk)
    wrong = {
        "您的角色不能停用活动室。": not by.may(P.CARE_WRITE),
        "活动室已经停用。": held.ended_on is not None,
        "停用日期不能晚于今天。": ended_on > today,
        f"停用日期早于启用日期（{held.from_on}）。": ended_on < held.from_on,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    held.ended_on = ended_on
    held.save(update_fields=["ended_on"])
    audit.record("activityroom.closed", subject=held, path=held.path)
    return held
