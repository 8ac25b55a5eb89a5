"""Bank files as bytes: .xlsx, .xls, .csv and .txt, one table without merged cells, numbers as text where the bank wants it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from subsidies.payments.banks import ENCODINGS, Column, Profile

Value = str | int | Decimal
Rows = list[Sequence[Value]]

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_DOCUMENT}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>"
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_RELATIONS}">'
        f'<Relationship Id="rId1" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_DOCUMENT}/styles" Target="styles.xml"/></Relationships>'
    ),
    # Cell looks: 0 general, 1 text ("@", number 49), 2 yuan ("0.00", number 2).
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font><sz val="11"/><name val="宋体"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
        '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
        '<xf xfId="0"/><xf numFmtId="49" xfId="0" applyNumberFormat="1"/>'
        '<xf numFmtId="2" xfId="0" applyNumberFormat="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}
_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_XLS_UNIT = 256  # widths are counted in 256ths of a character


def write(profile: Profile, rows: Rows, count: int, total: Decimal) -> bytes:
    """The file. `rows`: cells in the order of the profile's columns, `count` lines and `total` yuan of them all."""
    return {"xlsx": _xlsx, "xls": _xls}.get(profile.format, _text)(profile, _table(profile, rows, count, total))


def _table(profile: Profile, rows: Rows, count: int, total: Decimal) -> Rows:
    above: Rows = [[str(count), f"{total:.2f}"]] if profile.totals == "above" else []
    head: Rows = [[column.title for column in profile.columns]] if profile.heading else []
    below: Rows = []
    if profile.totals == "below":
        told: dict[str, Value] = {profile.columns[0].field: "合计", "holder": f"共 {count} 笔", "amount": total}
        below = [[told.get(column.field, "") for column in profile.columns]]
    return [*above, *head, *rows, *below]


def _spelled(value: Value) -> str:
    return f"{value:.2f}" if isinstance(value, Decimal) else _CONTROL.sub(" ", str(value))


def _text(profile: Profile, table: Rows) -> bytes:
    """Lines end as Windows ends them. Nothing is quoted in .txt: a separator within a text becomes a blank."""
    mark = "," if profile.format == "csv" else profile.separator
    quoted = _quoted if profile.format == "csv" else lambda text: text.replace(mark, " ")
    text = "".join(mark.join(quoted(_spelled(value)) for value in row) + "\r\n" for row in table)
    return text.encode(ENCODINGS[profile.encoding])


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if set(text) & set(',"') else text


def _xlsx(profile: Profile, table: Rows) -> bytes:
    held = io.BytesIO()
    with ZipFile(held, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in _PARTS.items():
            archive.writestr(name, _DECLARED + part)
        archive.writestr("xl/worksheets/sheet1.xml", _sheet(profile.columns, table))
    return held.getvalue()


def _sheet(columns: Sequence[Column], table: Rows) -> str:
    widths = "".join(
        f'<col min="{n}" max="{n}" width="{column.width}" customWidth="1"/>' for n, column in enumerate(columns, 1)
    )
    lines = (f'<row r="{number}">{"".join(_cells(columns, row, number))}</row>' for number, row in enumerate(table, 1))
    return f'{_DECLARED}<worksheet xmlns="{_MAIN}"><cols>{widths}</cols><sheetData>{"".join(lines)}</sheetData></worksheet>'


def _cells(columns: Sequence[Column], row: Sequence[Value], number: int) -> Iterable[str]:
    for n, value in enumerate(row):
        place = f"{chr(65 + n)}{number}"
        if not isinstance(value, str) and columns[n].is_number:
            yield f'<c r="{place}" s="{2 if isinstance(value, Decimal) else 0}"><v>{value}</v></c>'
        elif value != "":
            yield f'<c r="{place}" s="1" t="inlineStr"><is><t>{escape(_spelled(value))}</t></is></c>'


def _xls(profile: Profile, table: Rows) -> bytes:
    import xlwt  # only those who need the old format wait for it
    from xlwt.Cell import NumberCell, StrCell

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("Sheet1")
    text, money, plain = (xlwt.easyxf(num_format_str=look) for look in ("@", "0.00", "General"))
    looks = {style: book.add_style(style) for style in (text, money, plain)}
    for n, column in enumerate(profile.columns):
        sheet.col(n).width = column.width * _XLS_UNIT
    for number, row in enumerate(table):
        line = sheet.row(number)
        for n, value in enumerate(row):
            said, style = _spelled(value), text
            if not isinstance(value, str) and profile.columns[n].is_number:
                said, style = value, money if isinstance(value, Decimal) else plain
            # By itself a cell asks anew for its look and its row's height: only the last, which says how wide the row is.
            if n == len(row) - 1 or said == "":
                line.write(n, said, style)
            elif style is text:
                line.insert_cell(n, StrCell(number, n, looks[style], book.add_str(said)))
            else:
                line.insert_cell(n, NumberCell(number, n, looks[style], said))
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()
