"""Counting in working days: the day something happens does not count, make-up days do, a year that has not been
announced stops the counting with a sentence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from aidcases.flow import Refused
from aidcases.models import CalendarDay, CalendarYear


class NotAnnounced(Refused):
    """The counting runs into a year whose holidays nobody has entered."""

    def __init__(self, year: int):
        super().__init__(f"{year} 年的放假安排还没有录入，算不出工作日。请先在“工作日历”里录入 {year} 年的放假和调休。")
        self.year = year


@dataclass(frozen=True)
class Workdays:
    """The calendar, read once (two small queries) and asked often."""

    years: frozenset[int]
    changed: dict[date, bool]

    @classmethod
    def read(cls) -> Workdays:
        return cls(
            frozenset(CalendarYear.objects.values_list("year", flat=True)),
            dict(CalendarDay.objects.values_list("day", "working")),
        )

    def works(self, day: date) -> bool:
        """Whether the day is worked. Raises NotAnnounced."""
        if day.year not in self.years:
            raise NotAnnounced(day.year)
        return self.changed.get(day, day.weekday() < 5)

    def after(self, day: date, count: int) -> date:
        """The `count`-th working day after the day, which itself does not count. Raises NotAnnounced."""
        while count > 0:
            day += timedelta(days=1)
            count -= self.works(day)
        return day

    def last_day(self, published: date, *, working_days: int, days: int) -> date:
        """The last day of a notice: the later of its working days and its calendar days, both after the day of
        publication. It ends at 24:00 of that day (casework.md). Raises NotAnnounced."""
        return max(self.after(published, working_days), published + timedelta(days=days))

    def between(self, first: date, last: date) -> int:
        """Working days after `first` up to and with `last`; negative when `last` lies before. Raises NotAnnounced."""
        if last < first:
            return -self.between(last, first)
        return sum(self.works(first + timedelta(days=n)) for n in range(1, (last - first).days + 1))


def enter(year: int, *, off: Iterable[date], on: Iterable[date], document: str, by: str) -> None:
    """Enters, or enters anew, a year's holidays that fall on weekdays and make-up days that fall on week-ends.
    Raises Refused for a day outside the year or one that says nothing new."""
    days = {**dict.fromkeys(off, False), **dict.fromkeys(on, True)}
    for day, working in days.items():
        if day.year != year:
            raise Refused(f"{day} 不在 {year} 年。")
        if working == (day.weekday() < 5):
            raise Refused(f"{day} 本来就{'上班' if working else '休息'}，不用写。")
    CalendarDay.objects.filter(day__year=year).delete()
    CalendarDay.objects.bulk_create([CalendarDay(day=day, working=working) for day, working in days.items()])
    CalendarYear.objects.update_or_create(year=year, defaults={"document": document, "entered_by": by})


def seed(**_signal: Any) -> None:
    """The years the package knows, where nobody has entered them; runs after every migrate."""
    from chinese_calendar import constants

    missing = {day.year for day in constants.holidays} - set(CalendarYear.objects.values_list("year", flat=True))
    # A year the package only begins (a New Year's Eve) is not announced yet.
    known = {year for year in missing if any(d.year == year and d.month > 6 for d in constants.holidays)}
    days = [
        CalendarDay(day=day, working=working, note=note)
        for listed, working in ((constants.holidays, False), (constants.workdays, True))
        for day, note in listed.items()
        if day.year in known and working != (day.weekday() < 5)
    ]
    CalendarDay.objects.bulk_create(days, ignore_conflicts=True)
    CalendarYear.objects.bulk_create(
        [CalendarYear(year=year, document="国务院办公厅放假安排", entered_by="系统") for year in sorted(known)],
        ignore_conflicts=True,
    )
