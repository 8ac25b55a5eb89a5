"""Finding the heading row of a sheet and which column is which field, whatever the county calls it."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from aidcases.crypto import mask_numbers
from students.imports.cells import clean
from students.imports.columns import Kind

# A sheet's first rows with a value, as (row number, cell texts): titles, heading, perhaps some data.
TextRow = tuple[int, list[str]]

MOST_COLUMNS = 500
_BRACKETS = str.maketrans("【[〔{】]〕}", "(((())))")
_UNIT = re.compile(r"\([^()]*\)$")


def normal(heading: str) -> str:
    """A heading without blanks, line breaks, stars, colons and width of brackets."""
    return re.sub(r"[\s*:※]", "", clean(heading).translate(_BRACKETS)).upper()


@dataclass(frozen=True)
class Heading:
    """`row` is the number of its last row, `columns` field → zero-based column, `titles` as in the file."""

    row: int
    columns: dict[str, int]
    titles: list[str]
    missing: tuple[str, ...]

    @property
    def score(self) -> tuple[bool, int]:
        return not self.missing, len(self.columns)

    def mapping(self) -> dict[str, str]:
        return {name: self.titles[place] for name, place in self.columns.items()}

    def unused(self) -> list[str]:
        used = set(self.columns.values())
        return [title for place, title in enumerate(self.titles) if title and place not in used]


def _assigned(kind: Kind, spellings: list[list[str]]) -> dict[str, int]:
    """Field → column, each column once; a full match of a heading comes before one without its unit."""
    places: dict[str, int] = {}
    for place, names in reversed(list(enumerate(spellings))):
        for name in names:
            places[_UNIT.sub("", name)] = place
    for place, names in reversed(list(enumerate(spellings))):
        for name in reversed(names):
            places[name] = place
    found: dict[str, int] = {}
    for field in kind.fields:
        known = [places[normal(title)] for title in field.titles if normal(title) in places]
        free = [place for place in known if place not in found.values()]
        if free:
            found[field.name] = free[0]
    return found


def _heading(kind: Kind, row: int, titles: list[str], spellings: list[list[str]]) -> Heading:
    columns = _assigned(kind, spellings)
    missing = tuple(field.titles[0] for field in kind.fields if field.required and field.name not in columns)
    return Heading(row, columns, [mask_numbers(title[:60]) for title in titles], missing)


def _one_row(kind: Kind, row: TextRow) -> Heading:
    number, texts = row
    return _heading(kind, number, [clean(text) for text in texts], [[normal(text)] for text in texts])


def _two_rows(kind: Kind, upper: TextRow, lower: TextRow) -> Heading:
    """成员1 merged over 姓名, 关系, 身份证件号: a lower heading is read with the group above it first."""
    titles, spellings, group = [], [], ""
    width = max(len(upper[1]), len(lower[1]))
    above, below = ([clean(text) for text in texts] + [""] * (width - len(texts)) for _, texts in (upper, lower))
    for over, under in zip(above, below, strict=True):
        group = over or (group if under else "")
        both = group + under if under else group
        titles.append(both)
        spellings.append([normal(both), normal(under)] if under else [normal(both)])
    return _heading(kind, lower[0], titles, spellings)


def find(kind: Kind, rows: list[TextRow]) -> Heading | None:
    """The row, or pair of rows, that names most fields; None when no row names any."""
    found = [_one_row(kind, row) for row in rows]
    found += [_two_rows(kind, upper, lower) for upper, lower in itertools.pairwise(rows)]
    best = max(found, key=lambda heading: heading.score, default=None)
    return best if best and best.columns else None
