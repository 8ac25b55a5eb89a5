"""Which hardship categories people have in a term."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from aidcases.terms import Term
from students.enums import Category
from students.models import Hardship


def hardships_in(term: Term) -> QuerySet[Hardship]:
    """Rows that count on any day of the term: begun by its last day, not closed by its first.

    A closing row closes per person, category, source and office.
    """
    same = {name: OuterRef(name) for name in ("person", "category", "source", "office_path")}
    closed = Hardship.objects.filter(**same, active=False, from_on__gt=OuterRef("from_on"), from_on__lte=term.first_day)
    return Hardship.objects.filter(~Exists(closed), active=True, from_on__lte=term.last_day)


def categories_in(term: Term, people: Iterable[int], orphans: Iterable[int] = ()) -> dict[int, list[str]]:
    """Person (id) → labels in the order of the enumeration, in one query; [] for whoever has none.

    `orphans`: whom the roll itself marks in the term, which counts beside a list of orphans.
    """
    held: dict[int, set[str]] = defaultdict(set)
    rows = hardships_in(term).filter(person__in=set(people)).order_by()
    for person, category in rows.values_list("person", "category"):
        held[person].add(category)
    for person in orphans:
        held[person].add(Category.ORPHAN)
    return defaultdict(list, {who: [c.label for c in Category if c in codes] for who, codes in held.items()})
