"""The two looks of a ledger as openpyxl templates: 上报版 as a bureau prints it, 数据版 flat."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate, groupby

from openpyxl import Workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.packaging.custom import StringProperty
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter as letter
from openpyxl.utils.indexed_list import IndexedList
from openpyxl.workbook.properties import CalcProperties
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from ledgers.sheets import Head, Kind, Look, Sheet
from ledgers.xmlrows import ILLEGAL, LINE_HEIGHT, lines_needed
from ledgers.xmlsheet import NORMAL_SIZE, TOTAL, Form, Template, room

GB2312 = 134  # the charset byte by which a program without the font picks another Chinese one
NORMAL_FONT = Font(name="宋体", size=NORMAL_SIZE, charset=GB2312)  # its digits are the unit of column widths
TITLE_FONT = Font(name="黑体", size=18, bold=True, charset=GB2312)
BODY_FONT = Font(name="宋体", size=10, charset=GB2312)
BOLD_FONT = Font(name="宋体", size=10, bold=True, charset=GB2312)
BOX = Border(*[Side(style="thin")] * 4)
HEAD_FILL = PatternFill("solid", fgColor="D9E1F2")
TITLE_HEIGHT, LINE_ROW_HEIGHT, BODY_HEIGHT, TOTAL_HEIGHT, SIGN_HEIGHT = 36, 22, 20, 24, 36
SHORT_TEXT = 22  # up to this width text stands in the middle, as names and ID numbers do
TOTAL_LABEL_COLUMNS = 3
INDENT = "　　　"  # as wide as 说明：
NO_ROWS = "（本表无数据）"
FORMATS = {Kind.TEXT: "@", Kind.INTEGER: "0", Kind.MONEY: "#,##0.00", Kind.DATE: "yyyy-mm-dd"}
MARK_SIZE, MARK_COLOUR = 8, "808080"
UNDATED = date(1980, 1, 1)  # the first day a zip can hold


@dataclass(frozen=True)
class Style:
    """How a cell looks."""

    font: Font = BODY_FONT
    side: str = "center"
    wrap: bool = False
    shrink: bool = False
    box: bool = False
    fill: PatternFill | None = None
    format: str = "General"

    def apply(self, cell: Cell | MergedCell) -> None:
        cell.font, cell.number_format = self.font, self.format
        cell.alignment = Alignment(self.side, "center", wrap_text=self.wrap, shrink_to_fit=self.shrink)
        if self.box:
            cell.border = BOX
        if self.fill:
            cell.fill = self.fill


TITLE = Style(TITLE_FONT, wrap=True)
HEADING = Style(BOLD_FONT, wrap=True, box=True)
DATA_HEADING = Style(BOLD_FONT, wrap=True, box=True, fill=HEAD_FILL)  # not on paper


def build(sheets: Sequence[Sheet], titles: Sequence[str], properties: Mapping[str, str]) -> Template:
    """The template of these sheets under these titles; `properties` become the file's custom properties."""
    book = Workbook()
    book.remove(book.active)
    book._fonts = IndexedList([NORMAL_FONT])
    book.calculation = CalcProperties(calcId=191029, fullCalcOnLoad=False)  # sums already have their values
    for name, value in properties.items():
        book.custom_doc_props.append(StringProperty(name=name, value=ILLEGAL.sub("", value)))
    look = next((sheet.look for sheet in sheets if sheet.look), None)
    book.properties.title = look.title if look else titles[0]
    book.properties.creator = look.reported_by if look else None
    book.properties.created = datetime.combine(look.reported_on if look else UNDATED, datetime.min.time())
    forms = []
    for sheet, title in zip(sheets, titles, strict=True):
        page = book.create_sheet(title)
        page.sheet_state = "hidden" if sheet.hidden else "visible"
        forms.append(_report(page, sheet, sheet.look) if sheet.look else flat_page(page, sheet))
    book.active = next(at for at, sheet in enumerate(sheets) if not sheet.hidden)
    return Template(book, forms)


def _form(page: Worksheet, sheet: Sheet, sample_row: int, empty: tuple[str, int] | None = None) -> Form:
    return Form(
        page,
        sample_row,
        tuple(head.kind for head in sheet.heads),
        tuple(head.name for head in sheet.heads),
        tuple(_style_id(page, sample_row, _body(head, bold=True)) for head in sheet.heads),
        frozenset(
            at for at, head in enumerate(sheet.heads, 1) if head.total and head.name not in sheet.stated
        ),
        empty,
    )


def flat_page(page: Worksheet, sheet: Sheet) -> Form:
    """数据版: one heading row that filters and stays, nothing merged, ID columns text all the way down."""
    for at, head in enumerate(sheet.heads, 1):
        _put(page, 1, at, head.name, DATA_HEADING)
        _sample(page, 2, at, head, wrap=False)
        if head.kind is Kind.TEXT:
            page.column_dimensions[letter(at)].number_format = FORMATS[Kind.TEXT]
    page.row_dimensions[1].height = max(_heading_height(head.name, head.width) for head in sheet.heads)
    page.auto_filter.ref = f"A1:{letter(len(sheet.heads))}2"
    page.freeze_panes = "A2"
    return _form(page, sheet, 2)


def _report(page: Worksheet, sheet: Sheet, look: Look) -> Form:
    """上报版: title, 填报单位 line, headings, sample row, 合计, notes, signatures."""
    heads = sheet.heads
    _title(page, look.title, heads)
    reported_on = f"{look.reported_on.year}年{look.reported_on.month}月{look.reported_on.day}日"
    line = (f"填报单位（盖章）：{look.reported_by}", f"填报时间：{reported_on}", f"单位：{look.unit}")
    _spread(page, 2, heads, line, ("left", "center", "right"), LINE_ROW_HEIGHT)
    sample = _headings(page, 3, heads)
    page.print_title_rows = f"3:{sample - 1}"
    page.freeze_panes = f"A{sample}"
    has_total = any(head.total for head in heads)
    total_row = sample if sheet.total_first else sample + 1
    sample += has_total and sheet.total_first
    for at, head in enumerate(heads, 1):
        _sample(page, sample, at, head, wrap=True)
    page.row_dimensions[sample].height = BODY_HEIGHT
    if has_total:
        _total(page, total_row, sample, sheet)
    after = max(sample, total_row if has_total else 0) + 1
    for at in range(len(look.notes)):
        _note(page, after + at, heads, _numbered(look.notes, at))
    signatures = [f"{name}：" for name in look.signatures]
    if signatures:
        sides = ["left"] * len(signatures)
        _spread(page, after + len(look.notes), heads, signatures, sides, SIGN_HEIGHT)
    _print_setup(page)
    hang(page, look.mark)
    return _form(page, sheet, sample, (NO_ROWS, _style_id(page, sample, Style(box=True))))


def _put(page: Worksheet, row: int, column: int, text: str | None, style: Style) -> None:
    cell = page.cell(row, column)
    style.apply(cell)
    if text is not None:
        cell.value = ILLEGAL.sub("", text)
        cell.data_type = "s"  # never a formula, whatever it begins with


def _merged(page: Worksheet, row: int, first: int, last: int, text: str, style: Style, rows: int = 1) -> None:
    """One text over several cells. Merged before they are styled, or openpyxl clears the inner borders."""
    if first < last or rows > 1:
        page.merge_cells(start_row=row, start_column=first, end_row=row + rows - 1, end_column=last)
    for at_row in range(row, row + rows):
        for at in range(first, last + 1):
            _put(page, at_row, at, text if (at_row, at) == (row, first) else None, style)


def _total_width(heads: Sequence[Head]) -> float:
    return sum(head.width for head in heads)


def _title(page: Worksheet, title: str, heads: Sequence[Head]) -> None:
    _merged(page, 1, 1, len(heads), title, TITLE)
    lines = lines_needed(title, room(_total_width(heads), TITLE_FONT))
    page.row_dimensions[1].height = TITLE_HEIGHT + (lines - 1) * TITLE_FONT.size * 1.4


def _spread(
    page: Worksheet,
    row: int,
    heads: Sequence[Head],
    texts: Sequence[str],
    sides: Sequence[str],
    height: float,
) -> None:
    """Texts side by side over the table's width; the last field takes what finds no column of its own."""
    fields = equal_parts([head.width for head in heads], len(texts))
    joined = [*texts[: len(fields) - 1], "    ".join(texts[len(fields) - 1 :])]
    for (first, last), text, side in zip(fields, joined, sides[: len(fields)], strict=True):
        _merged(page, row, first, last, text, Style(side=side, shrink=True))
    page.row_dimensions[row].height = height


def equal_parts(widths: Sequence[float], count: int) -> list[tuple[int, int]]:
    """Cuts columns (1 = A) into at most `count` fields of about equal width: (first, last) of each."""
    count = min(count, len(widths))
    edges = list(accumulate(widths))
    fields, first = [], 1
    for at in range(1, count):
        allowed = range(first, len(widths) - (count - at) + 1)
        last = min(allowed, key=lambda column: abs(edges[column - 1] - edges[-1] * at / count))
        fields.append((first, last))
        first = last + 1
    return [*fields, (first, len(widths))]


def _headings(page: Worksheet, top: int, heads: Sequence[Head]) -> int:
    """The headings from row `top` down; the row below them. A short path fills the levels under it."""
    depth = max(len(head.path) for head in heads)
    heights = [LINE_ROW_HEIGHT] * depth
    for level in range(depth):
        for first, last in _groups(heads, level):
            head = heads[first]
            leaf = len(head.path) == level + 1
            bottom = depth - 1 if leaf else level
            text = head.path[level]
            _merged(page, top + level, first + 1, last + 1, text, HEADING, bottom - level + 1)
            needed = _heading_height(text, _total_width(heads[first : last + 1]))
            heights[bottom] += max(0, needed - sum(heights[level : bottom + 1]))
    for level, height in enumerate(heights):
        page.row_dimensions[top + level].height = height
    return top + depth


def _groups(heads: Sequence[Head], level: int) -> list[tuple[int, int]]:
    """Neighbours (0 = first column) that share a heading at this level, without columns that ended above."""

    def shared(at: int) -> object:
        path = heads[at].path
        return path[: level + 1] if len(path) > level + 1 else at

    columns = [at for at, head in enumerate(heads) if len(head.path) > level]
    runs = [list(run) for _, run in groupby(columns, key=shared)]
    return [(run[0], run[-1]) for run in runs]


def _heading_height(text: str, width: float) -> float:
    return lines_needed(text, room(width, BOLD_FONT) - 1) * LINE_HEIGHT + 10


def _body(head: Head, *, bold: bool = False, wrap: bool = True) -> Style:
    """Amounts and what is added up stand right; other numbers, like 序号, and short text in the middle."""
    long_text = head.kind is Kind.TEXT and head.width > SHORT_TEXT
    side = "right" if head.kind is Kind.MONEY or head.total else "left" if long_text else "center"
    return Style(
        BOLD_FONT if bold else BODY_FONT,
        side,
        wrap=wrap and head.kind is Kind.TEXT,
        box=True,
        format=FORMATS[head.kind],
    )


def _sample(page: Worksheet, row: int, column: int, head: Head, *, wrap: bool) -> None:
    """The cell every row's cell in this column looks like."""
    _put(page, row, column, None, _body(head, wrap=wrap))
    page.column_dimensions[letter(column)].width = head.width


def _total(page: Worksheet, row: int, sample: int, sheet: Sheet) -> None:
    """合计 over the first columns, sums or stated totals under their columns, a border on each cell."""
    heads = sheet.heads
    first_sum = next(at for at, head in enumerate(heads, 1) if head.total)
    for at, head in enumerate(heads, 1):
        _put(page, row, at, None, Style(BOLD_FONT, "right", shrink=True, box=True, format=FORMATS[head.kind]))
        if head.total:
            summed = f"=SUM({letter(at)}{sample}:{letter(at)}{sample})"
            page.cell(row, at).value = sheet.stated.get(head.name, summed)
    if first_sum > 1:
        _merged(page, row, 1, min(first_sum - 1, TOTAL_LABEL_COLUMNS), TOTAL, Style(BOLD_FONT, box=True))
    page.row_dimensions[row].height = TOTAL_HEIGHT


def _note(page: Worksheet, row: int, heads: Sequence[Head], text: str) -> None:
    _merged(page, row, 1, len(heads), text, Style(side="left", wrap=True))
    lines = lines_needed(text, room(_total_width(heads), BODY_FONT))
    page.row_dimensions[row].height = lines * LINE_HEIGHT + 4


def _numbered(notes: Sequence[str], at: int) -> str:
    if len(notes) == 1:
        return f"说明：{notes[0]}"
    return f"{'说明：' if at == 0 else INDENT}{at + 1}. {notes[at]}"


def _style_id(page: Worksheet, row: int, style: Style) -> int:
    """The id of a style that no cell of the template has, taken without leaving a cell behind."""
    cell = page.cell(row, 1)
    before = copy(cell._style)
    style.apply(cell)
    found = cell.style_id
    cell._style = before
    return found


def _print_setup(page: Worksheet) -> None:
    """A4 across, one page wide, narrow margins, page numbers."""
    page.page_setup.orientation, page.page_setup.paperSize = "landscape", page.PAPERSIZE_A4
    page.page_setup.fitToWidth, page.page_setup.fitToHeight = 1, 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    page.page_margins = PageMargins(left=0.4, right=0.4, top=0.6, bottom=0.6, header=0.3, footer=0.3)
    page.print_options.horizontalCentered = True
    page.oddFooter.center.text = "第 &P 页 共 &N 页"


def hang(page: Worksheet, mark: str) -> None:
    """A line at the head of every printed page, small and grey, in the first place that is free there; spreadsheets keep
    such text when they save, pictures behind the cells they lose or don't print."""
    if not mark:
        return
    head, foot = page.oddHeader, page.oddFooter
    free = [part for part in (head.right, head.left, head.center, foot.right, foot.left) if not part.text]
    part = free[0] if free else head.right
    said = ILLEGAL.sub("", mark).replace("&", "&&")
    part.text = f"{part.text}\n{said}" if part.text else said
    part.size, part.color = part.size or MARK_SIZE, part.color or MARK_COLOUR
