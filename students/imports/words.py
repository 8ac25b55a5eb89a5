"""Words of the field as codes: stages, grades, kinds of hukou, monitored types.

A parser takes cells and returns the keys it found; Bad rejects the row, Doubt leaves the key out and warns.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from students.imports import cells
from students.imports.cells import Bad, Doubt, Value, plain

Found = dict[str, Any]
Parser = Callable[..., Found | str]


def _words(**columns: str) -> dict[str, str]:
    return {word: code for code, words in columns.items() for word in words.split()}


STAGE_OF = _words(
    preschool="学前教育 学前 幼儿园 幼儿 幼教 幼儿教育",
    primary="小学 小学教育 完全小学 普通小学 教学点",
    junior="初中 初级中学 普通初中 初中教育",
    senior="普通高中 高中 普高 高级中学 高中教育",
    secondary_vocational="中等职业 中等职业教育 中等职业学校 中职 中专 职高 职业高中 职业高级中学 "
    "技校 技工学校 中等专业学校 成人中专",
    higher_vocational="高等职业 高等职业教育 高职 高职高专 专科 大专 高专 高等专科 高职专科 高职(专科) "
    "专科(高职) 高职(高专) 大学专科",
    undergraduate="本科 大学本科 普通本科 本科教育 大学",
    postgraduate="研究生 硕士 博士 硕士研究生 博士研究生 研究生教育",
    special_education="特殊教育 特教 特殊教育学校 特教学校",
)
_SPANS = {
    "义务教育": ("primary", "junior"),
    "九年一贯制": ("primary", "junior"),
    "九年一贯制学校": ("primary", "junior"),
    "完全中学": ("junior", "senior"),
    "十二年一贯制": ("primary", "junior", "senior"),
    "十二年一贯制学校": ("primary", "junior", "senior"),
}
_DIGIT = {character: number % 10 for number, character in enumerate("0123456789〇一二三四五六七八九")}
_VOCATIONAL = "中职|职高|中专|职业高中|中等职业|技校|职"
_TIER = (
    (re.compile(r"(?:幼儿园)?(小|中|大|学前|托)班"), "preschool"),
    (re.compile(rf"(?:{_VOCATIONAL})第?([一二三四1-4])(?:年级)?"), "secondary_vocational"),
    (re.compile(r"(?:普通高中|高级中学|高中|普高|高)([一二三1-3])(?:年级)?"), "senior"),
    (re.compile(r"(?:初级中学|初中|初)([一二三四1-4])(?:年级)?"), "junior"),
    (re.compile(r"小学([一二三四五六1-6])(?:年级)?"), "primary"),
)
_YEAR = re.compile(r"第?([一二三四五六七八九1-9])(?:年级)?")
_CLASS = re.compile(r"\(?[一二三四五六七八九十\d]+\)?班$")
_PRESCHOOL = {"小": 1, "中": 2, "大": 3, "学前": 3, "托": 0}
_COLLEGE = "大学|大|本科|专科|高职|大专|研究生|硕士|博士|研|博|硕"
_COLLEGE_YEAR = re.compile(rf"(?:{_COLLEGE})?([一二三四五六1-6])(?:年级)?")


def stage(value: Value) -> Found:
    """{"stage"}. Raises Bad("unknown stage")."""
    word = plain(value)
    if word not in STAGE_OF:
        raise Bad("unknown stage")
    return {"stage": STAGE_OF[word]}


def stages(value: Value) -> Found:
    """{"stages": [...]} in the order of schooling, from one or several words. Raises Bad("unknown stage")."""
    found: set[str] = set()
    for word in re.split(r"[、,，/;；+和及 ]+", plain(value)):
        found.update(_SPANS.get(word) or (STAGE_OF.get(word, ""),))
    if "" in found:
        raise Bad("unknown stage")
    return {"stages": [code for code in dict.fromkeys(STAGE_OF.values()) if code in found]}


def stage_and_grade(grade: Value, stage_word: Value) -> Found:
    """{"stage", "grade"} of a roll line, the grade counted inside its stage: 七年级 and 初一 are junior 1.

    一年级 … 六年级 mean primary school, 七年级 … 九年级 junior, in 六三 and 五四 counties alike; where the
    file has a column 学段 it says whose 一年级 it is. Raises Bad("unknown stage").
    """
    word, hint = plain(grade).replace(" ", ""), STAGE_OF.get(plain(stage_word), "")
    word = word if _TIER[0][0].fullmatch(word) else _CLASS.sub("", word)
    for pattern, tier in _TIER:
        if match := pattern.fullmatch(word):
            number = _PRESCHOOL[match[1]] if tier == "preschool" else _DIGIT[match[1]]
            return {"stage": tier, "grade": number} if number else {"stage": tier}
    if match := _YEAR.fullmatch(word):
        return _by_year(_DIGIT[match[1]], hint)
    if not word and hint:
        return {"stage": hint}
    raise Bad("unknown stage")


def _by_year(number: int, hint: str) -> Found:
    if hint == "special_education":
        return {"stage": hint, "grade": number}
    if number >= 7:
        return {"stage": "junior", "grade": number - 6}
    if hint in ("", "primary", "preschool") or number > 4:
        return {"stage": "primary", "grade": number}
    return {"stage": hint, "grade": number}


def college_grade(value: Value) -> Found:
    """{"grade"}: 大一 → 1. Raises Doubt("unknown word")."""
    word = plain(value).replace(" ", "")
    if not word:
        return {}
    match = _COLLEGE_YEAR.fullmatch(word)
    if match is None:
        raise Doubt("unknown word")
    return {"grade": _DIGIT[match[1]]}


def flag(key: str, yes: str, no: str, *, needed: bool = False) -> Callable[[Value], Found]:
    """A parser of {key: bool} by two lists of words; a blank cell says nothing, or is Bad when needed."""
    said = dict.fromkeys(yes.split(), True) | dict.fromkeys(no.split(), False)

    def parse(value: Value) -> Found:
        word = plain(value)
        if word in said:
            return {key: said[word]}
        if needed:
            raise Bad("unknown word" if word else "missing value")
        if word:
            raise Doubt("unknown word")
        return {}

    return parse


boarding = flag("boarding", "住校 寄宿 住宿 2 是", "走读 1 借宿 3 其他 9 否 通学 非寄宿")
rural_hukou = flag(
    "rural_hukou",
    "农业户口 农业 农村 农村户口 农业家庭户口 农业户",
    "非农业户口 非农业 非农 非农业家庭户口 城镇 城市 城镇户口 城市户口 城镇居民 非农村 非农户口",
)
left_behind = flag(
    "left_behind",
    "单亲留守 双亲留守 1 2 是 留守 留守儿童 单亲留守儿童 双亲留守儿童",
    "非留守 0 否 非留守儿童 不是 无",
)
orphan = flag("orphan", "是 1 Y 孤儿", "否 0 2 N 无 不是 非孤儿")
# The list decides between rural and urban aid, not the hukou.
rural = flag(
    "rural",
    "农村 农 乡村 农村低保 农村特困 农村户口 农业 农村居民",
    "城市 城镇 城 城市低保 城镇低保 城市特困 城镇特困 城市居民 城镇居民",
    needed=True,
)
_CHILDREN = (
    ("unsupported_child", ("事实无人抚养", "事实孤儿", "无人抚养")),
    ("orphan", ("孤儿", "孤残儿童")),
)


def child_category(value: Value) -> Found:
    """{"category"}: orphan for 孤儿, 散居孤儿, 机构养育孤儿 …, unsupported_child for 事实无人抚养儿童.

    Raises Bad("missing value") or Bad("unknown word"): the word decides over aid.
    """
    word = plain(value)
    for code, parts in _CHILDREN:
        if any(part in word for part in parts):
            return {"category": code}
    raise Bad("unknown word" if word else "missing value")


# 办学所在地城乡分类 (国家统计局城乡划分代码): 111 主城区, 112 城乡结合区, 121 镇中心区, 122 镇乡结合区, 123 特殊区域;
# 210 乡中心区, 220 村庄. Read by the first digit: 1 is city and town (城镇), 2 is the countryside (乡村); so a school in
# 镇乡结合区 is a town school, while the plain words 农村 and 乡村 mean the countryside.
_AREA_CODE = re.compile(r"([12])[12][0-3]\D*")
_AREA_WORDS = flag(
    "rural_school",
    "农村 乡村 乡 村 乡中心区 村庄 农村学校 乡村学校",
    "城市 城区 城镇 镇区 县镇 县城 主城区 城乡结合区 镇中心区 镇乡结合区 特殊区域 城市学校 城镇学校",
)


def rural_school(value: Value) -> Found:
    """{"rural_school"} by the statistical code or its word. Raises Doubt("unknown word")."""
    if match := _AREA_CODE.fullmatch(plain(value)):
        return {"rural_school": match[1] == "2"}
    return _AREA_WORDS(value)


public = flag("public", "公办 公立 国办 教育部门 地方公办 教育部门办", "民办 私立 民办公助 普惠性民办")
present = flag("present", "是 在校 到校 在 1 Y √", "否 不在校 未到校 未在校 不在 0 N ×", needed=True)
risk_cleared = flag("risk_cleared", "已消除 消除 是", "未消除 否")


def disability_hint(value: Value) -> Found:
    """{"disability_hint"}: "" where the cell says that there is none."""
    word = cells.text(value, 40)
    none = word in ("无残疾", "无", "否", "0", "健康", "非残疾")
    return {"disability_hint": "" if none else word} if word else {}


_MONITORED = {
    "脱贫不稳定": "monitored_unstable",
    "边缘易致贫": "monitored_marginal",
    "突发严重困难": "monitored_sudden",
}


def _monitored(word: str) -> str:
    return next((code for part, code in _MONITORED.items() if part in word), "")


def poor_and_monitored(household_type: Value, monitored_type: Value) -> Found:
    """{"registered_poor", "monitored"} of a line of the poverty register.

    Every row makes its person registered poor whatever 脱贫属性 says (aid goes on after leaving poverty),
    except a 边缘易致贫 or 突发严重困难 household that is not a 脱贫户. Where the monitored type is blank, a
    户类型 that names one counts as it. Raises Bad("unknown word").
    """
    kind, word = plain(household_type), plain(monitored_type)
    monitored = _monitored(word)
    if word and not monitored and word not in ("否", "无", "非监测对象", "非监测户", "-", "/", "—"):
        raise Bad("unknown word")
    monitored = monitored or _monitored(kind)
    left_poverty = "脱贫户" in kind and "非脱贫户" not in kind
    poor = monitored not in ("monitored_marginal", "monitored_sudden") or left_poverty
    return {"registered_poor": poor, "monitored": monitored}


_PROVINCE_OF = {
    pair[2:]: pair[:2]
    for pair in re.split(
        " ",
        "11北京 12天津 13河北 14山西 15内蒙古 21辽宁 22吉林 23黑龙江 31上海 32江苏 33浙江 34安徽 35福建 "
        "36江西 37山东 41河南 42湖北 43湖南 44广东 45广西 46海南 50重庆 51四川 52贵州 53云南 54西藏 61陕西 "
        "62甘肃 63青海 64宁夏 65新疆 71台湾 81香港 82澳门",
    )
}
_PROVINCE_TITLE = re.compile(r"(?:省|市|(?:维吾尔|壮族|回族)?自治区|特别行政区)$")


def school_province(value: Value) -> Found:
    """{"school_province": "51"} from 510000, 51 or 四川省. Raises Bad("region code")."""
    word = plain(value)
    if not word:
        return {}
    code = _PROVINCE_OF.get(_PROVINCE_TITLE.sub("", word)) or cells.region(word)[:2]
    if code not in _PROVINCE_OF.values():
        raise Bad("region code")
    return {"school_province": code}
