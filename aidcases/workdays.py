"""Counting in working days: the day something happens does not count, make-up days do, a year that has not been
announced stops the counting with a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from aidcases import audit, inbox, sql
from aidcases.flow import Refused
from aidcases.models import CalendarDay, CalendarYear

MISSING = "calendar.{year}"  # the key of the reminder to enter a year


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

    def back(self, day: date, count: int) -> date:
        """The `count`-th working day counted backwards from the day, which itself counts where it is worked; so
        `back(day, 1)` is the last working day not after it. Raises NotAnnounced."""
        day += timedelta(days=1)
        while count > 0:
            day -= timedelta(days=1)
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


@transaction.atomic
def enter(
    year: int,
    *,
    off: Iterable[date],
    on: Iterable[date],
    document: str,
    by: str,
    notes: Mapping[date, str] | None = None,
) -> None:
    """Enters, or enters anew, a year's holidays that fall on weekdays and make-up days that fall on week-ends; ends
    the reminders to do so. Raises Refused for a day outside the year or one that says nothing new."""
    days = {**dict.fromkeys(off, False), **dict.fromkeys(on, True)}
    if False not in days.values():
        raise Refused(f"请写 {year} 年放假的日子；没有放假安排的年份不能录入。")
    for day, working in days.items():
        if day.year != year:
            raise Refused(f"{day} 不在 {year} 年。")
        if working == (day.weekday() < 5):
            raise Refused(f"{day} 本来就{'上班' if working else '休息'}，不用写。")
    sql.lock("calendar", year)
    CalendarDay.objects.filter(day__year=year).delete()
    said = notes or {}
    CalendarDay.objects.bulk_create(
        [CalendarDay(day=day, working=working, note=said.get(day, "")[:40]) for day, working in days.items()]
    )
    CalendarYear.objects.update_or_create(year=year, defaults={"document": document, "entered_by": by})
    audit.record("calendar.entered", year=year, off=len(days) - sum(days.values()), on=sum(days.values()))
    inbox.done(None, MISSING.format(year=year))


_SPLIT = re.compile(r"[\n;；]+")
_YEAR, _MONTH, _DAY = r"(?:(\d{4})\s*[-/.年]\s*)?", r"(\d{1,2})\s*[-/.月]\s*", r"(\d{1,2})\s*日?"
_UNTIL = rf"(?:\s*(?:至|到|~|～|—|–)+\s*{_YEAR}(?:{_MONTH})?{_DAY})?"
_LINE = re.compile(_YEAR + _MONTH + _DAY + _UNTIL + r"(.*)")


def typed(text: str, *, year: int, working: bool) -> dict[date, str]:
    """Days as a clerk copies them from the announcement, one day or one range a line, what for behind it: `10月1日至7日
    国庆节`, `2027-10-01`. Of a range only the days that differ from their weekday are kept. → day → what for. Raises
    Refused with the line that can't be read."""
    found: dict[date, str] = {}
    for line in filter(None, (part.strip() for part in _SPLIT.split(text))):
        if not (read := _LINE.fullmatch(line)):
            raise Refused(f"“{line[:40]}”看不懂，请写成 {year}-10-01 或 {year}-10-01至{year}-10-07，一行一条。")
        first_year, month, day, last_year, last_month, last_day, note = read.groups()
        try:
            first = date(int(first_year or year), int(month), int(day))
            last = date(int(last_year or first.year), int(last_month or month), int(last_day)) if last_day else first
        except ValueError:
            raise Refused(f"“{line[:40]}”里没有这一天，请核对。") from None
        if last < first:
            raise Refused(f"“{line[:40]}”的结束日期早于开始日期。")
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        kept = days if len(days) == 1 else [each for each in days if working != (each.weekday() < 5)]
        found |= dict.fromkeys(kept, note.strip(" （）()，,。"))
    return found


def written(days: Iterable[CalendarDay]) -> str:
    """The days as `typed` reads them: a line for each run of days with the same name."""
    runs: list[list[CalendarDay]] = []
    for each in days:
        joins = runs and runs[-1][-1].note == each.note and runs[-1][-1].day + timedelta(days=1) == each.day
        if joins:
            runs[-1].append(each)
        else:
            runs.append([each])
    return "\n".join(
        f"{run[0].day}{f'至{run[-1].day}' if len(run) > 1 else ''}{f' {run[0].note}' if run[0].note else ''}"
        for run in runs
    )


NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利纪念日",
}


def seed(**_signal: Any) -> None:
    """The years the package knows, where nobody has entered them; runs after every migrate."""
    from chinese_calendar import constants

    missing = {day.year for day in constants.holidays} - set(CalendarYear.objects.values_list("year", flat=True))
    # A year the package only begins (a New Year's Eve) is not announced yet.
    known = {year for year in missing if any(d.year == year and d.month > 6 for d in constants.holidays)}
    days = [
        CalendarDay(day=day, working=working, note=NAMES[note])
        for listed, working in ((constants.holidays, False), (constants.workdays, True))
        for day, note in listed.items()
        if day.year in known and working != (day.weekday() < 5)
    ]
    CalendarDay.objects.bulk_create(days, ignore_conflicts=True)
    CalendarYear.objects.bulk_create(
        [CalendarYear(year=year, document="国务院办公厅放假安排", entered_by="系统") for year in sorted(known)],
        ignore_conflicts=True,
    )
