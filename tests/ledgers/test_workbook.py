"""The workbook engine: every value comes back, and nothing is half written or wrongly typed."""

import re
import subprocess
import sys
import tracemalloc
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from ledgers.workbook import Head, Kind, Sheet, sheet_titles, write_workbook
from ledgers.xmlrows import CUT_MARK, TEXT_LIMIT
from tests.ledgers.workbooks import FIRST, HEADS, LOOK, ROWS, SUM_COLUMNS, member, values, write


def texts_back(tmp_path, texts):
    write(tmp_path / "t.xlsx", [(text,) for text in texts], None, (Head(("文本",), 20, Kind.TEXT),))
    return [row[0] for row in values(tmp_path / "t.xlsx")[1:]]


def test_every_value_comes_back(tmp_path):
    written = write(tmp_path / "a.xlsx")
    sheet = load_workbook(tmp_path / "a.xlsx")["台账"]
    for number, row in enumerate(ROWS, FIRST):
        for cell, wanted in zip(sheet[number], row, strict=True):
            if isinstance(wanted, date):
                assert cell.value == datetime.combine(wanted, datetime.min.time())
                assert cell.number_format == "yyyy-mm-dd"
            elif isinstance(wanted, Decimal):
                assert Decimal(str(cell.value)) == wanted
                assert cell.number_format == "#,##0.00"
            else:
                assert cell.value == (wanted or None)
            assert {cell.border.left.style, cell.border.bottom.style} == {"thin"}
    assert sheet["C6"].number_format == "@"
    assert sheet["C6"].data_type == "s"
    assert written.rows == [3]
    assert written.totals == [SUM_COLUMNS]


def test_amounts_are_written_digit_by_digit(tmp_path):
    amounts = [Decimal("0.10"), Decimal("1E+3"), Decimal("123456789012.34"), Decimal("-0.01"), 7]
    write(tmp_path / "a.xlsx", [(amount,) for amount in amounts], None, (Head(("金额",), 12, Kind.MONEY),))
    xml = member(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml")
    assert re.findall("<v>(.*?)</v>", xml) == ["0.10", "1000", "123456789012.34", "-0.01", "7"]


@pytest.mark.parametrize(
    "text", ["=1+1", "+86", "-5", "@SUM(A1)", "\t=1", '=HYPERLINK("http://x")', "0012", "1E5"]
)
def test_a_text_is_never_a_formula_nor_a_number(tmp_path, text):
    write(tmp_path / "a.xlsx", [(text,)], None, (Head(("文本",), 20, Kind.TEXT),))
    cell = load_workbook(tmp_path / "a.xlsx")["台账"]["A2"]
    assert (cell.value, cell.data_type) == (text, "s")
    assert "<f>" not in member(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml")


def test_awkward_text(tmp_path):
    texts = [
        "a\x00b\x0bc",
        "  首尾空格 ",
        "两\n行",
        "win\r\n行",
        "\ud83d",
        "&amp;<b>",
        "_x0041_",
        "\ufffe",
        "𠮷野家",
    ]
    assert texts_back(tmp_path, texts) == [
        "abc", "  首尾空格 ", "两\n行", "win\n行", None, "&amp;<b>", "_x0041_", None, "𠮷野家",
    ]  # fmt: skip


def test_too_long_a_text_is_cut_with_a_mark(tmp_path):
    fits, long, astral = "长" * TEXT_LIMIT, "长" * (TEXT_LIMIT + 1), "𠮷" * TEXT_LIMIT
    back = texts_back(tmp_path, [fits, long, astral])
    assert back[0] == fits
    for text in back[1:]:
        assert text.endswith(CUT_MARK)
        assert len(text.encode("utf-16-le")) // 2 in (TEXT_LIMIT, TEXT_LIMIT - 1)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.none() | st.text(max_size=30), min_size=1, max_size=12))
def test_any_text_comes_back_without_what_xml_forbids(tmp_path_factory, texts):
    def kept(text):
        legal = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text or "")
        return legal.replace("\r\n", "\n").replace("\r", "\n") or None

    back = texts_back(tmp_path_factory.mktemp("any"), [*texts, "末行"])
    assert back == [*map(kept, texts), "末行"]


@settings(max_examples=40, deadline=None)
@given(amounts=st.lists(st.none() | st.decimals(-(10**9), 10**9, places=2), max_size=40))
def test_totals_are_exact(tmp_path_factory, amounts):
    path = tmp_path_factory.mktemp("sums") / "a.xlsx"
    heads = (Head(("金额",), 12, Kind.MONEY, total=True),)
    written = write(path, [(amount,) for amount in amounts], LOOK, heads)
    assert written.totals == [{"金额": sum(filter(None, amounts), Decimal(0))}]


def test_values_of_other_kinds_become_text_in_a_text_column(tmp_path):
    assert texts_back(tmp_path, [True, False, 12, Decimal("1.50"), date(2025, 9, 1), "甲"]) == [
        "是", "否", "12", "1.50", "2025-09-01", "甲",
    ]  # fmt: skip


def test_a_date_no_spreadsheet_counts_alike_is_text(tmp_path):
    days = [date(1900, 2, 28), None, date(1900, 3, 1)]
    write(tmp_path / "a.xlsx", [(day,) for day in days], None, (Head(("日期",), 11, Kind.DATE),))
    assert [row[0] for row in values(tmp_path / "a.xlsx")[1:]] == ["1900-02-28", None, date(1900, 3, 1)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.MONEY, 1.5),
        (Kind.MONEY, "100"),
        (Kind.INTEGER, True),
        (Kind.INTEGER, Decimal(1)),
        (Kind.INTEGER, 620123201003150011),
        (Kind.DATE, datetime(2025, 9, 1)),
        (Kind.DATE, "2025-09-01"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_name(tmp_path, kind, value):
    with pytest.raises(ValueError, match="资助金额"):
        write(tmp_path / "a.xlsx", [(None,), (value,)], None, (Head(("资助金额",), 12, kind),))
    assert list(tmp_path.iterdir()) == []


def test_a_row_of_another_length_is_refused(tmp_path):
    with pytest.raises(ValueError, match="每行应有 7 列"):
        write(tmp_path / "a.xlsx", [ROWS[0], ROWS[1][:6]])


def test_heads_and_sheets_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match="不能合计"):
        Head(("姓名",), 10, Kind.TEXT, total=True)
    with pytest.raises(ValueError, match="表头重复：姓名"):
        Sheet("表", (Head(("姓名",), 10, Kind.TEXT),) * 2, [], None)
    with pytest.raises(ValueError, match="没有这些合计列"):
        Sheet("表", HEADS, [], LOOK, stated={"序号": 3})
    with pytest.raises(ValueError, match="可见"):
        write(tmp_path / "a.xlsx", hidden=True)


def test_a_later_sheet_may_tell_about_an_earlier_one(tmp_path):
    seen = []
    rows = (seen.append(at) or (f"第{at}行",) for at in range(1300))
    head = (Head(("内容",), 20, Kind.TEXT),)

    def later():
        yield (f"{len(seen)} 行",)

    sheets = [Sheet("台账", head, rows, LOOK), Sheet("校验", head, later(), None, hidden=True)]
    write_workbook(tmp_path / "a.xlsx", sheets, properties={"封签": "a<b&\x00c"})
    book = load_workbook(tmp_path / "a.xlsx")
    assert (book["校验"]["A2"].value, book["校验"].sheet_state) == ("1300 行", "hidden")
    assert book.custom_doc_props["封签"].value == "a<b&c"


def test_the_same_input_gives_the_same_bytes(tmp_path):
    script = "import sys; from tests.ledgers import workbooks;print(workbooks.write(sys.argv[1]).sha256)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / f"{seed}.xlsx")],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "TZ": zone},
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Shanghai"))
    }  # fmt: skip
    assert len(digests) == 1
    assert (tmp_path / "1.xlsx").read_bytes() == (tmp_path / "2.xlsx").read_bytes()
    assert "2025-09-30T00:00:00Z" in member(tmp_path / "1.xlsx", "docProps/core.xml")


def test_there_is_never_half_a_file(tmp_path):
    path = tmp_path / "a.xlsx"
    write(path)
    before = path.read_bytes()
    heard = []

    def stop(rows):
        heard.append(rows)
        if rows > 1000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_workbook(path, [Sheet("台账", HEADS, [ROWS[0]] * 5000, LOOK)], progress=stop)
    assert heard == sorted(heard)
    assert heard[-1] < 5000
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.xlsx"]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(count):
        tracemalloc.start()
        write(tmp_path / "a.xlsx", (ROWS[0] for _ in range(count)))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)
    assert peak(12_000) < peak(2_000) * 1.3


def test_names_of_sheets():
    assert sheet_titles(["a/b", "A／B", "长" * 40, "长" * 40, ""]) == [
        "a／b", "A／B(2)", "长" * 31, "长" * 28 + "(2)", "表",
    ]  # fmt: skip
