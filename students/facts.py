"""Which hardship categories people have in a term."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet

from aidcases.terms import Term
from students.enums import Category, RosterKind
from students.models import Enrolment, Hardship, ImportFile
from students.models.imports import FileState


def hardships_in(term: Term) -> QuerySet[Hardship]:
    """Rows that count on any day of the term: begun by its last day, not closed by its first.

    A closing row closes per person, category, source and office.
    """
    same = {name: OuterRef(name) for name in ("person", "category", "source", "office_path")}
    closed = Hardship.objects.filter(**same, active=False, from_on__gt=OuterRef("from_on"), from_on__lte=term.first_day)
    return Hardship.objects.filter(~Exists(closed), active=True, from_on__lte=term.last_day)


def roll_orphans(term: Term, enrolment: str = "") -> Q:
    """The roll's own mark 是否孤儿, of enrolments of the term (or of rows with an `enrolment__`).

    It counts until a list of orphans is imported for the child's home; from that list's day (its data's, else its term's
    first) only those on it are orphans. A term that began before that day keeps the mark.
    """
    year = str(term.year)
    begun = Q(term__lt=year) | Q(term=f"{year}-spring") | (Q(term=term.code) if term.autumn else Q(pk=None))
    home = Func(OuterRef(f"{enrolment}home_path"), F("path"), function="starts_with", output_field=BooleanField())
    lists = ImportFile._base_manager.filter(
        Q(data_on__lte=term.first_day) | (Q(data_on=None) & begun),
        Q(home),
        kind=RosterKind.ORPHANS,
        state__in=(FileState.COMMITTED, FileState.UNDOING),
    )
    return Q(**{f"{enrolment}orphan": True}) & ~Exists(lists)


def marked_in(term: Term, students: Iterable[int]) -> set[int]:
    """Of students the roll marks as orphans in the term, those whose mark counts."""
    if not (marked := set(students)):
        return set()
    rows = Enrolment.objects.in_term(term).filter(roll_orphans(term), student__in=marked)
    return set(rows.values_list("student_id", flat=True))


def categories_in(term: Term, people: Iterable[int], orphans: Iterable[int] = ()) -> dict[int, list[str]]:
    """Person (id) → labels in the order of the enumeration, in one query; [] for whoever has none.

    `orphans`: whom the roll itself marks in the term; one more query when there are any (see roll_orphans).
    """
    held: dict[int, set[str]] = defaultdict(set)
    rows = hardships_in(term).filter(person__in=set(people)).order_by()
    for person, category in rows.values_list("person", "category"):
        held[person].add(category)
    for person in marked_in(term, orphans):
        held[person].add(Category.ORPHAN)
    return defaultdict(list, {who: [c.label for c in Category if c in codes] for who, codes in held.items()})
