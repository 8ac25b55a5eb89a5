"""Changes to the XML of an existing worksheet: red cells, one more column, and the styles they need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from students.imports.sheets import ROW_NUMBER, column_letters, parts, place
from students.imports.strings import Unusual

RED = b'<fill><patternFill patternType="solid"><fgColor rgb="FFFFC7CE"/><bgColor indexed="64"/></patternFill></fill>'
WIDTH = 60

_FILLS = re.compile(rb'<fills count="([0-9]+)"([^>]*)>(.*?)</fills>', re.DOTALL)
_FORMATS = re.compile(rb'<cellXfs count="([0-9]+)"([^>]*)>(.*?)</cellXfs>', re.DOTALL)
_FORMAT = re.compile(rb"<xf(?: [^>]*)?/>|<xf(?: [^>]*[^/])?>.*?</xf>", re.DOTALL)
_CELL = re.compile(rb'<c r="([A-Z]+)[0-9]+"([^>]*?)(/>|>.*?</c>)', re.DOTALL)
_STYLE = re.compile(rb' s="([0-9]+)"')
_SPANS = re.compile(rb' spans="[^"]*"')
_DIMENSION = re.compile(rb'(<dimension ref="[A-Z]+[0-9]+:)([A-Z]+)([0-9]+")')
_COLUMNS = re.compile(rb"<cols>(.*?)</cols>", re.DOTALL)


class Following(Protocol):
    def of(self, number: int) -> tuple[list[int], str] | None: ...


def attribute(text: str) -> str:
    """Text for XML: escaped, without the control characters that XML 1.0 has no way to write."""
    text = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Patch:
    """Marks rows of one sheet; collects the styles for it and adds them to the workbook's. Raises Unusual."""

    def __init__(self, styles: bytes, reason: int):
        self._styles, self._reason = styles, reason
        fills, formats = _FILLS.search(styles), _FORMATS.search(styles)
        if fills is None or formats is None:
            raise Unusual
        self._formats = _FORMAT.findall(formats[3])
        if len(self._formats) != int(formats[1]):
            raise Unusual
        self._red_fill = int(fills[1])
        self._red: dict[int, int] = {}  # style → the same in red

    def rehearse(self, chunks: Iterable[bytes]) -> None:
        """Raises Unusual before anything is written when the sheet can't be cut into rows."""
        for is_rows, data in parts(chunks):
            if is_rows and data.count(b"<row") != len(ROW_NUMBER.findall(data)):
                raise Unusual

    def patched(self, chunks: Iterable[bytes], marks: Following) -> Iterator[bytes]:
        is_head = True
        for is_rows, data in parts(chunks):
            if is_rows:
                yield b"</row>".join(self._row(piece, marks) for piece in data.split(b"</row>"))
            else:
                yield self._head(data) if is_head else data
            is_head = False

    def styles(self) -> bytes:
        """The workbook's styles with the red ones behind; to be asked after the rows."""
        added = b"".join(self._in_red(self._formats[style]) for style in self._red)
        count = b"%d" % (len(self._formats) + len(self._red))
        found = _FILLS.sub(
            lambda m: b'<fills count="%d"%b>%b</fills>' % (int(m[1]) + 1, m[2], m[3] + RED), self._styles
        )
        return _FORMATS.sub(lambda m: b'<cellXfs count="%b"%b>%b</cellXfs>' % (count, m[2], m[3] + added), found)

    def _in_red(self, style: bytes) -> bytes:
        bare = re.sub(rb' (?:fillId|applyFill)="[^"]*"', b"", style, count=2)
        return bare.replace(b"<xf", b'<xf fillId="%d" applyFill="1"' % self._red_fill, 1)

    def _style(self, style: int) -> int:
        if style >= len(self._formats):
            style = 0
        return self._red.setdefault(style, len(self._formats) + len(self._red))

    def _row(self, piece: bytes, marks: Following) -> bytes:
        start = piece.rfind(b"<row ")
        number = ROW_NUMBER.match(piece, start) if start >= 0 else None
        marked = marks.of(int(number[1])) if number else None
        if number is None or marked is None:
            return piece
        end = piece.index(b">", start) + 1
        opening = _SPANS.sub(b"", piece[start:end])
        cells = self._marked(piece[end:], number[1], *marked)
        return piece[:start] + opening + b"".join(cells)

    def _marked(self, row: bytes, number: bytes, red: list[int], reason: str) -> list[bytes]:
        """The row's cells by column, the wrong ones red, the reason behind them."""
        cells: dict[int, bytes] = {}
        style = 0
        for cell in _CELL.finditer(row):
            column, said = place(cell[1]), _STYLE.search(cell[2])
            style = int(said[1]) if said else 0
            cells[column] = cell[0]
            if column in red:
                others = _STYLE.sub(b"", cell[2])
                red_cell = b'<c r="%b%b" s="%d"%b%b' % (cell[1], number, self._style(style), others, cell[3])
                cells[column] = red_cell
        for column in red:
            if column not in cells:
                cells[column] = b'<c r="%b%b" s="%d"/>' % (_letters(column), number, self._style(0))
        # The reason looks like its neighbour, so that the heading is a heading; without red it is the heading.
        look = b' s="%d"' % (self._style(style) if red else style)
        cells[self._reason] = b'<c r="%b%b"%b t="inlineStr"><is><t xml:space="preserve">%b</t></is></c>' % (
            _letters(self._reason),
            number,
            look,
            attribute(reason).encode(),
        )
        return [cells[column] for column in sorted(cells)]

    def _head(self, head: bytes) -> bytes:
        """The column's width, and the sheet's extent for readers that trust it."""
        number = self._reason + 1
        column = b'<col min="%d" max="%d" width="%d" customWidth="1"/>' % (number, number, WIDTH)

        def extent(match: re.Match[bytes]) -> bytes:
            right = max(place(match[2]), self._reason)
            return match[1] + _letters(right) + match[3]

        head = _DIMENSION.sub(extent, head)
        known = _COLUMNS.search(head)
        if known is None:
            start = head.rindex(b"<sheetData")
            return head[:start] + b"<cols>" + column + b"</cols>" + head[start:]
        if any(int(last) >= number for last in re.findall(rb' max="([0-9]+)"', known[1])):
            return head  # wide enough, or one setting for all columns
        return head[: known.end(1)] + column + head[known.end(1) :]


def _letters(column: int) -> bytes:
    return column_letters(column).encode()
