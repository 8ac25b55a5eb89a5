"""How long a case may stand in a state: working days, as the county has set them or as practice has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from django.db import transaction

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models.places import above
from aidcases.scoping import Actor, current_scope
from aidcases.workdays import Workdays
from dropout.enums import CaseState
from dropout.models import Deadline

# Practice of the counties read: three days to look, a week to know, three to begin, two weeks of persuading.
DEFAULTS = {
    CaseState.SUSPECTED: 3,
    CaseState.VERIFYING: 5,
    CaseState.CONFIRMED: 3,
    CaseState.PERSUADING: 10,
    CaseState.LEGAL: 15,
    CaseState.RETURNED: 5,
    CaseState.PLACED: 5,
}


class Calendar(Workdays):
    """Working days, weekdays in a year whose holidays nobody has entered yet: no case waits for a calendar."""

    def works(self, day: date) -> bool:
        return self.changed.get(day, day.weekday() < 5)


class SchoolDays(Calendar):
    """Days on which a child can be found in class: no working day of the two long holidays. Schools begin and end by a few
    days apart; what lies between the earliest last day and the latest first one is nobody's school day."""

    def works(self, day: date) -> bool:
        summer, winter = (7, 5) <= (day.month, day.day) <= (8, 31), (1, 10) <= (day.month, day.day) <= (2, 29)
        return super().works(day) and not summer and not winter


@dataclass(frozen=True)
class Deadlines:
    """What holds on a day, read once: (path, state) → working days, the longest path first."""

    rows: tuple[tuple[str, str, int], ...]

    @classmethod
    def read(cls, today: date, paths: Iterable[str] = ()) -> Deadlines:
        """Those of all areas in sight and of the areas above the paths (a school goes by its county's)."""
        steps = {step for path in paths for step in above(path)}
        found = Deadline._base_manager.filter(from_on__lte=today, path__in=steps)
        last: dict[tuple[str, str], int] = {}
        for path, state, days in found.order_by("from_on").values_list("path", "state", "days"):
            last[path, state] = days
        rows = sorted(((path, state, days) for (path, state), days in last.items()), key=lambda row: -len(row[0]))
        return cls(tuple(rows))

    @cached_property
    def calendar(self) -> Workdays:
        return Calendar.read()

    def days(self, state: str, path: str) -> int | None:
        """Working days in a state at a place; None for a state that waits for nobody."""
        for area, named, days in self.rows:
            if named == state and path.startswith(area):
                return days
        return DEFAULTS.get(CaseState(state))

    def due(self, state: str, path: str, today: date) -> date | None:
        """The day by which a case that comes into the state today must go on."""
        days = self.days(state, path)
        return self.calendar.after(today, days) if days else None


@transaction.atomic
def settle(*, state: str, days: int, from_on: date, by: Actor, today: date) -> Deadline:
    """The working days of a state in the own area, from a day on; written for the same day again they are replaced.
    Cases that stand there already keep their day. Raises Refused."""
    wrong = {
        "您的角色不能设定办理期限。": not by.may("dropout.set"),
        "这个状态没有办理期限。": state not in DEFAULTS,
        "工作日数要在 1 到 120 之间。": not 1 <= days <= 120,
        "开始日期不能早于今天。": from_on < today,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    said = {"days": days, "set_by": by.name}
    path = current_scope().path
    made, _ = Deadline.objects.update_or_create(path=path, state=state, from_on=from_on, defaults=said)
    audit.record("deadline.set", subject=made, path=path, state=state, days=days, from_on=from_on.isoformat())
    return made


def drop(row: Deadline, *, by: Actor, today: date) -> None:
    """One that has not begun. Raises Refused."""
    if not by.may("dropout.set") or row.path != current_scope().path:
        raise Refused("由设定的单位删除。")
    if row.from_on <= today:
        raise Refused("已经开始执行的期限不能删除，请另设一个新的。")
    audit.record("deadline.dropped", subject=row, path=row.path, state=row.state, from_on=row.from_on.isoformat())
    row.delete()
