"""The 数据版 as a workbook: openpyxl makes the look once, the rows are streamed into its sheet; no disk sees them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from students.imports.edited import COLUMNS, EMPTY, Column

TITLE, ABOUT = "数据版", "说明"
HEADING_ROW, FIRST_ROW = 2, 3
EDITABLE_FILL, HEAD_FILL, EDITABLE_HEAD = "FFEAF6E9", "FFE4E8ED", "FFB9E0B4"
SAMPLE = "~"  # marks the cells of the row that the streamed ones take the look from
FLUSH = 1 << 16

_SHEET = "xl/worksheets/sheet1.xml"
_SAMPLE_ROW = re.compile(rf'<row r="{FIRST_ROW}".*?</row>', re.DOTALL)
_STYLE = re.compile(r'<c r="[A-Z]+[0-9]+" s="([0-9]+)"')
_DIMENSION = re.compile(r"<dimension [^>]*/>")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # Excel would read _x0041_ as A


def workbook(
    rows: Iterable[Sequence[str]], count: int, *, properties: dict[str, str], about: list[str]
) -> Iterator[bytes]:
    """The .xlsx in pieces; memory doesn't grow with the rows.

    `rows`: texts in the order of COLUMNS; `count`: how many there are (for filter and lists); `properties`: custom
    properties of the file; `about`: lines of the sheet 说明.
    """
    head, tail, styles, parts = _template(count, properties, about)
    pipe = _Pipe()
    with ZipFile(pipe, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
        with archive.open(_SHEET, "w") as sheet:
            sheet.write(head)
            for number, row in enumerate(rows, FIRST_ROW):
                sheet.write(_row(number, row, styles))
                if len(pipe.held) > FLUSH:
                    yield pipe.taken()
            sheet.write(tail)
    yield pipe.taken()


class _Pipe(io.RawIOBase):
    """What a zip is written to: it can't be sought, and is emptied while it fills."""

    def __init__(self) -> None:
        self.held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.held += data
        return len(data)

    def taken(self) -> bytes:
        taken, self.held = bytes(self.held), bytearray()
        return taken


_LETTERS = [get_column_letter(place) for place in range(1, len(COLUMNS) + 1)]


def _row(number: int, row: Sequence[str], styles: Sequence[str]) -> bytes:
    cells = [
        f'<c r="{letter}{number}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{_text(text)}</t></is></c>'
        if text
        else f'<c r="{letter}{number}" s="{style}"/>'
        for letter, style, text in zip(_LETTERS, styles, row, strict=True)
    ]
    return f'<row r="{number}">{"".join(cells)}</row>'.encode()


def _text(text: str) -> str:
    """For XML. A text that a csv made of the sheet would turn into a formula gets an apostrophe, which reading it back
    takes away again (students.imports.cells.clean)."""
    if not text.isalnum():
        text = _LOOKS_ESCAPED.sub("_x005F_", _CONTROL.sub("", text))
        text = escape(f"'{text}" if text[:1] in "=+-@\t" else text)
    return text


def _template(
    count: int, properties: dict[str, str], about: list[str]
) -> tuple[bytes, bytes, list[str], dict[str, bytes]]:
    """The sheet before and after its rows, the style of each column, the workbook's other parts."""
    book = Workbook()
    sheet = book.active
    _lay_out(sheet, HEADING_ROW + max(count, 1))
    _explain(book.create_sheet(ABOUT), about)
    for name, value in properties.items():
        book.custom_doc_props.append(StringProperty(name=name, value=value))
    made = io.BytesIO()
    book.save(made)
    with ZipFile(made) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    xml = _DIMENSION.sub("", parts.pop(_SHEET).decode(), count=1)
    head, tail = _SAMPLE_ROW.split(xml)
    styles = _STYLE.findall(_SAMPLE_ROW.search(xml)[0])  # type: ignore[index]
    return head.encode(), tail.encode(), styles, parts


def _lay_out(sheet: Worksheet, last: int) -> None:
    sheet.title = TITLE
    sheet["B1"] = note()
    sheet["B1"].font = Font(name="宋体", size=10, color="FF1B5E20")
    thin = Side(style="thin", color="FFC9D3DE")
    for place, column in enumerate(COLUMNS, 1):
        letter = _LETTERS[place - 1]
        sheet.column_dimensions[letter].width = column.width
        head, sample = sheet.cell(HEADING_ROW, place, column.title), sheet.cell(FIRST_ROW, place, SAMPLE)
        head.font = Font(name="宋体", size=10, bold=True)
        head.fill = PatternFill("solid", fgColor=EDITABLE_HEAD if column.editable else HEAD_FILL)
        head.border = sample.border = Border(left=thin, right=thin, top=thin, bottom=thin)
        head.alignment = Alignment(vertical="center")
        sample.number_format = "@"  # what is typed stays what was typed: 1-2 is a class, no date
        sample.font = Font(name="宋体", size=10, color="FF1F2933" if column.editable else "FF66707C")
        sample.protection = Protection(locked=not column.editable)
        if column.editable:
            sample.fill = PatternFill("solid", fgColor=EDITABLE_FILL)
        if column.words:
            choice = DataValidation("list", formula1=f'"{",".join(column.words)}"', allow_blank=True)
            choice.add(f"{letter}{FIRST_ROW}:{letter}{last}")
            sheet.add_data_validation(choice)
    sheet.freeze_panes = f"C{FIRST_ROW}"
    sheet.auto_filter.ref = f"A{HEADING_ROW}:{_LETTERS[-1]}{last}"
    sheet.print_title_rows = f"{HEADING_ROW}:{HEADING_ROW}"
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", 9
    sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight = True, 0


def note() -> str:
    """The line above the heading: what may be edited."""
    titles = "、".join(column.title for column in COLUMNS if column.editable)
    return f"绿色的列可以改：{titles}。空白格不作改动，要清除请写“{EMPTY}”。不要改动第一列“数据键”。"


def _explain(sheet: Worksheet, about: list[str]) -> None:
    sheet.column_dimensions["A"].width = 100
    for number, line in enumerate(about, 1):
        sheet.cell(number, 1, line).data_type = "s"  # a text, whatever it begins with
        sheet.cell(number, 1).font = Font(name="宋体", size=11)


def told_columns() -> tuple[list[Column], list[Column]]:
    """Columns that may be edited, columns that are only looked at."""
    return [one for one in COLUMNS if one.editable], [one for one in COLUMNS[1:] if not one.editable]
