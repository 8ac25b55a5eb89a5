"""A template workbook with a sample row per sheet, and the XML around the rows that take its place.

openpyxl is imported where it is used: it is a sixth of the time a command takes to start.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ledgers.sheets import Kind
from ledgers.xmlrows import Column, RowWriter, escape

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.worksheet.worksheet import Worksheet

    from ledgers.drawings import Drawing

MAX_ROW = 1_048_576
FORMULA_LIMIT = 8_000  # Excel takes 8,192 characters
NORMAL_SIZE = 11  # points of the font that column widths are measured in
TOTAL = "合计"

CELL_REF = re.compile(r"(?<![\w.!$':])(\$?[A-Z]{1,3}\$?)(\d+)(?::(\$?[A-Z]{1,3}\$?)(\d+))?(?![\w(])")
ROW_OR_CELL = re.compile(r'(<row r="|<c r="[A-Z]+)(\d+)(?=")')
ROW = re.compile(r'<row r="(\d+)"[^>]*?(?:/>|>.*?</row>)', re.DOTALL)
MERGES = re.compile(r"<mergeCells [^>]*>(.*)</mergeCells>")
FORMULA = re.compile(r"<f>([^<]*)</f><v ?(?:/>|></v>)")
COLUMN_SUM = re.compile(r"SUM\(\$?([A-Z]{1,3})\$?(\d+):\$?\1\$?(\d+)\)")
RANGE = re.compile(r'(<(?:mergeCell|autoFilter|hyperlink)\b[^>]*? ref=")([^"]+)')
RULE_RANGE = re.compile(r'(<(?:conditionalFormatting|dataValidation)\b[^>]*? sqref=")([^"]+)')
RULE_FORMULA = re.compile(r"(<formula\d?>)([^<]*)")
DEFINED_NAME = re.compile(r'(<definedName [^>]*localSheetId="(\d+)"[^>]*>)([^<]*)')
BEFORE_DRAWINGS = re.compile(
    r"(?=<(?:drawing|legacyDrawing|legacyDrawingHF|picture|tableParts|extLst)\b|</worksheet>)"
)


@dataclass(frozen=True)
class Form:
    """One sheet of a template: its sample row, kinds and names of the columns from A on.

    Style, width, wrapping and least height are read from the sample row. `strong` are style ids of a
    subtotal's cells, `totals` the columns (1 = A) whose SUM over the sample row gets a computed value,
    `empty` text and style id of the line for no rows (None: a blank row where something depends on it).
    """

    sheet: Worksheet
    sample_row: int
    kinds: tuple[Kind, ...]
    names: tuple[str, ...]
    strong: tuple[int, ...]
    totals: frozenset[int] = frozenset()
    empty: tuple[str, int] | None = None

    def row_writer(self) -> RowWriter:
        columns = []
        described = zip(self.kinds, self.names, self.strong, strict=True)
        for at, (kind, name, strong) in enumerate(described, 1):
            cell = self.sheet.cell(self.sample_row, at)
            wrap = room(column_width(self.sheet, at), cell.font) if cell.alignment.wrap_text else None
            total = at in self.totals
            columns.append(Column(cell.column_letter, cell.style_id, strong, kind, name, wrap, total))
        return RowWriter(columns, self.sheet.row_dimensions[self.sample_row].height)

    def name_of(self, letter: str) -> str:
        """The column's name in messages and totals."""
        from openpyxl.utils import column_index_from_string

        return self.names[column_index_from_string(letter) - 1]

    @property
    def capacity(self) -> int:
        """Rows that fit on one sheet between what stands above and below."""
        return MAX_ROW - max(self.sheet.max_row, self.sample_row) + 1


@dataclass(frozen=True)
class Template:
    """A workbook held by openpyxl and the forms on its sheets; its other sheets stay as they are."""

    book: Workbook
    forms: Sequence[Form]
    drawn: Mapping[str, Drawing] = field(default_factory=dict)  # sheet → what openpyxl would leave out

    def parts(self) -> dict[str, bytes]:
        """The files inside the .xlsx by name. The time of creation stands for the time of saving."""
        saved = io.BytesIO()
        self.book.save(saved)
        with zipfile.ZipFile(saved) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        when = f"{self.book.properties.created:%Y-%m-%dT%H:%M:%SZ}".encode()
        core = parts["docProps/core.xml"]
        parts["docProps/core.xml"] = re.sub(rb"(<dcterms:\w+ [^>]*>)[^<]*", rb"\g<1>" + when, core)
        return parts

    def add_copy(self, form: Form, title: str, position: int) -> None:
        """Puts another sheet like this form's at a position (0 = first), for the lists of sheets."""
        copy = self.book.copy_worksheet(form.sheet)
        copy.title, copy.sheet_state = title, form.sheet.sheet_state
        copy.print_title_rows = form.sheet.print_title_rows
        copy.auto_filter.ref = form.sheet.auto_filter.ref
        self.book.move_sheet(copy, position - self.book.index(copy))


def room(width: float, font: Font) -> float:
    """Half-width characters of a font that fit into a column's width."""
    return width * NORMAL_SIZE / font.size


def column_width(sheet: Worksheet, at: int) -> float:
    """Width of a column; openpyxl keeps columns of one width under their first letter."""
    from openpyxl.utils import get_column_letter

    for dimension in sheet.column_dimensions.values():
        if dimension.min and dimension.min <= at <= dimension.max:
            return dimension.width
    return sheet.column_dimensions[get_column_letter(at)].width


@dataclass(frozen=True)
class Body:
    """Where rows stand: `sheet` is "" or "'name'!"; the `subtotals` among them are not added up."""

    sheet: str
    first: int
    last: int
    subtotals: Sequence[int] = ()

    def summed(self, letter: str) -> str:
        """The sum of one column as a formula; a function takes at most 255 arguments."""
        formula = f"SUM({self.sheet}{letter}{self.first}:{letter}{self.last})"
        cells = [f"{self.sheet}{letter}{row}" for row in self.subtotals]
        return formula + "".join(
            f"-SUM({','.join(cells[at : at + 200])})" for at in range(0, len(cells), 200)
        )


@dataclass(frozen=True)
class Growth:
    """The sample row has become `rows` rows (0: it is gone); `totals` are the values of the columns' sums.

    `bodies` are what is summed: this sheet's rows and, on the last sheet of several, the earlier sheets' too.
    """

    sample_row: int
    rows: int
    totals: Mapping[str, str] = field(default_factory=dict)
    bodies: Sequence[Body] = ()

    def row(self, number: int) -> int:
        """Where a row of the template now stands."""
        return number + self.rows - 1 if number > self.sample_row else number

    def refs(self, text: str) -> str:
        """Cell references moved the way a spreadsheet moves them when rows are inserted at the sample row."""
        return CELL_REF.sub(self._ref, text)

    def _ref(self, match: re.Match) -> str:
        start, top, end, bottom = match.groups()
        if end is None:
            return f"{start}{self.row(int(top))}"
        last = int(bottom)
        covers = int(top) <= self.sample_row == last
        return f"{start}{self.row(int(top))}:{end}{last + self.rows - 1 if covers else self.row(last)}"

    def _spread(self, ranges: str) -> str:
        """A rule for a cell of the sample row is a rule for its column's whole body."""
        cells = (f"{cell}:{cell}" if ":" not in cell else cell for cell in ranges.split(" "))
        return self.refs(" ".join(cells))

    def names(self, text: str) -> str:
        """The same for a defined name's absolute references, which carry a sheet name before them."""
        parts = re.split(r"(\$[A-Z]{1,3}\$\d+(?::\$[A-Z]{1,3}\$\d+)?)", text)
        return "".join(self.refs(part) if at % 2 else part for at, part in enumerate(parts))

    def cells(self, xml: str) -> str:
        """A piece of sheet data: rows renumbered, formulas moved, sums over the body given their value."""
        xml = ROW_OR_CELL.sub(lambda match: f"{match[1]}{self.row(int(match[2]))}", xml)
        return FORMULA.sub(self._formula, xml)

    def ranges(self, xml: str) -> str:
        """What follows the sheet data: merges, filters, validations, conditional formats."""
        xml = RANGE.sub(lambda match: match[1] + self.refs(match[2]), xml)
        xml = RULE_RANGE.sub(lambda match: match[1] + self._spread(match[2]), xml)
        return RULE_FORMULA.sub(lambda match: match[1] + self.refs(match[2]), xml)

    def _formula(self, match: re.Match) -> str:
        found = COLUMN_SUM.fullmatch(match[1])
        covers = found and int(found[2]) <= self.sample_row <= int(found[3])
        if not covers or found[1] not in self.totals:
            return f"<f>{self.refs(match[1])}</f>"
        letter = found[1]
        formula = "+".join(body.summed(letter) for body in self.bodies)
        formula = f"<f>{escape(formula)}</f>" if len(formula) <= FORMULA_LIMIT else ""
        return f"{formula}<v>{self.totals[letter]}</v>"


@dataclass(frozen=True)
class Frame:
    """A template sheet's XML cut at its sample row: rows above, rows below, what follows the sheet data."""

    head: str
    above: str
    below: str
    foot: str

    @classmethod
    def cut(cls, xml: str, sample_row: int) -> Frame:
        """Cuts the sheet. `dimension` is left out: it stands before rows nobody has counted yet."""
        head, data, foot = re.split(r"(?<=<sheetData>)|(?=</sheetData>)", xml, maxsplit=2)
        above, below = [], []
        for row in ROW.finditer(data):
            if int(row[1]) != sample_row:
                (above if int(row[1]) < sample_row else below).append(row[0])
        head = re.sub(r"<dimension [^>]*/>", "", head)
        return cls(head, "".join(above), "".join(below), MERGES.sub(_sorted_merges, foot))

    @property
    def sums_above(self) -> bool:
        """Whether something above the rows can only be written when the rows are known."""
        return "<f>" in self.above

    def no_rows(self, form: Form, writer: RowWriter) -> str:
        """The line in place of no rows; none in a flat table, where nothing else depends on the rows."""
        if form.empty:
            return writer.blank(form.sample_row, *form.empty)
        return writer.blank(form.sample_row) if self.below or self.sums_above else ""

    def end(self, form: Form, growth: Growth, *, merge: bool) -> str:
        """The foot: ranges moved, the line for no rows merged if asked, no green corners on ID numbers."""
        from openpyxl.utils import get_column_letter

        foot = growth.ranges(self.foot)
        last = get_column_letter(len(form.kinds))
        if merge and len(form.kinds) > 1:
            line = f"A{form.sample_row}:{last}{form.sample_row}"
            foot = foot.replace("</mergeCells>", f'<mergeCell ref="{line}"/></mergeCells>')
        body = f"A{form.sample_row}:{last}{form.sample_row + max(growth.rows, 1) - 1}"
        calm = f'<ignoredErrors><ignoredError sqref="{body}" numberStoredAsText="1"/></ignoredErrors>'
        return BEFORE_DRAWINGS.sub(calm, foot, count=1)


UNCHANGED = Growth(MAX_ROW, 1)  # of a sheet without rows of ours


def grow_names(workbook_xml: str, growths: Sequence[Growth]) -> str:
    """workbook.xml with print areas and filters moved; `growths` in the order of the sheets."""
    return DEFINED_NAME.sub(lambda match: match[1] + growths[int(match[2])].names(match[3]), workbook_xml)


def _sorted_merges(match: re.Match) -> str:
    """openpyxl keeps merges in a set, whose order differs from run to run."""
    return f"<mergeCells>{''.join(sorted(re.findall('<mergeCell [^>]*>', match[1])))}</mergeCells>"
