"""An uploaded form of a ledger, looked at by the limited process (students.imports.child): refused, or described.

Needs no Django. What it lets pass openpyxl has opened within bounds; the worker that fills it opens the same bytes.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, TypedDict

from ledgers.drawings import drawings, sheet_parts
from students.imports.package import MACROS, OTHER_FORMAT, Archive
from students.imports.source import DAMAGED, UNSAFE, Limits, Refused

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

LIMITS = Limits(memory=1 << 30, cpu=20, wall=30, file=5 << 20, unpacked=32 << 20)
LAST_ROW, LAST_COLUMN, MOST_SHEETS = 500, 120, 20
LINKED = "表里链接了别的文件或数据源，不能上传。请在“数据”里断开链接、删除外部数据，另存为 .xlsx 后重新上传。"
EMBEDDED = "表里嵌有别的文件或控件，不能上传。请删除后另存为 .xlsx 重新上传。"
LARGE = "文件超过 5 MB。表样只要标题、表头、一行样例和落款，请删除数据和大图片后重新上传。"
WIDE = f"工作表“{{}}”太大：表样最多 {LAST_ROW} 行、{LAST_COLUMN} 列。请删除数据和多余的空行、空列后重新上传。"
CHARTS = "表里有图表工作表，不能上传。请删除图表后另存为 .xlsx 重新上传。"
SHEETS = f"工作表太多：最多 {MOST_SHEETS} 张。请删除无关的工作表后重新上传。"
FORMULA = "{}的公式引用了别的文件或程序，不能上传。请改成普通公式或文字。"
# Parts of the package that reach out of the file, or hold a program.
REACHING = re.compile(r"externallinks/|connections\.xml|querytables/|/model/|webextensions/")
HOLDING = re.compile(r"embeddings/|activex/|ctrlprops/|oleobject|customui")
MACRO_SHEETS = re.compile(r"macrosheets/|dialogsheets/")
# Of a sheet's XML, by what a clerk calls it; openpyxl leaves it out.
LEFT_OUT = {
    "页眉、页脚或背景里的图片": re.compile(rb"<(?:legacyDrawingHF|picture)\b"),
    "引用其他工作表的下拉列表（数据有效性）": re.compile(rb"<x14:dataValidation\b"),
    "数据条、图标集等新式条件格式": re.compile(rb"<x14:conditionalFormatting\b"),
    "迷你图": re.compile(rb"<x14:sparklineGroup\b"),
}
OUTSIDE = re.compile(r"[\[|]|://|\b(?:HYPERLINK|WEBSERVICE|FILTERXML|IMAGE|CALL|REGISTER|RTD|EXEC|DDE)\b", re.I)


class Sheet(TypedDict):
    """What stands on a sheet: texts and formulas by address, merged ranges as (top, left, bottom, right) from 1."""

    title: str
    texts: dict[str, str]
    formulas: list[str]
    merges: list[tuple[int, int, int, int]]
    width: int
    height: int


class Described(TypedDict):
    sheets: list[Sheet]
    lost: list[str]  # what a filled form will not have


def work(order: dict[str, Any], limits: Limits, _write: Callable[[bytes], None]) -> dict[str, Any]:
    """The child's task: {"form": Described}. Raises Refused."""
    path = order["path"]
    if os.stat(path).st_size > limits.file:
        raise Refused(LARGE)
    archive = Archive(path, limits)
    _check(archive)
    with open(path, "rb") as file:
        return {"form": described(opened(file), archive)}


def _check(archive: Archive) -> None:
    names = [name.lower() for name in archive.parts]
    if "xl/workbook.xml" not in names:
        raise Refused(OTHER_FORMAT)
    for found, sentence in ((MACRO_SHEETS, MACROS), (REACHING, LINKED), (HOLDING, EMBEDDED)):
        if any(found.search(name) for name in names):
            raise Refused(sentence)
    for name in archive.parts:
        if name.lower().endswith((".xml", ".rels", ".vml")):
            _no_doctype(archive, name)


def _no_doctype(archive: Archive, name: str) -> None:
    rest = b""
    for chunk in archive.chunks(name):
        # With NULs it is UTF-16, in which nothing below would be found.
        if b"\0" in chunk or b"<!DOCTYPE" in (rest + chunk) or b"<!ENTITY" in (rest + chunk):
            raise Refused(UNSAFE)
        rest = chunk[-16:]


def opened(file: BinaryIO) -> Workbook:
    """The workbook, without links to others. Raises Refused for what openpyxl can't read; what it leaves out is named at the
    upload, not in the log of whoever fills it."""
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings(action="ignore"):
            return load_workbook(file, keep_links=False)
    except MemoryError:
        raise
    except Exception as wrong:  # openpyxl raises whatever its parsers meet
        raise Refused(DAMAGED, type(wrong).__name__) from None


def described(book: Workbook, archive: Archive) -> Described:
    if len(book.worksheets) > MOST_SHEETS:
        raise Refused(SHEETS)
    if book.chartsheets:
        raise Refused(CHARTS)
    shown = [_sheet(page) for page in book.worksheets if page.sheet_state == "visible"]
    return {"sheets": shown, "lost": _lost(archive)}


def _lost(archive: Archive) -> list[str]:
    """What a filled form will not have: pictures and shapes are carried through, these are not."""
    found = ["图表、带链接的图形和同一工作表里的图片"] if None in drawings(archive.zip).values() else []
    sheets = [name for name in sheet_parts(archive.zip).values() if name in archive.parts]
    for sentence, mark in LEFT_OUT.items():
        found += [sentence] if any(_holds(archive, name, mark) for name in sheets) else []
    return found


def _holds(archive: Archive, part: str, mark: re.Pattern[bytes]) -> bool:
    """Whether a part has the mark, also across two of its pieces."""
    rest = b""
    for chunk in archive.chunks(part):
        if mark.search(rest + chunk):
            return True
        rest = chunk[-64:]
    return False


def cells_of(page: Worksheet) -> list[Any]:
    """The cells the file has, in reading order. `iter_rows` would make every cell up to a stray one at the sheet's end."""
    return [cell for _, cell in sorted(page._cells.items())]


def _sheet(page: Worksheet) -> Sheet:
    texts: dict[str, str] = {}
    formulas: list[str] = []
    row, width = 0, 1
    for cell in cells_of(page):
        if cell.value is None:
            continue
        if cell.row > LAST_ROW or cell.column > LAST_COLUMN:
            raise Refused(WIDE.format(page.title))
        row, width = max(row, cell.row), max(width, cell.column)
        value = getattr(cell.value, "text", cell.value)  # of an array formula
        if cell.data_type == "f":
            if OUTSIDE.search(str(value)):
                raise Refused(FORMULA.format(f"“{page.title}”{cell.coordinate} "))
            formulas.append(cell.coordinate)
        texts[cell.coordinate] = str(value)[:500]
    merges = [(area.min_row, area.min_col, area.max_row, area.max_col) for area in page.merged_cells.ranges]
    height = row
    return {
        "title": page.title, "texts": texts, "formulas": formulas, "merges": sorted(merges), "width": width, "height": height,
    }  # fmt: skip
