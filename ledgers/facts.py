"""What ledgers ask about children in a term, as ORM expressions over scoped rows."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Exists, F, Func, OuterRef, QuerySet, Subquery, Value

from aidcases.models import Region
from aidcases.terms import Term
from students.models import Hardship


def active_in(term: Term, *categories: str) -> QuerySet:
    """Hardship rows by which a category is active on some day of the term: begun by its last day, not ended before
    its first (rules.md: a category counts for a term when it is active on any day of it).

    The same reading as subsidies.facts, for people who are not enrolled too; a test holds one against the other.
    """
    ended = Hardship.objects.filter(
        person=OuterRef("person"),
        category=OuterRef("category"),
        source=OuterRef("source"),
        office_path=OuterRef("office_path"),
        active=False,
        from_on__gt=OuterRef("from_on"),
        from_on__lte=term.first_day,
    )
    begun = Hardship.objects.filter(category__in=categories, active=True, from_on__lte=term.last_day)
    return begun.filter(~Exists(ended))


def one_each(rows: QuerySet, person: str, *order: str) -> Any:
    """The first row of each person, for the condition of a FilteredRelation.

    It is given as a query because Django refuses a queryset there, lest it refer to the outer one; this doesn't.
    """
    return rows.order_by(person, *order, "pk").distinct(person).values("pk").query


def step(path: str, level: int) -> Func:
    """The code at a level of a path (1 province, 2 city, 3 county, 4 township, 5 village); "" below its end."""
    return Func(F(path), Value("/"), Value(level + 1), function="split_part", output_field=CharField())


def place_name(path: str, level: int) -> Subquery:
    """The name of the division at a level of a path."""
    code = Func(OuterRef(path), Value("/"), Value(level + 1), function="split_part", output_field=CharField())
    return Subquery(Region.objects.filter(code=code).values("name")[:1])
