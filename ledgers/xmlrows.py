"""Turns batches of rows into the XML of a worksheet, column by column, as text; never a formula from data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from math import ceil
from types import NoneType

from ledgers.sheets import Kind, Subtotal

TEXT_LIMIT = 32_767  # UTF-16 units; Excel calls a longer cell damage
CUT_MARK = "……（内容过长，已截断）"
LINE_HEIGHT = 14  # points of one line of 宋体 10
HIGHEST_ROW = 409  # Excel's limit in points
NUMBER_LIMIT = 10**15  # a spreadsheet's number keeps 15 digits
EPOCH = date(1899, 12, 30).toordinal()
FIRST_DATE = date(1900, 3, 1)  # earlier days are counted in two ways: those are written as text

ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")  # Excel would read _x0041_ as A
ACCEPTED = {Kind.INTEGER: {int}, Kind.MONEY: {int, Decimal}, Kind.DATE: {date}}
SEPARATOR = "<"
ROW_PIECES = 4  # <row r=" · number · ">  before the cells, </row> after them
CELL_PIECES = 5  # <c r="A · number · style and type · value · end of the cell
Pieces = tuple[list[bytes], list[bytes], list[bytes]]  # the last three, for a column's cells
WANTED = {Kind.INTEGER: "整数", Kind.MONEY: "金额（不用浮点数）", Kind.DATE: "日期"}


@dataclass(frozen=True)
class Column:
    """A column of the body. `strong` is the style of a subtotal's cells; `wrap` what a wrapped line holds."""

    letter: str
    style: int
    strong: int
    kind: Kind
    name: str
    wrap: float | None = None
    total: bool = False


def text_width(text: str) -> int:
    """Width in half-width characters: a Chinese character takes two, as it takes two bytes in GBK."""
    return len(text.encode("gbk", "replace"))


@lru_cache(4096)  # the same schools and projects stand in row after row
def lines_needed(text: str, width: float) -> int:
    """Lines the text takes in a column of this width; a Chinese character is not split."""
    room = max(2, int(width) // 2 * 2)
    return sum(max(1, ceil(text_width(line) / room)) for line in text.split("\n"))


def as_text(value: object) -> str:
    """A value as a clerk writes it; None is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    return str(value)


def cut(text: str) -> str:
    """The text within a cell's limit, with a visible mark where it was cut."""
    if len(text) * 2 <= TEXT_LIMIT or len(text.encode("utf-16-le", "replace")) // 2 <= TEXT_LIMIT:
        return text
    units = text.encode("utf-16-le", "replace")[: 2 * (TEXT_LIMIT - len(CUT_MARK))]
    return units.decode("utf-16-le", "ignore") + CUT_MARK


def escape(text: str) -> str:
    """The text as XML content that every spreadsheet shows unchanged; characters XML forbids are left out."""
    if not text.isprintable():
        text = ILLEGAL.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    text = cut(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return LOOKS_ESCAPED.sub("_x005F_", text) if "_x" in text else text


def plain_number(value: Decimal | int) -> str:
    """All digits, exactly, no exponent."""
    text = str(value)
    return format(value, "f") if "E" in text else text


def encoded(values: Sequence[str]) -> list[bytes]:
    """Each value in UTF-8: joined at the one character that no XML content holds, encoded once and split."""
    return SEPARATOR.join(values).encode().split(SEPARATOR.encode())


def is_plain(values: Sequence[str]) -> bool:
    """Whether none of the texts needs escaping: a few scans of all of them at once, not one per cell."""
    joined = SEPARATOR.join(values)
    return (
        joined.isprintable()
        and joined.count(SEPARATOR) == len(values) - 1
        and not any(mark in joined for mark in (" ", "&", ">", "_x"))
        and (len(joined) * 2 <= TEXT_LIMIT or max(map(len, values)) * 2 <= TEXT_LIMIT)
    )


class RowWriter:
    """Writes batches of rows and keeps the totals.

    `height` is the least height of a row in points; it grows with wrapped text. None leaves heights alone.

    A batch is worked on column by column, so that each check and conversion is one call for all its cells,
    and put together by one join of bytes: `pieces` holds rows × stride pieces in the order of the file.
    """

    def __init__(self, columns: Sequence[Column], height: float | None):
        self.columns, self.height = columns, height
        self.totals = {column.letter: Decimal(0) for column in columns if column.total}
        self.subtotals: list[int] = []

    def write(self, rows: Sequence[Sequence], first: int) -> bytes:
        """The `<row>` elements of these rows, the first one numbered `first`.

        Raises ValueError, naming column and row, when a value isn't of its column's kind or a row has another
        length than there are columns.
        """
        if set(map(len, rows)) != {len(self.columns)}:
            raise ValueError(f"每行应有 {len(self.columns)} 列")
        count = len(rows)
        stride = ROW_PIECES + CELL_PIECES * len(self.columns)
        numbers = encoded([str(number) for number in range(first, first + count)])
        strong = [at for at, row in enumerate(rows) if type(row) is Subtotal]
        self.subtotals += [first + at for at in strong]
        lines = [1] * count
        pieces = [b"</row>"] * (count * stride)
        for at, (column, values) in enumerate(zip(self.columns, zip(*rows, strict=True), strict=True)):
            start = ROW_PIECES - 1 + CELL_PIECES * at
            pieces[start::stride] = [b'<c r="%s' % column.letter.encode()] * count
            pieces[start + 1 :: stride] = numbers
            cells = self._cells(column, values, lines, first)
            for row in strong:
                cells[0][row] = cells[0][row].replace(b's="%d"' % column.style, b's="%d"' % column.strong)
                self._take_back(column, values[row])
            for offset, some in enumerate(cells, 2):
                pieces[start + offset :: stride] = some
        pieces[0::stride] = [b'<row r="'] * count
        pieces[1::stride] = numbers
        pieces[2::stride] = self._row_ends(lines)
        return b"".join(pieces)

    def blank(self, number: int, text: str = "", style: int = 0) -> str:
        """One row without values that keeps its borders, or with one text in the first cell's place."""
        cells = [f'<c r="{column.letter}{number}" s="{column.style}"/>' for column in self.columns]
        if text:
            letter = self.columns[0].letter
            cells[0] = f'<c r="{letter}{number}" s="{style}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        return f'<row r="{number}"{self._height(1)}>{"".join(cells)}</row>'

    def _height(self, lines: int) -> str:
        if self.height is None:
            return ""
        return f' ht="{min(HIGHEST_ROW, self.height + (lines - 1) * LINE_HEIGHT):g}" customHeight="1"'

    def _row_ends(self, lines: list[int]) -> list[bytes]:
        ends = {count: f'"{self._height(count)}>'.encode() for count in set(lines)}
        return [ends[count] for count in lines]

    def _cells(self, column: Column, values: Sequence, lines: list[int], first: int) -> Pieces:
        if column.kind is Kind.TEXT:
            if not set(map(type, values)) <= {str}:
                values = [as_text(value) for value in values]
            self._count_lines(column, values, lines)
            return _text_cells(column, values)
        wrong = set(map(type, values)) - ACCEPTED[column.kind] - {NoneType}
        if wrong:
            at = next(at for at, value in enumerate(values) if type(value) in wrong)
            raise ValueError(f"“{column.name}”第 {first + at} 行应为{WANTED[column.kind]}：{values[at]!r}")
        if column.kind is Kind.DATE:
            return _date_cells(column, values)
        self._add(column, values)
        return _value_cells(column, ["" if value is None else plain_number(value) for value in values])

    def _count_lines(self, column: Column, texts: Sequence[str], lines: list[int]) -> None:
        if column.wrap is None or self.height is None:
            return
        joined = "".join(texts)
        longest = max(map(len, texts))
        if longest * (1 if joined.isascii() else 2) <= column.wrap and "\n" not in joined:
            return
        for at, text in enumerate(texts):
            if len(text) * 2 > column.wrap or "\n" in text:
                lines[at] = max(lines[at], lines_needed(text, column.wrap))

    def _add(self, column: Column, values: Sequence) -> None:
        known = [value for value in values if value is not None]
        if known and not (-NUMBER_LIMIT < min(known) <= max(known) < NUMBER_LIMIT):
            raise ValueError(f"“{column.name}”有超过 15 位的数，请用文本列")
        if column.total:
            self.totals[column.letter] += sum(known)

    def _take_back(self, column: Column, value: object) -> None:
        if column.total and value is not None:
            self.totals[column.letter] -= value


def _filled(values: Sequence[str], before: str, after: str, empty: str) -> Pieces:
    """Around each value: what opens and closes its cell, or closes it at once when it is empty."""
    count, opened, closed = len(values), before.encode(), after.encode()
    if "" not in values:
        return [opened] * count, encoded(values), [closed] * count
    shut = empty.encode()
    befores = [opened if value else shut for value in values]
    return befores, encoded(values), [closed if value else b"" for value in values]


def _text_cells(column: Column, texts: Sequence[str]) -> Pieces:
    space = ""
    if not is_plain(texts):
        texts = [escape(text) for text in texts]
        space = ' xml:space="preserve"'
    style = f'" s="{column.style}"'
    return _filled(texts, f'{style} t="inlineStr"><is><t{space}>', "</t></is></c>", f"{style}/>")


def _value_cells(column: Column, values: Sequence[str]) -> Pieces:
    style = f'" s="{column.style}"'
    return _filled(values, f"{style}><v>", "</v></c>", f"{style}/>")


def _date_cells(column: Column, values: Sequence[date | None]) -> Pieces:
    cells = _value_cells(column, [str(value.toordinal() - EPOCH) if value else "" for value in values])
    early = [at for at, value in enumerate(values) if value and value < FIRST_DATE]
    if early:
        texts = _text_cells(column, [values[at].isoformat() for at in early])
        for some, replaced in zip(cells, texts, strict=True):
            for at, piece in zip(early, replaced, strict=True):
                some[at] = piece
    return cells
