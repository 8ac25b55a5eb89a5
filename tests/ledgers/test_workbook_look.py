"""What stands around a workbook's rows: looks, totals, further sheets, county forms; LibreOffice as judge."""

import re
import shutil
import subprocess
import zipfile
from datetime import date
from decimal import Decimal

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Font
from openpyxl.worksheet.datavalidation import DataValidation

from ledgers.look import NO_ROWS, equal_parts
from ledgers.workbook import Head, Kind, Sheet, Subtotal, fill_template, write_workbook
from ledgers.xmlrows import lines_needed
from ledgers.xmlsheet import Form, Template
from tests.ledgers.workbooks import FIRST, HEADS, LOOK, ROWS, SUM_COLUMNS, member, values, write


def test_the_look_of_a_report(tmp_path):
    write(tmp_path / "a.xlsx")
    sheet = load_workbook(tmp_path / "a.xlsx")["台账"]
    merged = {str(area) for area in sheet.merged_cells.ranges}
    assert {"A1:G1", "A3:A5", "B3:D3", "E3:F3", "E4:F4", "B4:B5", "G3:G5", "A9:C9", "A10:G10"} <= merged
    assert (sheet["A1"].value, sheet["A1"].font.name, sheet["A1"].font.sz, sheet["A1"].font.b) == (
        LOOK.title, "黑体", 18, True,
    )  # fmt: skip
    line = [cell.value for cell in sheet[2] if cell.value]
    assert line == ["填报单位（盖章）：××县学生资助管理中心", "填报时间：2025年9月30日", "单位：元"]
    xml = member(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml")
    styles = dict(re.findall(r'<c r="([A-Z]+\d+)" s="(\d+)"', xml))
    assert len({styles[f"{letter}{row}"] for letter in "ABCDEFG" for row in (3, 4, 5)}) == 1
    assert styles["A9"] == styles["B9"] == styles["C9"]
    for cell in (sheet["A3"], sheet["A9"], sheet["G9"]):
        assert cell.border.top.style == cell.border.right.style == "thin", cell.coordinate
    assert [sheet["A10"].value, sheet["A11"].value] == [
        "说明：1. 一人享受两项计 1 人、2 人次。", "　　　2. 学期按秋季。",
    ]  # fmt: skip
    assert [cell.value for cell in sheet[12] if cell.value] == ["单位负责人：", "审核人：", "填表人："]
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert (sheet.print_title_rows, sheet.freeze_panes) == ("$3:$5", "A6")
    assert sheet.oddFooter.center.text == "第 &P 页 共 &N 页"


def test_totals_are_formulas_with_their_values(tmp_path):
    write(tmp_path / "a.xlsx")
    formulas, cached = (load_workbook(tmp_path / "a.xlsx", data_only=only)["台账"] for only in (False, True))
    assert (formulas["A9"].value, formulas["E9"].value) == ("合计", "=SUM(E6:E8)")
    assert (cached["E9"].value, cached["F9"].value) == (625.3, 3)
    assert formulas["E9"].font.b


def test_the_total_may_come_first(tmp_path):
    write(tmp_path / "a.xlsx", [ROWS[0]] * 1200, total_first=True)
    formulas, cached = (load_workbook(tmp_path / "a.xlsx", data_only=only)["台账"] for only in (False, True))
    assert (formulas["A6"].value, formulas["E6"].value) == ("合计", "=SUM(E7:E1206)")
    assert cached["E6"].value == 750120
    assert [cell.value for cell in cached[1206]][:2] == [1, "王小明"]
    assert cached["A1207"].value.startswith("说明：1.")


def test_subtotals_are_bold_and_not_added_twice(tmp_path):
    rows = [Subtotal((None, "小计", None, None, Decimal("625.30"), 3, None)), *ROWS, Subtotal((None,) * 7)]
    written = write(tmp_path / "a.xlsx", rows)
    sheet = load_workbook(tmp_path / "a.xlsx")["台账"]
    assert written.totals == [SUM_COLUMNS]
    assert sheet["E11"].value == "=SUM(E6:E10)-SUM(E6,E10)"
    assert [sheet.cell(row, 5).font.b for row in range(6, 11)] == [True, False, False, False, True]
    assert sheet["E6"].number_format == "#,##0.00"
    assert sheet["G6"].border.left.style == "thin"


def test_a_total_that_is_no_sum_is_stated(tmp_path):
    written = write(tmp_path / "a.xlsx", stated={"资助-秋季-人次": 2})
    sheet = load_workbook(tmp_path / "a.xlsx")["台账"]
    assert (sheet["E9"].value, sheet["F9"].value) == ("=SUM(E6:E8)", 2)
    assert written.totals == [{"资助-秋季-金额": Decimal("625.30"), "资助-秋季-人次": 2}]


@pytest.mark.parametrize("total_first", [False, True])
def test_a_report_without_rows_says_so(tmp_path, total_first):
    written = write(tmp_path / "a.xlsx", [], total_first=total_first)
    sheet = load_workbook(tmp_path / "a.xlsx", data_only=True)["台账"]
    line, total = (7, 6) if total_first else (6, 7)
    assert sheet.cell(line, 1).value == NO_ROWS
    assert f"A{line}:G{line}" in {str(area) for area in sheet.merged_cells.ranges}
    assert [sheet.cell(total, at).value for at in (1, 5, 6)] == ["合计", 0, 0]
    assert (written.rows, written.totals) == ([0], [dict.fromkeys(SUM_COLUMNS, Decimal(0))])


def test_the_flat_version(tmp_path):
    written = write(tmp_path / "a.xlsx", look=None)
    book = load_workbook(tmp_path / "a.xlsx")
    sheet = book["台账"]
    assert [cell.value for cell in sheet[1]] == [
        "序号", "学生-姓名", "学生-证件号码", "学生-出生日期", "资助-秋季-金额", "资助-秋季-人次", "备注",
    ]  # fmt: skip
    assert (sheet.max_row, sheet.merged_cells.ranges) == (4, set())
    assert (sheet.auto_filter.ref, sheet.freeze_panes) == ("A1:G4", "A2")
    assert "'台账'!$A$1:$G$4" in member(tmp_path / "a.xlsx", "xl/workbook.xml")
    assert sheet.column_dimensions["C"].number_format == "@"
    assert written.totals == [SUM_COLUMNS]
    write(tmp_path / "empty.xlsx", [], None)
    assert load_workbook(tmp_path / "empty.xlsx")["台账"].max_row == 1


def test_rows_beyond_a_sheet_continue_on_the_next(tmp_path):
    rows = [(at, f"学生{at}", None, None, Decimal(at), 1, None) for at in range(1, 26)]
    sheets = [Sheet("台账'甲", HEADS, rows, LOOK), Sheet("清单", HEADS, ROWS, None)]
    written = write_workbook(tmp_path / "a.xlsx", sheets, rows_per_sheet=10)
    formulas, cached = (load_workbook(tmp_path / "a.xlsx", data_only=only) for only in (False, True))
    assert formulas.sheetnames == ["台账’甲", "台账’甲(2)", "台账’甲(3)", "清单"]
    first, second, third = formulas.worksheets[:3]
    assert [sheet.cell(row, 1).value for sheet, row in ((first, 16), (second, 16), (third, 11))] == [
        "小计", "小计", "合计",
    ]  # fmt: skip
    assert second["E16"].value == "=SUM(E6:E15)"
    assert third["E11"].value == "=SUM('台账’甲'!E6:E15)+SUM('台账’甲(2)'!E6:E15)+SUM(E6:E10)"
    assert [cached.worksheets[at].cell(row, 5).value for at, row in ((0, 16), (1, 16), (2, 11))] == [
        55,
        155,
        325,
    ]
    assert [sheet.print_title_rows for sheet in formulas.worksheets[:3]] == ["$3:$5"] * 3
    assert (written.rows, written.totals[0]["资助-秋季-金额"]) == ([25, 3], 325)
    assert formulas["清单"].auto_filter.ref == "A1:G4"


def county_form():
    """A form as a county might send it: total and rules below the sample row, a second sheet of remarks."""
    book = Workbook()
    sheet = book.active
    sheet.title = "花名册"
    sheet.append(["某县花名册"])
    sheet.append(["姓名", "金额"])
    sheet.append([None, None])
    sheet.append(["共计", "=SUM(B3:B3)", "=B4/2", "=B2"])
    sheet.append(["经办人"])
    sheet.merge_cells("A5:B5")
    sheet["A3"].font, sheet["A3"].alignment = Font(name="仿宋", size=12), Alignment(wrap_text=True)
    sheet.print_area = "A1:B5"
    sheet.conditional_formatting.add("B3:B3", FormulaRule(formula=["B3>$B$4"], font=Font(bold=True)))
    check = DataValidation("decimal", operator="greaterThan", formula1="B5", sqref="B3 A5")
    sheet.add_data_validation(check)
    book.create_sheet("填表说明").append(["按季报送"])
    bold = sheet["A2"].style_id
    kinds, names = (Kind.TEXT, Kind.MONEY), ("姓名", "金额")
    return Template(book, [Form(sheet, 3, kinds, names, (bold, bold), frozenset({2}))])


def test_a_county_form_keeps_what_stands_around_its_sample_row(tmp_path):
    rows = [("甲", Decimal("1.50")), ("乙" * 40, Decimal("2.25")), ("丙", None)]
    fill_template(tmp_path / "a.xlsx", county_form(), [rows])
    book = load_workbook(tmp_path / "a.xlsx")
    sheet = book["花名册"]
    assert (sheet["A1"].value, sheet["A4"].value, sheet["A4"].font.name) == ("某县花名册", "乙" * 40, "仿宋")
    assert [sheet.cell(6, at).value for at in range(1, 5)] == ["共计", "=SUM(B3:B5)", "=B6/2", "=B2"]
    assert {str(area) for area in sheet.merged_cells.ranges} == {"A7:B7"}
    assert sheet.print_area == "'花名册'!$A$1:$B$7"
    (area,) = sheet.conditional_formatting
    assert (str(area.sqref), area.rules[0].formula) == ("B3:B5", ["B3>$B$6"])
    check = sheet.data_validations.dataValidation[0]
    assert set(str(check.sqref).split()) == {"A7", "B3:B5"}
    assert check.formula1 == "B7"
    assert book["填表说明"]["A1"].value == "按季报送"
    assert load_workbook(tmp_path / "a.xlsx", data_only=True)["花名册"]["B6"].value == 3.75


def test_a_county_form_without_rows_keeps_one_blank_row(tmp_path):
    fill_template(tmp_path / "a.xlsx", county_form(), [[]])
    sheet = load_workbook(tmp_path / "a.xlsx", data_only=True)["花名册"]
    assert [sheet["A3"].value, sheet["A4"].value, sheet["B4"].value] == [None, "共计", 0]


def test_fields_of_equal_width():
    assert equal_parts([10] * 9, 3) == [(1, 3), (4, 6), (7, 9)]
    assert equal_parts([60, 5, 5, 5], 3) == [(1, 1), (2, 2), (3, 4)]
    assert equal_parts([10, 10], 3) == [(1, 1), (2, 2)]
    assert equal_parts([10], 3) == [(1, 1)]


@pytest.mark.parametrize(
    ("text", "width", "lines"), [("", 4, 1), ("中文", 4, 1), ("中文字", 5, 2), ("a\nb", 9, 2)]
)
def test_lines_of_wrapped_text(text, width, lines):
    assert lines_needed(text, width) == lines


def test_rows_grow_with_wrapped_text(tmp_path):
    write(tmp_path / "a.xlsx", [(*ROWS[0][:6], "短"), (*ROWS[0][:6], "很长的备注" * 20)])
    sheet = load_workbook(tmp_path / "a.xlsx")["台账"]
    assert (sheet.row_dimensions[6].height, sheet.row_dimensions[7].height) == (20, 20 + 6 * 14)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_narrow_tables_are_whole(tmp_path, width):
    heads = (*HEADS[1:width], Head(("很长的金额标题", "元"), 8, Kind.MONEY, total=True))
    write(tmp_path / "a.xlsx", [], LOOK, heads)
    sheet = load_workbook(tmp_path / "a.xlsx")["台账"]
    assert sheet.max_column == width
    line = "    ".join(cell.value for cell in sheet[2] if cell.value)
    assert line == "填报单位（盖章）：××县学生资助管理中心    填报时间：2025年9月30日    单位：元"


def soffice(folder, kind, *files):
    if not shutil.which("soffice"):
        pytest.skip("soffice is not installed")
    command = ["soffice", f"-env:UserInstallation={(folder / 'profile').as_uri()}", "--headless"]
    command += ["--convert-to", kind, "--outdir", str(folder / "out"), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / "out"


def without_cached_values(path, target):
    """The same workbook, but its formulas have to be computed by whoever opens it."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as archive:
        for name in source.namelist():
            data = source.read(name)
            archive.writestr(name, re.sub(rb"</f><v>[^<]*</v>", b"</f>", data) if "sheets/" in name else data)


def to_the_fen(rows):
    return [[round(value, 2) if isinstance(value, float) else value for value in row] for row in rows]


@pytest.mark.libreoffice
def test_libreoffice_computes_the_same_totals_and_keeps_every_value(tmp_path):
    born, remark = date(2010, 3, 15), " _x0041_&\n二行 "
    rows = [Subtotal((None, "小计", None, None, Decimal("99.99"), 9, None))]
    for at in range(1, 1801):
        rows.append((at, f"=学生{at}", f"6201232010{at:08d}", born, Decimal(at) / 100, at, remark))
    look, flat = Sheet("台账", HEADS, rows, LOOK), Sheet("数据", HEADS, rows, None)
    write_workbook(tmp_path / "a.xlsx", [look, flat], properties={"封签": "甲"}, rows_per_sheet=1000)
    without_cached_values(tmp_path / "a.xlsx", tmp_path / "b.xlsx")
    out = soffice(tmp_path, "xlsx", tmp_path / "a.xlsx", tmp_path / "b.xlsx")
    for sheet in range(4):
        wanted = values(tmp_path / "a.xlsx", sheet)
        assert values(out / "a.xlsx", sheet) == wanted
        assert to_the_fen(values(out / "b.xlsx", sheet)) == wanted
    assert values(out / "b.xlsx", 1)[FIRST - 1 + 801][4:6] == [16209, 1620900]
    assert load_workbook(out / "a.xlsx").custom_doc_props["封签"].value == "甲"


@pytest.mark.libreoffice
def test_libreoffice_prints_headings_and_page_numbers_on_every_page(tmp_path):
    write(tmp_path / "a.xlsx", ROWS * 30)
    out = soffice(tmp_path, "pdf", tmp_path / "a.xlsx")
    pages = subprocess.run(
        ["pdftotext", "-layout", str(out / "a.pdf"), "-"], check=True, capture_output=True, text=True
    ).stdout.split("\f")[:-1]
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        assert "证件号码" in page
        assert f"第{number}页共{len(pages)}页" in page.replace(" ", "")
    assert (LOOK.title in pages[0], LOOK.title in pages[1]) == (True, False)
    assert re.search(r"合计\s+18,759\.00\s+90", pages[-1])
