"""A copy that shows other numbers than the issue, or hides some, is no unchanged copy, whatever its cells hold."""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Font

from ledgers.comparing import Copy, compare
from ledgers.disguise import says_otherwise
from ledgers.issuerows import parts
from students.imports.source import Refused
from tests.ledgers.workbooks import FIRST, write

ROWS = [(1, "甲", "", None, Decimal(-1), 1, None), (2, "乙", "", None, Decimal(49), 2, None)]
AT = FIRST + 1  # the row of 乙
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("files")
    write(folder / "issue.xlsx", rows=ROWS)
    return folder / "issue.xlsx", folder / "copy.xlsx"


def after(files: tuple[Path, Path], change: Callable[[Workbook], Any]) -> list[str]:
    """What is said of a copy in which openpyxl changed something."""
    book = load_workbook(files[0])
    change(book)
    book.save(files[1])
    return [f"{each.cell} {each.now}".strip() for each in compare(*files)]


def rewritten(files: tuple[Path, Path], pattern: str, instead: str, member: str = SHEET) -> list[str]:
    """The same of one whose XML reads otherwise."""
    out = io.BytesIO()
    with zipfile.ZipFile(files[0]) as was, zipfile.ZipFile(out, "w") as now:
        for name in was.namelist():
            text = was.read(name)
            if name == member:
                text, found = re.subn(pattern, instead, text.decode(), count=1)
                assert found
            now.writestr(name, text)
    files[1].write_bytes(out.getvalue())
    return [f"{each.cell} {each.now}".strip() for each in compare(*files)]


def test_numbers_with_the_same_hash_are_different(files: tuple[Path, Path]) -> None:
    assert after(files, lambda book: None) == []
    assert hash(Decimal(-1)) == hash(Decimal(-2))
    assert after(files, lambda book: book.worksheets[0].cell(FIRST, 5, -2)) == [f"E{FIRST} -2"]
    assert after(files, lambda book: book.worksheets[0].cell(AT, 5, 2.305843009213694e18))
    from ledgers.differing import _part

    with files[0].open("rb") as one, files[1].open("rb") as other:
        [was], [now] = parts(one, hidden=""), parts(other, hidden="")
        assert [change.was for row in _part(was, now) for change in row] == ["49"]


def test_what_is_shown_otherwise_is_named(files: tuple[Path, Path]) -> None:
    def told(change: Callable[[Any], Any]) -> list[str]:
        return after(files, lambda book: change(book.worksheets[0]))

    for code in (";;;", '"100"', '0"0"', "0\\9", "#,##0,", "0%"):
        assert told(lambda page, code=code: setattr(page.cell(AT, 5), "number_format", code)) == [
            f"E{AT} 格式“{code}”显示的不是这个数"
        ]
    assert told(lambda page: setattr(page.cell(AT, 5), "font", Font(color="FFFFFF"))) == [f"E{AT} 字太小或是白色"]
    assert told(lambda page: setattr(page.row_dimensions[AT], "hidden", True)) == [f"隐藏了 1 行：第 {AT} 行"]
    assert told(lambda page: setattr(page.column_dimensions["E"], "hidden", True)) == ["隐藏了列：E"]
    rule = CellIsRule(operator="equal", formula=["49"], font=Font(color="FFFFFF"))
    assert told(lambda page: page.conditional_formatting.add("E1:E9", rule)) == ["加了条件格式，可以盖住数字"]
    covered = rewritten(files, "<mergeCells[^>]*>", rf'\g<0><mergeCell ref="E{FIRST}:E{AT}"/>')
    assert covered == [f"E{AT} 被合并的单元格盖住"]

    with zipfile.ZipFile(files[1], "a") as copy:
        copy.writestr("xl/drawings/drawing9.xml", "<a><twoCellAnchor/></a>")
    assert "加了图片或图形，可以盖住数字" in [each.now for each in compare(*files)]

    def away(book: Workbook) -> None:
        book.create_sheet("别的")
        book.worksheets[0].sheet_state = "hidden"

    assert after(files, away) == ["隐藏了整张工作表", "整张工作表"]


def test_formats_of_office_programs_say_what_they_hold() -> None:
    accounting = '_ * #,##0.00_ ;_ * \\-#,##0.00_ ;_ * "-"??_ ;_ @_ '
    plain = (
        "General",
        "0",
        "#,##0.00",
        "@",
        "yyyy\\-mm\\-dd",
        "0.00_);[Red]\\(0.00\\)",
        "yyyy/m/d;@",
        accounting,
        '0"元"',
    )
    assert [code for code in plain if says_otherwise(code)] == []


def test_a_formula_is_seen_however_it_is_written(files: tuple[Path, Path]) -> None:
    cell = rf'<c r="E{AT}" s="(\d+)">.*?</c>'
    for written in (
        rf'<c s="\1" r="E{AT}"><f>999</f><v>49</v></c>', rf"<c r='E{AT}' s='\1'><f>999</f><v>49</v></c>",
        rf'<c r="E{AT}" s="\1"><f><![CDATA[999]]></f><v>49</v></c>', rf'<c r="E{AT}" s="\1"><!-- --><f>999</f><v>49</v></c>',
    ):  # fmt: skip
        assert rewritten(files, cell, written) == [f"E{AT} 49（=999）"]
    total = rf'(<c r="E{AT + 1}" s="\d+">)<f>[^<]*'
    shared = rf'\1<f t="shared" si="0" ref="E{AT + 1}:E{AT + 1}">SUM(E{FIRST}:E{AT})'
    assert rewritten(files, total, shared) == []
    with pytest.raises(Refused, match="不该有的内容"):
        rewritten(files, "<worksheet", '<!DOCTYPE x [<!ENTITY a "b">]><worksheet')


def test_the_name_of_an_issue_is_a_key_or_nothing(files: tuple[Path, Path]) -> None:
    write(files[1], rows=ROWS)
    book = load_workbook(files[1])
    from openpyxl.packaging.custom import StringProperty

    book.custom_doc_props.append(StringProperty(name="生成记录", value="9" * 5000))
    book.save(files[1])
    assert Copy(files[1]).issue is None
    shutil.copy(*files)
