"""Rosters in .xlsx: the workbook, its visible sheets and what their cells hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property

from students.imports import sheets
from students.imports.cells import Value
from students.imports.package import OTHER_FORMAT, Archive, elements, relations
from students.imports.source import DAMAGED, TOO_LARGE, Limits, Raw, Refused, Row
from students.imports.strings import Strings, decoded

DATES_1904 = "这个文件使用 1904 日期系统，日期会差四年。请另存为“CSV UTF-8”格式后重新上传。"


class Book:
    """An .xlsx: its visible worksheets and its table of strings."""

    def __init__(self, path: str, limits: Limits):
        self.archive = Archive(path, limits)
        workbook = [target for _, kind, target in relations(self.archive, "") if kind == "officeDocument"]
        self.part = workbook[0] if workbook else "xl/workbook.xml"
        if self.part not in self.archive.parts:
            raise Refused(OTHER_FORMAT)
        self.relations = relations(self.archive, self.part)

    def sheets(self) -> list[XlsxSheet]:
        parts = {name: target for name, kind, target in self.relations if kind == "worksheet"}
        found = []
        for element, attributes in elements(self.archive.small(self.part)):
            if element == "workbookPr" and attributes.get("date1904", "0") in ("1", "true"):
                raise Refused(DATES_1904)
            visible = attributes.get("state", "visible") == "visible"
            if element == "sheet" and visible and attributes.get("id") in parts:
                found.append(XlsxSheet(self, attributes.get("name", ""), parts[attributes["id"]]))
        return found

    def related(self, kind: str) -> str:
        """The part with the strings or styles; "" when there is none."""
        return next((target for _, found, target in self.relations if found == kind), "")

    @cached_property
    def strings(self) -> Strings:
        return Strings(self.archive, self.related("sharedStrings"))


_TYPE = re.compile(rb' t="([a-zA-Z]+)"')
_MERGED = re.compile(rb'<(?:[a-z]+:)?mergeCell ref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"')
MOST_MERGED = 200_000


class XlsxSheet:
    """A worksheet; see source.Sheet."""

    def __init__(self, book: Book, name: str, part: str):
        self.name = name
        self.part = part
        self.book = book
        self.value = _values(book)
        self._merged: list[tuple[int, int, int, int]] = []
        self._rows = 0
        if part not in book.archive.parts:
            raise Refused(DAMAGED)

    def rows(self, part: int | None = None) -> Iterator[Row]:
        return sheets.rows(lambda: self.book.archive.chunks(self.part), part)

    def survey(self) -> None:
        """Counts the rows and collects the merged cells, which stand behind them."""
        if self._rows:
            return
        rest = b""
        for chunk in self.book.archive.chunks(self.part):
            block = rest + chunk
            self._rows += block.count(b"row>")
            behind = block[block.rfind(b"row>") + 1 :]  # merged cells stand behind all rows
            if b"mergeCell " in behind:
                self._merged += _ranges(behind)
            rest = block[block.rfind(b"<") :]
            self._rows -= rest.count(b"row>")
            if len(self._merged) > MOST_MERGED:
                raise Refused(TOO_LARGE)

    def estimate(self) -> int:
        self.survey()
        return self._rows

    def merged(self) -> list[tuple[int, int, int, int]]:
        self.survey()
        return self._merged


def _ranges(block: bytes) -> list[tuple[int, int, int, int]]:
    return [
        (int(top), sheets.place(left), int(bottom), sheets.place(right))
        for left, top, right, bottom in _MERGED.findall(block)
        if top != bottom
    ]


def _values(book: Book) -> Callable[[Raw], Value]:
    """What a cell holds. A closure, because a large roster asks a million times."""
    types: dict[bytes, bytes] = {}
    read = sheets.content()

    def value(raw: Raw) -> Value:
        if raw is None:
            return None
        attributes, content = read(raw)
        kind = types.get(attributes)
        if kind is None:
            match = _TYPE.search(attributes)
            kind = types[attributes] = match[1] if match else b"n"
        if kind == b"s" and content:
            place = int(content)
            return book.strings.run(place >> 6)[place & 63]
        if kind == b"n" or kind == b"e":
            return content or None
        return decoded(content)  # inline, text of a formula, boolean, ISO date

    return value
