"""月调度、季汇总、半年通报、年底排名: by when a month of a task is told, and the months between."""

from __future__ import annotations

from datetime import date

from aidcases.spans import Span, code_of, current, parse

__all__ = ["DUE_DAY", "Span", "between", "current", "due_on", "last_due", "month_of", "parse"]
DUE_DAY = 5  # a month is told by the fifth of the next one


def month_of(day: date) -> str:
    """2026-11"""
    return code_of("month", day)


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
