"""Reminders: what an office has to do and by when. The daily round makes them; whoever does the thing ends them."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import QuerySet
from django.utils import timezone

from aidcases.models import Organisation, Reminder
from aidcases.roles import P
from aidcases.scoping import Actor, current_actor


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
    how urgent, and opens it again when it has become urgent since."""
    said = {"title": title[:200], "url": url, "due_on": due_on, "permission": permission, "urgent": urgent}
    found, made = Reminder.objects.get_or_create(
        office=office,
        key=key,
        subject_type=subject._meta.label_lower if subject else "",
        subject_id=subject.pk if subject else 0,
        defaults={**said, "path": office.path, "made_on": today},
    )
    if made:
        return
    again = {"done_at": None, "done_by": ""} if urgent and not found.urgent else {}
    if any(getattr(found, name) != value for name, value in said.items()):
        Reminder.objects.filter(pk=found.pk).update(**said, **again)


def done(subject: models.Model, *keys: str) -> int:
    """Ends the open reminders of a record (of these keys; all without). → how many."""
    rows = Reminder.objects.open().filter(subject_type=subject._meta.label_lower, subject_id=subject.pk)
    rows = rows.filter(key__in=keys) if keys else rows
    return rows.update(done_at=timezone.now(), done_by=current_actor().name)


def reminders(actor: Actor) -> QuerySet[Reminder]:
    """What whoever acts has to do: of their office, as far as they may do it, the earliest first."""
    mine = Reminder.objects.open().filter(office_id=actor.office_id)
    return mine if actor.all_powers else mine.filter(permission__in=[str(p) for p in actor.permissions])
