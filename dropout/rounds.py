"""Rounds of a case: the one that runs stands in the case, those before it in CaseRound. What happened in a stretch of time
is looked for in both, and is said once, here."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import DateField, Exists, F, OuterRef, Q, QuerySet, Value

from aidcases import sql
from dropout.enums import CaseState, Proof
from dropout.models import CaseRound, DropoutCase
from dropout.models.cases import BACK, OUT_OF_SCHOOL

STOOD = (*OUT_OF_SCHOOL, *BACK)  # a suspicion that was confirmed and not taken back
Days = tuple[date, date]
KEPT = (
    "stage", "state", "found_on", "alarm", "cause", "confirmed_on", "left_on", "returned_on", "closed_on", "proof", "moved_on",
)  # fmt: skip


def keep(rows: QuerySet[DropoutCase], today: date) -> int:
    """Before the next round of these (locked) cases begins. → how many."""
    columns: dict[str, Any] = {name: F(name) for name in KEPT}
    return sql.insert_from(
        CaseRound, rows, case=F("pk"), number=F("rounds"), ended_on=Value(today, DateField()), **columns
    )


def _past(which: Q) -> Q:
    return Q(Exists(CaseRound.objects.filter(which, case=OuterRef("pk"))))


def found_in(days: Days) -> Q:
    found = Q(found_on__range=days)
    return found | _past(found)


def acquitted_in(days: Days) -> Q:
    """Suspicions that were looked at in these days and were none."""
    none = Q(state=CaseState.FALSE_ALARM, moved_on__range=days)
    return none | _past(none)


def left_in(days: Days) -> Q:
    """Cases of children who were confirmed as dropouts in these days, or left again in them after a return."""
    left = Q(confirmed_on__range=days) | Q(left_on__range=days, left_on__gt=F("confirmed_on"))
    return left & Q(state__in=STOOD) | _past(left & Q(state__in=STOOD))


def returned_in(days: Days) -> Q:
    """Back in school in these days, whatever came after."""
    back = Q(returned_on__range=days)
    return back & Q(state__in=STOOD) | _past(back)


def closed_in(days: Days, *, unproven: bool = False) -> Q:
    """Closed in these days (without proof), opened again or not."""
    closed = Q(state=CaseState.CLOSED, closed_on__range=days)
    if unproven:
        closed &= Q(proof=Proof.NONE)
    return closed | _past(closed)
