"""Two workbooks cell by cell, hidden sheets and formulas included: what the limited process does for ledgers.verify.

What a program changes by saving (styles, order of parts, cached strings) is no difference; a value, a formula, a row, a
sheet is. Needs no Django.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ledgers.disguise import (
    NAMED_ROWS,
    SAID_OF_COLUMNS,
    SAID_OF_MERGED,
    SAID_OF_PICTURES,
    SAID_OF_ROWS,
    SAID_OF_RULES,
    SAID_OF_SHEET,
    Looks,
    Shown,
    formulas,
    harmless,
    looks,
    place_of,
    shown,
)
from students.imports.package import Archive
from students.imports.sheets import column_letters
from students.imports.source import Limits, Refused

ISSUE = "生成记录"  # the custom property that names the issue
CHANGED, MISSING, ADDED = "changed", "missing", "added"
ALIGNED = 4000  # rows of unequal number that are aligned; more are compared in their places
WHOLE_SHEET, WHOLE_FILE = "整张工作表", "整个文件"
UNREADABLE = "文件打不开或已损坏，无法核验。请核对是不是下载的 .xlsx 原文件。"
MOST_TOLD = 50_000
MOST_DIGITS = 19  # of a key


@dataclass(frozen=True)
class Difference:
    """A cell of the copy (or, missing, of the issue) and what stood and stands there."""

    sheet: str
    cell: str
    kind: str
    was: str
    now: str

    @property
    def told(self) -> dict[str, str]:
        return {"sheet": self.sheet, "cell": self.cell, "kind": self.kind, "was": self.was, "is": self.now}


Cell = str | Decimal


def value(raw: Any) -> Cell:
    """A cell as it counts: numbers by value, days without hours, nothing as ""."""
    if raw is None or raw == "":
        return ""
    if isinstance(raw, bool):
        return "是" if raw else "否"
    if isinstance(raw, int | float):
        return Decimal(repr(raw)).normalize()
    if isinstance(raw, datetime):
        return raw.date().isoformat() if raw.time() == datetime.min.time() else raw.isoformat()
    if isinstance(raw, date):
        return raw.isoformat()
    return str(raw).replace("\r\n", "\n").replace("\r", "\n")


def _shown(value: Cell) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value


@dataclass
class Page:
    """A sheet: a hash for each row (to find what differs without holding the cells), and its formulas."""

    name: str
    source: Any = field(repr=False)
    formulas: dict[tuple[int, int], str] = field(default_factory=dict)
    shown: Shown = field(default_factory=Shown)

    def rows(self) -> Iterator[tuple[Cell, ...]]:
        """From the first row of the sheet on, from column A on; trailing empty cells left out."""
        first_row, first_column = self.source.start or (0, 0)
        yield from [()] * first_row
        for number, raw in enumerate(self.source.iter_rows(), first_row):
            cells = [*([""] * first_column), *map(value, raw)]
            for (row, column), formula in self.formulas.items() if self.formulas else ():
                if row == number and column < len(cells):
                    cells[column] = f"{_shown(cells[column])}\0{formula}"
            while cells and cells[-1] == "":
                cells.pop()
            yield tuple(cells)

    @cached_property
    def hashes(self) -> list[int]:
        """Of texts, for numbers have hashes that can be foreseen: -1 has that of -2."""
        found = [hash(tuple(cell if type(cell) is str else f"\2{cell}" for cell in row)) for row in self.rows()]
        empty = hash(())
        while found and found[-1] == empty:
            found.pop()
        return found

    def at(self, wanted: set[int]) -> dict[int, tuple[Cell, ...]]:
        return {number: row for number, row in enumerate(self.rows()) if number in wanted}


class Copy:
    """A workbook, read without trusting it."""

    def __init__(self, path: Path):
        from python_calamine import CalamineError, CalamineWorkbook

        self.archive = Archive(str(path), Limits())
        try:
            with open(path, "rb") as file:
                self.book = CalamineWorkbook.from_filelike(file)
        except (CalamineError, zipfile.BadZipFile, OSError):
            raise Refused(UNREADABLE) from None

    @property
    def issue(self) -> int | None:
        """The issue that the file says it is."""
        if "docProps/custom.xml" not in self.archive.parts:
            return None
        root = ElementTree.fromstring(self.archive.zip.read("docProps/custom.xml"))
        for each in root:
            if each.get("name") == ISSUE:
                text = "".join(each.itertext()).strip()
                return int(text) if text.isdecimal() and len(text) < MOST_DIGITS else None
        return None

    def pages(self) -> dict[str, Page]:
        """Every sheet, hidden ones too, by name."""
        parts, found = self._parts(), {}
        for name in self.book.sheet_names:
            page = found[name] = Page(name, self.book.get_sheet_by_name(name))
            if (part := parts.get(name, "")) in self.archive.parts:
                data = harmless(b"".join(self.archive.chunks(part)))
                page.formulas, page.shown = formulas(data), shown(data, self.looks.odd)
        return found

    @cached_property
    def looks(self) -> Looks:
        return looks(self.archive)

    def _parts(self) -> dict[str, str]:
        """Sheet name → the part that holds it."""
        from students.imports.package import elements, relations

        workbook = next((t for _, kind, t in relations(self.archive, "") if kind == "officeDocument"), "xl/workbook.xml")
        targets = {name: target for name, kind, target in relations(self.archive, workbook) if kind == "worksheet"}
        return {
            told.get("name", ""): targets[told["id"]]
            for element, told in elements(self.archive.small(workbook))
            if element == "sheet" and told.get("id") in targets
        }


def work(order: dict[str, Any], limits: Limits, _write: Callable[[bytes], None]) -> dict[str, Any]:
    """The child's task: {"issue": which one the copy says it is}, or with `stored` also {"found": the first differences as
    tuples, "count": of all}."""
    copy = Path(order["path"])
    if not order["stored"]:
        return {"issue": Copy(copy).issue}
    found = compare(Path(order["stored"]), copy)
    return {"found": [astuple(each) for each in found[:MOST_TOLD]], "count": len(found)}


def compare(stored: Path, copy: Path) -> list[Difference]:
    """What differs between the issue and the copy; [] when nothing does. Raises Refused for a file that can't be read."""
    one, other = Copy(stored), Copy(copy)
    was, now = one.pages(), other.pages()
    found: list[Difference] = []
    for name, page in was.items():
        if name not in now:
            found.append(Difference(name, "", MISSING, WHOLE_SHEET, ""))
        else:
            found += _page(page, now[name])
            found += _disguised(page, now[name], one.looks, other.looks)
    found += [Difference(WHOLE_FILE, "", ADDED, "", SAID_OF_PICTURES)] if other.looks.pictures > one.looks.pictures else []
    found += [Difference(name, "", ADDED, "", WHOLE_SHEET) for name in now if name not in was]
    return found


def _disguised(was: Page, now: Page, before: Looks, after: Looks) -> Iterator[Difference]:
    """What the copy's sheet hides, covers or writes otherwise, and the issue's does not."""
    if now.name in after.hidden - before.hidden:
        yield Difference(now.name, "", CHANGED, "", SAID_OF_SHEET)
    if rows := [row for row in now.shown.rows if row not in set(was.shown.rows)]:
        named = "、".join(map(str, rows[:NAMED_ROWS])) + ("……" if len(rows) > NAMED_ROWS else "")
        yield Difference(now.name, "", CHANGED, "", SAID_OF_ROWS.format(len(rows), named))
    if columns := [each for each in now.shown.columns if each not in was.shown.columns]:
        yield Difference(now.name, "", CHANGED, "", SAID_OF_COLUMNS.format("、".join(columns)))
    if now.shown.rules > was.shown.rules:
        yield Difference(now.name, "", CHANGED, "", SAID_OF_RULES)
    known = set(before.odd.values())
    odd = {cell: said for cell, said in now.shown.cells.items() if said not in known}
    places = {cell: place_of(cell) for cell in odd}
    rows = now.at({row - 1 for row, _ in places.values()}) if odd else {}
    for cell, said in odd.items():
        row, column = places[cell]
        holds = rows.get(row - 1, ())[column - 1 : column]
        yield Difference(now.name, cell, CHANGED, _told(holds[0]) if holds else "", said)
    yield from _covered(was, now)


def _covered(was: Page, now: Page) -> Iterator[Difference]:
    """Cells that hold something and are merged into another one that is shown instead."""
    merged = set(now.source.merged_cell_ranges or ()) - set(was.source.merged_cell_ranges or ())
    rows = now.at({row for (top, _), (bottom, _) in merged for row in range(top, bottom + 1)}) if merged else {}
    for (top, left), (bottom, right) in sorted(merged):
        for row in range(top, bottom + 1):
            for column in range(left, min(right + 1, len(rows.get(row, ())))):
                if (row, column) != (top, left) and rows[row][column] != "":
                    cell = f"{column_letters(column)}{row + 1}"
                    yield Difference(now.name, cell, CHANGED, _told(rows[row][column]), SAID_OF_MERGED)


def _page(was: Page, now: Page) -> list[Difference]:
    pairs = list(_pairs(was.hashes, now.hashes))
    before = was.at({old for old, _ in pairs if old is not None})
    after = now.at({new for _, new in pairs if new is not None})
    found = []
    for old, new in pairs:
        found += _row(was.name, old, new, before.get(old, ()) if old is not None else None,
                      after.get(new, ()) if new is not None else None)  # fmt: skip
    return found


def _pairs(was: list[int], now: list[int]) -> Iterator[tuple[int | None, int | None]]:
    """Rows that differ: (of the issue, of the copy), None for one that is not there. Of equally many rows each stands in
    its place; else the rows that went or came are looked for."""
    if len(was) == len(now):
        yield from ((n, n) for n in range(len(was)) if was[n] != now[n])
        return
    head = next((n for n, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    tail = 0
    while tail < min(len(was), len(now)) - head and was[-1 - tail] == now[-1 - tail]:
        tail += 1
    yield from _aligned(head, was[head : len(was) - tail], now[head : len(now) - tail])


def _aligned(head: int, was: list[int], now: list[int]) -> Iterator[tuple[int | None, int | None]]:
    if max(len(was), len(now)) > ALIGNED:
        for n in range(max(len(was), len(now))):
            old, new = (head + n if n < len(rows) else None for rows in (was, now))
            if old is None or new is None or was[n] != now[n]:
                yield old, new
        return
    for _tag, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if _tag != "equal":
            for n in range(max(b - a, d - c)):
                yield (head + a + n if a + n < b else None), (head + c + n if c + n < d else None)


def _row(
    sheet: str, old: int | None, new: int | None, was: tuple[Cell, ...] | None, now: tuple[Cell, ...] | None
) -> Iterable[Difference]:
    """The cells of one row that differ."""
    place = new if new is not None else old
    before, after = was or (), now or ()
    for column in range(max(len(before), len(after))):
        a = before[column] if column < len(before) else ""
        b = after[column] if column < len(after) else ""
        if a == b or _not_computed(a, b):
            continue
        kind = ADDED if was is None or a == "" else MISSING if now is None or b == "" else CHANGED
        cell = f"{column_letters(column)}{(place or 0) + 1}"
        yield Difference(sheet, cell, kind, _told(a), _told(b))


def _not_computed(was: Cell, now: Cell) -> bool:
    """The same formula, whose value the saving program has left to whoever opens the file."""
    if isinstance(was, Decimal) or isinstance(now, Decimal) or not now.startswith("\0"):
        return False
    return now.partition("\0")[2] == was.partition("\0")[2]


def _told(value: Cell) -> str:
    """A formula beside its value."""
    text, _, formula = _shown(value).partition("\0")
    return f"{text}（={formula}）" if formula else text
