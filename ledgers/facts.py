"""Expressions that several ledgers need: one related row per person, divisions along a path."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Func, OuterRef, QuerySet, Subquery, Value

from aidcases.models import Region


def one_each(rows: QuerySet, person: str, *order: str) -> Any:
    """The first row of each person, for the condition of a FilteredRelation.

    It is given as a query because Django refuses a queryset there, lest it refer to the outer one; this doesn't.
    """
    return rows.order_by(person, *order, "pk").distinct(person).values("pk").query


def place_name(path: str, level: int) -> Subquery:
    """The name of the division at a level of a path (1 province, 2 city, 3 county, 4 township, 5 village)."""
    code = Func(OuterRef(path), Value("/"), Value(level + 1), function="split_part", output_field=CharField())
    return Subquery(Region.objects.filter(code=code).values("name")[:1])
