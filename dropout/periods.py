"""Whose report is due for which time, and when: 学校一月一报告、县区一季度一复核、地市一学期一调研、省一学年一评估."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from aidcases.roles import OfficeKind
from aidcases.terms import Term
from dropout.enums import Rhythm

HOLIDAY_MONTHS = (2, 7, 8)  # schools are closed: nothing to report
MONTH_DAY = 28  # every month by the 28th


@dataclass(frozen=True)
class Period:
    """A stretch of time a report is about, both days included, and the day it is due."""

    rhythm: Rhythm
    code: str
    label: str
    first: date
    last: date
    due_on: date

    @property
    def term(self) -> Term:
        """The term the period's end lies in."""
        return Term.containing(self.last)


def _month_end(year: int, month: int) -> date:
    return (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def month(year: int, number: int) -> Period:
    first, last = date(year, number, 1), _month_end(year, number)
    return Period(Rhythm.MONTH, f"{year}-{number:02d}", f"{year} 年 {number} 月", first, last, date(year, number, MONTH_DAY))


def quarter(year: int, number: int) -> Period:
    end = 3 * number
    first, last = date(year, end - 2, 1), _month_end(year, end)
    return Period(
        Rhythm.QUARTER, f"{year}-Q{number}", f"{year} 年第 {number} 季度", first, last, date(year, end, MONTH_DAY)
    )


def of_term(term: Term) -> Period:
    """By the end of the holidays that follow: the figures of the whole term are there."""
    due = date(term.last_day.year, 2, 20) if term.autumn else date(term.year, 7, 31)
    return Period(Rhythm.TERM, term.code, term.label, term.first_day, term.last_day, due)


def school_year(year: int) -> Period:
    return Period(
        Rhythm.YEAR, str(year), f"{year}—{year + 1} 学年", date(year, 9, 1), date(year + 1, 8, 31), date(year + 1, 8, 31)
    )


def parse(rhythm: str, code: str) -> Period:
    """The period of a report. Raises ValueError for a code that is none of the rhythm's."""
    if rhythm == Rhythm.MONTH:
        year, number = code.split("-")
        return month(int(year), int(number))
    if rhythm == Rhythm.QUARTER:
        year, number = code.split("-Q")
        return quarter(int(year), int(number))
    return of_term(Term.parse(code)) if rhythm == Rhythm.TERM else school_year(int(code))


def current(kind: str, today: date) -> list[Period]:
    """What an office of the kind has to report for the time that is running."""
    term = Term.containing(today)
    if kind == OfficeKind.SCHOOL:
        return [] if today.month in HOLIDAY_MONTHS else [month(today.year, today.month)]
    if kind == OfficeKind.COUNTY:
        return [quarter(today.year, (today.month + 2) // 3)]
    if kind == OfficeKind.CITY:
        return [of_term(term), school_year(term.school_year)]
    return []
