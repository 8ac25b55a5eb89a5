"""A ledger's sheet as a page shows it: headings that span, cells as text, figures that open their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from aidcases.models.places import LEVELS
from aidcases.spans import Span, terms_of
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import ROWS, Column, Figures, Listing, Summary, Table
from ledgers.workbook import Kind

FIRST_ROWS = 20
NAME_OF_CHILD = ("姓名", "学生姓名", "学生")


@dataclass(frozen=True)
class Heading:
    """A cell of the table's head."""

    text: str
    columns: int
    rows: int
    number: bool


@dataclass(frozen=True)
class Cell:
    """A cell of the table's body; `url` opens the rows behind a figure."""

    text: str
    number: bool
    url: str = ""


@dataclass(frozen=True)
class Preview:
    """The first rows of a sheet, its 合计 (aligned with the columns) and how many rows there are."""

    name: str
    headings: list[list[Heading]]
    rows: list[tuple[bool, list[Cell]]]
    total: list[Cell]
    total_first: bool
    size: int


def preview(table: Table, when: Term | Span, area: Area, code: str = "") -> Preview:
    """Two queries for a listing; none for a summary, which has been counted already. `code`: the ledger's."""
    if isinstance(table, Listing):
        totals = table.totals()
        size = totals.pop("rows")
        found = table.between(0, FIRST_ROWS)
        rows = [(False, cells_of(table.columns, cells, child_url(child, when))) for child, cells in found]
        total = [_cell(column, totals.get(column.name)) for column in table.columns]
        total[0] = Cell("合计", False)
        return Preview(table.name, headings(table.columns), rows, total, False, size)
    opened = _Opened(table, when, area, code)
    rows = [(line.subtotal, opened.cells(line)) for line in table.lines]
    total = opened.cells(table.whole)
    return Preview(table.name, headings(table.columns), rows, total, True, table.size())


def total_of(listing: Listing) -> list[tuple[str, str]]:
    """The sums of a listing as (heading, text)."""
    totals = listing.totals()
    return [(column.name, text_of(column.kind, totals[column.name])) for column in listing.columns if column.total]


def headings(columns: tuple[Column, ...]) -> list[list[Heading]]:
    """Rows of headings: equal neighbours become one, a short path reaches down."""
    depth = max(len(column.path) for column in columns)
    found = []
    for level in range(depth):
        row = []
        for _, group in groupby(enumerate(columns), key=lambda at: _shared(at[0], at[1].path, level)):
            members = [column for _, column in group]
            path = members[0].path
            if level < len(path):
                leaf = level == len(path) - 1
                number = leaf and _is_number(members[0])
                row.append(Heading(path[level], len(members), depth - level if leaf else 1, number))
        found.append(row)
    return found


def _shared(at: int, path: tuple[str, ...], level: int) -> Any:
    return path[: level + 1] if level < len(path) - 1 else at


def _is_number(column: Column) -> bool:
    return column.kind is Kind.MONEY or column.total


def child_url(child: int | None, when: Term | Span, page: str = "student_detail") -> str:
    """The page of a child, in the last term of a span."""
    return f"{reverse(page, args=[child])}?term={terms_of(when)[-1].code}" if child else ""


def cells_of(columns: tuple[Column, ...], values: list[Any], url: str = "") -> list[Cell]:
    """The cells of a row; the name in it opens `url`, the child it is of."""
    named = next((column for column in columns if column.name in NAME_OF_CHILD), None)
    pairs = zip(columns, values, strict=True)
    return [_cell(column, value, url if column is named and value else "") for column, value in pairs]


def _cell(column: Column, value: Any, url: str = "") -> Cell:
    return Cell(text_of(column.kind, value), _is_number(column), url)


def text_of(kind: Kind, value: Any) -> str:
    if value is None:
        return ""
    if kind is Kind.MONEY:
        return f"{Decimal(value):,.2f}"
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class _Opened:
    """A summary's lines as cells that open their rows."""

    table: Summary
    when: Term | Span
    area: Area
    code: str

    def cells(self, line: Figures) -> list[Cell]:
        pairs = zip(self.table.columns, self.table.cells(line), strict=True)
        return [_cell(column, value, self._url(column, line) if value else "") for column, value in pairs]

    def _url(self, column: Column, line: Figures) -> str:
        own = self.table.lists == ROWS
        where = place_of(self.area) if own else self.table.where
        if column.opens is None or line.opens is None or where is None:
            return ""
        asked = {"term": self.when.code, **where, **line.opens, **column.opens}
        return f"{reverse(self.table.lists, args=[self.code] if own else [])}?{urlencode(asked)}"


def place_of(area: Area) -> Mapping[str, str]:
    """What means this area in an address; nothing for the whole of who looks on from a city or above."""
    last = area.path.strip("/").rpartition("/")[2]
    if area.is_school:
        return {"school": last}
    level = LEVELS.get(len(last), "")
    return {} if level in ("", "province", "city") else {"county" if level == "county" else "place": last}
