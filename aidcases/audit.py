"""Writing to the audit log: one event, or one per row of a set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from typing import Any

from django.utils import timezone

from aidcases import crypto
from aidcases.scoping import current_actor, current_scope

_day: ContextVar[date | None] = ContextVar("day", default=None)


@contextmanager
def happened_on(day: date | None) -> Iterator[None]:
    """Steps inside were made on a day before they are written down: a decision of last week, a year of the demo. The log's
    own clock stays what it is; the event says the day beside it (`on`). None: today's."""
    token = _day.set(day)
    try:
        yield
    finally:
        _day.reset(token)


def day_of(event: Any) -> date:
    """On which a step was made; where it was written down later, the day that it says of itself."""
    said = event.data.get("on")
    return date.fromisoformat(said) if said else timezone.localdate(event.at)


def said_day() -> dict[str, str]:
    return {"on": day.isoformat()} if (day := _day.get()) else {}


def record(action: str, *, subject: Any = None, note: str = "", path: str | None = None, **data: Any) -> Any:
    """One event by whoever acts. `data` holds counts, codes and ids, never personal values in clear; what somebody has typed
    (note, purpose) loses numbers of people here, for nothing can be taken out again."""
    from aidcases.models import AuditEvent

    actor = current_actor()
    return AuditEvent._base_manager.create(
        actor=actor.name,
        user_id=actor.user_id,
        path=path or (actor.path if actor.path != "/" else current_scope().path),
        action=action,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        note=crypto.mask_numbers(note),
        data={**said_day(), **data, **({"purpose": crypto.mask_numbers(data["purpose"])} if "purpose" in data else {})},
    )
