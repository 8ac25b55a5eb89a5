"""Cell rules, words of the field, headings and the kinds of rosters."""

from __future__ import annotations

import datetime
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from students.enums import RosterKind, Stage
from students.imports import cells, columns, headings, words
from students.imports.cells import Bad
from students.imports.identity import REASONS
from students.imports.initials import initials
from students.imports.kinds import KINDS

BLANKS = " \t\n\u3000\u00a0\u2002\u200b\ufeff"


def code(parse, *cell) -> str:
    with pytest.raises(Bad) as caught:
        parse(*cell)
    return caught.value.code


@given(st.text(alphabet="陆涵超阿卜杜Abc019", min_size=1), st.text(alphabet=BLANKS), st.text(alphabet=BLANKS))
def test_blanks_of_every_kind_are_trimmed(text: str, before: str, behind: str):
    assert cells.clean(before + text + behind) == text


@given(st.text(alphabet=[chr(number) for number in range(0x21, 0x7F) if chr(number) not in "'`="]))
def test_full_width_is_half_width(text: str):
    assert cells.clean("".join(chr(ord(character) + 0xFEE0) for character in text)) == text


@given(st.text())
def test_cleaning_twice_changes_nothing_more_and_leaves_no_control_characters(text: str):
    once = cells.clean(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b\ufeff]", once)
    if not once.startswith(("'", "`", "‘", "’", '="')):
        assert cells.clean(once) == once


@pytest.mark.parametrize("typed", ["'620123", "‘620123", "＇620123", '="620123"', "  '620123 "])
def test_what_keeps_digits_as_text_is_dropped(typed: str):
    assert cells.clean(typed) == "620123"


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        (" 石宇文 ", "石宇文"),
        ("张　三", "张三"),
        ("玉莲•娜敏斌", "玉莲·娜敏斌"),
        ("玉莲．娜敏斌", "玉莲·娜敏斌"),
        ("玉莲・娜敏斌", "玉莲·娜敏斌"),
        ("玉莲 · 娜敏斌", "玉莲·娜敏斌"),
        ("玉莲。娜敏斌", "玉莲·娜敏斌"),
        ("Anna  Maria", "Anna Maria"),
        ("㑇某𠮷", "㑇某𠮷"),
        ("杨宇620123200709159660", "杨宇**************9660"),
    ],
)
def test_names(typed: str, name: str):
    assert cells.name(typed) == name


def test_names_that_are_none():
    assert code(cells.name, "　") == code(cells.name, None) == "missing name"
    assert code(cells.name, "长" * 61) == "name too long"


SHAPES = ["20180901", "2018-09-01", "2018/9/1", "2018.9.1", "2018年9月1日", "２０１８年９月１日", " 2018-9-1 00:00:00 "]
MONTHS = ["201809", "2018年9月", "2018-09", b"201809", b"2018.9"]
NUMBERS = [b"43344", b"43344.0", b"20180901"]


@pytest.mark.parametrize("cell", [*SHAPES, *MONTHS, *NUMBERS, "2018-09-01T00:00:00"])
def test_dates_in_every_shape(cell: str | bytes):
    assert cells.day(cell) == "2018-09-01"


def test_months_and_years_stand_for_their_first_or_last_day():
    assert cells.day("202002", end=True) == "2020-02-29"
    assert cells.day("2014年") == "2014-01-01"
    assert cells.day("2014", end=True) == "2014-12-31"
    assert cells.day("20200229", end=True) == "2020-02-29"


@pytest.mark.parametrize(
    "cell", ["2018-13-01", "20180230", "长期", "1899-01-01", "43344", "9月1日", b"2018.1", "", "0"]
)
def test_no_date_is_guessed(cell: str | bytes):
    assert code(cells.day, cell) == "date"


@given(st.dates(min_value=datetime.date(1928, 1, 1), max_value=datetime.date(2100, 1, 1)))
def test_any_date_is_read_back(date):
    serial = (date - cells._SERIAL_START).days
    shapes = [date.isoformat(), f"{date:%Y%m%d}", f"{date.year}/{date.month}/{date.day}", f"{serial}.0".encode()]
    shapes += [f"{date.year}.{date.month}.{date.day}", f"{date.year}年{date.month}月{date.day}日"]
    assert {cells.day(shape) for shape in shapes} == {date.isoformat()}


def test_codes_that_became_numbers_are_restored_while_they_can_be():
    assert cells.plain(b"2162001000.0") == cells.plain(b"2.162001E9") == "2162001000"
    assert cells.plain(b"262.50") == "262.5"
    assert cells.plain(b"999999999999999") == "999999999999999"
    for destroyed in (b"6.20123200001011E+17", b"620123200001010911", b"1E15"):
        assert code(cells.plain, destroyed) == "scientific-notation number"
    assert code(cells.plain, b"#N/A") == "cell error"


@pytest.mark.parametrize(
    ("cell", "cut"),
    [
        *[("510000", "51"), ("620100", "6201"), ("620123000000", "620123"), ("620123100000", "620123100")],
        *[("620123100", "620123100"), ("441900003", "441900003"), ("62", "62"), ("", "")],
        (b"620123208210.0", "620123208210"),
    ],
)
def test_region_codes_are_cut_to_their_level(cell: str | bytes, cut: str):
    assert cells.region(cell) == cut


@pytest.mark.parametrize("cell", ["123", "62012", "榆中县", "020123", "62012310", b"6.2E+17"])
def test_other_region_codes_are_refused(cell: str | bytes):
    assert code(cells.region, cell) in ("region code", "scientific-notation number")


def test_money_and_numbers():
    assert [cells.money(cell) for cell in ("800", "1,000.5", "￥71元", b"262.5", b"0", "")] == [
        *("800.00", "1000.50", "71.00", "262.50", "0.00"),
        None,
    ]
    assert code(cells.money, "八百") == code(cells.money, "-5") == "number"
    assert [cells.whole(cell, 99) for cell in ("4", "4人", b"4.0", None)] == [4, 4, 4, None]
    assert code(lambda cell: cells.whole(cell, 99), "120") == "number"


@pytest.mark.parametrize(
    ("grade", "hint", "stage", "number"),
    [
        ("小班", "", "preschool", 1),
        ("大班", "学前教育", "preschool", 3),
        ("大一班", "", None, None),
        ("一年级", "", "primary", 1),
        ("六年级", "初中", "primary", 6),
        ("七年级", "", "junior", 1),
        ("九年级(3)班", "", "junior", 3),
        ("初二", "", "junior", 2),
        ("初中三年级", "", "junior", 3),
        ("高一", "", "senior", 1),
        ("高中三年级", "", "senior", 3),
        ("中职一年级", "", "secondary_vocational", 1),
        ("中专2", "", "secondary_vocational", 2),
        ("一年级", "中等职业", "secondary_vocational", 1),
        ("二年级", "初中", "junior", 2),
        ("八年级", "特殊教育", "special_education", 8),
        (b"5", "", "primary", 5),
        ("2018级", "", None, None),
        ("", "高中", "senior", None),
        ("", "", None, None),
    ],
)
def test_grades(grade: str | bytes, hint: str, stage: str | None, number: int | None):
    if stage is None:
        assert code(words.stage_and_grade, grade, hint) == "unknown stage"
    else:
        found = words.stage_and_grade(grade, hint)
        assert (found["stage"], found.get("grade")) == (stage, number)


def test_stage_words_are_the_stages_of_the_project():
    assert set(words.STAGE_OF.values()) == set(Stage.values)
    assert words.stages("九年一贯制") == {"stages": ["primary", "junior"]}
    assert words.stages("初中、普通高中") == {"stages": ["junior", "senior"]}
    assert code(words.stages, "小学、别的") == "unknown stage"
    assert words.college_grade("大一") == {"grade": 1}


@pytest.mark.parametrize(
    ("household", "monitored_type", "poor", "monitored"),
    [
        ("一般贫困户", None, True, ""),
        ("低保贫困户", "", True, ""),
        ("脱贫户", "脱贫不稳定户", True, "monitored_unstable"),
        ("脱贫户", "边缘易致贫户", True, "monitored_marginal"),
        ("监测户", "边缘易致贫户", False, "monitored_marginal"),
        ("", "突发严重困难户", False, "monitored_sudden"),
        ("一般户", "脱贫不稳定户", True, "monitored_unstable"),
        ("边缘易致贫户", "", False, "monitored_marginal"),
        (None, None, True, ""),
    ],
)
def test_who_is_registered_poor(household: str | None, monitored_type: str | None, poor: bool, monitored: str):
    found = words.poor_and_monitored(household, monitored_type)
    assert found == {"registered_poor": poor, "monitored": monitored}


def test_hukou_boarding_left_behind():
    assert [words.rural_hukou(word) for word in ("农业户口", "农业", "农村")] == [{"rural_hukou": True}] * 3
    assert [words.rural_hukou(word) for word in ("非农业户口", "城镇", "城市")] == [{"rural_hukou": False}] * 3
    assert words.boarding("住校") == words.boarding(b"2") == {"boarding": True}
    assert words.boarding("走读") == words.boarding("1") == {"boarding": False}
    assert words.left_behind("双亲留守") == {"left_behind": True}
    assert words.left_behind("非留守") == {"left_behind": False}
    assert words.boarding("") == words.orphan(None) == {}
    assert code(words.rural, "不详") == "unknown word"
    assert [words.school_province(cell) for cell in ("510000", "四川省", "51", "内蒙古自治区")] == [
        *([{"school_province": "51"}] * 3),
        {"school_province": "15"},
    ]


def test_a_household_number_names_its_village_and_is_nobodys_id():
    assert columns.household("62012310021500004")["village_code"] == "620123100215"
    assert code(columns.household, "620123200709159660") == "household number"
    assert code(columns.household, b"62012310021500004") == "scientific-notation number"
    assert code(columns.household, None) == "household number"


def test_an_end_without_a_day_is_the_last_one_and_forever_is_no_end():
    until = columns.day_fact("until_on", end=True).parse
    assert until("202012") == {"until_on": "2020-12-31"}
    assert until("长期") == until(None) == {}
    assert code(until, "明年") == "date"


def test_headings_are_compared_without_width_blanks_and_marks():
    assert headings.normal(" ＊户籍村\n（社区）: ") == headings.normal("户籍村(社区)") == "户籍村(社区)"
    found = headings.find(
        KINDS["schools"], [(3, ["学校 标识码", "学校名称", "学　段", "行政区划代码", "学费标准（元/年）"])]
    )
    assert found is not None
    assert found.columns == {"code": 0, "name": 1, "stages": 2, "region_code": 3, "annual_fee": 4}
    assert not found.missing


def test_two_rows_of_headings_are_read_together():
    upper = (2, ["学校标识码", "姓名", "身份证件号", "年级", "成员1", "", ""])
    lower = (3, ["", "", "", "", "姓名", "关系", "身份证件号"])
    found = headings.find(KINDS["roll"], [(1, ["某县学籍信息"]), upper, lower, (4, ["2162002051", "甲"])])
    assert found is not None
    assert found.row == 3
    assert found.mapping()["second_id"] == "成员1身份证件号"
    assert (found.columns["name"], found.columns["guardian_name"], found.columns["id"]) == (1, 4, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_reads_the_headings_of_the_systems(kind: str):
    found = headings.find(KINDS[kind], [(1, SAMPLE[kind].split())])
    assert found is not None
    assert found.missing == ()
    unused = {"poverty": ["省", "市", "县", "乡", "行政村", "人编号"], "roll": ["现住址"]}
    assert found.unused() == unused.get(kind, [])


SAMPLE = {
    "applications": "姓名 身份证件号 学校标识码 家庭人口数 家庭人均年收入 特殊群体类型 详细通讯地址 邮政编码 家长手机号码 籍贯 "
    "家庭遭受自然灾害情况 家庭遭受突发意外事件 家庭成员失业情况 家庭欠债情况 其他情况 承诺日期",
    "schools": "学校标识码 学校名称 学段 行政区划代码 办学性质 学费标准（元/年）",
    "poverty": "省 市 县 乡 行政村 户编号 人编号 姓名 证件号码 与户主关系 民族 在校生状况 健康状况 户人口数 "
    "贫困户属性 脱贫属性 主要致贫原因 联系电话 识别年度",
    "roll": "学校标识码 学校名称 姓名 性别 出生日期 民族 身份证件类型 身份证件号 全国学籍号 年级 班级 入学年月 "
    "就读方式 户口所在地行政区划 户口性质 是否留守儿童 是否孤儿 残疾类型 现住址 联系电话 成员1姓名 成员1关系 "
    "成员1身份证件号",
    "college": "姓名 身份证号 院校名称 院校代码 层次 年级 院校所在省 联系电话 家长姓名 家长身份证号 "
    "户口所在地行政区划 户口性质 是否孤儿",
    "dibao": "户主姓名 户主证件号码 成员姓名 成员证件号码 与户主关系 保障类别 城乡类别 月保障金（元） 起始年月 截止",
    "tekun": "姓名 证件号码 城乡类别 供养方式 起始年月 截止年月",
    "disabled": "姓名 证件号码 残疾证号 残疾类别 残疾等级 有效期至",
    "population": "姓名 公民身份号码 性别 出生日期 户籍村（社区） 户籍行政区划 监护人 联系电话",
    "present": "学校标识码 年级 班级 姓名 身份证件号 是否在校 未到校原因",
    "orphans": "姓名 证件号码 类别 起始 截止",
    "attendance": "姓名 证件号码 学校标识码 月份 应到天数 缺勤天数 旷课天数 原因",
    "students": "姓名 身份证件号 学校名称 年级 班级 就读方式 联系电话",
    "edits": " ".join(field.titles[0] for field in KINDS["edits"].fields),
}


NEW_EXPORT = (
    "序号 数据日期 县(市、区、旗) 乡(镇) 行政村 自然村 户编号 人编号 姓名 证件号码 人数 与户主关系 民族 文化程度 "
    "在校生状况 健康状况 劳动技能 务工时间（月） 是否参加大病保险 致贫原因1 危房户 是否解决安全饮用水 人均纯收入 "
    "户联系电话 人联系电话 首次识别时间 人员识别时间 户类型 易返贫致贫户(监测对象)类型 风险是否消除 风险识别时间 "
    "风险消除时间"
)


def test_the_new_poverty_export_is_read_too():
    titles = NEW_EXPORT.split(" ")
    found = headings.find(KINDS["poverty"], [(1, titles)])
    assert found is not None
    named = {titles[place]: name for name, place in found.columns.items()}
    assert named["易返贫致贫户(监测对象)类型"] == "monitored_type"
    assert named["户类型"] == "household_type"
    assert named["首次识别时间"] == "first_identified"
    assert (named["人联系电话"], named["户联系电话"]) == ("phone", "household_phone")
    assert (named["人数"], named["致贫原因1"], named["人均纯收入"]) == ("household_size", "cause", "income_per_head")
    assert columns.identified("2019-05-06", "2014年") == {"identified_on": "2019-05-06"}
    assert columns.identified(None, "2014年") == {"identified_on": "2014-01-01"}


def test_kinds_are_those_of_the_project_and_every_fact_has_its_fields():
    assert {kind.code: kind.title for kind in KINDS.values()} == dict(RosterKind.choices)
    for kind in KINDS.values():
        names = {field.name for field in kind.fields}
        assert all(names.issuperset(fact.fields) for fact in kind.facts)
        assert len(names) == len(kind.fields)


def test_every_reason_that_can_be_given_has_a_sentence():
    names = ("cells", "identity", "words", "columns", "people")
    source = "".join(Path(cells.__file__).with_name(f"{name}.py").read_text() for name in names)
    given_codes = set(re.findall(r'(?:Bad\(|Doubt\(|\(False, )\s*"([^"]+)"', source))
    assert len(given_codes) > 15
    assert given_codes <= set(REASONS)
    assert all(sentence.endswith("。") and len(reason) <= 40 for reason, sentence in REASONS.items())


def test_initials_know_surnames():
    assert initials("杨宇") == "yy"
    assert initials("单雄信") == "sxx"
    assert initials("玉莲·娜敏斌") == "ylnmb"
    assert initials("Anna赵") == "annaz"
    assert initials("解放路小学", person=False) == "jflxx"


def test_texts_are_json_as_they_are():
    fragment = columns.text_fact("relation", 40).parse('父"亲\\ 620123200709159660')
    assert json.loads("{" + fragment + "}") == {"relation": '父"亲\\ **************9660'}
    assert code(columns.text_fact("relation", 20).parse, "长" * 21) == "text too long"


@pytest.mark.parametrize("typed", ["620123201005170014", "**************0014", "—", "13900000000"])
def test_a_number_is_nobodys_name(typed: str):
    with pytest.raises(cells.Bad, match="no name"):
        cells.name(typed)
