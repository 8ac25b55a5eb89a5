"""The reading itself, inside the limited process: the right sheet, its heading, its rows as COPY lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from aidcases.crypto import Keyring
from students.imports import headings
from students.imports.cells import Value, clean
from students.imports.columns import Kind
from students.imports.files import open_sheets
from students.imports.headings import Heading
from students.imports.kinds import KINDS
from students.imports.rows import Rows
from students.imports.source import TOO_LARGE, Limits, Refused, Sheet

HEAD_ROWS = 20
BATCH = 256

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


def read(
    path: str, order: Order, ring: Keyring, write: Callable[[bytes], Any], tell: Callable[..., Any]
) -> None:
    """Lines to `write`; `tell(total=…)` before the first and `tell(summary=…)` after the last.

    Raises Refused.
    """
    kind = KINDS[order.kind]
    chosen = choose(kind, open_sheets(path, order.filename, order.limits))
    tell(total=chosen.sheet.estimate())
    rows = Rows(kind, chosen.heading, chosen.sheet, ring, order.file_id, order.today)
    if not order.look_only:
        for batch in _batches(rows, chosen, order.limits):
            write(batch)
        if not rows.rows:
            raise Refused(NO_ROWS)
    tell(summary=_summary(chosen, rows))


def _batches(rows: Rows, chosen: Chosen, limits: Limits) -> Iterator[bytes]:
    below = (row for row in chosen.sheet.rows() if row[0] > chosen.heading.row)
    made = (line for number, raws in below if (line := rows.line(number, raws)) is not None)
    while batch := list(islice(made, BATCH)):
        if rows.rows > limits.rows:
            raise Refused(TOO_LARGE)
        batch.append("")
        yield "\n".join(batch).encode()


def _summary(chosen: Chosen, rows: Rows) -> dict[str, Any]:
    heading = chosen.heading
    return {
        "rows": rows.rows,
        "rejected": rows.rejected,
        "sheet": chosen.sheet.name,
        "heading_row": heading.row,
        "headings": heading.titles,
        "mapping": heading.mapping(),
        "unused": heading.unused(),
    }


def shown(value: Value) -> str:
    return clean(value.decode(errors="replace") if isinstance(value, bytes) else value or "")


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
