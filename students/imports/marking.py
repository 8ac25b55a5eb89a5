"""The uploaded file once more, with the wrong cells red and a last column that says why; inside the child.

An .xlsx keeps its look: only the marked rows of the sheet, and the styles, are changed. Text stays text in its
encoding. Anything else becomes a plain new .xlsx.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from students.imports.files import open_sheets
from students.imports.patching import Patch, attribute
from students.imports.sheets import column_letters
from students.imports.source import DAMAGED, Limits, Refused, Sheet
from students.imports.strings import Unusual
from students.imports.tables import CsvSheet
from students.imports.xlsx import XlsxSheet

TITLE = "原因"

# (row number, zero-based columns, reason), by row number
Mark = tuple[int, list[int], str]
Write = Callable[[bytes], Any]


def mark(path: str, order: dict[str, Any], limits: Limits, marks: Iterable[Mark], write: Write) -> str:
    """Writes the marked file; returns its name. Raises Refused when the file can't be read any more."""
    found = open_sheets(path, order["filename"], limits)
    sheet = next((sheet for sheet in found if sheet.name == order["sheet"]), None)
    if sheet is None:
        raise Refused(DAMAGED)
    stem, _, extension = order["filename"].rpartition(".")
    marks = chain([(order["heading_row"], [], TITLE)], marks)
    if isinstance(sheet, CsvSheet):
        _mark_text(sheet, Marks(marks), write)
        return f"{stem}（退回）.{extension}"
    if not (isinstance(sheet, XlsxSheet) and _mark_workbook(sheet, marks, write)):
        _write_anew(sheet, Marks(marks), write)
    return f"{stem}（退回）.xlsx"


class Marks:
    """The marks in step with the rows: `of(number)` for ascending numbers."""

    def __init__(self, marks: Iterable[Mark]):
        self._marks = iter(marks)
        self._next: Mark | None = next(self._marks, None)

    def of(self, number: int) -> tuple[list[int], str] | None:
        while self._next and self._next[0] < number:
            self._next = next(self._marks, None)
        if self._next is None or self._next[0] != number:
            return None
        return self._next[1], self._next[2]


def last_column(sheet: Sheet) -> int:
    """The last column with content, zero-based."""
    last = 0
    for _, raws in sheet.rows():
        if len(raws) - 1 > last:
            filled = [place for place, raw in enumerate(raws) if sheet.value(raw)]
            last = max(last, *filled[-1:])
    return last


class _Stream(io.RawIOBase):
    """Where zipfile writes without going back."""

    def __init__(self, write: Write):
        self._write = write

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._write(bytes(data))
        return len(data)


@contextlib.contextmanager
def _zip(write: Write) -> Iterator[zipfile.ZipFile]:
    buffered = io.BufferedWriter(_Stream(write), 1 << 16)
    with zipfile.ZipFile(buffered, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as out:
        yield out
    buffered.flush()


def _mark_workbook(sheet: XlsxSheet, marks: Iterable[Mark], write: Write) -> bool:
    """Copies the workbook with its sheet patched; False, with nothing written, when its XML is unusual."""
    archive, book = sheet.book.archive, sheet.book
    try:
        patch = Patch(archive.small(book.related("styles")), last_column(sheet) + 1)
        patch.rehearse(archive.chunks(sheet.part))
    except (Unusual, Refused):
        return False
    with _zip(write) as out:
        with out.open(sheet.part, "w") as part:
            for data in patch.patched(archive.chunks(sheet.part), Marks(marks)):
                part.write(data)
        out.writestr(book.related("styles"), patch.styles())
        for name in archive.parts:
            if name not in (sheet.part, book.related("styles")) and not name.endswith("/"):
                with out.open(name, "w") as part:
                    for chunk in archive.chunks(name):
                        part.write(chunk)
    return True


_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def harmless(text: str) -> str:
    """Text that a spreadsheet would calculate, with an apostrophe in front."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _mark_text(sheet: CsvSheet, marks: Marks, write: Write) -> None:
    width = last_column(sheet) + 1
    lines = io.StringIO()
    writer = csv.writer(lines, delimiter=sheet.delimiter, lineterminator="\r\n")
    encode = codecs.getincrementalencoder(sheet.encoding)().encode
    for number, texts in sheet.rows():
        marked = marks.of(number)
        row = [harmless(text) for text in texts[:width]]
        if marked:
            row += [""] * (width - len(row)) + [harmless(marked[1])]
        writer.writerow(row)
        if lines.tell() > 1 << 16:
            write(encode(lines.getvalue()))
            lines.seek(0)
            lines.truncate()
    write(encode(lines.getvalue()))


def _write_anew(sheet: Sheet, marks: Marks, write: Write) -> None:
    """Values only: row numbers as they were, texts as text, numbers as numbers."""
    reason = last_column(sheet) + 1
    with _zip(write) as out:
        for name, content in _SKELETON.items():
            out.writestr(name, content)
        with out.open("xl/worksheets/sheet1.xml", "w") as part:
            part.write(_SHEET_OPEN)
            for number, raws in sheet.rows():
                marked = marks.of(number)
                cells = _cells(sheet, number, raws[:reason], marked)
                if marked:
                    cells = chain(cells, [_cell(number, reason, marked[1], 1)])
                part.write(f'<row r="{number}">{"".join(cells)}</row>'.encode())
            part.write(b"</sheetData></worksheet>")


def _cells(sheet: Sheet, number: int, raws: list[Any], marked: tuple[list[int], str] | None) -> Iterator[str]:
    red = set(marked[0]) if marked else set()
    for place in range(max([len(raws), *(place + 1 for place in red)])):
        value = sheet.value(raws[place]) if place < len(raws) else None
        if value or place in red:
            yield _cell(number, place, value, 1 if place in red else 0)


def _cell(number: int, place: int, value: str | bytes | None, style: int) -> str:
    where = f'r="{column_letters(place)}{number}" s="{style}"'
    if isinstance(value, bytes) and re.fullmatch(rb"[0-9.eE+-]+", value):
        return f"<c {where}><v>{value.decode()}</v></c>"
    text = value.decode(errors="replace") if isinstance(value, bytes) else value or ""
    return f'<c {where} t="inlineStr"><is><t xml:space="preserve">{attribute(text)}</t></is></c>'


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_SHEET_OPEN = f'<worksheet xmlns="{_MAIN}"><sheetData>'.encode()
_SKELETON = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="11"/><name val="宋体"/></font>'
    '</fonts><fills count="3"><fill><patternFill patternType="none"/></fill><fill><patternFill '
    'patternType="gray125"/></fill><fill><patternFill patternType="solid"><fgColor rgb="FFFFC7CE"/>'
    '</patternFill></fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/>'
    '</cellStyleXfs><cellXfs count="2"><xf/><xf fillId="2" applyFill="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}
