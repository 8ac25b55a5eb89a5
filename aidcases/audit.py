"""Writing to the audit log: one event, or one per row of a set."""

from __future__ import annotations

from typing import Any

from aidcases.scoping import current_actor, current_scope


def record(action: str, *, subject: Any = None, note: str = "", path: str | None = None, **data: Any) -> Any:
    """One event by whoever acts. `data` holds counts, codes and ids, never personal values in clear."""
    from aidcases.models import AuditEvent

    actor = current_actor()
    return AuditEvent._base_manager.create(
        actor=actor.name,
        user_id=actor.user_id,
        path=path or (actor.path if actor.path != "/" else current_scope().path),
        action=action,
        subject_type=subject._meta.label_lower if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        note=note,
        data=data,
    )
