"""A ledger written into an office's own form: its placeholders replaced, its one sample row by the rows, the rest kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from openpyxl.utils import get_column_letter as letter

from ledgers import drawings
from ledgers.definition import Column, Listing, Summary, Table
from ledgers.formfile import LAST_COLUMN, cells_of, opened
from ledgers.placeholders import MARK, TOTAL, Part, column_named
from ledgers.sheets import Kind, Look, Sheet, Subtotal
from ledgers.workbook import fill_template, sheet_titles
from ledgers.xmlsheet import Form, Template

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

ROWS_ONLY = Look("", "", date(1980, 1, 1), "")  # asks a table for rows without keys and without its 合计 among them
GENERAL = "General"
FORMATS = {Kind.TEXT: "@", Kind.MONEY: "#,##0.00", Kind.DATE: "yyyy-mm-dd", Kind.INTEGER: "0"}


@dataclass
class Filled:
    """What was written: rows by the ledger's sheet, and the sums of the columns that the form has."""

    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, dict[str, Decimal | int]] = field(default_factory=dict)


@dataclass
class Filling:
    """One form on its way. `told`: what the fields stand for; `mark`: the line on every printed page."""

    tables: Mapping[str, Table]
    told: Mapping[str, str]
    mark: str
    unmasked: bool

    def into(
        self, path: Path, file: BinaryIO, parts: Sequence[Part], manifest: Sheet, properties: Mapping[str, str],
        progress: Callable[[int], None], *, office: str, day: date,
    ) -> Filled:  # fmt: skip
        """Writes the workbook to `path`. Raises students.imports.source.Refused for a file that can't be read."""
        from ledgers.look import flat_page, hang

        book, drawn = opened(file), drawings.of_file(file)
        _sign(book, properties, office, day)
        by_sheet = {part.sheet: part for part in parts}
        forms: list[Form] = []
        sources: list[Iterable[Sequence[Any]]] = []
        for page in book.worksheets:
            part = by_sheet.get(page.title)
            page._images, page._charts = [], []  # what can be kept is carried through unread
            self._fields(page, part)
            if part is not None and page.sheet_state == "visible":
                hang(page, self.mark)
                form, rows = self._part(page, part)
                forms.append(form)
                sources.append(rows)
        title = sheet_titles([*book.sheetnames, manifest.name])[-1]
        hidden = book.create_sheet(title)
        hidden.sheet_state = "hidden"
        forms.append(flat_page(hidden, manifest))
        written = fill_template(path, Template(book, forms, drawn), [*sources, manifest.rows], progress=progress)
        filled = Filled()
        used = [by_sheet[form.sheet.title] for form in forms[:-1]]
        for part, count, sums in zip(used, written.rows[:-1], written.totals[:-1], strict=True):
            filled.rows[part.table], filled.totals[part.table] = count, dict(sums)
        return filled

    def _part(self, page: Worksheet, part: Part) -> tuple[Form, Iterator[Sequence[Any]]]:
        table = self.tables[part.table]
        places = {column.name: at for at, column in enumerate(table.columns)}
        styled = [at for (row, at), cell in page._cells.items() if row == part.row and cell.has_style and at <= LAST_COLUMN]
        last = max([*part.columns, *part.constant, *styled])
        named = [part.columns.get(at) for at in range(1, last + 1)]
        columns = [table.columns[places[name]] if name else None for name in named]
        for at, column in enumerate(columns, 1):
            _sample(page.cell(part.row, at), column)
        form = Form(
            page, part.row,
            tuple(column.kind if column else Kind.TEXT for column in columns),
            tuple(name or f"{letter(at)}列" for at, name in enumerate(named, 1)),
            tuple(_bold(page.cell(part.row, at)) for at in range(1, last + 1)),
            frozenset(at for at, column in enumerate(columns, 1) if column and column.total),
        )  # fmt: skip
        extra = [part.constant.get(at) for at in range(1, last + 1)]
        width = len(table.columns)
        takes = [places[name] if name else width + at for at, name in enumerate(named)]
        rows = table.sheet(ROWS_ONLY, unmasked=self.unmasked).rows
        return form, _picked(rows, takes, extra)

    def _fields(self, page: Worksheet, part: Part | None) -> None:
        """Everything between braces outside the sample row, at the head and foot of printed pages, too."""
        for line in (page.oddHeader, page.oddFooter, page.evenHeader, page.evenFooter, page.firstHeader, page.firstFooter):
            for place in (line.left, line.center, line.right):
                if place.text:  # & begins a code there
                    place.text = MARK.sub(lambda said: self._said(said[1], part).replace("&", "&&"), place.text)
        for cell in cells_of(page):
            if part is not None and cell.row == part.row:
                continue
            if isinstance(cell.value, str) and MARK.search(cell.value):
                self._field(cell, part)

    def _field(self, cell: Cell, part: Part | None) -> None:
        text = str(cell.value)
        whole = MARK.fullmatch(text.strip())
        total = TOTAL.fullmatch(whole[1]) if whole else None
        if total:
            cell.value = self._total(total[1], part)
            if cell.number_format == GENERAL:
                cell.number_format = "#,##0.00" if isinstance(cell.value, Decimal | str) else "0"
            return
        cell.value = MARK.sub(lambda said: self._said(said[1], part), text)
        cell.data_type = "s"  # never a formula, whatever an office or a purpose is called

    def _said(self, name: str, part: Part | None) -> str:
        if total := TOTAL.fullmatch(name):
            value = self._stated(total[1], part)
            return f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,}"
        return self.told.get(name, "")

    def _total(self, said: str, part: Part | None) -> Decimal | int | str:
        """A SUM over the sheet's own rows where they add up; else the figure itself."""
        if part is not None and isinstance(table := self.tables[part.table], Listing):
            name = column_named(said, [column.path for column in table.columns])
            for at, column in part.columns.items():
                if column == name and next(c for c in table.columns if c.name == name).total:
                    return f"=SUM({letter(at)}{part.row}:{letter(at)}{part.row})"
        return self._stated(said, part)

    def _stated(self, said: str, part: Part | None) -> Decimal | int:
        """The 合计 of a column as the ledger has it, of this sheet's table or the first that has one."""
        first = [self.tables[part.table]] if part else []
        for table in [*first, *self.tables.values()]:
            name = column_named(said, [column.path for column in table.columns])
            totals = totals_of(table)
            if name in totals:
                return totals[name]
        return 0


def totals_of(table: Table) -> dict[str, Any]:
    """heading → 合计, of a listing in one query."""
    if isinstance(table, Listing):
        return {name: value for name, value in table.totals().items() if name != "rows"}
    return table.totals() if isinstance(table, Summary) else {}


def _picked(rows: Iterable[Sequence[Any]], takes: Sequence[int], extra: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The form's columns out of the ledger's, in constant memory; a subtotal stays one."""
    take = itemgetter(*takes, takes[-1])  # twice the last: one name alone would give no tuple
    for row in rows:
        cells = take((*row, *extra))[:-1]
        yield Subtotal(cells) if type(row) is Subtotal else cells


def _sample(cell: Any, column: Column | None) -> None:
    """The sample row's cell as every row's will look: without its text; what the clerk has not formatted gets the format
    of what will stand there, so that numbers of people stay text and days are days."""
    if type(cell).__name__ == "MergedCell":
        return
    cell.value = None
    if column is not None and cell.number_format == GENERAL:
        cell.number_format = FORMATS[column.kind]


def _bold(cell: Any) -> int:
    """The id of the cell's style in bold, taken without leaving it there."""
    before, font = copy(cell._style), copy(cell.font)
    font.b = True
    cell.font = font
    found = cell.style_id
    cell._style = before
    return found


def _sign(book: Workbook, properties: Mapping[str, str], office: str, day: date) -> None:
    """Whose file it now is; nothing of who once made the form."""
    from openpyxl.packaging.core import DocumentProperties
    from openpyxl.packaging.custom import CustomPropertyList, StringProperty

    book.custom_doc_props = CustomPropertyList()
    for name, value in properties.items():
        book.custom_doc_props.append(StringProperty(name=name, value=value))
    book.properties = DocumentProperties(creator=office, created=datetime.combine(day, datetime.min.time()))
    for page in book.worksheets:
        for cell in cells_of(page):
            if getattr(cell, "hyperlink", None) is not None:
                cell.hyperlink = None
