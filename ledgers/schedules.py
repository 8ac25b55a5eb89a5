"""Which ledger goes up how often and by when; the due items of offices, made by the daily round; who is urged."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from aidcases import audit, inbox, spans
from aidcases.flow import Refused
from aidcases.models import Organisation
from aidcases.models.places import above
from aidcases.roles import OfficeKind, P
from aidcases.scoping import Actor, current_scope
from aidcases.terms import UnknownTerm
from aidcases.urging import Urging, urge
from ledgers.definitions import LEDGERS
from ledgers.enums import Counted, Rhythm
from ledgers.models import Due, Schedule

BEFORE = 7  # days before a ledger is due on which its office is reminded
WORKING = (OfficeKind.SCHOOL, OfficeKind.COUNTY, OfficeKind.CITY)
RHYTHMS = tuple(rhythm for rhythm in Rhythm if rhythm is not Rhythm.EXTRA)
BELOW = {OfficeKind.CITY: OfficeKind.COUNTY, OfficeKind.COUNTY: OfficeKind.SCHOOL}


@dataclass(frozen=True)
class Period(spans.Span):
    """A stretch of time a ledger is handed up for; its kind is a rhythm. A ledger of it is of the terms
    that begin in it."""

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.kind)

    @property
    def of_terms(self) -> str:
        """The code of what a ledger of it is of: itself where more than one term begins in it, else the term."""
        return self.code if len(self.terms) > 1 else self.terms[0].code

    @property
    def said(self) -> str:
        """2018 年 10 月月报."""
        return re.sub(r"(学期|学年|临时)\1", r"\1", f"{self.label}{self.rhythm.label}")


def _day(day: date) -> Period:
    return Period(Rhythm.EXTRA, day.isoformat(), f"{day.isoformat()} 临时", day, day)


def running(rhythm: str, day: date) -> Period:
    """The period of the rhythm that the day lies in."""
    return _day(day) if rhythm == Rhythm.EXTRA else Period(**vars(spans.current(rhythm, day)))


def parse(rhythm: str, code: str) -> Period:
    """The period of a due item. Raises ValueError for a code that is none of the rhythm's."""
    if rhythm == Rhythm.EXTRA:
        return _day(date.fromisoformat(code))
    try:
        found = spans.of_terms(code) if rhythm in (Rhythm.TERM, Rhythm.SCHOOL) else spans.parse(code)
    except UnknownTerm as wrong:
        raise ValueError(code) from wrong
    if found.kind != rhythm:
        raise ValueError(f"no period of {rhythm}: {code}")
    return Period(**vars(found))


@dataclass(frozen=True)
class Plan:
    """A line of the schedule: offices of a kind hand up a ledger `days` after the first or last day of each period."""

    ledger: str
    rhythm: Rhythm
    kind: OfficeKind
    counted: Counted
    days: int
    active: bool = True

    @property
    def name(self) -> tuple[str, str, str]:
        return (self.ledger, self.rhythm, self.kind)

    def due_on(self, period: Period) -> date:
        return (period.first if self.counted == Counted.FIRST else period.last) + timedelta(days=self.days)

    @property
    def said(self) -> str:
        return f"{Counted(self.counted).label} {self.days} 天内"


def _of_counties(rhythm: Rhythm, counted: Counted, days: int, *codes: str) -> list[Plan]:
    return [Plan(code, rhythm, OfficeKind.COUNTY, counted, days) for code in codes]


# What a city asks of its counties until it sets otherwise: 月调度 with the month's figures within five days, 季汇总 within
# ten, 半年通报 within fifteen, the registers within sixty days of the term, the year's figures by 20 January.
DEFAULTS = (
    *_of_counties(Rhythm.MONTH, Counted.LAST, 5, "aid-summary", "work-progress", "dropouts"),
    *_of_counties(Rhythm.QUARTER, Counted.LAST, 10, "unaided", "suspected"),
    *_of_counties(Rhythm.HALF, Counted.LAST, 15, "schooling-poverty", "left-behind"),
    *_of_counties(Rhythm.TERM, Counted.FIRST, 60, "poverty-register", "studying-elsewhere", "disabled-enrolment"),
    *_of_counties(Rhythm.TERM, Counted.LAST, 15, "payment-roll"),
    *_of_counties(Rhythm.YEAR, Counted.LAST, 20, "aid-summary", "vocational", "retention"),
)


def plans(path: str, kind: str) -> list[Plan]:
    """What offices of the kind at the path hand up: the shipped schedule, changed by the offices above it, the nearest
    last. Switched-off lines are among them. One query."""
    rows = Schedule.objects.filter(path__in=above(path), kind=kind).order_by("path")
    return _merged(kind, rows)


def _merged(kind: str, rows: Iterable[Schedule]) -> list[Plan]:
    found = {plan.name: plan for plan in DEFAULTS if plan.kind == kind and plan.ledger in LEDGERS}
    for row in rows:
        if row.ledger in LEDGERS:
            plan = Plan(
                row.ledger, Rhythm(row.rhythm), OfficeKind(row.kind), Counted(row.counted), row.days, active=row.active
            )
            found[plan.name] = plan
    order = {code: n for n, code in enumerate(LEDGERS)}
    return sorted(found.values(), key=lambda plan: (order[plan.ledger], RHYTHMS.index(plan.rhythm)))


def ensure(offices: Iterable[Organisation], today: date) -> int:
    """The due items of the running periods, made where they are missing; none is born late. → how many."""
    offices = list(offices)
    rows = list(Schedule.objects.filter(path__in={up for office in offices for up in above(office.path)}).order_by("path"))
    made = []
    for office in offices:
        higher = set(above(office.path))
        for plan in _merged(office.kind, [row for row in rows if row.path in higher and row.kind == office.kind]):
            period = running(plan.rhythm, today)
            if plan.active and plan.due_on(period) >= today:
                made.append(_due(office, plan, period))
    before = Due.objects.count()
    Due.objects.bulk_create(made, ignore_conflicts=True, batch_size=1000)
    return Due.objects.count() - before


def _due(office: Organisation, plan: Plan, period: Period) -> Due:
    return Due(
        office=office, path=office.path, ledger=plan.ledger, rhythm=plan.rhythm, period=period.code, term=period.of_terms,
        due_on=plan.due_on(period),
    )  # fmt: skip


@transaction.atomic
def set_plan(plan: Plan, *, by: Actor, today: date) -> Schedule:
    """Sets a line for the offices below the own one; the running period's items that nobody has answered follow it.
    Raises Refused for a level that is not below, an unknown ledger, days out of range."""
    path = current_scope().path
    office = Organisation.objects.filter(pk=by.office_id).first()
    wrong = {
        "您的角色不能设定上报安排。": not by.may(P.LEDGER_RECEIVE),
        "只能给下一级单位设定。": office is None or BELOW.get(OfficeKind(office.kind)) != plan.kind,
        "没有这种台账。": plan.ledger not in LEDGERS,
        "请选择周期。": plan.rhythm not in RHYTHMS,
        "天数请填 0 到 366。": not 0 <= plan.days <= 366,
    }
    if reasons := [reason for reason, holds in wrong.items() if holds]:
        raise Refused(*reasons)
    row, _ = Schedule.objects.update_or_create(
        path=path, ledger=plan.ledger, rhythm=plan.rhythm, kind=plan.kind,
        defaults={"counted": plan.counted, "days": plan.days, "active": plan.active, "set_by": by.name},
    )  # fmt: skip
    audit.record("schedule.set", subject=row, ledger=plan.ledger, rhythm=plan.rhythm, days=plan.days, active=plan.active)
    period = running(plan.rhythm, today)
    here = Due.objects.filter(path__startswith=path, office__kind=plan.kind, ledger=plan.ledger, rhythm=plan.rhythm)
    waiting = here.filter(period=period.code, submissions=None)
    if plan.active:
        waiting.update(due_on=plan.due_on(period), escalated_on=None)
        below = Organisation.objects.filter(path__startswith=path, kind=plan.kind)
        ensure(below, today)
    else:
        for due in waiting:
            inbox.done(due)
        waiting.delete()
    return row


# --- urging --------------------------------------------------------------------------------------------------------


def named(due: Due) -> str:
    """2018 年 10 月月报《教育扶贫基本情况汇总台账》."""
    ledger = LEDGERS.get(due.ledger)
    return f"{parse(due.rhythm, due.period).said}《{ledger.title if ledger else due.ledger}》"


DUES = Urging("due", named, WORKING, P.LEDGER_ISSUE, P.LEDGER_RECEIVE, asks="请上报", late="逾期未报", urges="请督促")


def ledgers_due(now: datetime) -> dict[str, int]:
    """Makes the items of the running periods; a week before the day and after it reminds, and tells the office above of
    what is overdue."""
    today = timezone.localdate(now)
    made = ensure(Organisation.objects.filter(kind__in=(OfficeKind.COUNTY, OfficeKind.SCHOOL)), today)
    soon = Due.objects.open().filter(due_on__lte=today + timedelta(days=BEFORE))
    return {"ledgers_made": made, **urge(soon, DUES, today=today)}
