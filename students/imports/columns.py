"""What a kind of roster is made of: fields (columns by their headings) and facts (what a row states).

Fields become identity columns (name, id, id_type, sex, birth, second_id, phone, household_phone, number) or
feed facts; a fact's keys and values stand in the staging row's `data`. An optional column that is absent, or
a blank cell, leaves the key out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from decimal import Decimal
from json.encoder import encode_basestring

from students.imports import cells, identity, words
from students.imports.cells import Bad, Value, plain
from students.imports.words import Found


@dataclass(frozen=True)
class Field:
    """A column: its title as the clerk knows it, other headings it goes by, and whether a file needs it.

    Headings are compared without blanks, line breaks, stars and width of brackets; a unit in brackets at the
    end need not be there. Earlier names win over later ones.
    """

    name: str
    titles: tuple[str, ...]
    required: bool = False


@dataclass(frozen=True)
class Fact:
    """Keys of `data` that `parse` finds in the cells of some fields (None for an absent column).

    `parse` gives a dict, or the inside of a JSON object where most cells differ (that takes half the time).
    Stated only where one of the fields has a column, or `always`.
    """

    fields: tuple[str, ...]
    parse: words.Parser
    always: bool = False


@dataclass(frozen=True)
class Kind:
    """`people`: rows are persons with an ID. `number`: what the field "number" is, a purpose of the hash.

    `either`: fields of which a file needs one. `dated`: the field that says of which day the whole list is. `own`: this
    system's own sheet, whose columns nobody has to name.
    """

    code: str
    title: str
    fields: tuple[Field, ...]
    facts: tuple[Fact, ...]
    people: bool = True
    number: str = "roll_number"
    either: tuple[str, ...] = ()
    dated: str = ""
    own: bool = False

    def missing(self, found: Container[str]) -> tuple[str, ...]:
        """Titles of the columns a file needs and does not have; those of which one is enough joined by 或."""
        lacking = [field.titles[0] for field in self.fields if field.required and field.name not in found]
        if self.either and not any(name in found for name in self.either):
            lacking.append("或".join(field.titles[0] for field in self.fields if field.name in self.either))
        return tuple(lacking)

    @property
    def needed(self) -> tuple[str, ...]:
        """Titles of all columns a file needs."""
        return self.missing(())


def column(name: str, titles: str, required: bool = False) -> Field:
    return Field(name, tuple(titles.split()), required)


def text_fact(key: str, limit: int = 40, *, needed: bool = False) -> Fact:
    def parse(value: Value) -> str:
        found = cells.text(value, limit)
        if found:
            return f'"{key}":{encode_basestring(found)}'
        if needed:
            raise Bad("missing value")
        return ""

    return Fact((key,), parse)


def one(key: str, parse: Callable[[Value], object], *, blank: object = None, needed: bool = False) -> Fact:
    """A single value; `blank` is what the parser gives for a blank cell, which leaves the key out."""

    def found(value: Value) -> Found:
        result = parse(value)
        if result == blank and needed:
            raise Bad("missing value")
        return {} if result == blank else {key: result}

    return Fact((key,), found)


def day_fact(key: str, *, end: bool = False, strict: bool = True) -> Fact:
    """A date that decides over aid is strict: unreadable, it rejects the row instead of meaning "always"."""

    def found(value: Value) -> Found:
        if plain(value) in ("", "-", "/", "无", "长期", "永久", "长期有效"):
            return {}
        try:
            return {key: cells.day(value, end=end)}
        except Bad as bad:
            raise (bad if strict else cells.Doubt(bad.code)) from None

    return Fact((key,), found)


def period(first: Value, last: Value) -> Found:
    """Says nothing itself; what each of the two dates says stands in its own fact. Raises Bad("period") where the end
    lies before the start: it would be aid without end."""
    try:
        start, end = cells.day(first), cells.day(last, end=True)
    except Bad:
        return {}
    if end < start:
        raise Bad("period")
    return {}


def lenient(parse: Callable[[Value], object]) -> Callable[[Value], object]:
    """Leaves the key out, with a warning, where the value can't be read."""

    def found(value: Value) -> object:
        try:
            return parse(value)
        except Bad as bad:
            raise cells.Doubt(bad.code) from None

    return found


def school_code(value: Value) -> str:
    """A school or college code. Raises Bad("school code")."""
    found = plain(value).upper()
    if found and not re.fullmatch(r"[0-9A-Z]{5,12}", found):
        raise Bad("school code")
    return found


def household(value: Value) -> Found:
    """The household's number; its first 12 digits are the village. Raises Bad("household number")."""
    number = plain(value)
    if not re.fullmatch(r"[1-8][0-9]{12,29}", number):
        raise Bad("household number")
    try:
        identity.resident(number, "9999")
    except Bad:
        return {"household_number": number, "village_code": number[:12]}
    raise Bad("household number")  # somebody's ID in the wrong column


def identified(first: Value, year: Value) -> Found:
    """首次识别时间 as an exact day, else 1 January of 识别年度."""
    for value in (first, year):
        if plain(value) not in ("", "-", "无"):
            return {"identified_on": cells.day(value)}
    return {}


def income(value: Value) -> Found:
    try:
        return {"income_per_head": cells.money(value)}
    except Bad as bad:
        raise cells.Doubt(bad.code) from None


def risk(value: Value) -> Found:
    return words.risk_cleared(value) or {"risk_cleared": None}


def school_said(code: Value, name: Value) -> Found:
    """The school by its code, else by its name. Raises Bad("missing value") when a row has neither."""
    if found := school_code(code):
        return {"school_code": found}
    if found := cells.text(name, 60):
        return {"school_name": found}
    raise Bad("missing value")


def month(value: Value) -> str:
    """2024-03 from 202403, 2024年3月, 2024/3/1 or Excel's day. Raises Bad("month")."""
    found = plain(value)
    if re.fullmatch(r"\d{4}年?", found):
        raise Bad("month")
    try:
        return cells.day(value)[:7] if found else ""
    except Bad:
        raise Bad("month") from None


_DAYS = re.compile(r"(\d{1,2})(?:\.(\d)0*)?[天日]?")


def attended(due: Value, absent: Value, unexcused: Value) -> Found:
    """School days due, days absent, and those of them without leave, as "20.0". Raises Bad("days") when one is no number
    of days of a month or the part is greater than the whole."""
    told = [plain(value) for value in (due, absent, unexcused)]
    found = [_DAYS.fullmatch(word) for word in (told[0], told[1], told[2] or "0")]
    if not all(found):
        raise Bad("days" if told[0] and told[1] else "missing value")
    days = [Decimal(f"{match[1]}.{match[2] or 0}") for match in found if match]
    if not 31 >= days[0] >= days[1] >= days[2]:
        raise Bad("days")
    return dict(zip(("days_due", "days_absent", "days_unexcused"), map(str, days), strict=True))
