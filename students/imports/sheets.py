"""The rows of a worksheet's XML, streamed: memory does not grow with them.

Rows are cut at the references of their cells, or taken apart with one expression; a sheet that is written unusually
(prefixes, comments, rich text) is read by expat from the start instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from students.imports.package import feed, parser
from students.imports.source import BAD_ROWS, LAST_ROW, MOST_COLUMNS, RUN, TOO_LARGE, Refused, Row, in_part, too_wide
from students.imports.strings import Unusual

LONGEST_ROW = 8 << 20

# A raw cell is what the XML spells behind its reference, b' s="1" t="s"><v>17'; more may follow from the next "<" on.
# Before it is placed its column's letters stand with it: (b"AB", b' s="1" t="s"><v>17').
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
_HEADS = [b'<c r="' + letters for letters in LETTERS]
_PLACE_OF = {head: place for place, head in enumerate(_HEADS)}


# Nearly all cells, and then those with a formula (its stored result is the value) or without content.
_CELL = re.compile(rb'<c r="([A-Z]+)[0-9]+"([^>]*><(?:v|is><t[^>]*)>[^<]*)</(?:v|t></is)></c>')
_ANY_CELL = re.compile(
    rb'<c r="([A-Z]+)[0-9]+"([^>]*)>(?:<f[^>]*(?:/>|>[^<]*</f>))?'
    rb"(?:<v ?/>|<(v(?: [^>]*)?>[^<]*)</v>|<(is><t(?: [^>]*)?>[^<]*)</t></is>|<is><t ?/></is>)?</c>"
)
_EMPTY_CELL = re.compile(rb"<c [^<>]*/>")
_DATA = re.compile(rb"<sheetData *(/?)>")
ROW_NUMBER = re.compile(rb'<row (?:[^>]* )?r="([0-9]+)"')


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
    for block in (data for is_rows, data in parts(chunks) if is_rows):
        for piece in block[:-6].split(b"</row>"):
            start = piece.rfind(b"<row ", 0, piece.find(b"<c "))  # self-closing rows may stand before it
            number = ROW_NUMBER.match(piece, start) if start >= 0 else None
            if number is None:
                raise Unusual
            line = row_number(number[1])
            if part is not None and line >> RUN & 1 != part:
                continue
            cells = _cut(piece, start, number[1])
            if cells is None:
                cells = _placed(_matched(piece, start))
            if cells:
                yield line, cells


def _cut(piece: bytes, start: int, digits: bytes) -> list[bytes | None] | None:
    """The row's cells by column, cut at their references, which all end in the row's number; what stands in a cell is
    for `content` to see. None where a cell could be hidden in another.

    Cells stand in the order of their columns: the last of n in the n-th means that there is no gap, and none hidden.
    """
    *raws, last = piece[piece.find(b"<c r=", start) :].split(digits + b'"')
    if not 0 < len(raws) <= MOST_COLUMNS:
        return None
    if raws[-1].endswith(_HEADS[len(raws) - 1]):
        cells: list[bytes | None] = [*raws[1:], last]
    elif len(raws) != piece.count(b"<c", start):
        return None
    else:
        places = [_PLACE_OF.get(raw[raw.rfind(b"<") :], -1) for raw in raws]
        if -1 in places:
            return None
        cells = [None] * (max(places) + 1)
        for place, raw in zip(places, [*raws[1:], last], strict=True):
            cells[place] = raw
    return _without_blanks(cells) if b"/><c" in piece or b'"></c>' in piece or last.endswith(b"/>") else cells


def _without_blanks(cells: list[bytes | None]) -> list[bytes | None]:
    cells = [cell if cell and _FILLED.match(cell) else None for cell in cells]
    while cells and cells[-1] is None:
        del cells[-1]
    return cells


_FILLED = re.compile(rb"[^>]*(?<!/)><(?!/c>)")
_TAIL = re.compile(rb'(?:/(?:v|t></is)></c>(?:<c r="[A-Z]+)?)?')


def content() -> Callable[[bytes], tuple[bytes, bytes]]:
    """A reader of raw cells: attributes and what stands in the cell, still escaped. What is not of the two usual shapes is
    taken apart by an expression or else by expat."""
    tails: set[bytes] = {b""}

    def read(raw: bytes) -> tuple[bytes, bytes]:
        attributes, tag, found = (*raw.split(b">", 2), b"", b"")[:3]
        if tag == b"<is" and found[:2] == b"<t":
            found = found.partition(b">")[2]
        elif tag != b"<v":
            return _unusual(raw)
        found, _, tail = found.partition(b"<")
        if tail not in tails:
            if not _TAIL.fullmatch(tail):
                return _unusual(raw)
            if len(tails) > MOST_COLUMNS:
                tails.clear()
            tails.add(tail)
        return attributes, found

    def _unusual(raw: bytes) -> tuple[bytes, bytes]:
        inside, end, _ = raw.partition(b"</c>")
        if not end:
            return b"", b""
        cell = b'<c r="A1"' + inside + end
        if match := _ANY_CELL.fullmatch(cell):
            return match[2], (match[3] or match[4] or b"").partition(b">")[2]
        placed = list(_Slow([b'<sheetData><row r="1">' + cell + b"</row></sheetData>"]))
        return read(placed[0][1][0] or b"><v>") if placed else (b"", b"")

    return read


def _matched(piece: bytes, start: int) -> list[Cell]:
    cells = _CELL.findall(piece, start)
    return cells if len(cells) == piece.count(b"<c", start) else _all_cells(piece[start:])


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
    return f' t="{kind}"><{opening}>{text.replace("&", "&amp;").replace("<", "&lt;")}'.encode()


def _placed(cells: list[Cell]) -> list[bytes | None]:
    """By column."""
    if len(cells) > MOST_COLUMNS:
        raise too_wide(len(cells))
    known = [(PLACE[letters], raw) for letters, raw in cells if letters in PLACE]
    placed: list[bytes | None] = [None] * (max((place for place, _ in known), default=-1) + 1)
    for place, raw in known:
        placed[place] = raw
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
