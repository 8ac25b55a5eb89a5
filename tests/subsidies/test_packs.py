"""Policy documents as data: what publishing accepts, versions, adoption by region and day."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import Any

import pytest

from aidcases.models import AuditEvent
from aidcases.terms import Term
from students.enums import Stage
from subsidies.actions import PACKS, adopt_pack, load_pack, publish, shipped_packs
from subsidies.conditions import PackError
from subsidies.models import Benefit, PackAdoption, Rule, RulePack
from subsidies.rules import applied_rules
from tests import make

pytestmark = pytest.mark.usefixtures("db", "everywhere")

HEAD = """
[pack]
code = "test"
title = "试验政策"
document = "试验文件"
first_day = 2018-09-01
"""
RULE = """
[[rule]]
code = "t-grant"
benefit = "senior-grant"
title = "助学金"
clause = "第一条"
when = { stage = ["senior"], registered_poor = true }
amount = { kind = "fixed", period = "school_year", values = [{ yuan = "2500.00" }] }
"""


pytestmark = pytest.mark.usefixtures("everywhere", "db")


def changed(old: str, new: str, text: str = HEAD + RULE) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_a_good_pack_becomes_rows():
    pack, new = publish(HEAD + RULE)
    assert (new, pack.code, pack.version, pack.first_day, pack.priority) == (True, "test", 1, date(2018, 9, 1), 100)
    [rule] = pack.rules.all()
    assert (rule.code, rule.benefit.code, rule.clause, rule.priority) == ("t-grant", "senior-grant", "第一条", 100)
    assert rule.conditions == [["stage", ["senior"]], ["registered_poor", True]]
    assert rule.amounts == [{"yuan": "2500.00"}]
    assert (rule.jurisdiction, rule.claim, rule.delivery) == ("school", "automatic", "cash")
    event = AuditEvent.objects.filter(action="pack.published").latest("pk")
    assert event.data == {"code": "test", "version": 1, "sha256": pack.sha256}


AMOUNT = 'amount = { kind = "fixed", period = "school_year", values = [{ yuan = "2500.00" }] }'
WHEN = 'when = { stage = ["senior"], registered_poor = true }'

BAD = {
    "not toml": ('title = "助学金"', 'title = "助学金', "第 11 行"),
    "cut off": ('values = [{ yuan = "2500.00" }] }', 'values = [{ yuan = "2500.00" }]', "TOML"),
    "unknown fact": ("registered_poor", "registerd_poor", "不认识的条件“registerd_poor”"),
    "unknown flag of any": (WHEN, 'when = { any = ["poor"] }', "不认识的条件“poor”"),
    "any of no flag": (WHEN, 'when = { any = ["stage"] }', "any"),
    "any of nothing": (WHEN, "when = { any = [] }", "any"),
    "any not a list": (WHEN, 'when = { any = "disabled" }', "any"),
    "any of lists": (WHEN, 'when = { any = [["disabled"]] }', "不认识的条件"),
    "flag not a flag": ("registered_poor = true", 'registered_poor = "yes"', "true 或 false"),
    "choices not a list": ('stage = ["senior"]', 'stage = "senior"', "列表"),
    "no choices": ('stage = ["senior"]', "stage = []", "列表"),
    "unknown stage": ('stage = ["senior"]', 'stage = ["senoir"]', "没有“senoir”"),
    "code without quotes": ('stage = ["senior"]', "hukou_province = [62]", "带引号"),
    "grade as text": ('stage = ["senior"]', 'grade = ["1"]', "整数"),
    "grade as yes": ('stage = ["senior"]', "grade = [true]", "整数"),
    "when not a table": (WHEN, 'when = ["senior"]', "when"),
    "float": ('yuan = "2500.00"', "yuan = 2500.00", "带引号的元"),
    "integer": ('yuan = "2500.00"', "yuan = 2500", "带引号的元"),
    "negative": ('yuan = "2500.00"', 'yuan = "-1.00"', "不小于 0"),
    "half a fen": ('yuan = "2500.00"', 'yuan = "0.005"', "两位小数"),
    "not a number": ('yuan = "2500.00"', 'yuan = "NaN"', "带引号的元"),
    "more than the table holds": ('yuan = "2500.00"', 'yuan = "99999999999.00"', "带引号的元"),
    "no yuan": ('{ yuan = "2500.00" }', "{ stage = \"senior\" }", "缺少 yuan"),
    "amount for an unknown stage": ('yuan = "2500.00"', 'stage = "high", yuan = "2500.00"', "没有“high”"),
    "amount for a misspelt selector": ('yuan = "2500.00"', 'stages = ["senior"], yuan = "2500.00"', "stages"),
    "amount on an unknown fact": ('yuan = "2500.00"', 'when = { rich = true }, yuan = "2500.00"', "rich"),
    "amount from a text": ('yuan = "2500.00"', 'from = "2018-9-1", yuan = "2500.00"', "日期"),
    "amount from a moment": ('yuan = "2500.00"', 'from = 2018-09-01T08:00:00, yuan = "2500.00"', "日期"),
    "no amount": (AMOUNT, 'amount = { kind = "fixed", period = "school_year" }', "没有写金额"),
    "amount of a fee": ('kind = "fixed"', 'kind = "school_fee"', "不能再写金额"),
    "unknown kind": ('kind = "fixed"', 'kind = "fixd"', "金额方式"),
    "unknown period": ('period = "school_year"', 'period = "yearly"', "发放周期"),
    "amount not a table": (AMOUNT, 'amount = "2500.00"', "表"),
    "missing clause": ('clause = "第一条"\n', "", "缺少 clause"),
    "empty clause": ('clause = "第一条"', 'clause = ""', "条款"),
    "missing when": (WHEN + "\n", "", "缺少 when"),
    "unknown benefit": ('"senior-grant"', '"senior-grants"', "没有资助项目“senior-grants”"),
    "benefit not a code": ('"senior-grant"', '["senior-grant"]', "没有资助项目"),
    "unknown delivery": ('clause = "第一条"', 'clause = "第一条"\ndelivery = "by post"', "发放方式"),
    "misspelt word": ('clause = "第一条"', 'clause = "第一条"\njurisdction = "household"', "不认识 jurisdction"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_rule_is_refused_in_one_sentence_that_names_it(case: str):
    old, new, words = BAD[case]
    before = set(RulePack.objects.values_list("pk", flat=True))
    told = refusal(changed(old, new))
    assert words in told
    assert case in ("not toml", "cut off") or "规则 t-grant" in told
    assert set(RulePack.objects.values_list("pk", flat=True)) == before
    assert not Rule.objects.filter(code="t-grant").exists()


def refusal(text: str) -> str:
    """What the office is told: one sentence in Chinese, without the names of Python's things."""
    with pytest.raises(PackError) as refused:
        publish(text)
    told = str(refused.value)
    assert re.fullmatch(r"[^。]+。", told), told
    assert re.search("[一-鿿]", told)
    assert "Error" not in told
    return told


HEADS: dict[str, tuple[str, str, str]] = {
    "no code": ('code = "test"\n', "", "code"),
    "no document": ('document = "试验文件"\n', "", "document"),
    "first day as text": ("2018-09-01", '"2018-09-01"', "first_day"),
    "misspelt": ("first_day", "firstday", "firstday"),
    "title too long": ("试验政策", "长" * 81, "名称"),
    "priority a word": ('title = "试验政策"', 'title = "试验政策"\npriority = "high"', "priority"),
}


@pytest.mark.parametrize("case", HEADS)
def test_a_bad_head_is_refused_in_one_sentence(case: str):
    old, new, words = HEADS[case]
    assert words in refusal(changed(old, new, HEAD) + RULE)


@pytest.mark.parametrize(
    "text",
    ["", HEAD, RULE, "pack = 1\nrule = 2", HEAD + "[rule]\ncode = 1", HEAD.replace("[pack]", "[[pack]]") + RULE],
)
def test_what_is_no_pack_is_refused(text: str):
    assert "[pack]" in refusal(text)


def test_a_rule_that_is_no_table_is_counted():
    assert "规则 1：" in refusal("rule = [5]\n" + HEAD)


def test_a_code_is_used_once_in_a_pack():
    assert refusal(HEAD + RULE + RULE) == "规则 t-grant 写了两次，代码不能重复。"


def test_a_pack_that_is_not_there_names_those_that_are():
    with pytest.raises(PackError, match=r"没有叫“anywhere”的政策包，现有：.*lanzhou"):
        load_pack("anywhere")


# ---------- versions ----------


def test_the_same_text_twice_is_the_same_version():
    first, _ = publish(HEAD + RULE)
    again, new = publish(HEAD + RULE)
    assert (again, new) == (first, False)
    assert Rule.objects.filter(code="t-grant").count() == 1
    assert AuditEvent.objects.filter(action="pack.published", data__code="test").count() == 1


def test_a_changed_text_is_the_next_version_and_the_old_rows_stay():
    first, _ = publish(HEAD + RULE)
    [old] = first.rules.values()
    second, new = publish(changed("2500.00", "2600.00"))
    assert (new, second.version) == (True, 2)
    assert list(first.rules.values()) == [old]
    assert [rule.amounts for rule in second.rules.all()] == [[{"yuan": "2600.00"}]]
    adopt_pack("test", region=make.region("6201"))
    assert [each.rule.pack_id for each in applied_rules(Term(2018, "autumn"))] == [second.pk]


def test_going_back_to_an_earlier_text_is_a_version_of_its_own():
    publish(HEAD + RULE)
    publish(changed("2500.00", "2600.00"))
    third, new = publish(HEAD + RULE)
    assert (new, third.version) == (True, 3)


def test_a_new_version_changes_what_students_get_and_says_so():
    child = make.student(at=make.school(), stage=Stage.SENIOR, categories=("registered_poor",))
    publish(HEAD + RULE)
    adopt_pack("test", region=make.region("6201"))
    make.recompute()
    assert make.entitled(child) == {"t-grant": "1250.00"}
    publish(changed("2500.00", "2600.00"))
    counts = make.recompute(marked_only=True)  # nobody is marked: the rules say that everyone is concerned
    assert (counts["added"], counts["changed"], counts["withdrawn"]) == (0, 1, 0)
    assert make.entitled(child) == {"t-grant": "1300.00"}


def test_every_shipped_pack_loads_and_none_has_a_float():
    for name in shipped_packs():
        pack, _ = load_pack(name)
        assert pack.rules.exists()
        assert not floats(tomllib.loads((PACKS / f"{name}.toml").read_text(encoding="utf-8")))


def floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [found for each in value for found in floats(each)]
    return [value] if isinstance(value, float) else []


def test_a_college_rule_goes_by_the_household_unless_it_says_otherwise():
    college = changed('stage = ["senior"]', 'stage = ["higher_vocational", "undergraduate"]')
    mixed = changed('stage = ["senior"]', 'stage = ["senior", "undergraduate"]')
    said = changed('clause = "第一条"', 'clause = "第一条"\njurisdiction = "school"', college)
    found = [publish(text)[0].rules.get().jurisdiction for text in (college, mixed, said)]
    assert found == ["household", "school", "school"]


# ---------- adoption ----------


def in_force(day: date) -> list[str]:
    return [adoption.path for adoption in PackAdoption.objects.in_force_on(day).filter(pack_code="test")]


def test_adoption_starts_with_the_pack_and_ends_on_its_day():
    publish(HEAD + RULE)
    city = make.region("6201")
    assert adopt_pack("test", region=city).from_on == date(2018, 9, 1)
    adopt_pack("test", region=city, from_on=date(2020, 3, 1), active=False)
    assert in_force(date(2018, 8, 31)) == []
    assert in_force(date(2018, 9, 1)) == in_force(date(2020, 2, 29)) == [city.path]
    assert in_force(date(2020, 3, 1)) == in_force(date(2030, 1, 1)) == []
    adopt_pack("test", region=city, from_on=date(2021, 9, 1))
    assert in_force(date(2021, 9, 1)) == [city.path]


def test_regions_adopt_and_end_on_their_own():
    publish(HEAD + RULE)
    city, county = make.region("6201"), make.region("620123")
    adopt_pack("test", region=None)
    adopt_pack("test", region=city)
    adopt_pack("test", region=county)
    adopt_pack("test", region=city, from_on=date(2019, 3, 1), active=False)
    assert in_force(date(2018, 9, 1)) == ["/", city.path, county.path]
    assert in_force(date(2019, 3, 1)) == ["/", county.path]


def test_adopting_twice_is_one_adoption():
    publish(HEAD + RULE)
    first = adopt_pack("test", region=make.region("6201"))
    assert adopt_pack("test", region=make.region("6201")).pk == first.pk
    assert PackAdoption.objects.filter(pack_code="test").count() == 1


def test_a_pack_without_a_first_day_needs_one_to_be_adopted():
    publish(changed("first_day = 2018-09-01\n", ""))
    with pytest.raises(PackError, match="没有首日"):
        adopt_pack("test", region=make.region("6201"))
    assert adopt_pack("test", region=None, from_on=date(2019, 9, 1)).path == "/"


def test_only_a_loaded_pack_is_adopted():
    with pytest.raises(PackError, match="还没有载入"):
        adopt_pack("test", region=None)


def test_a_pack_adopted_everywhere_reaches_any_province():
    child = make.student(at=make.school(place="510104"), stage=Stage.SENIOR, home="510104")
    make.hardship(child.person)
    publish(HEAD + RULE)
    adopt_pack("test", region=None)
    make.recompute(under="51")
    assert make.entitled(child) == {"t-grant": "1250.00"}


def test_benefits_are_named_in_the_order_of_their_list():
    load_pack("lanzhou")
    names = tomllib.loads((PACKS / "benefits.toml").read_text(encoding="utf-8"))["benefits"]
    assert dict(Benefit.objects.order_by("order").values_list("code", "name")) == names
