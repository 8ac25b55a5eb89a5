"""Finding the heading row of a sheet and which column is which field, whatever the county calls it."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from aidcases.crypto import mask_numbers
from students.imports.cells import clean
from students.imports.columns import Kind
from students.imports.sheets import column_letters

# A sheet's first rows with a value, as (row number, cell texts): titles, heading, perhaps some data.
TextRow = tuple[int, list[str]]

MOST_SHOWN = 200  # columns that can be mapped by hand
_BRACKETS = str.maketrans("【[〔{】]〕}", "(((())))")
_UNIT = re.compile(r"\([^()]*\)$")
# A group of columns about somebody else than the person of the row: 姓名 under 家庭成员1 is not the child's name.
_SOMEBODY_ELSE = re.compile(r"成员|家长|监护人|父|母|户主|联系人")


@lru_cache(4096)
def normal(heading: str) -> str:
    """A heading without blanks, line breaks, stars, colons and width of brackets."""
    return re.sub(r"[\s*:※]", "", clean(heading).translate(_BRACKETS)).upper()


@cache
def _aliases(kind: Kind) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((field.name, tuple(normal(title) for title in field.titles)) for field in kind.fields)


@dataclass(frozen=True)
class Heading:
    """`row` is the number of its last row, `columns` field → zero-based column, `titles` as in the file.

    `height` is 2 where groups of columns have a title of their own above. `is_told`: a clerk said which column is which.
    """

    row: int
    columns: dict[str, int]
    titles: list[str]
    missing: tuple[str, ...]
    height: int = 1
    is_told: bool = False

    @property
    def score(self) -> tuple[bool, bool, int]:
        return not self.missing, self.is_told, len(self.columns)

    def mapping(self) -> dict[str, str]:
        """Field → label of its column."""
        names = labels(self.titles)
        return {name: names[place] for name, place in self.columns.items() if place < len(names)}

    def unused(self) -> list[str]:
        used = set(self.columns.values())
        return [title for place, title in enumerate(self.titles) if title and place not in used]


def labels(titles: list[str]) -> list[str]:
    """A name for each column that no other has: the title, with the column's letters where that is blank or repeated."""
    titles = titles[:MOST_SHOWN]
    seen = Counter(titles)
    return [
        title if title and seen[title] == 1 else f"{title or '没有列名'}（{column_letters(place)} 列）"
        for place, title in enumerate(titles)
    ]


def fingerprint(titles: list[str]) -> str:
    """sha256 of the normalised headings in their order: files with the same headings have the same."""
    names = "\n".join(normal(title) for title in titles[:MOST_SHOWN]).rstrip("\n")
    return hashlib.sha256(names.encode()).hexdigest()


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
    for field, titles in _aliases(kind):
        known = [places[title] for title in titles if title in places]
        free = [place for place in known if place not in found.values()]
        if free:
            found[field] = free[0]
    return found


@dataclass(frozen=True)
class Titles:
    """A row, or a pair of rows, as headings: what each column is called, and by which names it may be known."""

    row: int
    height: int
    titles: list[str]
    spellings: list[list[str]]

    def guessed(self, kind: Kind) -> Heading:
        columns = _assigned(kind, self.spellings)
        return Heading(self.row, columns, self.titles, kind.missing(columns), self.height)

    def as_told(self, kind: Kind, mapping: Mapping[str, str]) -> Heading:
        """By what a clerk said: field → label. Labels that are not there are left out."""
        places = {label: place for place, label in enumerate(labels(self.titles))}
        known = {field.name for field in kind.fields}
        columns = {name: places[label] for name, label in mapping.items() if label in places and name in known}
        return Heading(self.row, columns, self.titles, kind.missing(columns), self.height, is_told=True)


_LONG_NUMBER = re.compile(r"(?<!\d)(?!(?:19|20)\d\d-?[01]\d-?[0-3]\d(?!\d))\d(?:[ -]?\d){6,}")


def hidden(text: str) -> str:
    """A cell as it may be shown: no ID, card, phone or other long number in clear, dates as they are, 60 characters."""
    return _LONG_NUMBER.sub(lambda run: "*" * (len(run[0]) - 2) + run[0][-2:], mask_numbers(text[:60]))


def _shown(titles: Iterable[str]) -> list[str]:
    return list(map(hidden, titles))


def _one_row(row: TextRow) -> Titles:
    number, texts = row
    return Titles(number, 1, _shown(map(clean, texts)), [[normal(text)] for text in texts])


def _two_rows(upper: TextRow, lower: TextRow) -> Titles:
    """成员1 merged over 姓名, 关系, 身份证件号: a lower heading is read with the group above it first."""
    titles, spellings, group = [], [], ""
    width = max(len(upper[1]), len(lower[1]))
    above, below = ([clean(text) for text in texts] + [""] * (width - len(texts)) for _, texts in (upper, lower))
    for over, under in zip(above, below, strict=True):
        group = over or (group if under else "")
        both = group + under if under else group
        titles.append(both)
        alone = under and not _SOMEBODY_ELSE.search(group)
        spellings.append([normal(both), normal(under)] if alone else [normal(both)])
    return Titles(lower[0], 2, _shown(titles), spellings)


def candidates(rows: list[TextRow]) -> list[Titles]:
    """Every row, and every two rows one after the other, as headings."""
    return [*map(_one_row, rows), *(_two_rows(upper, lower) for upper, lower in itertools.pairwise(rows))]


def _is_grouped(kind: Kind, rows: list[TextRow], row: int) -> bool:
    """Whether the row stands under headings with a group about somebody else: read alone, a father's number under 家庭成员1
    would pass for the child's."""
    above = rows[next(place for place, (number, _) in enumerate(rows) if number == row) - 1][1]
    named = _assigned(kind, [[normal(text)] for text in above])
    return bool(named) and any(_SOMEBODY_ELSE.search(text) for text in above)


def find(kind: Kind, rows: list[TextRow], saved: Mapping[str, Mapping[str, str]] | None = None) -> Heading | None:
    """The row, or pair of rows, that names most fields; None when no row names any.

    `saved`: fingerprint of headings → the mapping a clerk once made for them, which comes before any guess; of this
    system's own sheets headings → mapping (students.imports.edits.layouts).
    """
    found = [titles.guessed(kind) for titles in candidates(rows)]
    below = {heading.row for heading in found if heading.height == 2 and _is_grouped(kind, rows, heading.row)}
    found = [heading for heading in found if heading.height == 2 or heading.row not in below]
    if saved:
        look_up = _laid_out if kind.own else _as_saved
        known = ((titles, look_up(titles, saved)) for titles in candidates(rows))
        found += [titles.as_told(kind, mapping) for titles, mapping in known if mapping]
    best = max(found, key=lambda heading: heading.score, default=None)
    return best if best and best.columns else None


def _as_saved(titles: Titles, saved: Mapping[str, Mapping[str, str]]) -> Mapping[str, str] | None:
    return saved.get(fingerprint(titles.titles))


def _laid_out(titles: Titles, layouts: Mapping[str, Mapping[str, str]]) -> Mapping[str, str] | None:
    """The mapping of the layout that shares most headings: columns may have been added, moved or deleted since."""
    names = set(titles.titles)
    likest = max(layouts, key=lambda headings: len(names.intersection(headings.split("\n"))))
    return layouts[likest] if layouts[likest]["key"] in names else None


def told(kind: Kind, rows: list[TextRow], row: int, height: int, mapping: Mapping[str, str]) -> Heading | None:
    """The heading a clerk pointed at, by the mapping a clerk made; None when there is no such row."""
    for titles in candidates(rows):
        if (titles.row, titles.height) == (row, height):
            return titles.as_told(kind, mapping)
    return None
