"""月调度、季汇总、半年通报、年底排名: the stretches of a calendar year that work is looked at in."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date

DUE_DAY = 5  # a month is told by the fifth of the next one
_CODE = re.compile(r"^(20\d\d)(?:-(?:(0[1-9]|1[0-2])|Q([1-4])|H([12])))?$")


@dataclass(frozen=True)
class Span:
    """Both days included. kind: month, quarter, half or year."""

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
        return [f"{self.year}-{n:02d}" for n in range(self.first.month, self.last.month + 1)]


def month_of(day: date) -> str:
    """2026-11"""
    return f"{day:%Y-%m}"


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


def current(kind: str, today: date) -> Span:
    """The span of a kind that today lies in."""
    codes = {
        "month": month_of(today),
        "quarter": f"{today.year}-Q{(today.month + 2) // 3}",
        "half": f"{today.year}-H{1 if today.month < 7 else 2}",
        "year": str(today.year),
    }
    return parse(codes[kind])


def due_on(month: str) -> date:
    """By when a month is told."""
    last = parse(month).last
    year, number = (last.year + 1, 1) if last.month == 12 else (last.year, last.month + 1)
    return date(year, number, DUE_DAY)


def last_due(today: date) -> str:
    """The newest month whose day is over ("2026-10" from 6 November on)."""
    back = 1 if today.day > DUE_DAY else 2
    number = today.year * 12 + today.month - 1 - back
    return f"{number // 12}-{number % 12 + 1:02d}"


def between(first: str, last: str) -> list[str]:
    """The months from one to another, both included; none when the last lies before."""
    start, end = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return [f"{number // 12}-{number % 12 + 1:02d}" for number in range(start, end + 1)]
