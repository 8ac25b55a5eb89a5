"""申请表 as a kind of roster: applications made on paper or in a spreadsheet, a line for each child.

Needs no Django: the reading child imports it. What becomes of the rows is the upper app's (students.imports.upper).
"""

from __future__ import annotations

import re
from functools import partial

from students.imports import cells, words
from students.imports.cells import Bad, Value, plain
from students.imports.columns import Fact, Kind, column, day_fact, income, lenient, one, school_code, text_fact
from students.imports.words import Found

# The fifteen 特殊群体类型 of the official form, by the codes of the application's boxes.
BOXES = {
    "poor": "脱贫家庭学生",
    "unstable": "脱贫不稳定家庭学生",
    "marginal": "边缘易致贫家庭学生",
    "sudden": "突发严重困难家庭学生",
    "dibao": "低保家庭学生",
    "dibao_margin": "低保边缘家庭学生",
    "tekun": "特困救助供养学生",
    "rigid_spending": "刚性支出困难家庭学生",
    "low_income": "其他低收入家庭学生",
    "orphan": "孤儿",
    "unsupported": "事实无人抚养儿童",
    "disabled": "残疾学生",
    "disabled_parent": "残疾人子女",
    "martyr": "烈士子女",
    "relocated": "易地扶贫搬迁家庭学生",
}
_ALSO = {"建档立卡": "poor", "建档立卡家庭": "poor", "低保": "dibao", "特困供养": "tekun", "残疾": "disabled"}
_SHORT = re.compile("(家庭)?(学生|儿童|户)?$")
_NONE = ("", "无", "否", "不是", "没有", "-", "/")


def _short(words: str) -> str:
    return _SHORT.sub("", words) or words


_CODES = {_short(label): code for code, label in BOXES.items()} | {_short(word): code for word, code in _ALSO.items()}


def boxes(value: Value) -> Found:
    """Codes of the ticked boxes in the order of the form, from words with 、，； or blanks between; {} for none.

    Raises Bad("unknown word").
    """
    told = plain(value)
    if told in _NONE:
        return {}
    found = {_CODES.get(_short(word)) for word in re.split(r"[、,，;；/ ]+", told) if word}
    if None in found:
        raise Bad("unknown word")
    return {"boxes": [code for code in BOXES if code in found]}


APPLICATIONS = Kind(
    "applications",
    "困难认定申请表",
    (
        column("name", "姓名 学生姓名 名字", True),
        column("id", "身份证件号 身份证号 身份证号码 身份证件号码 证件号码 证件号 公民身份号码", True),
        column("school_code", "学校标识码 学校代码"),
        column("household_size", "家庭人口 家庭人口数 家庭人数", True),
        column("income_per_head", "家庭人均年收入 人均年收入 家庭人均收入 人均收入", True),
        column("boxes", "特殊群体类型 特殊困难群体类型 困难类型 特殊群体"),
        column("address", "详细通讯地址 通讯地址 家庭住址 家庭地址 住址", True),
        column("postcode", "邮政编码 邮编"),
        column("phone", "家长手机号码 家长手机 家长电话 监护人电话 联系电话 手机号码 电话"),
        column("native_place", "籍贯"),
        column("rural_hukou", "户口性质 户籍性质 户口类型 户口类别"),
        column("department", "院系 学院"),
        column("major", "专业"),
        column("disaster", "家庭遭受自然灾害情况 自然灾害情况 自然灾害"),
        column("accident", "家庭遭受突发意外事件 突发意外事件 突发意外"),
        column("weakness", "家庭成员因残疾、年迈而劳动能力弱情况 劳动能力弱情况 劳动能力情况"),
        column("unemployment", "家庭成员失业情况 失业情况"),
        column("debt", "家庭欠债情况 欠债情况 家庭债务情况"),
        column("other", "其他情况 其他困难情况 困难原因 申请理由"),
        column("promised_on", "承诺日期 签字日期 家长签字日期 申请日期"),
    ),
    (
        one("school_code", school_code, blank=""),
        one("household_size", lenient(partial(cells.whole, most=99))),
        Fact(("income_per_head",), income),
        Fact(("boxes",), boxes),
        text_fact("address", 200),
        one("postcode", lenient(partial(cells.text, limit=6)), blank=""),
        text_fact("native_place", 60),
        Fact(("rural_hukou",), words.rural_hukou),
        text_fact("department", 60),
        text_fact("major", 60),
        *(text_fact(key, 200) for key in ("disaster", "accident", "weakness", "unemployment", "debt", "other")),
        day_fact("promised_on", strict=False),
    ),
)
