"""Poor households with children at school, and those children with what a school year costs and brings them: the querysets
that the pages, the papers and the ledger share."""

from __future__ import annotations

from typing import Any

from django.db.models import (
    Case,
    Count,
    DecimalField,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Coalesce, Greatest

from aidcases.terms import AUTUMN, Term
from students.models import Enrolment, Household, Member
from subsidies.models import Entitlement, PlanChild

YUAN = DecimalField(max_digits=12, decimal_places=2)
SCHOOLING = "因学"  # as the register writes it, alone or among other causes
COSTS = ("fees", "board", "travel")


def terms_of(year: int) -> list[str]:
    """The codes of a school year's two terms."""
    autumn = Term(year, AUTUMN)
    return [autumn.code, autumn.next.code]


def poor(term: Term) -> QuerySet[Household]:
    """Households of the poverty register in sight with a child of `children` at school in the term, those poor for
    schooling first; with `plan` (of the term's school year)."""
    enrolled = Enrolment.objects.in_term(term).filter(student=OuterRef("person"))
    studying = Member.objects.filter(Exists(enrolled), ~Exists(_newer()), household=OuterRef("pk"))
    return (
        Household.objects.filter(Exists(studying), number__isnull=False)
        .annotate(plan=FilteredRelation("plans", condition=Q(plans__year=term.school_year)))
        .annotate(first=Case(When(poor_for_schooling(), then=0), default=1))
        .order_by("first", "path", "number")
    )


def poor_for_schooling(household: str = "") -> Q:
    """因学致贫, by the plan's causes where there is a plan, else by the register's. `household`: how rows get there, with
    its __; the plan is their relation `plan`."""
    planned = Q(plan__cause__contains=SCHOOLING) | Q(plan__second_cause__contains=SCHOOLING)
    return planned | Q(**{"plan__id__isnull": True, f"{household}cause__contains": SCHOOLING})


def aid_of(student: str, year: int) -> Subquery:
    """Yuan of a child's entitlements in both terms of a school year, loans apart; NULL for none. `student`: the row's
    column."""
    due = Entitlement.objects.filter(term__in=terms_of(year), student=OuterRef(student)).granted().order_by()
    return Subquery(due.values("student").annotate(yuan=Sum("amount")).values("yuan"), output_field=YUAN)


def costs(line: str) -> dict[str, Any]:
    """`spent`: a line's costs in yuan, NULL where none is known. `line`: how rows get there, with its __."""
    known = [Q(**{f"{line}{name}__isnull": False}) for name in COSTS]
    whole = sum((Coalesce(F(f"{line}{name}"), 0, output_field=YUAN) for name in COSTS[1:]),
                Coalesce(F(f"{line}{COSTS[0]}"), 0, output_field=YUAN))  # fmt: skip
    return {"spent": Case(When(known[0] | known[1] | known[2], then=whole), output_field=YUAN)}


def own_share() -> Any:
    """What the family pays itself: costs less aid, never below nought; NULL where the costs are not known. Over `spent`
    and `aid`."""
    left = ExpressionWrapper(F("spent") - Coalesce(F("aid"), 0, output_field=YUAN), output_field=YUAN)
    return Case(When(spent__isnull=False, then=Greatest(left, 0, output_field=YUAN)), output_field=YUAN)


def _newer() -> QuerySet[Member]:
    """Of a member, for a subquery: the same person in a household of the register joined since."""
    later = Q(from_on__gt=OuterRef("from_on"))
    same_day = Q(from_on=OuterRef("from_on"), household__number__lt=OuterRef("household__number"))
    return Member.objects.filter(later | same_day, person=OuterRef("person"), household__number__isnull=False)


def children(term: Term) -> QuerySet[Member]:
    """Members of the register's households in sight who are at school in the term, each in their newest household; with
    `here` (enrolment), `plan` and `line` (of the school year), `spent`, `aid` and `own` in yuan a school year."""
    year = term.school_year
    here = "person__student__enrolments"
    line = "person__student__plan_lines"
    return (
        Member.objects.filter(~Exists(_newer()), household__number__isnull=False)
        .annotate(
            here=FilteredRelation(here, condition=Q(**{f"{here}__term": term.code})),
            plan=FilteredRelation("household__plans", condition=Q(household__plans__year=year)),
            line=FilteredRelation(line, condition=Q(**{f"{line}__year": year})),
        )
        .filter(here__id__isnull=False)
        .annotate(**costs("line__"), aid=aid_of("person_id", year))
        .annotate(own=own_share())
    )


def sums(term: Term, households: list[int]) -> dict[int, dict[str, Any]]:
    """household → {"pupils", "spent", "aid", "own"} for some households, in one query."""
    rows = children(term).filter(household__in=households).order_by().values("household")
    found = rows.annotate(pupils=Count("pk"), cost=Sum("spent"), due=Sum("aid"), left=Sum("own"))
    return {
        row["household"]: {"pupils": row["pupils"], "spent": row["cost"], "aid": row["due"], "own": row["left"]}
        for row in found
    }


def paying_above(term: Term, yuan: Any) -> QuerySet:
    """Keys of households that pay more than so many yuan themselves."""
    rows = children(term).order_by().values("household").annotate(left=Sum("own")).filter(left__gt=yuan)
    return rows.values("household")


def lines(rows: QuerySet[PlanChild], year: int) -> QuerySet[PlanChild]:
    """A plan's children, with `spent`, `aid` and `own` as in `children`."""
    found = rows.select_related("student__person").defer("student__roll_number", "student__person__id_number")
    return found.annotate(**costs(""), aid=aid_of("student_id", year)).annotate(own=own_share()).order_by("pk")
