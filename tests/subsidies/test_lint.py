"""A pack is looked through before it is published: each kind of mistake on its line, in words an official can use."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from aidcases.models import AuditEvent
from aidcases.scoping import Scope, acting_in
from aidcases.terms import Term
from students.enums import Stage
from subsidies.actions import PACKS, adopt_pack, publish, shipped_packs
from subsidies.conditions import PackError
from subsidies.lint import Finding, lint, stop_at_errors
from subsidies.models import Benefit, RulePack
from subsidies.packtext import parse, read
from subsidies.tomllines import Lines
from tests import make

pytestmark = pytest.mark.usefixtures("db", "everywhere")
AUTUMN = Term(2018, "autumn")

CLEAN = """\
[pack]
code = "test"
title = "试验政策"
document = "试验文件"
first_day = 2018-09-01

[[rule]]
code = "t-grant"
benefit = "senior-grant"
title = "助学金"
clause = "第一条"
note = "每学年 2500 元。"
when = { stage = ["senior"], registered_poor = true }
amount = { kind = "fixed", period = "school_year", values = [
    { yuan = "2500.00" },
] }
"""
SECOND = """
[[rule]]
code = "t-second"
benefit = "senior-grant"
title = "第二条"
clause = "第二条"
when = { stage = ["senior"], any = ["disabled"] }
amount = { kind = "fixed", period = "school_year", values = [{ yuan = "2500.00" }] }
"""
WHEN = 'when = { stage = ["senior"], registered_poor = true }'
VALUE = '    { yuan = "2500.00" },'


@pytest.fixture(autouse=True)
def _benefits(db: None) -> None:
    names = tomllib.loads((PACKS / "benefits.toml").read_text(encoding="utf-8"))["benefits"]
    for code, name in names.items():
        Benefit.objects.get_or_create(code=code, defaults={"name": name})


def changed(old: str, new: str, text: str = CLEAN) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def found(text: str) -> list[tuple[str, int, str]]:
    """(code, line, message) of what the text shows by itself."""
    return [(one.code, one.line, one.message) for one in lint(text, term=None)]


def test_a_clean_pack_has_nothing_to_mend():
    assert lint(CLEAN, term=None) == []


@pytest.mark.parametrize("name", shipped_packs())
def test_a_shipped_pack_has_no_error(name: str):
    text = (PACKS / f"{name}.toml").read_text(encoding="utf-8")
    assert [str(one) for one in lint(text, term=None) if one.severity == "error"] == []


def when(entries: str, key: str = WHEN) -> tuple[str, str]:
    return key, f"when = {{ {entries} }}"


YUAN = '金额要写成带引号的元，不小于 0，最多两位小数，例如 yuan = "1250.00"。'
# name → (old, new, code, line, message)
ERRORS: dict[str, tuple[str, str, str, int, str]] = {
    "toml": ('title = "助学金"', 'title = “助学金”', "toml", 10,
        "政策包第 10 行不符合 TOML 的写法，请检查这一行和上一行的引号、逗号和括号（都用英文的）。"),
    "no such character": ('"第一条"', '"第\\u0000条"', "toml", 11, "政策包第 11 行不能有 \\u0000 这个字符。"),
    "unknown fact": ("registered_poor", "registerd_poor", "unknown_fact", 13,
        "不认识的条件“registerd_poor”，可能是要写 registered_poor。"),
    "unknown key": ("clause =", "note2 = 1\nclause =", "unknown_key", 11, "不认识 note2，可能是要写 note。"),
    "missing key": ('clause = "第一条"\n', "", "missing_key", 7, "缺少 clause。"),
    "flag": ("registered_poor = true", 'registered_poor = "是"', "wrong_type", 13, "条件“registered_poor”只能写 true 或 false。"),
    "text": ('title = "助学金"', "title = 1", "wrong_type", 10, "title 要写成带引号的文字。"),
    "alias": ('title = "助学金"', 'title = "助学金"\nalias = "助"', "wrong_type", 11,
        'alias 要写成列表，例如 alias = ["滋惠计划"]。'),
    "unknown stage": ('["senior"]', '["senoir"]', "unknown_value", 13, "条件“stage”没有“senoir”，可能是要写 senior。"),
    "no stage": ('["senior"]', "[]", "empty_list", 13, '条件“stage”要写成列表，例如 stage = ["…"]。'),
    "negative": ('"2500.00"', '"-2500.00"', "bad_amount", 15, YUAN),
    "three decimals": ('"2500.00"', '"2500.001"', "bad_amount", 15, YUAN),
    "float": ('"2500.00"', "2500.00", "bad_amount", 15, YUAN),
    "kind": ('"fixed"', '"fixd"', "bad_value", 14, "金额方式没有“fixd”，可能是要写 fixed。"),
    "year": ("first_day = 2018-09-01", "first_day = 1018-09-01", "bad_value", 5, "first_day 的年份不对：1018-09-01。"),
    "benefit": ('"senior-grant"', '"senior-grants"', "unknown_benefit", 9, "没有资助项目“senior-grants”。"),
    "shares": (WHEN, WHEN + "\nshares = { central = 60, county = 30 }", "shares", 14, "shares 加起来要是 100，现在是 90。"),
    "once": ('"school_year"', '"once"', "once", 13,
        "一生一次的项目在入学当年秋季发放，when 里要写 new_entrant = true。"),
    "special education": (*when('stage = ["special_education", "senior"]'), "special_education", 13,
        "特殊教育学生按年级算作小学（一至六年级）或初中（七至九年级），学段里不写 special_education，写 primary、junior。"),
    "boarding of a college": (*when('stage = ["undergraduate", "senior"], boarding = false'), "no_such_fact", 13,
        "高校名单里没有“寄宿”，本科不能用 boarding 作条件；请去掉这些学段或这个条件。"),
    "grade": (*when('stage = ["junior"], grade = [7]'), "no_such_grade", 13,
        "没有年级 7：年级在本学段里从 1 数起（初中 1 至 4），七年级是初中的 1。"),
    "grade of one stage": (*when('stage = ["senior", "primary"], grade = [5]'), "no_such_grade", 13,
        "普通高中没有这里写的年级（普通高中 1 至 3、小学 1 至 6），一个学生也不会有；请去掉这个学段或改年级。"),
    "region": (*when('stage = ["senior"], hukou_county = ["62"]'), "unknown_region", 13,
        "户口所在县没有代码“62”；请写 6 位行政区划代码。"),
    "payers": (WHEN, WHEN + '\npayers = [{ county = ["990101"], payer = "市" }]', "unknown_region", 14,
        "payers 里没有代码是“990101”的区县；请写 6 位行政区划代码。"),
    "same start": (VALUE, VALUE + '\n    { yuan = "2500" },', "overlap", 16,
        "同样的学生从头起写了两个金额（2500.00 元和 2500 元）；请删去一个，或改起始日期。"),
    "amount of a stage not named": (VALUE, VALUE + '\n    { stage = "primary", yuan = "2500.00" },', "amount_for_nobody", 16,
        "2500.00 元没有学生用得上：几处 stage 没有共同的值；请改这一条，或改规则的 when。"),
    "stage without amount": ('["senior"]', '["senior", "junior"]', "stage_without_amount", 14,
        "初中没有金额：请在 values 里给 junior 写一条，或从 when 的 stage 里去掉。"),
    "note": ('"2500.00"', '"2050.00"', "amount_not_in_note", 15,
        "金额 2050.00 元和条款要点对不上：要点里写的是 2500 元；请核对原文，改金额或改 note。"),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_a_mistake_is_told_with_its_line(case: str):
    old, new, code, line, message = ERRORS[case]
    text = changed(old, new)
    if case == "stage without amount":
        text = changed('{ yuan = "2500.00" }', '{ stage = "senior", yuan = "2500.00" }', text)
    severity = "warning" if case == "note" else "error"
    told = [one for one in lint(text, term=None) if one.severity == severity and one.code != "note_without_amount"]
    rule = "" if case in ("toml", "no such character", "year") else "t-grant"
    assert [(one.code, one.line, one.message, one.rule) for one in told] == [(code, line, message, rule)]


CONTRADICTIONS = {
    "a flag and an any-of": ("registered_poor = true, any_category = false",
        "registered_poor = true 与 any_category = false 矛盾"),
    "any of what is not": ('any = ["dibao_rural", "dibao_urban"], dibao = false',
        "any = [dibao_rural、dibao_urban] 与 dibao = false 矛盾"),
    "all parts one by one": ("tekun = true, tekun_rural = false, tekun_urban = false",
        "tekun = true 与 tekun_rural = false、tekun_urban = false 矛盾"),
    "county elsewhere": ('hukou_county = ["620123"], hukou_province = ["63"]',
        "户口所在县（hukou_county）不在户口所在省（hukou_province）里"),
    "another province": ('hukou_county = ["620123"], school_province = ["63"], same_province = true',
        "户口和学校所在省不同，与 same_province = true 矛盾"),
    "the same province": ('hukou_province = ["62"], school_county = ["620123"], same_province = false',
        "户口和学校所在省相同，与 same_province = false 矛盾"),
    "determined": ('determination = ["hard"], determined_poor = false',
        "determination = [hard] 的学生都是认定困难的，与 determined_poor = false 矛盾"),
    "not determined": ('determination = ["none"], determined_poor = true',
        "determined_poor = true 与 determination = [none] 矛盾"),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_conditions_nobody_can_meet(case: str):
    entries, reason = CONTRADICTIONS[case]
    told = [one for one in found(changed(*when(f'stage = ["senior"], {entries}'))) if one[0] != "determined_none"]
    assert told == [("contradiction", 13, f"没有学生能同时符合这些条件：{reason}。")]


@pytest.mark.parametrize(
    "entries",
    [
        'any = ["dibao_rural", "orphan"], dibao = false',
        "poor_family = true, registered_poor = false",
        'hukou_county = ["620123"], same_province = false, school_province = ["62", "63"]',
        'determination = ["hard", "none"], determined_poor = true',
        "any_category = false, determined_poor = true",
    ],
)
def test_conditions_somebody_can_meet(entries: str):
    assert "contradiction" not in [code for code, _, _ in found(changed(*when(f'stage = ["senior"], {entries}')))]


# ---------- amounts over time ----------


def dated(*values: str, head: str = CLEAN) -> str:
    """The pack with these values, the first on line 15, and no note."""
    text = changed('note = "每学年 2500 元。"', 'reading = ""', head)
    return changed(VALUE, "\n".join(f"    {{ {value}, yuan = \"{n}.00\" }}," for n, value in enumerate(values, 1)), text)


TWO = CLEAN.replace('["senior"]', '["primary", "junior"]')


def test_a_stage_that_begins_later_than_the_others_leaves_a_gap():
    values = ('from = 2018-09-01, stage = "primary"', 'from = 2019-03-01, stage = "junior"')
    assert found(dated(*values, head=TWO)) == [
        ("date_gap", 16, "初中从2018-09-01到 2019-03-01 没有金额；请补上这段时间的一条，或把这一条的起始日期提前。")
    ]
    assert found(dated(*values[:1], 'from = 2018-10-08, stage = "junior"', head=TWO))[0][0] == "date_gap"
    assert found(dated(*values[:1], 'from = 2018-09-01, stage = "junior"', head=TWO)) == []
    # Within the summer no term begins, so that nobody goes without.
    assert [code for code, _, _ in found(dated(values[0], 'from = 2018-08-01, stage = "junior"', head=TWO))] == ["mid_term"]


def test_a_rule_whose_amounts_begin_late_should_say_so():
    late = dated("from = 2019-09-01", "from = 2020-09-01")
    said = "规则从 2018-09-01 起执行，金额从 2019-09-01 才有，这之前没有人享受；确实如此请在规则里写 from = 2019-09-01。"
    assert lint(late, term=None) == [Finding("starts_late", "warning", 15, "t-grant", said)]
    assert found(changed('clause = "第一条"', 'clause = "第一条"\nfrom = 2019-09-01', late)) == []


def test_a_pack_without_a_first_day():
    undated = changed("first_day = 2018-09-01\n", "\n", CLEAN)
    assert found(undated) == []
    said = "政策包没有首日（first_day），金额从 2019-09-01 才有，采用得更早的这之前没有金额；请写 first_day 或规则的 from。"
    assert found(dated("from = 2019-09-01", head=undated)) == [("no_first_day", 15, said)]
    mixed = dated('stage = "primary"', 'from = 2019-09-01, stage = "junior"', head=TWO.replace("first_day = 2018-09-01", ""))
    assert found(mixed) == [
        ("date_gap", 16, "初中从采用之日到 2019-09-01 没有金额；请补上这段时间的一条，或把这一条的起始日期提前。")
    ]


def test_a_start_within_a_term_waits_for_the_next():
    said = "2019-10-01 不是学期第一天，要到 2020-03-01 才用上；请写成 9 月 1 日或 3 月 1 日。"
    assert found(dated('grade = 1', "from = 2019-10-01")) == [("mid_term", 16, said)]


def test_two_amounts_that_fit_the_same_student():
    more = '\n    { grade = 1, yuan = "2500.00" },\n    { when = { boarding = true }, yuan = "2600.00" },'
    either = changed(VALUE, VALUE + more)
    text = changed("每学年 2500 元", "每学年 2500 元、2600 元", either)
    said = "有学生同时符合 2500.00 元和 2600.00 元两条，系统只按先写的给；请把条件分开。"
    assert found(text) == [("either_amount", 17, said)]
    assert found(changed("grade = 1,", "when = { boarding = false },", text)) == []


def test_figures_of_the_clause_no_amount_has():
    text = changed("每学年 2500 元。", "2018 年起全年 200 天，每学年 1 万元、2,500.00 元。")
    assert found(text) == [("note_without_amount", 12, "条款要点里的 10000 元 没有一条金额用到；请核对是否漏写了金额。")]
    assert found(changed("每学年 2500 元。", "按国家标准。")) == []


def test_only_those_determined_not_poor():
    said = "这里只给认定为“不困难”的学生，没有认定过的都不算；要的是没有认定困难的，请写 determined_poor = false。"
    assert found(changed(*when('stage = ["senior"], determination = ["none"]'))) == [("determined_none", 13, said)]


# ---------- rules side by side ----------


def tie(*changes: tuple[str, str], second: str = SECOND) -> list[tuple[str, int]]:
    for old, new in changes:
        second = changed(old, new, second)
    return [(code, line) for code, line, _ in found(CLEAN + second)]


def test_two_rules_of_one_benefit_that_chance_would_choose_between():
    [one] = lint(CLEAN + SECOND, term=None)
    assert (one.code, one.severity, one.line, one.rule) == ("equal_standing", "error", 19, "t-second")
    assert one.message == (
        "与规则 t-grant 分不出先后：同一资助项目、优先顺序都是 100、金额相同，又会有学生两条都符合；"
        "请把条件分开，或给其中一条写不同的 priority。"
    )


YUAN_OF_SECOND = 'kind = "fixed", period = "school_year", values = [{ yuan = "2500.00" }]'
APART = {
    "another amount": [('"2500.00"', '"2500.02"')],
    "another benefit": [('"senior-grant"', '"senior-topup"')],
    "another priority": [('clause = "第二条"', 'clause = "第二条"\npriority = 90')],
    "another stage": [('["senior"]', '["junior"]')],
    "not both": [('["disabled"]', '["disabled"], any_category = false, determined_poor = true')],
    "nothing in money": [(YUAN_OF_SECOND, 'kind = "none", period = "term"')],
    "decided one by one": [(YUAN_OF_SECOND, 'kind = "discretionary", period = "term"')],
    "more for those who meet both": [
        (YUAN_OF_SECOND, 'kind = "fixed", period = "school_year", values = [{ yuan = "2500.00" }, '
                         '{ yuan = "2600.00", when = { registered_poor = true } }]')],
}  # fmt: skip


@pytest.mark.parametrize("case", APART)
def test_rules_that_can_be_told_apart(case: str):
    assert "equal_standing" not in dict(tie(*APART[case])), case


EQUAL = {
    "an odd fen apart, which autumn rounds down": [('"2500.00"', '"2500.01"')],
    "the same a term": [(YUAN_OF_SECOND, 'kind = "fixed", period = "term", values = [{ yuan = "1250.00" }]')],
    "later": [(YUAN_OF_SECOND, 'kind = "ceiling", period = "school_year", values = [{ yuan = "1.00" }, '
                               '{ from = 2021-09-01, yuan = "2500.00" }]')],
    "by the day": [(YUAN_OF_SECOND, 'kind = "per_day", days = 200, period = "school_year", values = [{ yuan = "12.50" }]')],
}  # fmt: skip


@pytest.mark.parametrize("case", EQUAL)
def test_amounts_that_are_equal_in_some_term(case: str):
    assert tie(*EQUAL[case]) == [("equal_standing", 19)]


@pytest.mark.parametrize("amount", ['kind = "school_fee"', 'kind = "none"', 'kind = "fixed", county = true'])
def test_two_rules_by_the_same_unknown_amount(amount: str):
    rule = SECOND.replace(YUAN_OF_SECOND, f'{amount}, period = "school_year"')
    assert tie(second=rule + rule.replace("t-second", "t-third")) == [("equal_standing", 27)]


# ---------- many at once ----------


def test_one_pass_finds_them_all_even_around_a_part_that_is_no_toml():
    text = changed("first_day", "firstday")
    text = changed(WHEN, 'when = { stage = ["senior"], poor = true, boarding = 1 }', text)
    text = changed('"2500.00"', "2500", text)
    broken = SECOND.replace('clause = "第二条"', 'clause = "第二条')
    third = SECOND.replace("t-second", "t-third").replace("any =", "boarding = true, any_of =").replace('"第二条"', '""')
    told = found(text + broken + third)
    assert [(code, line) for code, line, _ in told] == [
        ("unknown_key", 5), ("unknown_fact", 13), ("wrong_type", 13), ("bad_amount", 15), ("toml", 22),
        ("bad_value", 29), ("bad_value", 30), ("unknown_fact", 31),
    ]  # fmt: skip


def test_a_code_written_twice_and_what_is_no_pack():
    assert found(CLEAN + SECOND.replace("t-second", "t-grant"))[0] == (
        "duplicate_code", 19, "规则 t-grant 写了两次，代码不能重复。"
    )  # fmt: skip
    assert found("") == [("no_pack", 1, "政策包要有一个 [pack] 和至少一条 [[rule]]。")]
    assert [code for code, _, _ in found("x = " + "[" * 5000)] == ["toml"]
    assert [code for code, _, _ in found(CLEAN + "\n[pack]\ncode = 'again'\n")] == ["toml"]


def test_reading_refuses_with_the_first_of_them():
    with pytest.raises(PackError) as refused:
        read(changed("registered_poor", "poor"))
    problem = refused.value
    assert (problem.code, problem.line, problem.rule) == ("unknown_fact", 13, "t-grant")
    assert str(problem) == f"规则 t-grant：{problem.said}"


def test_publishing_can_stop_at_the_first_error_and_says_how_many_more():
    stop_at_errors(CLEAN, term=AUTUMN)
    stop_at_errors(changed("每学年 2500 元。", "2500 元，原来 2000 元。"))  # a warning stops nothing
    text = changed("registered_poor", "poor", changed('"2500.00"', '"2500.001"'))
    with pytest.raises(PackError) as refused:
        stop_at_errors(text)
    assert str(refused.value).startswith("规则 t-grant：不认识的条件“poor”")
    assert str(refused.value).endswith("（第 13 行；另有 1 处错误）。")


def test_every_kind_of_finding_is_proven_here():
    folder = Path(settings.PROJECT) / "subsidies"
    code = "".join((folder / f"{name}.py").read_text(encoding="utf-8")
                   for name in ("conditions", "packtext", "packwords", "packchecks", "lint"))  # fmt: skip
    kinds = set(re.findall(r'\b(?:code|else)(?:: str)?,? ?=? ?"([a-z_]+)"', code)) | set(re.findall(r'Issue\("([a-z_]+)"', code))
    kinds |= set(re.findall(r'Finding\("([a-z_]+)"', code)) | set(re.findall(r'code, said = "([a-z_]+)"', code))
    here = Path(__file__).read_text(encoding="utf-8")
    assert len(kinds) > 25
    assert sorted(kind for kind in kinds if f'"{kind}"' not in here) == []


# ---------- lines ----------


def leaves(value: Any, path: tuple = ()) -> Iterator[tuple]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key)
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for n, inner in enumerate(value):
            yield from leaves(inner, (*path, n))


@pytest.mark.parametrize("name", shipped_packs())
def test_every_key_of_a_pack_stands_on_its_line(name: str):
    text = (PACKS / f"{name}.toml").read_text(encoding="utf-8")
    lines, rows = Lines(text), text.split("\n")
    for path in leaves(tomllib.loads(text)):
        if path != ("rule",):
            assert re.search(rf"\b{path[-1]}\b", rows[lines.found[path] - 1]), path


def test_lines_of_what_toml_allows():
    text = '# [[rule]]\r\n[pack]\r\nintro = """\n[[rule]]\n""" # x\n"a b".c = 1.5\n'
    text += "\n[[rule]]\nx = [ # ]\n 1,\n { y = '}' },\n]\n"
    text += '[rule.amount]\nvalues = [\n\n  {z="\\"]"}]\n[[rule]]\n[[rule.part]]\n[[rule.part]]\nq = 2018-09-01 08:00:00\n'
    found, lines = tomllib.loads(text), Lines(text)
    assert found["rule"][1]["part"][1]["q"].hour == 8
    of = {path: lines.of(path) for path in (
        ("pack", "intro"), ("pack", "a b", "c"), ("rule", 0, "x"), ("rule", 0, "x", 1, "y"), ("rule", 0, "amount"),
        ("rule", 0, "amount", "values", 0, "z"), ("rule", 1), ("rule", 1, "part", 1, "q"), ("rule", 1, "nothing", 7), ("no",),
    )}  # fmt: skip
    assert list(of.values()) == [3, 6, 9, 11, 13, 16, 17, 20, 17, 1]


TEXTS = {name: (PACKS / f"{name}.toml").read_text(encoding="utf-8") for name in shipped_packs()}
LINES = sorted({line for text in TEXTS.values() for line in text.split("\n")})
ODD = ["]", "[[rule]]", '"""', "[pack]", "amount = 1", "when = [1]", 'x = "\\u0000"', "[rule.amount]", "= 1", "\x00", "[[pack]]",
       "amount.values = [1]", "[rule.when]", 'stage = ["special_education"]', "age = [99999999999999999999]"]  # fmt: skip
EDIT = st.tuples(st.sampled_from(["delete", "insert", "replace", "cut"]), st.integers(0, 400),
                 st.one_of(st.sampled_from(LINES + ODD), st.text(max_size=30)))  # fmt: skip


@hypothesis(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(TEXTS)), edits=st.lists(EDIT, min_size=1, max_size=6))
def test_no_text_makes_it_fail(name: str, edits: list[tuple[str, int, str]]):
    rows = TEXTS[name].split("\n")
    for what, at, line in edits:
        at %= len(rows) + 1
        match what:
            case "delete":
                del rows[at : at + 1]
            case "insert":
                rows.insert(at, line)
            case "replace":
                rows[at : at + 1] = [line]
            case "cut":
                rows[at : at + 1] = [rows[at][: len(rows[at]) // 2]] if at < len(rows) else []
    text = "\n".join(rows)
    told = lint(text, term=AUTUMN)
    assert [one.line for one in told] == sorted(one.line for one in told)
    assert all(0 < one.line <= len(text.split("\n")) and one.message.endswith("。") for one in told)
    # What has no error can be read, and what can't be read has one.
    assert bool(parse(text).problems) <= any(one.severity == "error" for one in told)


# ---------- the students there are ----------


def pupils(number: int, poor: int, place: str = "620123100") -> None:
    school = make.school(place=place, stages=(Stage.SENIOR,))
    for n in range(number):
        categories = ("registered_poor",) if n < poor else ()
        make.student(at=school, stage=Stage.SENIOR, grade=1, home=place[:9], categories=categories)


def judged(text: str = CLEAN, path: str = "/", term: Term = AUTUMN) -> list[tuple[str, str, int, str]]:
    return [(one.code, one.severity, one.line, one.message) for one in lint(text, term=term, path=path)]


def test_without_students_nothing_is_counted():
    said = "2018—2019学年秋季学期没有这些学段的在读学生，人数没有核对。"
    assert judged() == [("no_students", "warning", 1, said)]


def test_a_rule_that_matches_nobody_or_nearly_everybody():
    pupils(100, poor=0)
    who = "2018—2019学年秋季学期普通高中在读学生 100 人"
    assert judged() == [("matches_nobody", "error", 13, f"{who}，没有一人符合；请核对条件。")]
    everybody = changed("registered_poor = true", "registered_poor = false")
    said = f"{who}，100 人符合（100.0%），超过 95%；人人都有的请写 universal = true，不是就核对条件。"
    assert judged(everybody) == [("matches_nearly_all", "error", 13, said)]
    assert judged(changed('clause = "第一条"', 'clause = "第一条"\nuniversal = true', everybody)) == []
    # A scholarship is open to all and granted to few.
    decided = everybody[: everybody.index("amount")] + 'amount = { kind = "discretionary", period = "term" }\n'
    assert judged(decided) == []
    assert [code for code, *_ in judged(changed("每学年 2500 元。", "2600 元"))] == [
        "note_without_amount", "matches_nobody", "amount_not_in_note",
    ]  # fmt: skip


def test_of_fewer_than_a_hundred_it_is_a_warning():
    pupils(99, poor=0)
    [(code, severity, _, said)] = judged()
    assert (code, severity, said[-16:]) == ("matches_nobody", "warning", "（不到 100 人，只作提醒）。")


def test_95_in_a_hundred_are_not_nearly_all():
    pupils(100, poor=95)
    assert judged() == []
    pupils(1, poor=1)
    assert [one[:2] for one in judged()] == [("matches_nearly_all", "error")]


def test_only_where_the_pack_is_adopted_or_the_draft_is_looked_at():
    pupils(3, poor=1)
    pupils(2, poor=0, place="620402")
    assert judged() == []
    assert "在读学生 2 人" in judged(path=make.region("6204").path)[0][3]
    publish(CLEAN)
    adopt_pack("test", region=make.region("6204"))
    assert "在读学生 2 人" in judged(path=make.region("6201").path)[0][3]
    assert [code for code, *_ in judged(term=Term(2018, "spring"))] == ["no_students"]
    with acting_in(Scope(make.region("620123").path)):
        assert [code for code, *_ in judged()] == ["no_students"]


def test_a_rule_that_begins_later_is_judged_by_its_first_amounts():
    pupils(2, poor=1)
    later = dated("from = 2030-09-01, grade = 2").replace("2018-09-01", "2030-09-01")
    assert [code for code, *_ in judged(later)] == ["matches_nobody"]
    assert judged(later.replace("grade = 2", "grade = 1")) == []


def test_a_college_rule_goes_by_the_household():
    school = make.school(place="510104", stages=(Stage.UNDERGRADUATE,))
    make.student(at=school, stage=Stage.UNDERGRADUATE, grade=1, categories=("registered_poor",))
    make.student(at=school, stage=Stage.UNDERGRADUATE, grade=1)
    college = changed('["senior"]', '["undergraduate"]')
    assert judged(college, path=make.region("6201").path) == []
    assert [code for code, *_ in judged(college, path=make.region("51").path)] == ["no_students"]


# ---------- the command ----------


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("lint_pack", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_tells_every_finding_and_changes_nothing(tmp_path: Path):
    file = tmp_path / "pack.toml"
    file.write_text(changed('"2500.00"', '"2050.00"'), encoding="utf-8")
    result = json.loads(command(str(file), "--term", "2018-autumn", "--region", "620123", "--json").splitlines()[-1])
    assert (result["errors"], result["warnings"]) == (0, 3)
    assert [sorted(one) for one in result["findings"]] == [["code", "line", "message", "rule", "severity"]] * 3
    assert [one["code"] for one in result["findings"]] == ["no_students", "note_without_amount", "amount_not_in_note"]
    assert not RulePack.objects.filter(code="test").exists()
    assert AuditEvent.objects.filter(action="command.lint_pack", data__errors=0).count() == 1
    lines = command(str(file)).splitlines()
    assert lines[-1] == "0 处错误，2 处提醒。"
    assert lines[0] == "提醒 第 12 行，规则 t-grant：条款要点里的 2500 元 没有一条金额用到；请核对是否漏写了金额。"


def test_the_command_refuses_in_a_sentence(tmp_path: Path):
    with pytest.raises(CommandError, match=r"^找不到文件 .*none\.toml。$"):
        command(str(tmp_path / "none.toml"))
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandError, match="UTF-8"):
        command(str(tmp_path / "bad.toml"))
    with pytest.raises(CommandError, match="2018-autumn"):
        command(str(tmp_path / "bad.toml"), "--term", "autumn")
