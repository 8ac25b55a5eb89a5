"""Terms and school years (学期、学年): autumn runs 1 September to the end of February, spring 1 March to 31 August."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

AUTUMN, SPRING = "autumn", "spring"
_CODE = re.compile(r"^(20\d\d)-(autumn|spring)$")

# A source without a date holds from before the earliest term the system knows.
EARLIEST = date(1990, 9, 1)


class UnknownTerm(ValueError):
    """The code is not a term; its text tells a clerk how to write one."""


@dataclass(frozen=True)
class Term:
    """A term by its calendar year and season: 2018-autumn and 2019-spring make school year 2018."""

    year: int
    season: str

    @classmethod
    def parse(cls, code: str) -> Term:
        if not (found := _CODE.match(str(code).strip())):
            raise UnknownTerm(f"学期“{code}”认不出，请写成 2018-autumn（秋季）或 2019-spring（春季）。")
        return cls(int(found[1]), found[2])

    @classmethod
    def containing(cls, day: date) -> Term:
        if day.month >= 9:
            return cls(day.year, AUTUMN)
        return cls(day.year, SPRING) if day.month >= 3 else cls(day.year - 1, AUTUMN)

    @property
    def code(self) -> str:
        return f"{self.year}-{self.season}"

    def __str__(self) -> str:
        return self.code

    @property
    def label(self) -> str:
        season = "秋季" if self.season == AUTUMN else "春季"
        return f"{self.school_year}—{self.school_year + 1}学年{season}学期"

    @property
    def school_year(self) -> int:
        return self.year if self.season == AUTUMN else self.year - 1

    @property
    def first_day(self) -> date:
        return date(self.year, 9, 1) if self.season == AUTUMN else date(self.year, 3, 1)

    @property
    def last_day(self) -> date:
        return self.next.first_day - timedelta(days=1)  # the end of February, leap years included

    @property
    def next(self) -> Term:
        return Term(self.year + 1, SPRING) if self.season == AUTUMN else Term(self.year, AUTUMN)

    @property
    def age_day(self) -> date:
        """Age is taken on the 31 August before the school year."""
        return date(self.school_year, 8, 31)

    @property
    def school_year_days(self) -> tuple[date, date]:
        return date(self.school_year, 9, 1), date(self.school_year + 1, 8, 31)

    @property
    def autumn(self) -> bool:
        return self.season == AUTUMN


def chronological(field: str = "term") -> tuple:
    """ORDER BY for a column of term codes, newest first: within a calendar year autumn follows spring."""
    from django.db.models.functions import Left

    return Left(field, 4).desc(), field
