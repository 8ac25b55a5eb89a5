"""Whose report is due for which time, and when: 学校一月一报告、县区一季度一复核、地市一学期一调研、省一学年一评估."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from aidcases import spans
from aidcases.roles import OfficeKind
from aidcases.spans import Span
from aidcases.terms import Term
from dropout.enums import Rhythm

HOLIDAY_MONTHS = (2, 7, 8)  # schools are closed: nothing to report
MONTH_DAY = 28  # every month by the 28th


@dataclass(frozen=True)
class Period(Span):
    """A stretch of time a report is about, and the day it is due."""

    due_on: date

    @property
    def rhythm(self) -> Rhythm:
        return Rhythm(self.kind)


def _due(span: Span, due_on: date) -> Period:
    return Period(**vars(span), due_on=due_on)


def month(code: str) -> Period:
    found = spans.parse(code)
    return _due(found, found.first.replace(day=MONTH_DAY))


def quarter(code: str) -> Period:
    found = spans.parse(code)
    return _due(found, found.last.replace(day=MONTH_DAY))


def of_term(term: Term) -> Period:
    """By the end of the holidays that follow: the figures of the whole term are there."""
    due = date(term.last_day.year, 2, 20) if term.autumn else date(term.year, 7, 31)
    return _due(spans.of_term(term), due)


def school_year(year: int) -> Period:
    return Period(
        Rhythm.YEAR, str(year), f"{year}—{year + 1} 学年", date(year, 9, 1), date(year + 1, 8, 31), date(year + 1, 8, 31)
    )


def parse(rhythm: str, code: str) -> Period:
    """The period of a report. Raises ValueError for a code that is none of the rhythm's."""
    if rhythm in (Rhythm.MONTH, Rhythm.QUARTER):
        found = month(code) if rhythm == Rhythm.MONTH else quarter(code)
        if found.kind != rhythm:
            raise ValueError(f"no period of {rhythm}: {code}")
        return found
    return of_term(Term.parse(code)) if rhythm == Rhythm.TERM else school_year(int(code))


def current(kind: str, today: date) -> list[Period]:
    """What an office of the kind has to report for the time that is running."""
    term = Term.containing(today)
    if kind == OfficeKind.SCHOOL:
        return [] if today.month in HOLIDAY_MONTHS else [month(spans.code_of("month", today))]
    if kind == OfficeKind.COUNTY:
        return [quarter(spans.code_of("quarter", today))]
    if kind == OfficeKind.CITY:
        return [of_term(term), school_year(term.school_year)]
    return []
