"""Workbooks as a colleague opens them, with a reader the product does not use to read rosters."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    """The first sheet's rows, headings included."""
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        return list(book.worksheets[0].iter_rows(values_only=True))


def records_of(path: Path) -> list[dict[str, Any]]:
    """A roster's rows by their headings."""
    head, *rows = rows_of(path)
    return [dict(zip(head, row, strict=True)) for row in rows]
