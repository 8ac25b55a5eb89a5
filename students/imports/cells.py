"""Cell rules: what a clerk typed, or what Excel made of it, as one plain value; anything unclear is refused.

A cell arrives as str (text), bytes (a numeric cell as the file spells it, b"6.2E+17", or an error, b"#N/A")
or None (blank).
"""

from __future__ import annotations

import calendar
import datetime
import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from aidcases.crypto import mask_numbers

Value = str | bytes | None


class Bad(Exception):
    """A cell that can't be used; `code` is a key of identity.REASONS. The row is rejected."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


class Doubt(Bad):
    """A cell that is left out with a warning; the row stays."""


def _translation() -> dict[int, int | str | None]:
    table: dict[int, int | str | None] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
    table |= dict.fromkeys(range(0x20)) | dict.fromkeys(range(0x7F, 0xA0))
    zero_width = [0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
    blanks = [
        *range(9, 14),
        0x85,
        0xA0,
        0x1680,
        *range(0x2000, 0x200B),
        0x2028,
        0x2029,
        0x202F,
        0x205F,
        0x3000,
    ]
    return table | dict.fromkeys(zero_width) | dict.fromkeys([*blanks, 0x3000], " ")


_PLAIN = _translation()
_ODD = re.compile(r"[^!-~一-鿿·]")
# No roster has a word, number or date as long; a longer cell is refused before any expression looks at it.
LONGEST = 2000
LONGEST_NUMBER = 40  # a numeric cell as files spell it
_QUOTES = "'`‘’"  # typed in front of digits so that Excel keeps them as text


def clean(text: str) -> str:
    """Trimmed (every Unicode blank), half-width, without zero-width characters and leading apostrophe."""
    if _ODD.search(text):
        text = " ".join(text.translate(_PLAIN).split())
    if text[:1] in _QUOTES:
        text = text.lstrip(_QUOTES).lstrip()
    if text[:2] == '="' and text[-1:] == '"':  # ="620123…" is how exports keep digits in a csv
        text = text[2:-1].strip()
    return text


_SCIENTIFIC = re.compile(r"[+-]?\d(?:\.\d+)?[Ee]\+?\d+")


def is_destroyed(text: str) -> bool:
    """Whether a text shows a long number as 6.2E+17: its last digits are lost."""
    return _SCIENTIFIC.fullmatch(text) is not None


def plain(value: Value) -> str:
    """Any cell as clean text. Raises Bad for an error cell, for a number of 16 digits or more and for a text longer
    than any word.

    Excel keeps 15 digits of a number, so 2162001000.0 is safely 2162001000 and longer ones are lost.
    """
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise Bad("text too long")
        return clean(value)
    if value is None:
        return ""
    if value[:1] == b"#":
        raise Bad("cell error")
    if len(value) > LONGEST_NUMBER:
        raise Bad("number")
    try:
        number = Decimal(value.decode())
    except (InvalidOperation, UnicodeDecodeError):
        raise Bad("cell error") from None
    if not number.is_finite() or number.adjusted() >= 15:
        raise Bad("scientific-notation number")
    if number.adjusted() < -LONGEST_NUMBER:
        raise Bad("number")
    whole = int(number)
    return str(whole) if whole == number else format(number.normalize(), "f")


def is_filled(value: Value) -> bool:
    """Whether a cell holds more than blanks."""
    return bool(clean(value) if isinstance(value, str) else value)


def text(value: Value, limit: int) -> str:
    """Free text of at most `limit` characters; ID, card and phone numbers inside it are masked.

    Raises Doubt when it is longer: half a sentence would look like a whole one.
    """
    if isinstance(value, str) and len(value) > LONGEST:
        raise Doubt("text too long")
    found = plain(value)
    if not found.isalpha():
        found = mask_numbers(found)
    if len(found) > limit:
        raise Doubt("text too long")
    return found


_DOTS = re.compile(r"\s*[·•․‧∙⋅・･ㆍ᛫●]\s*|(?<=[㐀-鿿])\s*[.。]\s*(?=[㐀-鿿])")
_LATIN = re.compile(r"[A-Za-z]")


def name(value: Value) -> str:
    """A person's name: no blanks between Chinese characters, one middle dot "·" whatever was typed.

    Raises Bad("missing name") when blank, Bad("name too long") when longer than 60 characters, Bad("no name") when it
    holds no letter at all (a number in the wrong column).
    """
    found = plain(value)
    if not found:
        raise Bad("missing name")
    if len(found) > 60:
        raise Bad("name too long")
    if found.isalpha():
        return found
    if not any(map(str.isalpha, found)):
        raise Bad("no name")
    found = _DOTS.sub("·", found)
    if not _LATIN.search(found):
        found = found.replace(" ", "")
    return mask_numbers(found)


MARKS = "·•․‧∙⋅・･ㆍ᛫●.．。 　"
_MARKS = re.compile(rf"[{MARKS}\s]")


def bare(name: str) -> str:
    """A name without blanks and without the dots between its parts, which every bank and every list writes otherwise."""
    return _MARKS.sub("", clean(name))


def alike(one: str, other: str) -> bool:
    """Whether two names are the same but for blanks and dots."""
    return bare(one) == bare(other)


_DAY = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})(?:\s*[-/.月]\s*(\d{1,2})\s*日?|月)?"
    r"(?:[ T]\s*\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"
)
_COMPACT = re.compile(r"(\d{4})(?:(\d{2})(\d{2})?)?年?")
_SERIAL_START = datetime.date(1899, 12, 30)  # Excel's day 0, as it counts since March 1900


def day(value: Value, *, end: bool = False) -> str:
    """An ISO date from 20180901, 2018-09-01, 2018/9/1, 2018.9.1, 2018年9月1日 or Excel's day number.

    A month (201809, 2018-9, 2018年9月) or a year (2018年) stands for its first day, with `end` its last.

    Raises Bad("date"). The number 2018.1 is refused: it may have been 2018.10.
    """
    found = plain(value)
    if isinstance(value, bytes):
        if re.fullmatch(r"\d{5}(\.\d+)?", found) and 10_000 <= float(found) <= 75_000:
            return (_SERIAL_START + datetime.timedelta(days=int(float(found)))).isoformat()
        if re.fullmatch(r"\d{4}\.1", found):
            raise Bad("date")
    match = _DAY.fullmatch(found) or _COMPACT.fullmatch(found)
    if match is None:
        raise Bad("date")
    year, month, date = (int(part) if part else 0 for part in match.groups())
    try:
        if not month:
            month = 12 if end else 1
        if not date:
            date = calendar.monthrange(year, month)[1] if end else 1
        if not 1900 <= year <= 2100:
            raise Bad("date")
        return datetime.date(year, month, date).isoformat()
    except (ValueError, calendar.IllegalMonthError):
        raise Bad("date") from None


def is_month_of(first: str, date: str) -> bool:
    """Whether an ISO date is the first of the other's month, as it is read from a column that has no days."""
    return first[8:] == "01" and first[:7] == date[:7]


def money(value: Value) -> str | None:
    """Yuan with two decimals, "800.00", or None when blank. Raises Bad("number")."""
    found = re.sub(r"[,¥￥ ]|元$", "", plain(value))
    if not found:
        return None
    if not re.fullmatch(r"\d{1,9}(\.\d+)?", found):
        raise Bad("number")
    return str(Decimal(found).quantize(Decimal("0.01"), ROUND_HALF_UP))


def whole(value: Value, most: int) -> int | None:
    """A whole number from 0 to `most`, or None when blank. Raises Bad("number")."""
    found = re.sub(r"(\.0+)?\s*[人口]?$", "", plain(value))
    if not found:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", found) or int(found) > most:
        raise Bad("number")
    return int(found)


_REGION = re.compile(r"[1-8]\d(?:\d\d(?:\d\d(?:\d{3}(?:\d{3})?)?)?)?", re.ASCII)


def cut_region(code: str) -> str:
    """A GB/T 2260 code cut to its level: all-zero groups of 2-2-2-3-3 at the end are dropped."""
    for start, stop in ((9, 12), (6, 9), (4, 6), (2, 4)):
        if len(code) == stop and code[start:] == "0" * (stop - start):
            code = code[:start]
    return code


def region(value: Value) -> str:
    """A region code cut to its level: 510000 → 51, 620123000000 → 620123, 620123100 stays. "" when blank.

    Raises Bad("region code").
    """
    found = plain(value)
    if not found:
        return ""
    if not _REGION.fullmatch(found):
        raise Bad("region code")
    return cut_region(found)
