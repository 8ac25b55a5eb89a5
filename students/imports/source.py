"""What every kind of file becomes: sheets of numbered rows; and the sentence when one can't be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from students.imports.cells import Value

# A cell as its source keeps it, hashable, None when absent. The same raw cell always has the same value.
Raw = Any
Row = tuple[int, list[Raw]]

MOST_COLUMNS = 500
LAST_ROW = 1_048_576  # of any spreadsheet
RUN = 8  # a run of rows is 2 ** RUN long


class Refused(Exception):
    """The file can't be read; `reasons` holds one sentence for the clerk that says what to do.

    `detail` is for the log: where the reading failed unexpectedly. It holds nothing of the file.
    """

    def __init__(self, sentence: str, detail: str = ""):
        super().__init__(sentence)
        self.reasons = [sentence]
        self.detail = detail

    def told(self) -> dict[str, str]:
        """What the limited process tells of it."""
        return {"refused": self.reasons[0]}


class Asked(Refused):
    """A clerk has to say which sheet or which columns are meant, or that it is another kind of list.

    `looked`: the first rows with numbers masked, sealed (choosing.py). `looks_like`: the code of another kind, or "".
    """

    def __init__(self, sentence: str, looked: str, looks_like: str):
        super().__init__(sentence)
        self.looked, self.looks_like = looked, looks_like

    def told(self) -> dict[str, str]:
        return {"asked": self.reasons[0], "looked": self.looked, "looks_like": self.looks_like}


@dataclass(frozen=True)
class Limits:
    """What the reading process may use. Bytes, seconds, counts."""

    memory: int = 700 << 20
    cpu: int = 180
    wall: int = 240
    file: int = 200 << 20
    unpacked: int = 1 << 30
    rows: int = LAST_ROW


class Sheet(Protocol):
    """A table of a file."""

    name: str

    def rows(self, part: int | None = None) -> Iterator[Row]:
        """From the top, each time anew: the row's number as Excel shows it and its cells from column A.

        With a part, 0 or 1, only every second run of 256 rows, so that two processes can share a sheet.
        """

    def value(self, raw: Raw) -> Value:
        """What a cell holds."""

    def estimate(self) -> int:
        """About how many rows there are; only for a progress bar."""

    def merged(self) -> list[tuple[int, int, int, int]]:
        """Merged ranges higher than one row as (top row number, left, bottom row number, right), columns
        zero-based."""


def in_part(rows: Iterable[Row], part: int | None) -> Iterator[Row]:
    """The rows of one part of two; see Sheet.rows."""
    return (row for row in rows if part is None or row[0] >> RUN & 1 == part)


def too_wide(columns: int) -> Refused:
    return Refused(
        f"这张表有 {columns} 列，最多只能有 {MOST_COLUMNS} 列。请删除右侧无关的列，另存为 .xlsx 后重新上传。"
    )


DAMAGED = "文件已损坏或没有传完整。请用 Excel 或 WPS 打开它，另存为 .xlsx 后重新上传。"
BAD_ROWS = f"文件已损坏：行号不对（应在 1–{LAST_ROW} 之间）。请用 Excel 或 WPS 打开它，另存为 .xlsx 后重新上传。"
UNSAFE = "文件里有不该有的内容，为安全起见没有读取。请把名单复制到一张新表，存为 .xlsx 后重新上传。"
TOO_LARGE = "文件展开后太大。请删除空白的行、列和多余的工作表，或分成几个文件后重新上传。"
