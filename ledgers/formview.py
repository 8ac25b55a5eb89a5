"""A form as its page shows it: the sheet as it will look with the first rows in it, and a line for each of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl.utils import get_column_letter as letter

from ledgers.countyform import Shape
from ledgers.definition import Listing, Summary, Table
from ledgers.formfile import Described, Sheet
from ledgers.placeholders import MARK, TOTAL, Part, column_named, headings_above
from ledgers.preview import text_of

ROWS, ABOVE, BELOW = 5, 12, 6


@dataclass(frozen=True)
class Cell:
    text: str
    columns: int = 1
    rows: int = 1
    head: bool = False


@dataclass(frozen=True)
class Line:
    """A column of the sample row. `choice`: the ledger's heading it gets, "" for none; `fixed`: the text it gives every row."""

    name: str
    letter: str
    heading: str
    choice: str
    fixed: str
    sample: str


@dataclass(frozen=True)
class Shown:
    """A sheet of the form: its picture and its columns."""

    part: Part
    rows: list[list[Cell]]
    lines: list[Line]
    choices: list[str]


def field_name(sheet: int, column: int) -> str:
    return f"column-{sheet}-{column}"


def shown(
    seen: Described, parts: Sequence[Part], shape: Shape, tables: Mapping[str, Table], told: Mapping[str, str]
) -> list[Shown]:
    """Each sheet with rows, the first five of them as a page may show them: numbers masked."""
    sheets = {sheet["title"]: sheet for sheet in seen["sheets"]}
    found = []
    for number, part in enumerate(parts):
        table, sheet = tables.get(part.table), sheets[part.sheet]
        first = _first(table, part) if table else []
        totals = _totals(table)
        paths = shape.tables.get(part.table, ())

        def said(text: str, totals: dict[str, str] = totals, paths: Any = paths) -> str:
            return MARK.sub(lambda mark: _said(mark[1], told, totals, paths), text)

        lines = [
            Line(
                field_name(number, at), letter(at), (headings_above(sheet, part.row, at) or [""])[0],
                part.columns.get(at, ""), part.constant.get(at, ""), first[0][at - 1] if first else "",
            )
            for at in range(1, sheet["width"] + 1)
        ]  # fmt: skip
        found.append(Shown(part, _picture(sheet, part, first, said), lines, shape.names(part.table) if table else []))
    return found


def _said(name: str, told: Mapping[str, str], totals: Mapping[str, str], paths: Any) -> str:
    if total := TOTAL.fullmatch(name):
        return totals.get(column_named(total[1], paths) or "", "")
    return told.get(name, "")


def _totals(table: Table | None) -> dict[str, str]:
    if not isinstance(table, Listing | Summary):
        return {}
    kinds = {column.name: column.kind for column in table.columns}
    return {name: text_of(kinds[name], value) for name, value in table.totals().items() if name in kinds}


def _first(table: Table, part: Part) -> list[list[str]]:
    """The first rows in the form's columns."""
    rows: list[list[Any]] = []
    if isinstance(table, Listing):
        rows = table.first(ROWS)
    elif isinstance(table, Summary):
        rows = [table.cells(line) for line in table.lines[:ROWS]]
    places = {column.name: (at, column.kind) for at, column in enumerate(table.columns)}
    width = max([*part.columns, *part.constant])
    made = []
    for row in rows:
        cells = []
        for at in range(1, width + 1):
            name = part.columns.get(at)
            place, kind = places.get(name or "", (None, None))
            cells.append(part.constant.get(at, "") if place is None or kind is None else text_of(kind, row[place]))
        made.append(cells)
    return made


def _picture(sheet: Sheet, part: Part, first: list[list[str]], said: Any) -> list[list[Cell]]:
    """Rows above the sample row as they are, the first rows in its place, what stands below."""
    top = max(1, part.row - ABOVE)
    above = [_line(sheet, row, top, part.row - 1, said) for row in range(top, part.row)]
    last = min(sheet["height"], part.row + BELOW)
    below = [_line(sheet, row, part.row + 1, last, said) for row in range(part.row + 1, last + 1)]
    rows = first or [["" for _ in range(sheet["width"])]]
    body = [[Cell(text) for text in [*row, *[""] * (sheet["width"] - len(row))]] for row in rows]
    return [row for row in [*above, *body, *below] if row]


def _line(sheet: Sheet, row: int, top: int, bottom: int, said: Any) -> list[Cell]:
    """One row of the sheet; a merged range stands in its first cell, as far as it lies between `top` and `bottom`."""
    cells, at = [], 1
    covering = [merge for merge in sheet["merges"] if merge[0] <= row <= merge[2]]
    while at <= sheet["width"]:
        merge = next((each for each in covering if each[1] <= at <= each[3]), None)
        text = said(sheet["texts"].get(f"{letter(at)}{row}", ""))
        if merge is None:
            cells.append(Cell(text, head=True))
            at += 1
            continue
        if max(merge[0], top) == row:
            cells.append(Cell(text, merge[3] - at + 1, min(merge[2], bottom) - row + 1, head=True))
        at = merge[3] + 1
    return cells
