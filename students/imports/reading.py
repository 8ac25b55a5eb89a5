"""The reading itself, inside the limited process: the right sheet, its heading, its rows as COPY lines."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from aidcases.crypto import Keyring
from students.imports.choosing import NO_ROWS, Choice, Chosen, choose
from students.imports.columns import Kind
from students.imports.files import open_sheets
from students.imports.kinds import KINDS
from students.imports.limited import Result, in_two, locked_writer, write_all
from students.imports.rows import Merged, Rows
from students.imports.source import TOO_LARGE, Limits, Refused

BATCH = 256
LONG = 5000  # rows from which a second process pays


@dataclass(frozen=True)
class Order:
    """What to read and how: everything but the file. `saved`: fingerprint of headings → mapping of the office's own;
    `choice`: what a clerk said of this file; `state`: of a row that can be used."""

    kind: str
    file_id: int
    filename: str
    today: str
    limits: Limits
    look_only: bool = False
    saved: dict[str, dict[str, str]] = field(default_factory=dict)
    choice: Choice | None = None
    state: str = "read"


def read(path: str, order: Order, ring: Keyring, tell: Callable[..., Any]) -> Result:
    """Writes the lines to standard output; `tell(total=…)` before the first. Returns {"summary": …}.

    Raises Refused, or Asked.
    """
    kind = KINDS[order.kind]
    sheets = open_sheets(path, order.filename, order.limits)
    chosen = choose(kind, sheets, ring, saved=order.saved, choice=order.choice)
    total = chosen.sheet.estimate()
    tell(total=total)
    if order.look_only:
        return {"summary": _summary(chosen, total, 0, "")}
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
    return {"summary": _summary(chosen, *counts, max(half["data_on"] for half in halves))}


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
        rows = Rows(self.kind, heading, sheet, self.ring, self.merged, order.file_id, order.today, order.state)
        below = (row for row in sheet.rows(part) if row[0] > heading.row)
        while batch := list(islice(below, BATCH)):
            lines = rows.lines(batch)
            if rows.rows > order.limits.rows:
                raise Refused(TOO_LARGE)
            lines.append("")
            write("\n".join(lines).encode())
        return {"rows": rows.rows, "rejected": rows.rejected, "data_on": rows.data_on}


def _summary(chosen: Chosen, rows: int, rejected: int, data_on: str) -> Result:
    heading = chosen.heading
    return {
        "rows": rows,
        "rejected": rejected,
        "sheet": chosen.sheet.name,
        "heading_row": heading.row,
        "headings": heading.titles,
        "mapping": heading.mapping(),
        "unused": heading.unused(),
        "is_told": heading.is_told,
        "looked": chosen.looked,
        "looks_like": chosen.looks_like,
        "data_on": data_on,
        "issue": chosen.issue,
    }
