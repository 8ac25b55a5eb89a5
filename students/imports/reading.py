"""The reading itself, inside the limited process: the right sheet, its heading, its rows as COPY lines."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from aidcases.crypto import Keyring
from students.imports import headings
from students.imports.cells import LONGEST, Value, clean
from students.imports.columns import Kind
from students.imports.files import open_sheets
from students.imports.headings import Heading
from students.imports.kinds import KINDS
from students.imports.limited import Result, in_two, locked_writer, write_all
from students.imports.rows import Merged, Rows
from students.imports.source import TOO_LARGE, Limits, Refused, Sheet

HEAD_ROWS = 20
BATCH = 64
LONG = 5000  # rows from which a second process pays

NO_SHEET = "文件里没有可见的工作表。请另存为 .xlsx 后重新上传。"
NO_ROWS = "表头下面没有数据。请填好名单后重新上传。"


@dataclass(frozen=True)
class Order:
    """What to read and how: everything but the file."""

    kind: str
    file_id: int
    filename: str
    today: str
    limits: Limits
    look_only: bool = False


@dataclass(frozen=True)
class Chosen:
    sheet: Sheet
    heading: Heading
    has_rows: bool


def read(path: str, order: Order, ring: Keyring, tell: Callable[..., Any]) -> Result:
    """Writes the lines to standard output; `tell(total=…)` before the first. Returns {"summary": …}.

    Raises Refused.
    """
    kind = KINDS[order.kind]
    chosen = choose(kind, open_sheets(path, order.filename, order.limits))
    total = chosen.sheet.estimate()
    tell(total=total)
    if order.look_only:
        return {"summary": _summary(chosen, total, 0)}
    merged = Merged(chosen.sheet.merged(), set(chosen.heading.columns.values()))
    reader = Reader(kind, chosen, order, ring, merged)
    if total >= LONG and not merged and (os.cpu_count() or 1) > 1:
        halves = list(in_two(partial(reader.read, locked_writer()), order.limits))
    else:
        halves = [reader.read(write_all, None)]
    for half in halves:
        if "refused" in half:
            raise Refused(half["refused"] or TOO_LARGE)
    counts = [sum(half[name] for half in halves) for name in ("rows", "rejected")]
    if not counts[0]:
        raise Refused(NO_ROWS)
    return {"summary": _summary(chosen, *counts)}


@dataclass(frozen=True)
class Reader:
    """Reads the rows under a heading, all or every second run of them."""

    kind: Kind
    chosen: Chosen
    order: Order
    ring: Keyring
    merged: Merged

    def read(self, write: Callable[[bytes], Any], part: int | None) -> Result:
        heading, sheet, order = self.chosen.heading, self.chosen.sheet, self.order
        rows = Rows(self.kind, heading, sheet, self.ring, order.file_id, order.today, self.merged)
        below = (row for row in sheet.rows(part) if row[0] > heading.row)
        made = (line for number, raws in below if (line := rows.line(number, raws)) is not None)
        while batch := list(islice(made, BATCH)):
            if rows.rows > order.limits.rows:
                raise Refused(TOO_LARGE)
            batch.append("")
            write("\n".join(batch).encode())
        return {"rows": rows.rows, "rejected": rows.rejected}


def _summary(chosen: Chosen, rows: int, rejected: int) -> Result:
    heading = chosen.heading
    return {
        "rows": rows,
        "rejected": rejected,
        "sheet": chosen.sheet.name,
        "heading_row": heading.row,
        "headings": heading.titles,
        "mapping": heading.mapping(),
        "unused": heading.unused(),
    }


def shown(value: Value) -> str:
    return clean((value.decode(errors="replace") if isinstance(value, bytes) else value or "")[:LONGEST])


def look(kind: Kind, sheet: Sheet) -> Chosen | None:
    """A sheet's heading, if it has one, and whether a row with content follows."""
    head: list[headings.TextRow] = []
    later = False
    for number, raws in sheet.rows():
        texts = [shown(sheet.value(raw)) for raw in raws]
        if any(texts):
            later = len(head) >= HEAD_ROWS
            if later:
                break
            head.append((number, texts))
    heading = headings.find(kind, head)
    if heading is None:
        return None
    return Chosen(sheet, heading, later or head[-1][0] > heading.row)


def choose(kind: Kind, sheets: list[Sheet]) -> Chosen:
    """The sheet whose headings name most fields. Raises Refused when there is none, or two alike."""
    if not sheets:
        raise Refused(NO_SHEET)
    found = [chosen for sheet in sheets if (chosen := look(kind, sheet))]
    complete = [chosen for chosen in found if not chosen.heading.missing]
    if not complete:
        raise Refused(_what_is_missing(kind, found))
    filled = [chosen for chosen in complete if chosen.has_rows]
    if not filled:
        raise Refused(NO_ROWS)
    best = max(filled, key=lambda chosen: chosen.heading.score)
    alike = [chosen.sheet.name for chosen in filled if chosen.heading.score == best.heading.score]
    if len(alike) > 1:
        names = "”“".join(alike)
        raise Refused(f"工作表“{names}”都像是{kind.title}。请只保留一张，另存后重新上传。")
    return best


def _what_is_missing(kind: Kind, found: list[Chosen]) -> str:
    best = max(found, key=lambda chosen: chosen.heading.score, default=None)
    if best is None:
        titles = "、".join(field.titles[0] for field in kind.fields if field.required)
        return f"没有找到表头。{kind.title}的表头要有：{titles}。请补上后重新上传。"
    missing = "”“".join(best.heading.missing)
    seen = [title for title in best.heading.titles if title]
    listed = "、".join(seen[:30]) + ("等" if len(seen) > 30 else "")
    return f"{kind.title}缺少“{missing}”这一列。文件里的列有：{listed}。请补上这一列或改好列名后重新上传。"
