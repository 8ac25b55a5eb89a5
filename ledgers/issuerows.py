"""The rows of a finished issue's file by their headings, whichever layout it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, BinaryIO

from ledgers.comparing import Cell, value
from ledgers.definition import ROW_KEY
from ledgers.xmlsheet import TOTAL

FILLED_BY, NOTES, SIGNED, NO_ROWS = "填报单位（盖章）", "说明：", "单位负责人", "（本表无数据）"
UNIT_LINE = 8  # rows among which the line of the reporting office stands
NUMBER = "序号"


@dataclass
class Part:
    """A sheet: headings (the lowest of each column), rows as they stand, the line of totals by heading ({} without)."""

    name: str
    heads: tuple[str, ...]
    first: int
    source: Any = field(repr=False)
    stops: frozenset[int] = frozenset()  # rows that are merged from the first column on
    totals: dict[str, Cell] = field(default_factory=dict)

    def rows(self) -> Iterator[list[Any]]:
        """Body rows as they were read (`value` says what a cell counts as); `totals` is filled on the way."""
        for number, raw in enumerate(_lines(self.source)):
            if number < self.first:
                continue
            start = raw[0] if raw else ""
            if start == TOTAL:
                self.totals = dict(zip(self.heads, map(value, raw), strict=False))
            elif start == NO_ROWS:
                continue
            elif number in self.stops or (isinstance(start, str) and start.startswith((NOTES, SIGNED))):
                return
            else:
                yield raw


def shown(cell: Cell) -> str:
    return f"{cell:f}" if isinstance(cell, Decimal) else cell


def _lines(source: Any) -> Iterator[list[Any]]:
    yield from [[]] * (source.start or (0, 0))[0]
    yield from source.iter_rows()


def parts(file: BinaryIO, *, hidden: str) -> list[Part]:
    """Every sheet but the one named `hidden`. Raises ValueError for a file that has none of the two layouts."""
    from python_calamine import CalamineWorkbook

    book = CalamineWorkbook.from_filelike(file)
    return [_part(book.get_sheet_by_name(name)) for name in book.sheet_names if name != hidden]


def _part(source: Any) -> Part:
    merged = source.merged_cell_ranges or []
    top = [list(map(value, row)) for _, row in zip(range(UNIT_LINE), _lines(source), strict=False)]
    at = next((n for n, row in enumerate(top) if any(str(cell).startswith(FILLED_BY) for cell in row)), None)
    if at is None:
        if merged or not top or not all(top[0]):
            raise ValueError(f"no headings on {source.name}")
        return Part(source.name, tuple(map(str, top[0])), 1, source)
    first, last = at + 1, _last_of_heading(at + 1, merged)
    names = tuple(_lowest(top[first : last + 1], column) for column in range(len(top[first])))
    stops = frozenset(start[0] for start, end in merged if start[0] > last and start[1] == 0)
    return Part(source.name, names, last + 1, source, stops)


def _last_of_heading(first: int, merged: list[Any]) -> int:
    """The last row of a heading that begins in a row: what is merged downwards, and what stands under what is merged
    across."""
    last = first
    for start, end in sorted(merged):
        if first <= start[0] <= last:
            last = max(last, end[0] if end[0] > start[0] else start[0] + 1)
    return last


def _lowest(rows: list[list[Cell]], column: int) -> str:
    return next((str(row[column]) for row in reversed(rows) if column < len(row) and row[column] != ""), "")


def is_data(heading: str) -> bool:
    """Not what only says where the row stands."""
    return heading not in (NUMBER, ROW_KEY)
