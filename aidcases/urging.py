"""What an office has to do by a day: a reminder to it, and once the day is over a second, urgent one to the office above."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from aidcases import audit, inbox
from aidcases.inbox import Task
from aidcases.models import Organisation
from aidcases.models.places import above
from aidcases.roles import OfficeKind, P


@dataclass(frozen=True)
class Urging:
    """How rows with `due_on` and `escalated_on` are urged. family: of the reminders' keys, of the log's action and of the
    page, `<family>_detail`. named: what a row is called. kinds: the offices that work on it. permission, above: who of the
    own office and of the one above sees it. asks, late, urges: the words."""

    family: str
    named: Callable[[Any], str]
    kinds: tuple[OfficeKind, ...]
    permission: P
    above: P
    path_of: Callable[[Any], str] = lambda row: row.path
    asks: str = "请答复"
    late: str = "逾期未答复"
    urges: str = "请督办"


def offices(paths: Iterable[str], kinds: tuple[OfficeKind, ...]) -> dict[str, Organisation]:
    """path → the office of one of these kinds that works there."""
    return {each.path: each for each in Organisation.objects.filter(path__in=set(paths), kind__in=kinds)}


def urge(rows: QuerySet, how: Urging, *, today: date) -> dict[str, int]:
    """Reminds of all rows, marks what is overdue once and says so in the log; what is no more to be done ends. →
    {"escalated", "reminded", "ended"}."""
    found = list(rows)
    late = [row for row in found if row.due_on < today and row.escalated_on is None]
    rows.model.objects.filter(pk__in=[row.pk for row in late], escalated_on=None).update(escalated_on=today)
    for row in late:
        audit.record(f"{how.family}.escalated", subject=row, path=how.path_of(row), due=row.due_on.isoformat())
    known = offices((path for row in found for path in above(how.path_of(row))), how.kinds)
    tasks = [task for row in found for task in _tasks(row, how, known, today)]
    return {"escalated": len(late), **inbox.keep(f"{how.family}.", tasks, today=today)}


def _tasks(row: Any, how: Urging, known: dict[str, Organisation], today: date) -> Iterable[Task]:
    over, said = row.due_on < today, how.named(row)
    own_path, *higher = above(how.path_of(row))
    own, next_up = known.get(own_path), next((known[path] for path in higher if path in known), None)
    what = {"url": reverse(f"{how.family}_detail", args=[row.pk]), "due_on": row.due_on, "subject": row, "urgent": over}
    if own:
        title = f"{how.late if over else how.asks}：{said}"
        yield Task(own, f"{how.family}.due", title, permission=how.permission, **what)
    if over and next_up:
        title = f"{own.name if own else ''}{how.late}，{how.urges}：{said}"
        yield Task(next_up, f"{how.family}.escalated", title, permission=how.above, **what)
