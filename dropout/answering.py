"""What must be answered by a day, asked for every hour by aidcases.daily: requests of families and tips of the public. A
reminder to the office that has them; once the day is over a second, urgent one to the office above."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone

from aidcases import audit, inbox
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.roles import OfficeKind, P
from dropout.enums import TaskState
from dropout.models import FamilyRequest, Tip

# Villages and townships visit families, too.
WORKING = (OfficeKind.VILLAGE, OfficeKind.TOWNSHIP, OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.CITY)


def _above(path: str) -> list[str]:
    """Paths of the places a path lies in, the nearest first."""
    steps = path.strip("/").split("/")[:-1]
    return [f"/{'/'.join(steps[:n])}/" for n in range(len(steps), 0, -1)]


def requests_due(now: datetime) -> dict[str, int]:
    rows = FamilyRequest.objects.filter(state=TaskState.OPEN).select_related("visit")
    return _remind(
        rows, "familyrequest", timezone.localdate(now), lambda row: row.visit.path, lambda row: f"家庭诉求：{row.text}",
        (P.CARE_WRITE, P.CARE_VIEW),
    )  # fmt: skip


def tips_due(now: datetime) -> dict[str, int]:
    rows = Tip.objects.filter(state=TaskState.OPEN).defer("text", "contact")
    return _remind(
        rows, "tip", timezone.localdate(now), lambda row: row.path, lambda row: f"{row.received_on} 收到的群众反映",
        (P.TIP_HANDLE, P.CARE_VIEW),
    )  # fmt: skip


def _remind(
    rows: Any, family: str, today: date, path_of: Callable[[Any], str], named: Callable[[Any], str],
    permissions: tuple[P, P],
) -> dict[str, int]:  # fmt: skip
    found = list(rows)
    late = [row for row in found if row.due_on < today and row.escalated_on is None]
    rows.model.objects.filter(pk__in=[row.pk for row in late], escalated_on=None).update(escalated_on=today)
    for row in late:
        audit.record(f"{family}.escalated", subject=row, path=path_of(row), due=row.due_on.isoformat())
    paths = {each for row in found for each in (path_of(row), *_above(path_of(row)))}
    known = {office.path: office for office in Organisation.objects.filter(path__in=paths, kind__in=WORKING)}
    tasks = [task for row in found for task in _tasks(row, family, today, path_of(row), named(row), known, permissions)]
    return {f"{family}_escalated": len(late), **inbox.keep(f"{family}.", tasks, today=today)}


def _tasks(
    row: Any, family: str, today: date, path: str, said: str, known: dict[str, Organisation], permissions: tuple[P, P]
) -> list[Task]:
    over, own = row.due_on < today, known.get(path)
    what = {"url": reverse(f"{family}_detail", args=[row.pk]), "due_on": row.due_on, "subject": row, "urgent": over}
    tasks = []
    if own:
        title = f"{'逾期未答复' if over else '请答复'}：{said}"
        tasks.append(Task(own, f"{family}.due", title, permission=permissions[0], **what))
    above = next((known[each] for each in _above(path) if each in known), None)
    if over and above:
        title = f"{own.name if own else ''}逾期未答复，请督办：{said}"
        tasks.append(Task(above, f"{family}.escalated", title, permission=permissions[1], **what))
    return tasks


HOOKS = (requests_due, tips_due)
