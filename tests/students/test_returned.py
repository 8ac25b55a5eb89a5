"""The file back to the clerk: wrong cells red, a last column with the reason, everything else as it was."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font, PatternFill
from openpyxl.worksheet.worksheet import Worksheet

from aidcases.crypto import read_sealed
from students.imports.marking import harmless
from students.imports.reader import Limits, Refused
from students.imports.returned import returned_file
from tests.students.spreadsheets import ONE, RING, ROLL, TWO, names, read, rezipped, shared, sheet_xml, texts, xlsx

RED = "FFFFC7CE"
TABLE = [["某县学籍信息"], ROLL, ONE, TWO]
MARKS = [(3, [2, 6], "身份证号校验位不对。"), (4, [], "没有姓名 <&>\x01")]


def returned(
    content: bytes, filename: str, folder: Path, marks: Any = MARKS, sheet: str = "Sheet1", heading_row: int = 2
) -> tuple[str, bytes]:
    out = folder / "returned"
    name = returned_file(content, filename, iter(marks), out, sheet=sheet, heading_row=heading_row, keyring=RING)
    assert ONE[2].encode() not in out.read_bytes()
    return name, b"".join(read_sealed(out, RING))


def opened(content: bytes, sheet: str = "Sheet1") -> Worksheet:
    return openpyxl.load_workbook(io.BytesIO(content))[sheet]


def fill(cell: Any) -> str:
    return cell.fill.fgColor.rgb if cell.fill.patternType == "solid" else ""


def dressed(book: Any) -> None:
    sheet = book.active
    sheet.merge_cells("A1:D1")
    sheet["A1"].font = Font(bold=True, size=18)
    for cell in sheet[2]:
        cell.font = Font(bold=True)
    sheet["C3"].number_format = "@"
    sheet["B3"].fill = PatternFill("solid", fgColor="FF00FF00")
    sheet.column_dimensions["B"].width = 33
    sheet.freeze_panes = "A3"
    sheet["E4"].font = Font(italic=True)  # a blank cell that has a look
    book.create_sheet("说明").append(["不变"])


def test_a_workbook_keeps_its_look_and_gets_red_cells_and_reasons(tmp_path: Path):
    name, content = returned(xlsx(TABLE, dressed), "学籍.xlsx", tmp_path)
    assert name == "学籍（退回）.xlsx"
    sheet = opened(content)
    assert [sheet[f"E{number}"].value for number in (1, 2, 3, 4)] == [
        None,
        "原因",
        "身份证号校验位不对。",
        "没有姓名 <&>",
    ]
    assert [[cell.value for cell in row[:4]] for row in sheet.iter_rows(min_row=2)] == [ROLL, ONE, TWO]
    assert {cell.coordinate for row in sheet.iter_rows() for cell in row if fill(cell) == RED} == {"C3", "G3", "E3"}
    assert (sheet["C3"].number_format, fill(sheet["B3"])) == ("@", "FF00FF00")
    assert (sheet["A1"].font.sz, sheet["E2"].font.b, sheet.freeze_panes) == (18, True, "A3")
    assert (sheet.column_dimensions["B"].width, sheet.column_dimensions["E"].width) == (33, 60)
    assert [str(cells) for cells in sheet.merged_cells.ranges] == ["A1:D1"]
    assert opened(content, "说明")["A1"].value == "不变"


def test_shared_strings_formulas_and_widths_for_all_columns_survive(tmp_path: Path):
    head = '<cols><col min="1" max="16384" width="9"/></cols>'
    xml = sheet_xml(texts(1, ROLL) + '<row r="2" spans="1:4"><c r="A2" s="7"><f>1+1</f><v>2</v></c></row>')
    content = rezipped(shared([ROLL]), sheet1=xml.replace(b"<sheetData>", head.encode() + b"<sheetData>"))
    _, marked = returned(content, "a.xlsx", tmp_path, [(2, [0], "不对")], heading_row=1)
    with zipfile.ZipFile(io.BytesIO(marked)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r'<c r="A2" s="\d+"><f>1\+1</f><v>2</v></c><c r="E2"', sheet)
    assert "spans" not in sheet
    assert sheet.count("<col ") == 1
    assert fill(opened(marked)["A2"]) == RED


def test_the_returned_file_can_be_corrected_and_imported_again(tmp_path: Path):
    rows = [ROLL, ONE, [*TWO[:2], "620123200501274652", TWO[3]]]
    first = read(xlsx(rows), "roll", tmp_path)
    assert [line["state"] for line in first.lines] == ["read", "rejected"]
    marks = [(int(line["number"]), line["cells"], "校验位不对") for line in first.lines if line["reasons"]]
    _, marked = returned(xlsx(rows), "a.xlsx", tmp_path, marks, heading_row=first.summary.heading_row)
    book = openpyxl.load_workbook(io.BytesIO(marked))
    assert fill(book.active["C3"]) == RED
    book.active["C3"] = TWO[2]
    again = io.BytesIO()
    book.save(again)
    second = read(again.getvalue(), "roll", tmp_path)
    assert (names(second), second.summary.rejected) == (["杨宇", "杨然欣"], 0)
    assert second.summary.unused == ["原因"]


def test_ten_thousand_marks_arrive_while_the_file_is_written(tmp_path: Path):
    rows = [ROLL] + [[*ONE[:1], f"杨{number}", *ONE[2:]] for number in range(10_000)]
    body = "".join(texts(number, row) for number, row in enumerate(rows, 1))

    def marks() -> Iterator[tuple[int, list[int], str]]:
        for number in range(2, 10_002):
            yield number, [1], f"第 {number} 行" * 20

    _, marked = returned(rezipped(xlsx([[]]), sheet1=sheet_xml(body)), "a.xlsx", tmp_path, marks(), heading_row=1)
    with zipfile.ZipFile(io.BytesIO(marked)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert [int(number) for number in re.findall(r'<t xml:space="preserve">第 (\d+) 行', sheet)] == list(
        range(2, 10_002)
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_text_keeps_encoding_and_delimiter_and_calculates_nothing(encoding: str, tmp_path: Path):
    rows = ["学校标识码;姓名;身份证件号;年级", "2162003044;=1+1;+8613883685957;-3", "2162003042;@SUM(A1);x"]
    content = "\r\n".join(rows).encode(encoding)
    marks = [(2, [2], "不对"), (3, [2], "=缺年级")]
    name, marked = returned(content, "名单.csv", tmp_path, marks, "", 1)
    assert name == "名单（退回）.csv"
    assert marked[:3] == content[:3]
    assert list(csv.reader(io.StringIO(marked.decode(encoding)), delimiter=";")) == [
        ["学校标识码", "姓名", "身份证件号", "年级", "原因"],
        ["2162003044", "'=1+1", "+8613883685957", "-3", "不对"],
        ["2162003042", "'@SUM(A1)", "x", "", "'=缺年级"],
    ]


def test_what_a_spreadsheet_would_calculate_is_made_harmless():
    assert [harmless(text) for text in ("=1", "+a", "-a", "@a", "\ta", "-5", "+86", "a=1", "")] == [
        *("'=1", "'+a", "'-a", "'@a", "'\ta", "-5", "+86", "a=1", ""),
    ]


def test_an_xls_and_a_page_become_new_workbooks(tmp_path: Path):
    xls = Path(__file__).with_name("dibao.xls").read_bytes()
    name, marked = returned(xls, "低保.xls", tmp_path, [(5, [3], "号码丢失")], "低保", 2)
    assert name == "低保（退回）.xlsx"
    sheet = opened(marked)
    assert [cell.value for cell in sheet[4]] == [
        None,
        None,
        "杨然欣",
        "620123200501274651",
        "农村",
        262.5,
        "201701",
        None,
    ]
    assert (sheet["H2"].value, sheet["H5"].value, fill(sheet["D5"])) == ("原因", "号码丢失", RED)

    page = "<table>" + "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in TABLE) + "</table>"
    _, marked = returned(page.encode("gbk"), "台账.xls", tmp_path, sheet="")
    assert [cell.value for cell in opened(marked)[3]][:5] == [*ONE, "身份证号校验位不对。"]


def test_a_sheet_that_is_written_unusually_becomes_a_new_workbook(tmp_path: Path):
    xml = sheet_xml("".join(texts(number, row) for number, row in enumerate(TABLE, 1)))
    prefixed = re.sub(rb"<(/?)(\w)", rb"<\1x:\2", xml).replace(b"xmlns=", b"xmlns:x=")
    _, marked = returned(rezipped(xlsx([[]]), sheet1=prefixed), "a.xlsx", tmp_path, sheet="Sheet1")
    assert [cell.value for cell in opened(marked)[4]][:5] == [*TWO, "没有姓名 <&>"]


@pytest.mark.libreoffice
def test_libreoffice_opens_it(tmp_path: Path):
    _, marked = returned(xlsx(TABLE, dressed), "学籍.xlsx", tmp_path)
    (tmp_path / "a.xlsx").write_bytes(marked)
    command: list[Any] = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to"]
    subprocess.run(
        [*command, "xlsx:Calc MS Excel 2007 XML", "--outdir", tmp_path / "out", tmp_path / "a.xlsx"], check=True
    )
    sheet = opened((tmp_path / "out" / "a.xlsx").read_bytes())
    assert (sheet["E3"].value, fill(sheet["C3"])) == ("身份证号校验位不对。", RED)


def test_when_it_can_not_be_made_no_file_appears(tmp_path: Path):
    out = tmp_path / "returned"
    for content, sheet, limits in (
        (b"PK\x03\x04" + bytes(99), "Sheet1", Limits()),
        (xlsx(TABLE), "gone", Limits()),
        (xlsx(TABLE), "Sheet1", Limits(memory=20 << 20)),
    ):
        with pytest.raises(Refused):
            returned_file(content, "a.xlsx", iter(MARKS), out, sheet=sheet, heading_row=2, keyring=RING, limits=limits)
        assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_rows_comes_through(tmp_path: Path):
    def broken() -> Iterator[tuple[int, list[int], str]]:
        yield 3, [1], "不对"
        raise LookupError("the cursor is gone")

    with pytest.raises(LookupError, match="cursor"):
        returned_file(xlsx(TABLE), "a.xlsx", broken(), tmp_path / "out", sheet="Sheet1", heading_row=2, keyring=RING)
    assert list(tmp_path.iterdir()) == []
