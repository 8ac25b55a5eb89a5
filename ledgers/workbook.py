"""Writes ledgers as .xlsx: a template by openpyxl, its sample row replaced by any number of streamed rows."""

import hashlib
import os
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import MappingProxyType
from typing import IO

from ledgers import drawings
from ledgers.drawings import Drawing
from ledgers.sheets import Head, Kind, Look, Sheet, Subtotal, Written
from ledgers.xmlrows import RowWriter, plain_number
from ledgers.xmlsheet import MAX_ROW, TOTAL, UNCHANGED, Body, Form, Frame, Growth, Template, grow_names

__all__ = ["Head", "Kind", "Look", "Sheet", "Subtotal", "Written", "fill_template", "write_workbook"]

BATCH = 500  # rows worked on at once: about 1 MB of XML
SPOOL = 16 * 2**20  # rows that must wait for their total stay in memory up to here, then go to disk
SHEET_BYTES = 1_900_000_000  # XML of one sheet; from 2 GiB on a zip needs an extension old spreadsheets lack
NAME_LIMIT = 31
TOTAL_TEXT, SUBTOTAL_TEXT = f"<t>{TOTAL}</t>", "<t>小计</t>"
FORBIDDEN_IN_NAMES = str.maketrans("[]:*?/\\'", "［］：＊？／＼’")


def write_workbook(
    path: str | Path,
    sheets: Sequence[Sheet],
    *,
    properties: Mapping[str, str] = MappingProxyType({}),
    progress: Callable[[int], None] | None = None,
    rows_per_sheet: int = MAX_ROW,
) -> Written:
    """Writes the sheets to `path`, whole or not at all, in memory that doesn't grow with the rows.

    `properties` become custom properties of the file. `progress` hears the rows written so far, over all
    sheets, some hundred at a time; what it raises ends the writing and leaves no file. Rows beyond a sheet's
    end continue on 名称(2), with 小计 on each and 合计 on the last. The same input gives the same bytes.
    Raises ValueError for a value that isn't of its column's kind and for a workbook nobody could see.
    """
    if all(sheet.hidden for sheet in sheets):
        raise ValueError("至少要有一张可见的工作表")
    titles = sheet_titles([sheet.name for sheet in sheets])
    from ledgers.look import build  # openpyxl: a sixth of the time a command takes to start

    template = build(sheets, titles, properties)
    rows = [sheet.rows for sheet in sheets]
    written = fill_template(path, template, rows, progress=progress, rows_per_sheet=rows_per_sheet)
    totals = [
        {head.name: sheet.stated.get(head.name, sums.get(head.name)) for head in sheet.heads if head.total}
        for sheet, sums in zip(sheets, written.totals, strict=True)
    ]
    return replace(written, totals=totals)


def fill_template(
    path: str | Path,
    template: Template,
    rows: Sequence[Iterable[Sequence]],
    *,
    progress: Callable[[int], None] | None = None,
    rows_per_sheet: int = MAX_ROW,
) -> Written:
    """Replaces each form's sample row by its rows (in the order of the forms), as `write_workbook` promises.

    A template is used once.
    """
    if rows_per_sheet < 1:
        raise ValueError("每张工作表至少要放一行")
    with _arriving(Path(path)) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            filling = _Filling(archive, template, progress or (lambda count: None), rows_per_sheet)
            series = filling.run(rows)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    named = [
        {form.name_of(letter): total for letter, total in its.sums.items()}
        for form, its in zip(template.forms, series, strict=True)
    ]
    return Written([its.rows for its in series], digest, named)


def sheet_titles(names: Sequence[str]) -> list[str]:
    """Names a spreadsheet accepts: no forbidden characters, at most 31 long, different ignoring case."""
    titles: list[str] = []
    for name in names:
        titles.append(_free_title(name.translate(FORBIDDEN_IN_NAMES).strip() or "表", titles))
    return titles


def _free_title(name: str, taken: Iterable[str], number: int = 1) -> str:
    taken = {title.casefold() for title in taken}
    while True:
        mark = f"({number})" if number > 1 else ""
        title = name[: NAME_LIMIT - len(mark)] + mark
        if title.casefold() not in taken:
            return title
        number += 1


@contextmanager
def _arriving(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only when it is complete and on the disk."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class _Stream:
    """Rows in batches, knowing whether any are left."""

    def __init__(self, rows: Iterable[Sequence]):
        self._rows = iter(rows)
        self._waiting = self._read()

    def _read(self) -> list[Sequence]:
        return list(islice(self._rows, BATCH))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self, limit: int) -> list[Sequence]:
        """At most `limit` rows, at least one while there are any."""
        batch, rest = self._waiting[:limit], self._waiting[limit:]
        self._waiting = rest or self._read()
        return batch


@dataclass
class _Series:
    """One form's rows so far: their number, sums by column letter, and where the full sheets have them."""

    title: str
    sums: dict[str, Decimal] = field(default_factory=dict)
    rows: int = 0
    full: list[Body] = field(default_factory=list)

    def add(self, form: Form, writer: RowWriter, count: int, shown: int, more: bool) -> Growth:
        """Takes in a physical sheet of `count` rows (`shown`: with the line for none); says how it grew."""
        self.rows += count
        for letter, total in writer.totals.items():
            self.sums[letter] = self.sums.get(letter, 0) + total
        totals = writer.totals if more else self.sums
        texts = {letter: plain_number(total) for letter, total in totals.items()}
        body = Body("", form.sample_row, form.sample_row + shown - 1, tuple(writer.subtotals))
        growth = Growth(form.sample_row, shown, texts, [body] if more else [*self.full, body])
        name = self.title.replace("'", "''")
        self.full.append(replace(body, sheet=f"'{name}'!"))
        return growth


@dataclass
class _Filling:
    """The state of one workbook while it is filled."""

    archive: zipfile.ZipFile
    template: Template
    progress: Callable[[int], None]
    rows_per_sheet: int
    rows_done: int = 0
    growths: list[Growth] = field(default_factory=list)

    def run(self, rows: Sequence[Iterable[Sequence]]) -> list[_Series]:
        """Writes all parts of the file; the lists of sheets come last, when their number is known."""
        parts = self.template.parts()
        sheets = list(self.template.book.worksheets)
        sources = {form.sheet.title: source for form, source in zip(self.template.forms, rows, strict=True)}
        forms = {form.sheet.title: form for form in self.template.forms}
        self._write("_rels/.rels", parts["_rels/.rels"])
        series: list[_Series] = []
        drawn: list[Drawing | None] = []
        for at, sheet in enumerate(sheets, 1):
            drawing = self.template.drawn.get(sheet.title)
            xml = drawings.marked(parts[f"xl/worksheets/sheet{at}.xml"], drawing)
            if sheet.title in forms:
                form = forms[sheet.title]
                frame = Frame.cut(xml.decode(), form.sample_row)
                series.append(self._sheets(form, frame, _Stream(sources[sheet.title])))
            else:
                self._write(self._next_member(), xml)
                self.growths.append(UNCHANGED)
            drawn += [drawing] * (len(self.growths) - len(drawn))  # a form that fills several sheets is drawn on each
        if len(self.growths) > len(sheets):
            parts = self.template.parts()
        names = grow_names(parts["xl/workbook.xml"].decode(), self.growths)
        parts["xl/workbook.xml"] = names.encode()
        drawings.carry(parts, drawn, self.growths)
        for name, data in parts.items():
            if name != "_rels/.rels" and not name.startswith("xl/worksheets/sheet"):
                self._write(name, data)
        return series

    def _next_member(self) -> str:
        return f"xl/worksheets/sheet{len(self.growths) + 1}.xml"

    def _write(self, name: str, data: bytes) -> None:
        with self.archive.open(name, "w") as out:
            out.write(data)

    def _sheets(self, form: Form, frame: Frame, rows: _Stream) -> _Series:
        """One form's rows, over as many physical sheets as they need."""
        series = _Series(form.sheet.title)
        self._sheet(form, frame, rows, series)
        while rows:
            taken = self.template.book.sheetnames
            series.title = _free_title(form.sheet.title, taken, len(series.full) + 1)
            self.template.add_copy(form, series.title, len(self.growths))
            self._sheet(form, frame, rows, series)
        return series

    def _sheet(self, form: Form, frame: Frame, rows: _Stream, series: _Series) -> None:
        writer, waits = form.row_writer(), frame.sums_above
        with self.archive.open(self._next_member(), "w") as out, SpooledTemporaryFile(SPOOL) as spool:
            if not waits:
                out.write((frame.head + frame.above).encode())
            count = self._rows(form, writer, rows, spool if waits else out)
            line = "" if count else frame.no_rows(form, writer)
            growth = series.add(form, writer, count, count or bool(line), bool(rows))
            above, below = growth.cells(frame.above), growth.cells(frame.below)
            if rows:
                above, below = (xml.replace(TOTAL_TEXT, SUBTOTAL_TEXT) for xml in (above, below))
            if waits:
                out.write((frame.head + above).encode())
                spool.seek(0)
                shutil.copyfileobj(spool, out, 2**20)
            out.write((line + below + frame.end(form, growth, merge=bool(line and form.empty))).encode())
        self.growths.append(growth)

    def _rows(self, form: Form, writer: RowWriter, rows: _Stream, out: IO[bytes]) -> int:
        """Writes rows until there are none or the sheet is full; their number."""
        count, size, limit = 0, 0, min(self.rows_per_sheet, form.capacity)
        while rows and count < limit and size < SHEET_BYTES:
            batch = rows.take(limit - count)
            size += out.write(writer.write(batch, form.sample_row + count))
            count += len(batch)
            self.rows_done += len(batch)
            self.progress(self.rows_done)
        return count
