"""Reminders: what an office has to do and by when. The daily round makes them; whoever does the thing ends them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, QuerySet
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import Organisation, Reminder
from aidcases.roles import P
from aidcases.scoping import EVERYWHERE, Actor, acting_in, current_actor


@dataclass(frozen=True)
class Task:
    """What one office has to do. `key` says what of, `permission` who of the office sees it."""

    office: Organisation
    key: str
    title: str
    url: str
    due_on: date
    subject: models.Model | None = None
    permission: str = P.HOME
    urgent: bool = False

    @property
    def name(self) -> tuple[int, str, str, int]:
        """What makes it the same reminder however often it is asked for."""
        return (self.office.pk, self.key, *_subject(self.subject))

    @property
    def said(self) -> dict[str, Any]:
        return {
            "title": self.title[:200],
            "url": self.url,
            "due_on": self.due_on,
            "permission": str(self.permission),
            "urgent": self.urgent,
        }


def _subject(subject: models.Model | None) -> tuple[str, int]:
    return (subject._meta.label_lower, subject.pk) if subject is not None else ("", 0)


def remind(
    office: Organisation,
    *,
    key: str,
    subject: models.Model | None,
    title: str,
    url: str,
    due_on: date,
    today: date,
    permission: str = P.HOME,
    urgent: bool = False,
) -> None:
    """One reminder per office, key and subject, however often this is called; a later call says anew what, by when and
    how urgent, and opens it again when it has become urgent since or was given another day."""
    remind_all([Task(office, key, title, url, due_on, subject, permission, urgent)], today=today)


def remind_all(tasks: Iterable[Task], *, today: date) -> int:
    """The same for many, in three statements. → reminders made, and those opened again."""
    wanted = {task.name: task for task in tasks}
    if not wanted:
        return 0
    known = {_name(row): row for row in Reminder.objects.filter(key__in={task.key for task in wanted.values()})}
    new = [name for name in wanted if name not in known]
    Reminder.objects.bulk_create([_made(wanted[name], today) for name in new], ignore_conflicts=True)
    changed, again = [], 0
    for name, task in wanted.items():
        row = known.get(name)
        if row is None or all(getattr(row, column) == value for column, value in task.said.items()):
            continue
        if row.done_at and (task.due_on != row.due_on or (task.urgent and not row.urgent)):
            row.done_at, row.done_by, again = None, "", again + 1
        for column, value in task.said.items():
            setattr(row, column, value)
        changed.append(row)
    Reminder.objects.bulk_update(changed, ["title", "url", "due_on", "permission", "urgent", "done_at", "done_by"], 500)
    return len(new) + again


def _name(row: Reminder) -> tuple[int, str, str, int]:
    return row.office_id, row.key, row.subject_type, row.subject_id or 0


def _made(task: Task, today: date) -> Reminder:
    kind, pk = _subject(task.subject)
    return Reminder(
        office=task.office,
        path=task.office.path,
        key=task.key,
        subject_type=kind,
        subject_id=pk,
        made_on=today,
        **task.said,
    )


def keep(family: str, tasks: Iterable[Task], *, today: date) -> dict[str, int]:
    """What is to be done of one family of keys ("window."), now: makes what is missing, ends what is no more to be done.
    → {"reminded", "ended"}."""
    tasks = list(tasks)
    wanted = {task.name for task in tasks}
    if strange := [task.key for task in tasks if not task.key.startswith(family)]:
        raise ValueError(f"{strange[0]} is not of the family {family}")
    over = [row.pk for row in Reminder.objects.open().filter(key__startswith=family) if _name(row) not in wanted]
    return {"reminded": remind_all(tasks, today=today), "ended": _end(Reminder.objects.filter(pk__in=over))}


def _end(rows: QuerySet[Reminder]) -> int:
    return rows.update(done_at=timezone.now(), done_by=current_actor().name)


def done(subject: models.Model | None, *keys: str) -> int:
    """Ends the open reminders of a record (of these keys; all without), or with None those of no record. → how many.
    Whoever did the thing ends it for all who were reminded, the offices above too."""
    kind, pk = _subject(subject)
    with acting_in(EVERYWHERE, current_actor()):
        rows = Reminder.objects.open().filter(subject_type=kind, subject_id=pk)
        if subject is None or keys:
            rows = rows.filter(key__in=keys)
        return _end(rows)


def of(actor: Actor) -> QuerySet[Reminder]:
    """What the office of whoever acts was ever reminded of, as far as they may do it."""
    mine = Reminder.objects.filter(path=actor.path, office_id=actor.office_id)
    return mine if actor.all_powers else mine.filter(permission__in=[str(p) for p in actor.permissions])


def reminders(actor: Actor) -> QuerySet[Reminder]:
    """What whoever acts has to do: of their office, as far as they may do it, the earliest first."""
    return of(actor).filter(done_at=None)


def waiting() -> ArraySubquery:
    """For a query of memberships, before anybody acts: the permissions that the open reminders of the office ask for.
    The bell of every page counts them without a query of its own."""
    open_ones = Reminder._base_manager.filter(
        path=OuterRef("organisation__path"), office=OuterRef("organisation"), done_at=None
    )
    return ArraySubquery(open_ones.values("permission"))


def put_away(reminder: Reminder) -> None:
    """By hand, by somebody who has done it. What has become urgent ends only by being done. Raises Refused."""
    if reminder.urgent:
        raise Refused("这件事已经逾期，办完后会自动结束，不能直接划掉。")
    _end(Reminder.objects.open().filter(pk=reminder.pk))


def take_out(reminder: Reminder) -> None:
    """A reminder that was put away too early."""
    Reminder.objects.filter(pk=reminder.pk).update(done_at=None, done_by="")
