"""What the real world sends: the two exports of the poverty system, group titles, any order; and what is asked when unsure."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from aidcases.crypto import write_sealed
from students.imports import headings
from students.imports.kinds import KINDS
from students.imports.reader import Asked, Refused, Summary, read_roster
from tests.students.spreadsheets import ONE, RING, ROLL, TODAY, TWO, Read, names, parsed, read, xlsx

SAMPLE = Path(__file__).parents[1] / "data" / "yuzhong-2018"
OLD = [
    "省", "市", "县", "乡", "行政村", "户编号", "人编号", "姓名", "证件号码", "与户主关系", "民族",
    "在校生状况", "健康状况", "户人口数", "贫困户属性", "脱贫属性", "主要致贫原因", "联系电话",
    "识别年度",
]  # fmt: skip
NEW = [
    "序号", "数据日期", "县(市、区、旗)", "乡(镇)", "行政村", "户编号", "人编号", "姓名", "证件号码",
    "人数", "与户主关系", "民族", "在校生状况", "健康状况", "致贫原因1", "人均纯收入", "户联系电话",
    "首次识别时间", "户类型", "易返贫致贫户（监测对象）类型", "风险是否消除",
]  # fmt: skip
OLD_ROW = [
    "甘肃省", "兰州市", "榆中县", "城关镇", "朱家湾村", "62012310020100017", "6201231002010001701", "杨宇",
    "620123200709159660", "长女", "汉族", "小学", "健康", "4", "低保贫困户", "已脱贫", "因学", "13883685957", "2014",
]  # fmt: skip
NEW_ROW = [
    "1", "2024-06-30", "榆中县", "城关镇", "朱家湾村", "62012310020100017", "6201231002010001701", "杨宇",
    "620123200709159660", "4", "长女", "汉族", "小学", "健康", "因学", "8600.5", "13883685957", "2021-03-15",
    "非脱贫户", "边缘易致贫户", "否",
]  # fmt: skip


def looked(text: str) -> list[dict[str, Any]]:
    return json.loads(RING.unseal(base64.b64decode(text)))


def asked(content: bytes, kind: str, folder: Path, filename: str = "名单.xlsx") -> Asked:
    with pytest.raises(Asked) as caught:
        read(content, kind, folder, filename)
    assert caught.value.reasons[0].endswith("。")
    return caught.value


def as_told(content: bytes, kind: str, folder: Path, **said: Any) -> Read:
    """Read with what a clerk chose, or with an office's saved mappings."""
    path = folder / "told"
    write_sealed(path, [content], RING)
    taken: list[bytes] = []
    summary = read_roster(
        path, kind, 7, filename="名单.xlsx", keyring=RING, sink=lambda file: taken.append(file.read()), today=TODAY, **said
    )
    return Read(summary, parsed(taken[0]), taken[0])


class TestPovertyExports:
    def test_the_old_one(self, tmp_path: Path):
        found = read(xlsx([["全国扶贫开发信息系统"], OLD, OLD_ROW]), "poverty", tmp_path)
        assert found.summary.unused == ["省", "市", "县", "乡", "行政村", "人编号"]
        assert found.summary.data_on == ""
        assert found.line["data"] | {"household_number": "62012310020100017"} == {
            "household_number": "62012310020100017", "village_code": "620123100201", "relation": "长女",
            "ethnicity": "汉族", "studying": "小学", "health": "健康", "household_size": 4,
            "household_type": "低保贫困户", "exit_status": "已脱贫", "cause": "因学", "identified_on": "2014-01-01",
            "registered_poor": True, "monitored": "",
        }  # fmt: skip

    def test_the_new_one_in_any_order_with_the_day_of_its_data(self, tmp_path: Path):
        order = sorted(range(len(NEW)), key=lambda place: NEW[place])
        rows = [[row[place] for place in order] for row in (NEW, NEW_ROW, [*NEW_ROW[:1], "2024-06-29", *NEW_ROW[2:]])]
        found = read(xlsx(rows), "poverty", tmp_path)
        assert found.summary.data_on == "2024-06-30"
        line = found.lines[0]["data"]
        assert (line["monitored"], line["registered_poor"]) == ("monitored_marginal", False)
        assert (line["income_per_head"], line["identified_on"]) == ("8600.50", "2021-03-15")
        assert line["risk_cleared"] is False
        assert "data_on" not in line
        assert found.lines[0]["phone_cipher"] == "13883685957"

    def test_a_day_of_tomorrow_or_nonsense_is_no_day_of_data(self, tmp_path: Path):
        rows = [NEW, *([[*NEW_ROW[:1], day, *NEW_ROW[2:]] for day in ("2099-01-01", "上周", "20240101", None)])]
        assert read(xlsx(rows), "poverty", tmp_path).summary.data_on == "2024-01-01"

    def test_a_row_with_nothing_but_the_day_is_blank(self, tmp_path: Path):
        rows = [NEW, NEW_ROW, [None, "2024-06-30"]]
        assert read(xlsx(rows), "poverty", tmp_path).summary.rows == 1

    def test_two_processes_agree_on_the_day(self, tmp_path: Path):
        rows = [[*NEW_ROW[:1], f"2024-06-{1 + number // 300:02}", *NEW_ROW[2:]] for number in range(6000)]
        found = read(xlsx([NEW, *rows]), "poverty", tmp_path)
        assert (found.summary.rows, found.summary.data_on) == (6000, "2024-06-20")


class TestHeadings:
    def test_group_titles_over_two_rows_with_titles_above_and_line_breaks(self, tmp_path: Path):
        def merge(book: Any) -> None:
            for cells in ("A1:I1", "A3:A4", "B3:B4", "C3:C4", "D3:D4", "E3:G3", "H3:I3"):
                book.active.merge_cells(cells)

        rows = [
            ["某县中小学生基本信息表"], ["填报单位：教育局", None, None, None, "2024年9月"],
            ["学校\n标识码", "姓名", "年级", "身份证件号\n（必填）", "家庭成员1", None, None, "联系", None],
            [None, None, None, None, "姓名", "关系", "身份证件号", "电话", "备注"],
            [ONE[0], ONE[1], ONE[3], ONE[2], "杨伟春", "父亲", "620123197108278774", "13883685957", "x"],
        ]  # fmt: skip
        found = read(xlsx(rows, merge), "roll", tmp_path)
        assert found.summary.heading_row == 4
        assert (found.line["id_cipher"], found.line["second_cipher"]) == (ONE[2], "620123197108278774")
        assert found.line["data"]["guardian_relation"] == "父亲"
        assert found.line["phone_cipher"] == "13883685957"
        assert found.summary.unused == ["联系备注"]

    def test_a_parents_number_never_becomes_the_childs(self, tmp_path: Path):
        """The child's own column goes by a name nobody knows; that of the family member must not take its place."""
        rows = [
            ["学校标识码", "姓名", "年级", "学生证件信息", "家庭成员1", None],
            [None, None, None, None, "姓名", "身份证件号"],
            [ONE[0], ONE[1], ONE[3], ONE[2], "杨伟春", "620123197108278774"],
        ]
        for kind in ("roll", "disabled"):
            assert "缺少“" in (sentence := asked(xlsx(rows), kind, tmp_path).reasons[0])
            assert KINDS[kind].fields[1].titles[0] in sentence.split("。")[0]

    def test_columns_of_the_same_name_are_told_apart_by_their_letters(self):
        assert headings.labels(["姓名", "备注", "", "备注"]) == ["姓名", "备注（B 列）", "没有列名（C 列）", "备注（D 列）"]

    def test_the_fingerprint_follows_the_headings_and_their_order_only(self):
        first = headings.fingerprint(["姓 名", "身份证\n件号", ""])
        assert first == headings.fingerprint(["姓名*", "身份证件号"])
        assert first != headings.fingerprint(["身份证件号", "姓名"])

    def test_semicolons_tabs_and_gbk(self, tmp_path: Path):
        for delimiter in ("\t", ";"):
            text = "\r\n".join(delimiter.join(row) for row in (["某县"], OLD, OLD_ROW))
            assert read(text.encode("gbk"), "poverty", tmp_path, "导出.csv").line["name"] == "杨宇"


class TestAsked:
    ODD = ["校码", "学生", "号码", "在读", "宿"]
    ROWS = [[*ONE, "走读"], [*TWO, "住校"]]

    def test_unknown_headings_are_asked_for_with_numbers_masked(self, tmp_path: Path):
        rows = [["某县 电话 0931-5221234"], self.ODD, *self.ROWS, ["", "卡号", "6222 0210 0111 2223 334", "1234567", 43344.5]]
        told = asked(xlsx(rows), "roll", tmp_path)
        assert "没有找到表头。学籍信息的表头要有：姓名、身份证件号、学校标识码、年级" in told.reasons[0]
        [sheet] = looked(told.looked)
        assert [number for number, _ in sheet["rows"]] == [1, 2, 3, 4, 5]
        text = json.dumps(sheet["rows"], ensure_ascii=False)
        assert not re.search(r"\d{5}[ -]?\d\d", text.replace("43344", ""))
        assert "杨宇" in text
        assert "**************9660" in text

    def test_no_plaintext_leaves_the_limited_process_unsealed(self, tmp_path: Path):
        told = asked(xlsx([self.ODD, *self.ROWS]), "roll", tmp_path)
        assert "杨宇".encode() not in base64.b64decode(told.looked)

    def test_what_the_clerk_chose_is_read(self, tmp_path: Path):
        content = xlsx([["某县"], self.ODD, *self.ROWS])
        mapping = {"school_code": "校码", "name": "学生", "id": "号码", "grade": "在读"}
        choice = {"sheet": "Sheet1", "heading_row": 2, "heading_rows": 1, "mapping": mapping}
        found = as_told(content, "roll", tmp_path, choice=choice)
        assert (names(found), found.summary.mapping, found.summary.is_told) == (["杨宇", "杨然欣"], mapping, True)
        assert found.summary.unused == ["宿"]

    def test_a_choice_that_lacks_a_column_is_asked_again(self, tmp_path: Path):
        choice = {"sheet": "Sheet1", "heading_row": 1, "heading_rows": 1, "mapping": {"name": "学生", "id": "没有"}}
        with pytest.raises(Asked, match="缺少“身份证件号”“学校标识码”“年级”这一列。文件里的列有：校码、学生"):
            as_told(xlsx([self.ODD, *self.ROWS]), "roll", tmp_path, choice=choice)

    def test_a_saved_mapping_serves_the_next_file_of_the_same_headings(self, tmp_path: Path):
        mapping = {"school_code": "校码", "name": "学生", "id": "号码", "grade": "在读", "boarding": "宿"}
        saved = {headings.fingerprint(self.ODD): mapping}
        found = as_told(xlsx([["换了标题"], [], self.ODD, *self.ROWS]), "roll", tmp_path, saved=saved)
        assert (found.summary.is_told, found.summary.heading_row) == (True, 3)
        assert [line["data"]["boarding"] for line in found.lines] == [False, True]
        with pytest.raises(Asked):
            as_told(xlsx([[*self.ODD, "多一列"], *self.ROWS]), "roll", tmp_path, saved=saved)

    def test_a_saved_mapping_comes_before_the_guess(self, tmp_path: Path):
        titles = [*ROLL, "监护人电话", "联系电话"]
        content = xlsx([titles, [*ONE, "13883685957", "13993685958"]])
        assert as_told(content, "roll", tmp_path).line["phone_cipher"] == "13993685958"
        mapping = dict(zip(("school_code", "name", "id", "grade", "phone"), titles, strict=False))
        saved = {headings.fingerprint(titles): mapping}
        assert as_told(content, "roll", tmp_path, saved=saved).line["phone_cipher"] == "13883685957"

    def test_two_sheets_alike_are_asked_about_and_either_can_be_read(self, tmp_path: Path):
        def second(book: Any) -> None:
            sheet = book.create_sheet("二")
            sheet.append(ROLL)
            sheet.append(TWO)

        content = xlsx([ROLL, ONE], second, "一")
        told = asked(content, "roll", tmp_path)
        assert "工作表“一”“二”都像是学籍信息。请选一张" in told.reasons[0]
        assert [sheet["name"] for sheet in looked(told.looked)] == ["一", "二"]
        mapping = dict(zip(("school_code", "name", "id", "grade"), ROLL, strict=True))
        for name, child in (("一", "杨宇"), ("二", "杨然欣")):
            choice = {"sheet": name, "heading_row": 1, "heading_rows": 1, "mapping": mapping}
            assert names(as_told(content, "roll", tmp_path, choice=choice)) == [child]

    def test_a_file_with_too_few_columns_is_refused(self, tmp_path: Path):
        for rows in ([["姓名", "号"], ["甲", "1"]], [self.ODD]):
            with pytest.raises(Refused) as caught:
                read(xlsx(rows), "roll", tmp_path)
            assert not isinstance(caught.value, Asked)


class TestOtherKinds:
    def summary(self, title: str, kind: str, folder: Path) -> Summary:
        return read((SAMPLE / f"{title}.xlsx").read_bytes(), kind, folder).summary

    @pytest.mark.parametrize(
        ("title", "kind"),
        [("学籍信息", "disabled"), ("建档立卡贫困人口", "disabled"), ("学籍信息", "population"), ("特困供养名单", "dibao"),
         ("在校学生", "roll"), ("学籍信息", "students")],
    )  # fmt: skip
    def test_a_list_that_also_fits_is_read_with_a_hint(self, title: str, kind: str, tmp_path: Path):
        [right] = [each.code for each in KINDS.values() if each.title == title]
        assert self.summary(title, kind, tmp_path).looks_like == right

    def test_a_list_that_does_not_fit_says_what_it_looks_like(self, tmp_path: Path):
        told = asked((SAMPLE / "低保名单.xlsx").read_bytes(), "roll", tmp_path)
        assert told.reasons == ["看起来是低保名单，不是学籍信息。请改选名单种类。"]
        assert told.looks_like == "dibao"

    @pytest.mark.parametrize(
        "title",
        ["学校名录", "建档立卡贫困人口", "学籍信息", "高校就读学生", "低保名单", "特困供养名单", "残疾人名单", "户籍适龄人口",
         "在校学生"],
    )  # fmt: skip
    def test_the_right_kind_gets_no_hint(self, title: str, tmp_path: Path):
        [right] = [each.code for each in KINDS.values() if each.title == title]
        assert self.summary(title, right, tmp_path).looks_like == ""
