"""Small spreadsheets of every kind, and what the reader makes of them."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter

from aidcases.crypto import Keyring, write_sealed
from students.imports.reader import COPY_COLUMNS, Limits, Summary, read_roster

RING = Keyring({1: b"k" * 32}, b"i" * 32)
TODAY = date(2026, 11, 21)
SHEET = "xl/worksheets/sheet1.xml"

ROLL = ["学校标识码", "姓名", "身份证件号", "年级"]
ONE = ["2162003044", "杨宇", "620123200709159660", "五年级"]
TWO = ["2162003042", "杨然欣", "620123200501274651", "八年级"]


def xlsx(rows: Iterable[Iterable[Any]], change: Callable[[Any], Any] | None = None, title: str = "Sheet1") -> bytes:
    """A workbook with one sheet; `change` gets the openpyxl workbook before it is saved."""
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(list(row))
    if change:
        change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def shared(rows: Iterable[Iterable[Any]]) -> bytes:
    """A workbook with a table of shared strings, as Excel writes it."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return out.getvalue()


def rezipped(content: bytes, **changes: Callable[[bytes], bytes] | bytes | None) -> bytes:
    """The same package with parts changed, added or (None) left out; a part is named by its last word."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            key = re.sub(r"\W", "_", info.filename.rpartition("/")[2].removesuffix(".xml"))
            change = changes.pop(key, lambda data: data)
            if change is not None:
                new.writestr(info.filename, change(old.read(info)) if callable(change) else change)
        for key, data in changes.items():
            new.writestr(f"xl/{key}.bin", data)
    return out.getvalue()


def sheet_xml(rows: str, head: str = "", tail: str = "") -> bytes:
    """A sheet's XML as another program might write it."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<worksheet xmlns="http://schemas.openxmlformats.org/'
        f'spreadsheetml/2006/main"><sheetData>{rows}</sheetData>{tail}</worksheet>'
    ).encode()


def texts(number: int, values: Iterable[str]) -> str:
    """A row of inline texts."""
    cells = "".join(
        f'<c r="{chr(65 + place)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
        for place, value in enumerate(values)
    )
    return f'<row r="{number}">{cells}</row>'


@dataclass(frozen=True)
class Read:
    summary: Summary
    lines: list[dict[str, Any]]
    raw: bytes

    @property
    def line(self) -> dict[str, Any]:
        [line] = self.lines
        return line


def _value(name: str, text: str) -> Any:
    if text == r"\N":
        return None
    text = text.replace("\\\\", "\\")
    if name == "data":
        return json.loads(text)
    if name in ("reasons", "warnings", "cells"):
        return json.loads(f"[{text[1:-1]}]")
    if name.endswith("_cipher"):
        return RING.unseal(bytes.fromhex(text[2:]))
    return bytes.fromhex(text[2:]) if name.endswith("_hash") else text


def parsed(raw: bytes) -> list[dict[str, Any]]:
    """COPY lines as dicts, by row number; ciphertext opened."""
    lines = []
    for line in raw.decode().splitlines():
        values = line.split("\t")
        assert len(values) == len(COPY_COLUMNS)
        lines.append({name: _value(name, value) for name, value in zip(COPY_COLUMNS, values, strict=True)})
    return sorted(lines, key=lambda line: int(line["number"]))


def read(content: bytes, kind: str, folder: Path, filename: str = "名单.xlsx", limits: Limits | None = None) -> Read:
    """As the import does it: sealed, read by the limited process, parsed."""
    path = folder / "upload"
    write_sealed(path, [content], RING)
    taken: list[bytes] = []

    def sink(file: Any) -> None:
        taken.extend(iter(lambda: file.read(1 << 16), b""))

    summary = read_roster(path, kind, 7, filename=filename, keyring=RING, sink=sink, limits=limits, today=TODAY)
    raw = b"".join(taken)
    return Read(summary, parsed(raw), raw)


def names(found: Read) -> list[str]:
    return [line["name"] for line in found.lines]
