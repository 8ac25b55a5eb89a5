"""Rosters through the limited process: every format, the sample county, hostile files, and a child that dies."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aidcases.crypto import write_sealed
from students.imports import sheets
from students.imports.files import open_sheets
from students.imports.reader import COPY_COLUMNS, Limits, Refused, read_roster
from tests.students.spreadsheets import (
    ONE,
    RING,
    ROLL,
    TODAY,
    TWO,
    Read,
    names,
    parsed,
    read,
    rezipped,
    shared,
    sheet_xml,
    texts,
    xlsx,
)

SAMPLE = Path(__file__).parents[1] / "data" / "yuzhong-2018"
KINDS = {
    "schools": ("学校名录", 61),
    "poverty": ("建档立卡贫困人口", 815),
    "roll": ("学籍信息", 952),
    "college": ("高校就读学生", 131),
    "dibao": ("低保名单", 209),
    "tekun": ("特困供养名单", 25),
    "disabled": ("残疾人名单", 33),
    "population": ("户籍适龄人口", 590),
    "present": ("在校学生", 616),
}


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refused) as caught:
        read(*args, **kwargs)
    assert not caught.value.detail
    [sentence] = caught.value.reasons
    assert sentence.endswith("。")
    return sentence


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Read]:
    """A roster of the sample county, read once."""
    folder = tmp_path_factory.mktemp("sample")
    return functools.cache(lambda kind: read((SAMPLE / f"{KINDS[kind][0]}.xlsx").read_bytes(), kind, folder))


class TestSample:
    @pytest.mark.parametrize("kind", KINDS)
    def test_every_roster_is_read_and_no_number_stays_in_clear(self, kind: str, sample: Callable[[str], Read]):
        rows, found = KINDS[kind][1], sample(kind)
        assert (found.summary.rows, len(found.lines)) == (rows, rows)
        assert [line["number"] for line in found.lines] == [str(number) for number in range(2, rows + 2)]
        known = set(re.findall(rb"[0-9]{17}[0-9X]", (SAMPLE / "expected.json").read_bytes()))
        assert not [number for number in known if number in found.raw]
        assert not re.search(rb"(?<![0-9a-f])1[3-9][0-9]{9}(?![0-9a-f])", found.raw)
        for line in found.lines:
            if kind != "schools" and line["state"] == "read":
                assert line["id_hash"] == RING.blind(line["id_cipher"])
                assert line["id_last4"] == line["id_cipher"][-4:]

    def test_only_the_two_damaged_poverty_rows_are_rejected(self, sample: Callable[[str], Read]):
        expected = json.loads((SAMPLE / "expected.json").read_text(encoding="utf-8"))["poverty_rows_rejected"]
        found = sample("poverty")
        rejected = [line for line in found.lines if line["state"] == "rejected"]
        assert [line["reasons"] for line in rejected] == [[reason] for reason in expected]
        assert [line["cells"] for line in rejected] == [[8], [8]]
        assert found.summary.rejected == 2
        assert all(line["id_hash"] is None and line["id_last4"] == "" for line in rejected)

    def test_a_roll_line_in_full(self, sample: Callable[[str], Read]):
        found = sample("roll")
        line = found.lines[1]
        assert line["data"] == {
            "school_code": "2162003044",
            "school_name": "榆中县园子岔乡中心小学",
            "stage": "primary",
            "grade": 5,
            "class_name": "1班",
            "boarding": True,
            "hukou_code": "620123",
            "rural_hukou": True,
            "left_behind": False,
            "orphan": False,
            "disability_hint": "肢体残疾",
            "entered_on": "2014-09-01",
            "ethnicity": "汉族",
            "guardian_name": "杨伟春",
            "guardian_relation": "父亲",
        }
        assert (line["name"], line["sex"], line["birth_on"], line["initials"]) == ("杨宇", "女", "2007-09-15", "yy")
        assert (line["id_cipher"], line["second_cipher"]) == ("620123200709159660", "620123197108278774")
        assert (line["phone_cipher"], line["number_cipher"]) == ("13883685957", "G620123200709159660")
        assert line["number_hash"] == RING.blind("G620123200709159660", "roll_number")
        assert line["phone_hash"] == RING.blind("13883685957", "phone")
        assert found.summary.unused == ["现住址"]
        assert found.summary.mapping["second_id"] == "成员1身份证件号"

    def test_lines_of_the_other_rosters(self, sample: Callable[[str], Read]):
        def first(kind: str) -> dict[str, Any]:
            return sample(kind).lines[0]

        assert first("schools")["data"] == {
            "code": "2162001000",
            "name": "榆中县城关镇中心幼儿园",
            "stages": ["preschool"],
            "region_code": "620123100",
            "public": True,
            "annual_fee": "0.00",
        }
        poor = first("poverty")["data"]
        assert (poor["household_number"], poor["village_code"]) == ("62012310021500004", "620123100215")
        assert (poor["identified_on"], poor["registered_poor"], poor["monitored"]) == ("2014-01-01", True, "")
        assert (poor["household_size"], poor["exit_status"]) == (3, "已脱贫")
        dibao = first("dibao")
        assert dibao["data"] == {
            "head_name": "陆涵超",
            "relation": "户主",
            "class": "四类",
            "rural": True,
            "monthly_amount": "71.00",
            "from_on": "2017-01-01",
        }
        assert dibao["second_hash"] == dibao["id_hash"]
        disabled = first("disabled")
        assert disabled["number_hash"] == RING.blind("62012320070915966043", "certificate")
        assert disabled["data"]["until_on"] == "2024-12-31"
        assert first("college")["data"]["school_province"] == "51"
        assert first("population")["data"]["hukou_code"] == "620123208210"
        assert first("present")["data"]["present"] is True
        assert first("tekun")["data"] == {"rural": True, "support_form": "分散供养", "from_on": "2017-01-01"}


class TestSheets:
    def test_title_rows_blank_rows_and_numbering(self, tmp_path: Path):
        rows = [["榆中县学籍信息"], ["填报单位：", None, "2018年9月"], [], ROLL, [], ONE, [None, " "], TWO]
        found = read(xlsx(rows), "roll", tmp_path)
        assert [line["number"] for line in found.lines] == ["6", "8"]
        assert (found.summary.heading_row, found.summary.sheet) == (4, "Sheet1")

    def test_merged_cells_hold_for_all_their_rows(self, tmp_path: Path):
        heading = ["户主姓名", "户主证件号码", "成员姓名", "成员证件号码", "城乡类别", "起始年月"]
        rows = [
            heading,
            ["杨伟春", "620123197108278774", "杨伟春", "620123197108278774", "农村", "201701"],
            [None, None, "杨宇", "620123200709159660", None, None],
            [None, None, "杨然欣", "620123200501274651", "城市", None],
            [None, None, "石宇文", "510107200106154232", "农村", "201801"],
        ]

        def merge(book: Any) -> None:
            for cells in ("A2:A4", "B2:B4", "E2:E3", "F2:F4"):
                book.active.merge_cells(cells)

        found = read(xlsx(rows, merge), "dibao", tmp_path)
        assert [line["data"].get("head_name") for line in found.lines] == ["杨伟春"] * 3 + [None]
        assert [line["second_cipher"] for line in found.lines] == ["620123197108278774"] * 3 + [None]
        assert [line["data"]["rural"] for line in found.lines] == [True, True, False, True]
        assert found.lines[2]["data"]["from_on"] == "2017-01-01"

    def test_the_sheet_that_fits_is_read_and_hidden_ones_are_not(self, tmp_path: Path):
        def more(book: Any) -> None:
            book.create_sheet("说明", 0).append(["请先看说明", "姓名"])
            hidden = book.create_sheet("旧")
            hidden.append(ROLL)
            hidden.append(TWO)
            hidden.sheet_state = "hidden"
            book.create_sheet("空").append(ROLL)

        found = read(xlsx([ROLL, ONE], more, "名单"), "roll", tmp_path)
        assert (found.summary.sheet, names(found)) == ("名单", ["杨宇"])

    def test_two_sheets_alike_are_not_chosen_between(self, tmp_path: Path):
        def second(book: Any) -> None:
            sheet = book.create_sheet("二")
            sheet.append(ROLL)
            sheet.append(TWO)

        assert "工作表“一”“二”" in refusal(xlsx([ROLL, ONE], second, "一"), "roll", tmp_path)

    def test_missing_columns_and_rows_are_named(self, tmp_path: Path):
        sentence = refusal(xlsx([["姓名", "年级", "班级"], ["杨宇", "五年级", "1班"]]), "roll", tmp_path)
        assert "“身份证件号”“学校标识码”" in sentence
        assert "姓名、年级、班级" in sentence
        assert "没有找到表头" in refusal(xlsx([["杨宇", "620123200709159660"]]), "roll", tmp_path)
        assert "没有数据" in refusal(xlsx([ROLL]), "roll", tmp_path)
        assert "没有数据" in refusal(xlsx([ROLL, ["", " "], [None]]), "roll", tmp_path)
        assert "没有找到表头" in refusal(xlsx([]), "roll", tmp_path)

    def test_the_sentence_shows_no_number_of_a_list_without_heading(self, tmp_path: Path):
        rows = [["姓名", "13883685957"], ["杨宇", "620123200709159660"]]
        assert not re.search(r"\d{11}", refusal(xlsx(rows), "roll", tmp_path))

    def test_a_heading_alone_can_be_looked_at(self, tmp_path: Path):
        write_sealed(tmp_path / "upload", [xlsx([ROLL, ONE, TWO])], RING)
        summary = read_roster(tmp_path / "upload", "roll", 7, filename="a.xlsx", keyring=RING)
        assert summary.mapping == {"name": "姓名", "id": "身份证件号", "school_code": "学校标识码", "grade": "年级"}
        assert summary.headings == ROLL

    def test_formulas_numbers_dates_and_rich_text_are_data(self, tmp_path: Path):
        heading = [*ROLL, "入学年月", "班级", "联系电话", "出生日期", "户口所在地行政区划"]
        cells = (
            '<c r="A2"><v>2162003044.0</v></c>'
            '<c r="B2" t="str"><f>CONCATENATE("杨","宇")</f><v>杨宇</v></c>'
            '<c r="C2" t="inlineStr"><is><r><t>620123</t></r><r><rPr><b/></rPr><t>200709159660</t></r></is></c>'
            '<c r="D2" t="inlineStr"><is><t>&#20116;年级</t></is></c>'
            '<c r="E2" s="1"><v>43344</v></c>'
            '<c r="F2"><f>1+2</f><v>3</v></c>'
            '<c r="G2"><v>1.3883685957E10</v></c>'
            '<c r="H2" t="d"><v>2007-09-15T00:00:00</v></c>'
            '<c r="I2"><v>620123000000</v></c>'
        )
        rows = texts(1, heading) + f'<row r="2">{cells}</row>'
        found = read(rezipped(xlsx([[]]), sheet1=sheet_xml(rows)), "roll", tmp_path).line
        assert (found["name"], found["state"], found["warnings"]) == ("杨宇", "read", [])
        assert (found["id_cipher"], found["phone_cipher"]) == ("620123200709159660", "13883685957")
        assert found["data"] == {
            "school_code": "2162003044",
            "stage": "primary",
            "grade": 5,
            "class_name": "3",
            "hukou_code": "620123",
            "entered_on": "2018-09-01",
        }

    def test_what_is_wrong_is_said_by_row_and_cell(self, tmp_path: Path):
        heading = [*ROLL, "成员1身份证件号", "联系电话", "性别", "就读方式", "出生日期", "现住址", "成员1关系"]
        rows = [
            heading,
            [*ONE, "620123197108278775", "12345", "男", "飞行", "2007-09-16", "住 620123200709159660", "父"],
            ["x", " ", "620123200709159661", "二十年级", None, None, None, None, None, None, "1" * 30],
            ["2162003044", "甲", 620123200709159660, "五年级"],
            ["2162003044", "甲", "G620123200709159660", "五年级"],
            ["2162003044", None, None, "五年级"],
        ]
        first, second, third, fourth, fifth = read(xlsx(rows), "roll", tmp_path).lines
        assert first["state"] == "read"
        assert first["warnings"] == ["unknown word", "sex differs", "birth date differs", "guardian id", "phone"]
        assert first["cells"] == [7, 6, 8, 4, 5]
        assert (first["sex"], first["birth_on"], first["second_hash"]) == ("女", "2007-09-15", None)
        assert second["reasons"] == ["school code", "unknown stage", "missing name", "checksum"]
        assert second["cells"] == [0, 3, 1, 2]
        assert second["data"] == {"guardian_relation": "*" * 14 + "1111"}
        assert third["reasons"] == ["scientific-notation id"]
        assert fourth["reasons"] == ["roll number as id"]
        assert fifth["reasons"] == ["missing name", "missing id"]
        assert {line["state"] for line in (second, third, fourth, fifth)} == {"rejected"}

    def test_other_documents_pass_by_their_type(self, tmp_path: Path):
        rows = [
            [*ROLL, "身份证件类型", "性别", "出生日期"],
            [*ONE[:2], "E1234 5678", "五年级", "护照", "女", "20080102"],
        ]
        line = read(xlsx(rows), "roll", tmp_path).line
        assert line["data"]["id_type"] == "passport"
        assert line["id_hash"] == RING.blind("passport:E12345678")
        assert (line["id_cipher"], line["sex"], line["birth_on"]) == ("E12345678", "女", "2008-01-02")

    def test_text_that_copy_or_json_could_misread_arrives(self, tmp_path: Path):
        nasty = 'a\\b"c\td\ne\\N\\.'
        rows = [[*ROLL, "班级", "成员1姓名"], [ONE[0], "O'Neil\\N", ONE[2], ONE[3], nasty, "{}"]]
        line = read(xlsx(rows), "roll", tmp_path).line
        assert line["name"] == "O'Neil\\N"
        assert line["data"]["class_name"] == 'a\\b"c d e\\N\\.'

    def test_a_long_file_is_shared_by_two_processes_and_every_row_comes_once(self, tmp_path: Path):
        rows = [ROLL] + [[*ONE[:1], f"杨{number}", *ONE[2:]] for number in range(6000)]
        rows[4000][2] = "6.2E+17"
        progress: list[tuple[int, int]] = []
        write_sealed(tmp_path / "upload", [xlsx(rows)], RING)
        taken: list[bytes] = []
        summary = read_roster(
            tmp_path / "upload",
            "roll",
            7,
            filename="a.xlsx",
            keyring=RING,
            sink=lambda file: taken.append(file.read()),
            today=TODAY,
            on_progress=lambda done, total: progress.append((done, total)),
        )
        lines = parsed(taken[0])
        assert [line["name"] for line in lines] == [f"杨{number}" for number in range(6000)]
        assert (summary.rows, summary.rejected) == (6000, 1)
        assert len({line["id_cipher"] and line["number"] for line in lines if line["id_hash"]}) == 5999
        assert progress[-1][0] == 6000 <= progress[-1][1] <= 6001
        assert all(before <= after for (before, _), (after, _) in itertools.pairwise(progress))

    def test_no_two_rows_share_a_nonce(self, tmp_path: Path):
        rows = [ROLL] + [[*ONE[:1], f"杨{number}", *ONE[2:]] for number in range(6000)]
        place = COPY_COLUMNS.index("id_cipher")
        ciphers = [line.split(b"\t")[place] for line in read(xlsx(rows), "roll", tmp_path).raw.splitlines()]
        assert len({cipher[3:31] for cipher in ciphers}) == 6000


class TestFormats:
    TABLE = [ROLL, ONE, [TWO[0], "玉莲·娜敏斌", *TWO[2:]]]

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
    @pytest.mark.parametrize("delimiter", [",", "\t", ";"])
    def test_text_in_every_encoding(self, encoding: str, delimiter: str, tmp_path: Path):
        content = "".join(delimiter.join(row) + "\r\n" for row in self.TABLE).encode(encoding)
        found = read(content, "roll", tmp_path, "名单.csv")
        assert names(found) == ["杨宇", "玉莲·娜敏斌"]
        assert [line["number"] for line in found.lines] == ["2", "3"]

    def test_quotes_line_breaks_and_digits_kept_as_formulas(self, tmp_path: Path):
        content = '某县\n\n"学校\n标识码",姓名,身份证件号,年级\n2162003044,"杨\n宇","=""620123200709159660""",五年级\n'
        content += "2162003042,杨然欣,6.20123E+17,八年级\n"
        found = read(content.encode("gbk"), "roll", tmp_path, "名单.csv")
        assert [(line["number"], line["state"]) for line in found.lines] == [("4", "read"), ("5", "rejected")]
        assert found.lines[0]["id_cipher"] == "620123200709159660"
        assert found.lines[1]["reasons"] == ["scientific-notation id"]

    def test_html_that_is_called_xls(self, tmp_path: Path):
        cells = ["".join(f"<td class=x>{value}</td>" for value in row) for row in self.TABLE]
        page = (
            '<html><head><meta charset="gb2312"><style>td {a}</style></head><table><tr><td colspan=4>某县</td></tr>'
            + "".join(f"<tr>{row}</tr>" for row in cells)
            + "</table></html>"
        )
        found = read(page.encode("gbk"), "roll", tmp_path, "台账.xls")
        assert names(found) == ["杨宇", "玉莲·娜敏斌"]
        assert [line["number"] for line in found.lines] == ["3", "4"]

    def test_text_that_is_called_xls(self, tmp_path: Path):
        content = "\n".join("\t".join(row) for row in self.TABLE).encode("gbk")
        assert len(read(content, "roll", tmp_path, "台账.xls").lines) == 2

    def test_a_real_xls(self, tmp_path: Path):
        found = read((Path(__file__).with_name("dibao.xls")).read_bytes(), "dibao", tmp_path, "低保.xls")
        assert [line["number"] for line in found.lines] == ["3", "4", "5"]
        assert [line["data"]["head_name"] for line in found.lines] == ["杨伟春", "杨伟春", "石宇文"]
        assert found.lines[0]["data"]["from_on"] == "2017-01-01"
        assert found.lines[1]["data"]["monthly_amount"] == "262.50"
        assert found.lines[2]["reasons"] == ["scientific-notation id"]

    def test_other_programs_spell_the_same_sheet_otherwise(self, tmp_path: Path):
        plain = sheet_xml(texts(1, ROLL) + texts(2, ONE) + texts(3, TWO))
        written = {
            "prefixed": re.sub(rb"<(/?)(\w)", rb"<\1x:\2", plain).replace(b"xmlns=", b"xmlns:x="),
            "comments": plain.replace(b"<row r", b'<!-- <row r="9"></row> --><row r'),
            "no references": re.sub(rb'<c r="[A-Z]\d"', b"<c", plain),
            "self-closing rows": plain.replace(b'<row r="2"', b'<row r="1"/><row r="2"'),
            "styled blanks": plain.replace(b"</row>", b'<c r="E9" s="1"/><c r="F9" s="2"/></row>'),
            "utf-16": plain.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
            "cdata": plain.replace("<t>杨宇</t>".encode(), "<t><![CDATA[杨宇]]></t>".encode()),
            "spans": plain.replace(b"<row ", b'<row spans="1:4" ht="20" '),
            "kept space": plain.replace(b"<t>", b'<t xml:space="preserve">'),
        }
        for how, content in written.items():
            found = read(rezipped(xlsx([[]]), sheet1=content), "roll", tmp_path)
            assert (how, names(found)) == (how, ["杨宇", "杨然欣"])

    def test_shared_strings_of_any_number(self, tmp_path: Path):
        rows = [ROLL] + [[ONE[0], f"杨{number}", ONE[2], "五年级"] for number in range(300)]
        assert names(read(shared(rows), "roll", tmp_path)) == [f"杨{number}" for number in range(300)]

    def test_both_readers_agree_on_the_sample(self):
        for title, rows in KINDS.values():
            [sheet] = open_sheets(str(SAMPLE / f"{title}.xlsx"), "a.xlsx", Limits())
            chunks = lambda sheet=sheet: sheet.book.archive.chunks(sheet.part)  # noqa: E731
            fast, slow = list(sheets._fast(chunks(), None)), list(sheets._Slow(chunks()))
            assert len(fast) == len(slow) == rows + 1
            for (number, left), (again, right) in zip(fast, slow, strict=True):
                values = [sheet.value(raw) for raw in left]
                assert (number, [value or None for value in values]) == (again, [sheet.value(raw) for raw in right])

    def test_shared_strings_with_runs_readings_and_gaps(self, tmp_path: Path):
        items = [*(f"<si><t>{text}</t></si>" for text in ROLL), "<si/>", "<si><r><t>杨</t></r><r><t>宇</t></r>"]
        items[-1] += '<rPh sb="0" eb="1"><t>よう</t></rPh><phoneticPr fontId="1"/></si>'
        items += [f"<si><t xml:space='preserve'> {text} </t></si>" for text in (ONE[0], ONE[2], "五年级_x000D_")]
        strings = f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{"".join(items)}</sst>'
        rows = [(1, range(4)), (2, [6, 5, 7, 8])]
        xml = "".join(
            f'<row r="{number}">'
            + "".join(f'<c r="{"ABCD"[at]}{number}" t="s"><v>{index}</v></c>' for at, index in enumerate(indexes))
            + "</row>"
            for number, indexes in rows
        )
        content = rezipped(shared([["x"]]), sheet1=sheet_xml(xml), sharedStrings=strings.encode())
        assert read(content, "roll", tmp_path).line["name"] == "杨宇"
