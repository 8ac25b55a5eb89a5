"""What an uploaded file really is, by its first bytes rather than its name, and its sheets."""

from __future__ import annotations

import os

from students.imports.package import ENCRYPTED, MACROS
from students.imports.source import DAMAGED, Limits, Refused, Sheet
from students.imports.tables import CsvSheet, HtmlSheet, xls_sheets
from students.imports.xlsx import Book

EMPTY = "文件是空的。请检查后重新上传。"
LARGE = "文件超过 {} MB。请删除图片和无关的工作表，或分成几个文件后重新上传。"
ET = "WPS 的 .et 格式读不了。请在 WPS 中另存为 .xlsx 后重新上传。"
NO_TABLE = "这不是表格文件。请上传 .xlsx、.xls 或 .csv 格式的名单。"
SAVE_AS = "这种格式读不了。请用 Excel 或 WPS 打开，另存为 .xlsx 后重新上传。"

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHERS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"{\\rtf")


def open_sheets(path: str, filename: str, limits: Limits) -> list[Sheet]:
    """The visible sheets of a file. Raises Refused with what to do when there is nothing to read."""
    size = os.stat(path).st_size
    extension = filename.lower().rpartition(".")[2]
    if extension in ("et", "ett"):
        raise Refused(ET)
    if extension in ("xlsm", "xltm", "xlam"):
        raise Refused(MACROS)
    if not size:
        raise Refused(EMPTY)
    if size > limits.file:
        raise Refused(LARGE.format(limits.file >> 20))
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(b"PK"):
        return list(Book(path, limits).sheets())
    if head.startswith(_OLE):
        return _ole(path)
    return [_text(path, head)]


def _ole(path: str) -> list[Sheet]:
    """An .xls, unless the names of its streams say that it is something else."""
    with open(path, "rb") as file:
        content = file.read()
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise Refused(ENCRYPTED)
    if "_VBA_PROJECT".encode("utf-16-le") in content:
        raise Refused(MACROS)
    if not any(name.encode("utf-16-le") in content for name in ("Workbook", "Book")):
        raise Refused(SAVE_AS)
    del content
    return list(xls_sheets(path))


def _text(path: str, head: bytes) -> Sheet:
    if head.startswith(_OTHERS):
        raise Refused(NO_TABLE)
    is_utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not is_utf16 and b"\0" in head:
        raise Refused(DAMAGED)
    lower = head.replace(b"\0", b"").lower()
    if b"urn:schemas-microsoft-com:office:spreadsheet" in lower or b"mime-version:" in lower:
        raise Refused(SAVE_AS)
    if b"<html" in lower or b"<table" in lower or b"<!doctype html" in lower:
        return HtmlSheet(path)
    return CsvSheet(path)
