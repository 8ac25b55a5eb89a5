"""A plain sheet of names or figures for people, which is no ledger: a title, heads, lines."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from io import BytesIO
from typing import Any

MONEY = "#,##0.00"


def book(name: str, title: str, heads: dict[str, int], lines: Iterable[list[Any]]) -> BytesIO:
    """The workbook, from its beginning; `heads`: each with its column's width. Text is never a formula, a Decimal is money."""
    from openpyxl import Workbook  # here, not above: every command imports this module
    from openpyxl.utils import get_column_letter

    made = Workbook(write_only=True)
    page = made.create_sheet(name)
    page.freeze_panes = "A3"
    for n, width in enumerate(heads.values(), start=1):
        page.column_dimensions[get_column_letter(n)].width = width
    page.append([_cell(page, title, bold=True)])
    page.append([_cell(page, head, bold=True) for head in heads])
    for line in lines:
        page.append([_cell(page, value) for value in line])
    file = BytesIO()
    made.save(file)
    file.seek(0)
    return file


def _cell(page: Any, value: Any, *, bold: bool = False) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(page, value)
    if isinstance(value, str):
        cell.data_type = "s"  # whatever a name begins with
    if isinstance(value, Decimal):
        cell.number_format = MONEY
    if bold:
        cell.font = Font(bold=True)
    return cell
