"""Expressions that several ledgers need: one related row per person, divisions along a path."""

from __future__ import annotations

from typing import Any

from django.db.models import Aggregate, CharField, Exists, F, Func, JSONField, OuterRef, Q, QuerySet, Subquery, Value

from aidcases.models import Region
from aidcases.models.places import LEVELS


def one_each(rows: QuerySet, person: str, *, newest: str = "", first: str = "pk") -> Any:
    """Of each person's rows the one with the highest `newest`, among equals the lowest `first`; as the condition of
    a FilteredRelation needs it.

    It is given as a query because Django refuses a queryset there, lest it refer to the outer one; this doesn't.
    """
    better = Q(**{f"{first}__lt": OuterRef(first)})
    if newest:
        better = Q(**{f"{newest}__gt": OuterRef(newest)}) | better & Q(**{newest: OuterRef(newest)})
    beaten = Exists(rows.filter(better, **{person: OuterRef(person)}))
    return rows.filter(~beaten).order_by().values("pk").query


def place_name(path: str, level: str) -> Func:
    """The name of the division at a level (county, township …) of a path; NULL where the path ends above it.

    Looked up in a map the query builds once: a path is no relation to join by, and a subquery per row costs far more.
    """
    named = Aggregate(F("code"), F("name"), function="jsonb_object_agg", output_field=JSONField())
    divisions = Region.objects.filter(level=level).order_by().values("level").annotate(names=named).values("names")
    at = list(LEVELS.values()).index(level)
    code = Func(F(path), Value("/"), Value(at + 2), function="split_part", output_field=CharField())
    return Func(Subquery(divisions), code, template="(%(expressions)s)", arg_joiner=" ->> ", output_field=CharField())
