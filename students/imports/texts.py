"""Any table of strangers as plain texts, row by row: opened by the limited process, handed over through its pipe alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aidcases.crypto import Keyring, open_sealed
from students.imports.cells import LONGEST, Bad, Value, clean, plain
from students.imports.files import open_sheets
from students.imports.limited import Result
from students.imports.sandbox import started
from students.imports.source import TOO_LARGE, Limits, Refused
from students.imports.tables import CsvSheet

MOST = 250_000
NOTHING = "文件里没有内容。请检查后重新上传。"
AT_ONCE = 500


def texts(path: str, filename: str, separator: str, limits: Limits, write: Callable[[bytes], Any]) -> Result:
    """Writes the first visible sheet that has content as lines of JSON, [row number, texts from column A]."""
    for sheet in open_sheets(path, filename, limits):
        if separator and isinstance(sheet, CsvSheet):
            sheet.delimiter = separator
        count, held = 0, []
        for number, raws in sheet.rows():
            row = [_shown(sheet.value(raw)) for raw in raws]
            if any(row):
                count += 1
                held.append(json.dumps([number, row], ensure_ascii=False) + "\n")
            if count > min(MOST, limits.rows):
                raise Refused(TOO_LARGE)
            if len(held) == AT_ONCE:
                write("".join(held).encode())
                held.clear()
        write("".join(held).encode())
        if count:
            return {"rows": count}
    raise Refused(NOTHING)


def _shown(value: Value) -> str:
    """What cannot be trusted as a number (too many digits, an error) as the file spells it."""
    try:
        return plain(value)
    except Bad:
        return clean((value.decode(errors="replace") if isinstance(value, bytes) else value or "")[:LONGEST])


def read_texts(
    path: Path | str, *, filename: str, keyring: Keyring, separator: str = "", limits: Limits | None = None
) -> list[tuple[int, list[str]]]:
    """(row number, texts) of a sealed upload, at most MOST rows; blank rows left out. `separator`: of a text file whose
    separator is known. Raises Refused with one sentence."""
    limits = limits or Limits()
    order = {"task": "texts", "filename": filename, "separator": separator}
    with open_sealed(path, keyring) as source, started(order, source, limits) as child:
        child.input.close()
        lines = child.output.read()
        child.result()
    return [(number, row) for number, row in map(json.loads, lines.splitlines())]
