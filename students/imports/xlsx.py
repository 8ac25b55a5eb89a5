"""Rosters in .xlsx: the workbook, its visible sheets and what their cells hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from students.imports import sheets
from students.imports.cells import Value
from students.imports.package import OTHER_FORMAT, Archive, elements, relations
from students.imports.source import DAMAGED, Limits, Raw, Refused, Row
from students.imports.strings import Strings, decoded

DATES_1904 = "这个文件使用 1904 日期系统，日期会差四年。请另存为“CSV UTF-8”格式后重新上传。"


class Book:
    """An .xlsx: its visible worksheets and its table of strings."""

    def __init__(self, file: IO[bytes], limits: Limits):
        self.archive = Archive(file, limits)
        workbook = [target for _, kind, target in relations(self.archive, "") if kind == "officeDocument"]
        self.part = workbook[0] if workbook else "xl/workbook.xml"
        if self.part not in self.archive.parts:
            raise Refused(OTHER_FORMAT)
        self.relations = relations(self.archive, self.part)
        self._strings: Strings | None = None

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

    def string(self, index: int) -> str:
        if self._strings is None:
            self._strings = Strings(self.archive, self.related("sharedStrings"))
        return self._strings[index]


_TYPE = re.compile(rb' t="([a-zA-Z]+)"')
_DIMENSION = re.compile(rb'<dimension ref="[A-Z]+[0-9]+:[A-Z]+([0-9]+)"')
_MERGED = re.compile(rb'<(?:[a-z]+:)?mergeCell ref="([A-Z]+)([0-9]+):([A-Z]+)([0-9]+)"')
_MOST_MERGED = 200_000


class XlsxSheet:
    """A worksheet; see source.Sheet."""

    def __init__(self, book: Book, name: str, part: str):
        self.name = name
        self.part = part
        self.book = book
        self._types: dict[bytes, bytes] = {}
        if part not in book.archive.parts:
            raise Refused(DAMAGED)

    def rows(self) -> Iterator[Row]:
        return sheets.rows(lambda: self.book.archive.chunks(self.part))

    def value(self, raw: Raw) -> Value:
        if raw is None:
            return None
        _, attributes, stored, inline = raw
        kind = self._types.get(attributes)
        if kind is None:
            match = _TYPE.search(attributes)
            kind = self._types[attributes] = match[1] if match else b"n"
        if kind == b"s":
            return self.book.string(int(stored)) if stored else None
        if kind == b"inlineStr":
            return decoded(inline)
        if kind == b"n" or kind == b"e":
            return stored or None
        return decoded(stored)  # text of a formula, boolean, ISO date

    def estimate(self) -> int:
        size = self.book.archive.parts[self.part].file_size
        head = next(self.book.archive.chunks(self.part), b"")
        match = _DIMENSION.search(head)
        said = int(match[1]) if match else 0
        return said if 1 < said <= size // 30 else size // 600

    def merged(self) -> list[tuple[int, int, int, int]]:
        found: list[tuple[int, int, int, int]] = []
        rest = b""
        for chunk in self.book.archive.chunks(self.part):
            block = rest + chunk
            for left, top, right, bottom in _MERGED.findall(block):
                if top != bottom and len(found) < _MOST_MERGED:
                    found.append((int(top), sheets.place(left), int(bottom), sheets.place(right)))
            rest = block[block.rfind(b"<") :]
        return found
