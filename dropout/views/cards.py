"""Home cards: a county's, a city's or a school's figures; on a phone the children that a cadre or a teacher follows."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, F, Func, IntegerField, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone

from aidcases.models import Membership, Region
from aidcases.roles import PERMISSIONS, P, Role
from aidcases.scoping import SCHOOL, current_scope
from dropout import board
from dropout.enums import CaseState, TaskState
from dropout.indicators import INDICATORS, Asked, key_of
from dropout.models import DropoutCase, FamilyRequest, Tip, WarningLine
from dropout.models.cases import OPEN
from dropout.views.boards import asked_of

SHOWN = 8  # children on a phone's first screen
TONES = {CaseState.SUSPECTED: "warn", CaseState.VERIFYING: "warn", CaseState.RETURNED: "good", CaseState.PLACED: "good",
         CaseState.WATCHED: "good"}  # fmt: skip


def _on_a_phone(request: HttpRequest) -> bool:
    """Whoever goes to the families: townships, villages, class teachers."""
    teacher = request.actor.permissions == PERMISSIONS[Role.CLASS_TEACHER]
    return teacher or SCHOOL not in current_scope().sides


def card(request: HttpRequest) -> dict[str, Any] | None:
    """One statement: the cases, and the warnings nobody has seen to; of a city two, with the names of its counties."""
    if _on_a_phone(request):
        return None
    asked = asked_of(request)
    if len(asked.path.strip("/").split("/")) < 3:
        return _city(asked)
    unseen = WarningLine.objects.in_term(asked.term).standing().filter(answered_on=None)
    told = board.card(DropoutCase.objects.all(), unseen, asked)
    return {"ledgers": told, "warned": told["warned"], "counties": []} if any(told.values()) else None


def _city(asked: Asked) -> dict[str, Any] | None:
    """Counties beside each other, by where the children are at home."""
    side = INDICATORS["out-now"].number
    rows = DropoutCase.objects.order_by().values(key=key_of(side, "county"))
    found = {row.pop("key"): row for row in rows.annotate(**board.counts(asked))}
    if not found:
        return None
    names = dict(Region.objects.filter(pk__in=found).values_list("pk", "name"))
    ledgers = {name: sum(row[name] for row in found.values()) for name in board.counts(asked)}
    counties = [{"label": names.get(code, "其他地方"), **row} for code, row in found.items()]
    return {"ledgers": ledgers, "warned": 0, "counties": sorted(counties, key=lambda row: (-row["out"], -row["late"]))}


def waiting_card(request: HttpRequest) -> dict[str, Any] | None:
    """What else waits, in one statement: requests of families, tips of the public."""
    today, may = timezone.localdate(), request.actor.may
    asked = FamilyRequest.objects.filter(state=TaskState.OPEN)
    tips = Tip.objects.filter(state=TaskState.OPEN)
    rows = {
        "asked": asked if may(P.CARE_WRITE) else asked.none(),
        "asked_late": asked.filter(due_on__lt=today) if may(P.CARE_WRITE) else asked.none(),
        "tips": tips if may(P.TIP_HANDLE) else tips.none(),
        "tips_late": tips.filter(due_on__lt=today) if may(P.TIP_HANDLE) else tips.none(),
    }
    # Of whoever acts: a row that is there, to hang the counts on.
    told = Membership.objects.filter(pk=request.membership.pk).values(**{name: _count(each) for name, each in rows.items()})
    found = told.get()
    return found if any(found.values()) else None


def _count(rows: QuerySet) -> Any:
    counted = rows.order_by().annotate(all=Func(F("pk"), function="count")).values("all")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def phone_card(request: HttpRequest) -> dict[str, Any] | None:
    """One statement: the first of the open cases by their day, with how many there are."""
    if not _on_a_phone(request):
        return None
    today = timezone.localdate()
    mine = DropoutCase.objects.filter(state__in=OPEN).select_related("student__person")
    rows = mine.defer("student__roll_number", "student__person__id_number").annotate(all=Window(Count("pk")))
    cases = list(rows.order_by(F("due_on").asc(nulls_last=True), "-poor", "pk")[:SHOWN])
    if not cases:
        return None
    shown = [
        {"case": case, "late": bool(case.due_on and case.due_on < today), "tone": TONES.get(CaseState(case.state), "bad")}
        for case in cases
    ]
    return {"rows": shown, "more": cases[0].all - len(cases), "today": today}
