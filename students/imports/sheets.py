"""The rows of a worksheet's XML, streamed: memory does not grow with them.

Every row is cut out with one expression; a sheet that is written unusually (prefixes, comments, rich text) is
read by expat from the start instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

from students.imports.package import feed, parser
from students.imports.source import BAD_ROWS, LAST_ROW, MOST_COLUMNS, RUN, TOO_LARGE, Refused, Row, in_part, too_wide
from students.imports.strings import Unusual

LONGEST_ROW = 8 << 20

# A raw cell is its column's letters and the rest as the XML spells it: (b"AB", b' s="1" t="s"><v>17').
Cell = tuple[bytes, bytes]


def column_letters(place: int) -> str:
    """0 → A, 26 → AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


LETTERS = [column_letters(place).encode() for place in range(MOST_COLUMNS)]
PLACE = {letters: place for place, letters in enumerate(LETTERS)}


# Nearly all cells, and then those with a formula (its stored result is the value) or without content.
_CELL = re.compile(rb'<c r="([A-Z]+)[0-9]+"([^>]*><(?:v|is><t[^>]*)>[^<]*)</(?:v|t></is)></c>')
_ANY_CELL = re.compile(
    rb'<c r="([A-Z]+)[0-9]+"([^>]*)>(?:<f[^>]*(?:/>|>[^<]*</f>))?'
    rb"(?:<v ?/>|<(v(?: [^>]*)?>[^<]*)</v>|<(is><t(?: [^>]*)?>[^<]*)</t></is>|<is><t ?/></is>)?</c>"
)
_EMPTY_CELL = re.compile(rb"<c [^<>]*/>")
_DATA = re.compile(rb"<sheetData *(/?)>")
ROW_NUMBER = re.compile(rb'<row (?:[^>]* )?r="([0-9]+)"')
_letters = itemgetter(0)


def place(letters: bytes) -> int:
    """A → 0, AA → 26, no letters → -1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def row_number(digits: str | bytes) -> int:
    """A row's number as the XML spells it. Raises Refused when no sheet has such a row."""
    number = int(digits) if len(digits) < 9 and digits.isdigit() else 0
    if not 0 < number <= LAST_ROW:
        raise Refused(BAD_ROWS)
    return number


def rows(chunks: Callable[[], Iterable[bytes]], part: int | None = None) -> Iterator[Row]:
    """(number, cells by column, None where absent) of each row that has content; see source.Sheet."""
    done = 0
    try:
        for row in _fast(chunks(), part):
            done = row[0]
            yield row
    except Unusual:
        yield from (row for row in in_part(_Slow(chunks()), part) if row[0] > done)


def parts(chunks: Iterable[bytes]) -> Iterator[tuple[bool, bytes]]:
    """The XML in pieces: what stands before the rows, then (True, whole rows) …, then what stands behind.

    Raises Unusual where the cuts could be wrong.
    """
    rest, place = b"", "before"
    for chunk in chunks:
        rest += chunk
        if place == "before":
            opened = _DATA.search(rest)
            if opened is None and len(rest) < LONGEST_ROW:
                continue
            if opened is None or not _is_plain(rest[: opened.start()]):
                raise Unusual
            yield False, rest[: opened.end()]
            rest, place = rest[opened.end() :], "behind" if opened[1] else "rows"
        if place == "rows":
            rows, end, rest = rest.rpartition(b"</row>")
            if (b"!" in rows and b"<!" in rows) or (b"?" in rows and b"<?" in rows):
                raise Unusual  # a comment or CDATA could hold what looks like a row
            if end:
                yield True, rows + end
            if b"</sheetData" in rest:
                place = "behind"
            elif len(rest) > LONGEST_ROW:
                raise Unusual
        if place == "behind":
            yield False, rest
            rest = b""
    if place != "behind":
        raise Unusual  # no end of the data: expat knows what is wrong


def _is_plain(head: bytes) -> bool:
    """UTF-8, no comments or DTD before the data."""
    declaration = head[:200].lower()
    return head[:1] == b"<" and b"<!" not in head and (b"encoding=" not in declaration or b"utf-8" in declaration)


def _fast(chunks: Iterable[bytes], part: int | None) -> Iterator[Row]:
    find = _CELL.findall
    for block in (data for is_rows, data in parts(chunks) if is_rows):
        for piece in block[:-6].split(b"</row>"):
            start = piece.rfind(b"<row ")  # self-closing rows may stand before it
            number = ROW_NUMBER.match(piece, start) if start >= 0 else None
            if number is None:
                raise Unusual
            line = row_number(number[1])
            if part is not None and line >> RUN & 1 != part:
                continue
            cells = find(piece, start)
            if len(cells) != piece.count(b"<c", start):
                cells = _all_cells(piece[start:])
            if cells:
                yield line, _placed(cells)


def _all_cells(row: bytes) -> list[Cell]:
    filled = _EMPTY_CELL.sub(b"", row)
    cells = _ANY_CELL.findall(filled)
    if len(cells) != filled.count(b"<c"):
        raise Unusual
    return [
        (letters, b"%b><%b" % (head, stored or inline)) for letters, head, stored, inline in cells if stored or inline
    ]


def spelled(kind: str, text: str) -> bytes:
    """A raw cell's second half for text that is not escaped."""
    opening = "is><t" if kind == "inlineStr" else "v"
    return f' t="{kind}"><{opening}>{text.replace("&", "&amp;")}'.encode()


def _placed(cells: list[Cell]) -> list[Cell | None]:
    """By column. Most rows have every cell of the first columns and are right as they are."""
    if len(cells) > MOST_COLUMNS:
        raise too_wide(len(cells))
    if list(map(_letters, cells)) == LETTERS[: len(cells)]:
        return cells  # type: ignore[return-value]
    known = [(PLACE[cell[0]], cell) for cell in cells if cell[0] in PLACE]
    placed: list[Cell | None] = [None] * (max((number for number, _ in known), default=-1) + 1)
    for number, cell in known:
        placed[number] = cell
    return placed


class _Slow:
    """The same rows by expat."""

    def __init__(self, chunks: Iterable[bytes]):
        self.chunks = chunks
        self.ready: list[Row] = []
        self.number = 0
        self.cells: list[Cell] = []
        self.letters = b""
        self.type = "n"
        self.text: list[str] = []
        self.collecting = False
        self.phonetic = False
        self.size = 0

    def __iter__(self) -> Iterator[Row]:
        parsing = parser()
        parsing.StartElementHandler, parsing.EndElementHandler = self._start, self._end
        parsing.CharacterDataHandler = self._data
        for chunk in self.chunks:
            feed(parsing, [chunk], final=False)
            yield from self.ready
            self.ready.clear()
        feed(parsing, [])
        yield from self.ready

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if local == "row":
            self.number = row_number(attributes.get("r") or str(self.number + 1))
            self.cells, self.letters, self.size = [], b"", 0
        elif local == "c":
            reference = attributes.get("r", "").rstrip("0123456789").encode()
            self.letters = reference or column_letters(place(self.letters) + 1 if self.letters else 0).encode()
            self.type = attributes.get("t", "n")
            self.text = []
        elif local == "rPh":
            self.phonetic = True
        self.collecting = local in ("v", "t") and not self.phonetic

    def _data(self, text: str) -> None:
        if self.collecting:
            self.size += len(text)
            if self.size > LONGEST_ROW:
                raise Refused(TOO_LARGE)
            self.text.append(text)

    def _end(self, name: str) -> None:
        local = name.rpartition(":")[2]
        self.collecting = False
        if local == "rPh":
            self.phonetic = False
        elif local == "c" and self.text:
            self.cells.append((self.letters, spelled(self.type, "".join(self.text))))
        elif local == "row" and self.cells:
            self.ready.append((self.number, _placed(self.cells)))
