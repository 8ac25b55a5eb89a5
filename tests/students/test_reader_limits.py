"""Cells as long as a spreadsheet allows, absurd numbers and row numbers: refused at once, in plain words."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import pytest

from students.imports.cells import Bad
from students.imports.kinds import KINDS
from students.imports.source import Refused
from tests.students.spreadsheets import ONE, ROLL, TWO, read, rezipped, sheet_xml, texts, xlsx

LONGEST_CELL = 32_767
LONG = {
    "digits": "1" * LONGEST_CELL,
    "classes": "一" * LONGEST_CELL,
    "blanks": "\u3000" * (LONGEST_CELL - 1) + "x",
    "zeros": "." + "0" * (LONGEST_CELL - 2) + "x",
    "commas": "小学、" * (LONGEST_CELL // 3),
    "brackets": "(" * LONGEST_CELL,
    "dots": ("张 。" * LONGEST_CELL)[:LONGEST_CELL],
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_longest_cells_in_every_column_cost_no_time(kind: str, tmp_path: Path):
    """And the row is rejected with a reason, not the file refused."""
    titles = [field.titles[0] for field in KINDS[kind].fields]
    rows = [titles, *([cell] * len(titles) for cell in LONG.values())]
    content = xlsx(rows)
    started = time.process_time(), time.monotonic()
    found = read(content, kind, tmp_path)
    assert time.monotonic() - started[1] < 8
    assert [line["state"] for line in found.lines] == ["rejected"] * len(LONG)
    assert all(line["reasons"] for line in found.lines)


def test_no_parser_of_a_cell_is_slow():
    numbers = [b"1" * LONGEST_CELL, b"1E999999999", b"1E-999999999", b"0." + b"1" * LONGEST_CELL]
    for kind in KINDS.values():
        for fact in kind.facts:
            for value in (*LONG.values(), *numbers):
                started = time.process_time()
                with contextlib.suppress(Bad):
                    fact.parse(*[value] * len(fact.fields))
                assert time.process_time() - started < 0.25, (kind.code, fact.fields, value[:8])


@pytest.mark.parametrize("number", ["1048577", "99999999", "0", "9" * 5000])
def test_a_row_number_no_sheet_has_is_a_damaged_file(number: str, tmp_path: Path):
    rows = texts(1, ROLL) + texts(2, ONE) + texts(3, TWO).replace('r="3"', f'r="{number}"')
    content = rezipped(xlsx([ROLL]), sheet1=sheet_xml(rows))
    with pytest.raises(Refused, match="行号不对"):
        read(content, "roll", tmp_path)


@pytest.mark.parametrize("number", ["-5", "x", "99999999"])
def test_the_same_in_a_sheet_that_is_written_unusually(number: str, tmp_path: Path):
    rows = "<!-- -->" + texts(1, ROLL) + texts(3, TWO).replace('r="3"', f'r="{number}"')
    content = rezipped(xlsx([ROLL]), sheet1=sheet_xml(rows))
    with pytest.raises(Refused, match="行号不对"):
        read(content, "roll", tmp_path)


def test_the_last_row_of_a_sheet_is_read(tmp_path: Path):
    rows = texts(1, ROLL) + texts(1_048_576, TWO)
    found = read(rezipped(xlsx([ROLL]), sheet1=sheet_xml(rows)), "roll", tmp_path)
    assert found.line["number"] == "1048576"
