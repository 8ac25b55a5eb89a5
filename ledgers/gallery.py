"""The forms that come with the system: a ledger's own look as an .xlsx with placeholders, to be changed and uploaded again."""

from __future__ import annotations

import io
from typing import Any

from ledgers.definition import Ledger, Summary, Table
from ledgers.look import UNDATED, build
from ledgers.sheets import Look, Sheet
from ledgers.workbook import sheet_titles
from ledgers.xmlsheet import TOTAL, Form

DAY = f"{UNDATED.year}年{UNDATED.month}月{UNDATED.day}日"
NOTES_HEIGHT = 96  # points: the notes of a ledger take up to six lines


def filename(ledger: Ledger) -> str:
    """Without what file systems refuse."""
    return f"{ledger.title}（表样）.xlsx".replace("/", "、")


def template(ledger: Ledger, tables: list[Table]) -> bytes:
    """The workbook: heads, borders and print set-up of the 上报版, placeholders where an issue has its words and rows."""
    sheets = [_sheet(table, first=at == 0) for at, table in enumerate(tables)]
    made = build(sheets, sheet_titles([table.name for table in tables]), {})
    made.book.properties.title, made.book.properties.creator = filename(ledger).removesuffix(".xlsx"), None
    for form, table in zip(made.forms, tables, strict=True):
        _mark(form, table)
    out = io.BytesIO()
    made.book.save(out)
    return out.getvalue()


def _sheet(table: Table, *, first: bool) -> Sheet:
    title = "{{标题}}" if first else f"{{{{标题}}}}{table.name}"
    look = Look(title, "{{填报单位}}", UNDATED, "{{单位}}", ("{{说明}}",))
    heads = tuple(column.head(flat=False) for column in table.columns)
    return Sheet(table.name, heads, [], look, total_first=isinstance(table, Summary))


def _mark(form: Form, table: Table) -> None:
    """Placeholders into the sample row and the 合计, the day into the line above."""
    page = form.sheet
    for at, column in enumerate(table.columns, 1):
        _text(page.cell(form.sample_row, at), f"{{{{{column.name}}}}}")
    for row in page.iter_rows():
        for cell in row:
            text = cell.value if isinstance(cell.value, str) else ""
            if DAY in text:
                cell.value = text.replace(DAY, "{{填报时间}}")
            elif text.startswith("=SUM("):
                _text(cell, f"{{{{合计:{table.columns[cell.column - 1].name}}}}}")
            elif text == "说明：{{说明}}":
                page.row_dimensions[cell.row].height = NOTES_HEIGHT
    assert any(cell.value == TOTAL for row in page.iter_rows() for cell in row) or not form.totals


def _text(cell: Any, text: str) -> None:
    cell.value, cell.data_type = text, "s"
