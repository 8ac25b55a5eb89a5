"""Stretches of time that reports and tasks are about: months, quarters, halves and years of the calendar, and terms."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

from aidcases.terms import Term

_CODE = re.compile(r"^([12]\d{3})(?:-(?:(0[1-9]|1[0-2])|Q([1-4])|H([12])))?$")
_SCHOOL_YEAR = re.compile(r"^(20\d\d)-(20\d\d)$")


@dataclass(frozen=True)
class Span:
    """Both days included. kind: month, quarter, half, year, term or school (year); apps name more."""

    kind: str
    code: str
    label: str
    first: date
    last: date

    @property
    def year(self) -> int:
        return self.first.year

    @property
    def months(self) -> list[str]:
        """Of a span within a calendar year."""
        return [f"{self.year}-{n:02d}" for n in range(self.first.month, self.last.month + 1)]

    @property
    def term(self) -> Term:
        """The one the last day lies in."""
        return Term.containing(self.last)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Those that begin in it, in order (of a calendar year spring and autumn); where none does, the one it ends in."""
        found, term = [], Term.containing(self.first)
        while term.first_day <= self.last:
            found += [term] if term.first_day >= self.first else []
            term = term.next
        return tuple(found) or (self.term,)


def parse(code: str) -> Span:
    """2026-11, 2026-Q4, 2026-H2 or 2026. Raises ValueError."""
    if not (found := _CODE.match(code)):
        raise ValueError(code)
    year, month, quarter, half = (int(part) if part else 0 for part in found.groups())
    if month:
        return _span("month", code, f"{year} 年 {month} 月", year, month, month)
    if quarter:
        return _span("quarter", code, f"{year} 年第 {quarter} 季度", year, 3 * quarter - 2, 3 * quarter)
    if half:
        return _span("half", code, f"{year} 年{'上' if half == 1 else '下'}半年", year, 6 * half - 5, 6 * half)
    return _span("year", code, f"{year} 年", year, 1, 12)


def _span(kind: str, code: str, label: str, year: int, first: int, last: int) -> Span:
    return Span(kind, code, label, date(year, first, 1), date(year, last, calendar.monthrange(year, last)[1]))


def of_term(term: Term) -> Span:
    return Span("term", term.code, term.label, term.first_day, term.last_day)


def of_school_year(year: int) -> Span:
    return Span("school", f"{year}-{year + 1}", f"{year}—{year + 1}学年", date(year, 9, 1), date(year + 1, 8, 31))


def of_terms(code: str) -> Span:
    """A term (2018-autumn), or what is made of terms: a calendar year (2018), a school year (2018-2019). Raises
    UnknownTerm."""
    if (years := _SCHOOL_YEAR.match(code)) and int(years[2]) == int(years[1]) + 1:
        return of_school_year(int(years[1]))
    return parse(code) if re.match(r"^20\d\d$", code) else of_term(Term.parse(code))


def terms_of(when: Term | Span) -> tuple[Term, ...]:
    return when.terms if isinstance(when, Span) else (when,)


def code_of(kind: str, day: date) -> str:
    """Of the span of a kind (month, quarter, half, year, term, school) that the day lies in."""
    return {
        "month": f"{day:%Y-%m}",
        "quarter": f"{day.year}-Q{(day.month + 2) // 3}",
        "half": f"{day.year}-H{1 if day.month < 7 else 2}",
        "year": str(day.year),
        "term": Term.containing(day).code,
        "school": of_school_year(Term.containing(day).school_year).code,
    }[kind]


def current(kind: str, day: date) -> Span:
    """The span of a kind that the day lies in."""
    code = code_of(kind, day)
    return of_terms(code) if kind in ("term", "school") else parse(code)
