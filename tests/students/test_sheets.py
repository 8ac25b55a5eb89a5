"""Cells of a row cut out of its XML: every way to spell one, and what must not be cut."""

from __future__ import annotations

import pytest

from students.imports import sheets
from students.imports.cells import Value
from students.imports.source import Row

TEXT, VALUE, BLANK = '<c r="{}7" t="inlineStr"><is><t>{}</t></is></c>', '<c r="{}7"><v>{}</v></c>', '<c r="{}7" s="1"/>'
A, C = TEXT.format("A", "甲"), VALUE.format("C", 5)


def cut(cells: str, part: int | None = None) -> list[Row]:
    xml = f'<worksheet><sheetData><row r="7" spans="1:7">{cells}</row></sheetData></worksheet>'
    return list(sheets.rows(lambda: [xml.encode()], part))


def read(cells: str) -> list[Value]:
    content = sheets.content()
    [(number, raws)] = cut(cells)
    assert number == 7
    return [None if raw is None else content(raw)[1].decode() or None for raw in raws]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (A + TEXT.format("B", "乙"), ["甲", "乙"]),
        (A + C, ["甲", None, "5"]),
        (A + BLANK.format("B") + C + BLANK.format("D"), ["甲", None, "5"]),
        (A + '<c r="B7" t="inlineStr"></c>' + C, ["甲", None, "5"]),
        (A + '<c r="B7" t="n" />' + C + '<c r="D7" />', ["甲", None, "5"]),
        (A + '<c r="B7" t="s"><v/></c>' + C, ["甲", None, "5"]),
        (A + '<c r="B7"><f>A1&gt;2</f><v>8</v></c>' + C, ["甲", "8", "5"]),
        (A + '<c r="B7" t="inlineStr"><is><r><t>a&lt;</t></r><r><t>b</t></r></is></c>' + C, ["甲", "a&lt;b", "5"]),
        (A + TEXT.format("B", 'x &gt;> 7"y') + C, ["甲", 'x &gt;> 7"y', "5"]),
        (A + VALUE.format("B", 1).replace("B7", "B9") + C, ["甲", "1", "5"]),
    ],
)
def test_every_spelling_of_a_cell(cells: str, values: list[Value]):
    assert read(cells) == values


def test_rows_without_content_are_left_out():
    assert cut("") == cut(BLANK.format("A") + BLANK.format("B")) == []
    assert cut(A, part=1) == []
