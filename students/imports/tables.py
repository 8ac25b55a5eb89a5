"""Rosters that are not .xlsx: text with delimiters, the HTML that some systems call .xls, and real .xls."""

from __future__ import annotations

import codecs
import csv
import datetime
import itertools
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from students.imports.cells import Value
from students.imports.source import DAMAGED, MOST_COLUMNS, Raw, Refused, Row, in_part, too_wide

UNREADABLE_TEXT = "文件里的文字读不出来。请用 Excel 或 WPS 打开，另存为 .xlsx 后重新上传。"


class Texts:
    """A sheet whose raw cells are their own values; see source.Sheet."""

    name = ""

    def rows(self, part: int | None = None) -> Iterator[Row]:
        return in_part(self.all_rows(), part)

    def all_rows(self) -> Iterator[Row]:
        raise NotImplementedError

    def value(self, raw: Raw) -> Value:
        return raw

    def merged(self) -> list[tuple[int, int, int, int]]:
        return []


def encoding_of(path: str) -> str:
    """utf-8, utf-8-sig, utf-16 or gb18030, after decoding the whole file once."""
    with open(path, "rb") as file:
        head = file.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            candidates = ["utf-16"]
        else:
            candidates = ["utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8", "gb18030"]
        for encoding in candidates:
            file.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            try:
                while chunk := file.read(1 << 20):
                    decoder.decode(chunk)
                decoder.decode(b"", True)
            except UnicodeDecodeError:
                continue
            return encoding
    raise Refused(UNREADABLE_TEXT)


class CsvSheet(Texts):
    """Text with the delimiter that makes most columns."""

    def __init__(self, path: str):
        self.path = path
        self.encoding = encoding_of(path)
        self.delimiter = max(",\t;|", key=self._columns)

    def _columns(self, delimiter: str) -> int:
        rows = self._read(delimiter)
        return max((len(row) for row in itertools.islice(rows, 20)), default=0)

    def _read(self, delimiter: str) -> Iterator[list[str]]:
        with open(self.path, encoding=self.encoding, newline="") as file:
            try:
                yield from csv.reader(file, delimiter=delimiter)
            except (csv.Error, UnicodeError):
                raise Refused(UNREADABLE_TEXT) from None

    def all_rows(self) -> Iterator[Row]:
        for number, row in enumerate(self._read(self.delimiter), 1):
            if len(row) > MOST_COLUMNS and any(row[MOST_COLUMNS:]):
                raise too_wide(len(row))
            yield number, row

    def estimate(self) -> int:
        return os.stat(self.path).st_size // 150


class _Tables(HTMLParser):
    """Rows of all tables of a page in order; a cell over several rows is repeated, one over columns not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.ready: list[list[str]] = []
        self.row: list[str] | None = None
        self.cell: list[str] | None = None
        self.hidden = False
        self.columns, self.height = 1, 1
        self.below: dict[int, tuple[int, str]] = {}  # column → (rows to come, text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.handle_endtag("tr")
            self.row = []
        elif tag in ("td", "th") and self.row is not None:
            self._close_cell()
            said = {name: int(value) for name, value in attrs if value and re.fullmatch(r"[0-9]{1,5}", value)}
            self.columns, self.height = said.get("colspan", 1), said.get("rowspan", 1)
            self._fill()
            self.cell = []
        elif tag in ("style", "script"):
            self.hidden = True
        elif tag in ("br", "p") and self.cell:
            self.cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._close_cell()
        elif tag in ("tr", "table") and self.row is not None:
            self._close_cell()
            self._fill()
            self.ready.append(self.row)
            self.row = None
        elif tag in ("style", "script"):
            self.hidden = False

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.hidden:
            self.cell.append(data)

    def _fill(self) -> None:
        """Cells that reach down from rows above into the next places."""
        while self.row is not None and len(self.row) in self.below:
            rows, text = self.below.pop(len(self.row))
            if rows > 1:
                self.below[len(self.row)] = (rows - 1, text)
            self.row.append(text)

    def _close_cell(self) -> None:
        if self.cell is None or self.row is None:
            return
        text = " ".join("".join(self.cell).split())
        if len(self.row) + self.columns > MOST_COLUMNS:
            raise too_wide(len(self.row) + self.columns)
        if self.height > 1:
            self.below[len(self.row)] = (self.height - 1, text)
        self.row += [text] + [""] * (self.columns - 1)
        self.cell = None


class HtmlSheet(Texts):
    """The tables of a page; its rows are numbered as Excel shows them when it opens the page."""

    def __init__(self, path: str):
        self.path = path
        with open(path, "rb") as file:
            said = re.search(rb"charset=[\"']?([\w-]+)", file.read(4096), re.IGNORECASE)
        name = said[1].decode().lower() if said else ""
        self.encoding = "gb18030" if name.startswith("gb") else encoding_of(path)

    def all_rows(self) -> Iterator[Row]:
        parser, number = _Tables(), 0
        with open(self.path, encoding=self.encoding, errors="replace") as file:
            for chunk in iter(lambda: file.read(1 << 16), ""):
                parser.feed(chunk)
                for row in parser.ready:
                    number += 1
                    yield number, row
                parser.ready.clear()
        parser.close()
        parser.handle_endtag("tr")
        for row in parser.ready:
            number += 1
            yield number, row

    def estimate(self) -> int:
        return os.stat(self.path).st_size // 1500


class XlsSheet(Texts):
    """A sheet of an .xls, which is read whole: it has at most 65,536 rows."""

    def __init__(self, sheet: Any, name: str):
        self.name = name
        self.sheet = sheet

    def all_rows(self) -> Iterator[Row]:
        for number, row in enumerate(self.sheet.to_python(skip_empty_area=False), 1):
            if len(row) > MOST_COLUMNS and any(value != "" for value in row[MOST_COLUMNS:]):
                raise too_wide(len(row))
            yield number, [_spelled(value) for value in row[:MOST_COLUMNS]]

    def estimate(self) -> int:
        return self.sheet.total_height

    def merged(self) -> list[tuple[int, int, int, int]]:
        ranges = self.sheet.merged_cell_ranges or []
        return [(top + 1, left, bottom + 1, right) for (top, left), (bottom, right) in ranges if top != bottom]


def _spelled(value: object) -> Value:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return repr(value).encode()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)


def xls_sheets(path: str) -> list[XlsSheet]:
    """The visible sheets. Raises Refused when the file is damaged or has a password."""
    from python_calamine import CalamineError, PasswordError, SheetTypeEnum, SheetVisibleEnum, load_workbook

    try:
        book = load_workbook(path)
        return [
            XlsSheet(book.get_sheet_by_name(sheet.name), sheet.name)
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
    except PasswordError:
        from students.imports.package import ENCRYPTED

        raise Refused(ENCRYPTED) from None
    except (CalamineError, OSError, ValueError):
        raise Refused(DAMAGED) from None
