"""Dates start, they do not end: in force is the last row not after the day."""

from __future__ import annotations

from datetime import date

from django.db.models import OuterRef, QuerySet, Subquery


def in_force_on(day: date, rows: QuerySet, *, same: tuple[str, ...], starts: str = "from_on") -> QuerySet:
    """Of `rows`, per combination of the `same` fields, the last one that starts on or before `day`."""
    later = rows.filter(**{f"{starts}__lte": day}, **{name: OuterRef(name) for name in same}).order_by(f"-{starts}")
    return rows.filter(pk=Subquery(later.values("pk")[:1]))
