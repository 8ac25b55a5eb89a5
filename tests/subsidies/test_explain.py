"""Why and why not: the values seen, the arithmetic, and the smallest sets of facts that would change the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations

import pytest
from django.db import transaction

from aidcases.models import SchoolFee
from aidcases.terms import Term
from students.enums import Category, Stage
from students.models import Enrolment, Student
from subsidies.actions import adopt_pack, publish
from subsidies.explain import Explained, explain
from tests import make

AUTUMN, SPRING = Term(2018, "autumn"), Term(2019, "spring")
pytestmark = pytest.mark.usefixtures("db", "everywhere")


@pytest.fixture(autouse=True)
def _lanzhou(db: None, everywhere: None) -> None:
    make.adopt_lanzhou()


def child(
    stage: str = Stage.PRIMARY, *, place: str = "620123100", fee: str | None = "625.01", **more: object
) -> Student:
    return make.student(at=make.school(place=place, stages=(stage,), fee=fee), stage=stage, home="620123100201", **more)


def told(who: Student, rule: str, term: Term = AUTUMN) -> Explained:
    return next(one for one in explain(who, term) if one.rule.code == rule)


def seen(one: Explained) -> dict[str, tuple[bool, str]]:
    return {each.label: (each.holds, each.value) for each in one.conditions}


# ---------- evidence ----------


def test_every_condition_is_shown_with_the_value_it_saw():
    who = child(boarding=True, categories=(Category.DIBAO_RURAL, Category.ORPHAN, Category.DISABLED))
    one = told(who, "lz-compulsory-boarding")
    assert one.granted
    assert seen(one) == {
        "学校所在地采用本政策（兰州市）": (True, "甘肃省兰州市榆中县"),
        "学段：小学、初中": (True, "小学"),
        "寄宿": (True, "寄宿"),
        "贫困家庭（建档立卡、低保、特困、孤儿、认定困难之一）": (True, "农村低保、孤儿"),
    }
    assert (one.missing, one.shown_by, one.outbid_by, one.missing_figure) == ([], [], "", "")


def test_a_condition_that_fails_shows_what_is_there_instead():
    one = told(child(Stage.SENIOR, categories=(Category.DIBAO_URBAN,)), "lz-compulsory-boarding")
    assert not one.eligible
    assert seen(one) == {
        "学校所在地采用本政策（兰州市）": (True, "甘肃省兰州市榆中县"),
        "学段：小学、初中": (False, "普通高中"),
        "寄宿": (False, "否"),
        "贫困家庭（建档立卡、低保、特困、孤儿、认定困难之一）": (True, "城市低保"),
    }


def test_a_division_is_called_by_its_name_and_an_unknown_one_is_not_invented():
    who = child(Stage.PRESCHOOL)
    assert seen(told(who, "lz-preschool-fee"))["户口所在省：甘肃省"] == (True, "甘肃省")
    Enrolment.objects.update(hukou_region=None)
    type(who.person).objects.update(hukou_region=None)
    assert seen(told(who, "lz-preschool-fee"))["户口所在省：甘肃省"] == (False, "未填")


@pytest.mark.parametrize(
    ("stage", "rule", "term", "amount", "words"),
    [
        (Stage.PRESCHOOL, "lz-preschool-fee", AUTUMN, "500.00", "1,000.00 元/学年 ÷ 2 = 500.00 元（秋季学期）"),
        (Stage.PRESCHOOL, "lz-preschool-fee", SPRING, "500.00", "1,000.00 元/学年 ÷ 2 = 500.00 元（春季学期）"),
        (Stage.SENIOR, "lz-senior-grant", AUTUMN, "1000.00", "不低于 2,000.00 元/学年 ÷ 2 = 1,000.00 元（秋季学期）"),
        (Stage.SENIOR, "lz-senior-fee", AUTUMN, "312.50", "学校收费标准 625.01 元/学年 ÷ 2 = 312.50 元"),
        (Stage.SENIOR, "lz-senior-fee", SPRING, "312.51", "学校收费标准 625.01 元/学年 ÷ 2 = 312.51 元"),
        (Stage.UNDERGRADUATE, "lz-loan", AUTUMN, "8000.00", "不高于 8,000.00 元/学年，一次计在秋季"),
        (Stage.UNDERGRADUATE, "lz-zihui", AUTUMN, "500.00", "500.00 元，入学当年一次"),
        (Stage.PRIMARY, "lz-compulsory-fee", AUTUMN, None, "免费或实物，不计金额"),
    ],
)
def test_the_arithmetic_is_told_in_words(stage: str, rule: str, term: Term, amount: str | None, words: str):
    one = told(child(stage, term=term.code, grade=1, categories=(Category.REGISTERED_POOR,)), rule, term)
    assert (one.granted, one.amount if amount is None else str(one.amount), one.arithmetic) == (True, amount, words)


def test_a_missing_figure_is_named_and_no_amount_invented():
    one = told(child(Stage.SENIOR, fee=None, categories=(Category.DISABLED,)), "lz-senior-fee")
    assert (one.eligible, one.granted, one.amount) == (True, False, None)
    assert one.missing_figure == "学校收费标准（元/年）"
    assert one.arithmetic == "还没有填学校收费标准（元/年），填了才知道金额"


def test_what_is_paid_in_autumn_is_explained_in_spring():
    who = child(Stage.UNDERGRADUATE, term=SPRING.code, grade=1, categories=(Category.DIBAO_RURAL,))
    one = told(who, "lz-loan", SPRING)
    assert not one.eligible
    assert one.missing == [["本项目计在秋季学期"]]


def test_before_the_amount_begins_the_explanation_says_so():
    adopt_pack("lanzhou", region=make.region("6201"), from_on=Term(2017, "autumn").first_day)
    who = child(term="2017-autumn", categories=(Category.REGISTERED_POOR,))
    one = told(who, "lz-compulsory-boarding", Term(2017, "autumn"))
    assert one.missing == [["寄宿：是", "本学期有执行标准"]]


def test_who_is_not_enrolled_has_nothing_to_be_explained():
    assert explain(child(), SPRING) == []


def test_every_rule_is_answered_in_the_packs_order_and_as_json():
    answers = [one.as_dict() for one in explain(child(categories=(Category.REGISTERED_POOR,)), AUTUMN)]
    assert [answer["rule"] for answer in answers][:4] == [
        "lz-preschool-fee", "lz-preschool-poor", "lz-compulsory-fee", "lz-compulsory-textbook",
    ]  # fmt: skip
    assert len(answers) == 13
    answer = next(each for each in json.loads(json.dumps(answers)) if each["rule"] == "lz-compulsory-boarding")
    assert answer["pack"] == "lanzhou@1"
    assert (answer["eligible"], answer["granted"], answer["amount"]) == ("no", "no", None)
    assert (answer["document"], answer["clause"]) == ("兰州市教育脱贫攻坚实施方案", "四（三）2 义务教育（三免一补）")
    assert answer["missing_facts"] == [["寄宿：是"]]
    assert answer["shown_by"] == ["学籍“就读方式”"]


def test_one_statement_asks_the_facts_and_a_few_the_packs(django_assert_num_queries: Callable):
    who = child(categories=(Category.REGISTERED_POOR,))
    explain(who, AUTUMN)  # names of divisions are looked up once a process
    for number in range(3):
        publish(ANOTHER.format(code=number, when=""))
        adopt_pack(f"another-{number}", region=make.region("6201"))
    with django_assert_num_queries(5) as queries:
        assert len(explain(who, AUTUMN)) == 16
    assert sum("facts" in query["sql"] for query in queries.captured_queries) == 1


# ---------- the smallest sets of missing facts ----------

ANOTHER = """
[pack]
code = "another-{code}"
title = "另一份文件"
document = "另一份文件"
first_day = 2018-09-01

[[rule]]
code = "another-{code}"
benefit = "senior-grant"
title = "另一份文件的资助"
clause = "一"
when = {{ stage = ["primary", "senior"]{when} }}
amount = {{ kind = "fixed", period = "term", values = [{{ yuan = "1.00" }}] }}
"""


def become(who: Student, fact: str) -> None:
    """Makes one fact of an explanation true, as an office would."""
    enrolment = who.enrolments.get()
    label, _, wanted = fact.partition("：")
    categories = {category.label: category for category in Category}
    if label in categories and wanted == "是":
        make.hardship(who.person, categories[label])
        return
    if label == "认定为家庭经济困难":
        make.determination(enrolment)
        return
    if fact == "学校所在省：甘肃省" or label.startswith("学校所在地"):
        enrolment.school = make.school(place="620123100", fee="800")
        enrolment.school_path = enrolment.school.path
    elif label == "学段":
        enrolment.stage = {stage.label: stage for stage in Stage}[wanted.split("、")[0]]
    elif label.startswith("不是"):
        setattr(enrolment, {"不是寄宿": "boarding", "不是农业户口": "rural_hukou"}[label], False)
    elif label == "年级":
        enrolment.grade = int(wanted[0])
    else:
        field, value = {"寄宿：是": ("boarding", True), "本学年新生：是": ("grade", 1)}[fact]
        setattr(enrolment, field, value)
    enrolment.save()


def after(who: Student, facts: tuple[str, ...], rule: str) -> bool:
    """Whether the rule grants something once these facts hold; everything is taken back."""
    with transaction.atomic():
        for fact in facts:
            become(who, fact)
        granted = told(who, rule).granted
        transaction.set_rollback(True)
    return granted


def assert_smallest(who: Student, rule: str) -> list[list[str]]:
    """Exactly these facts change the answer, and no proper part of them does."""
    one = told(who, rule)
    assert not one.eligible
    assert one.missing
    for facts in one.missing:
        assert after(who, tuple(facts), rule), facts
        for size in range(len(facts)):
            for part in combinations(facts, size):
                assert not after(who, part, rule), part
    return one.missing


FOUR = ["建档立卡（脱贫户）：是", "残疾：是", "农村低保：是", "农村特困供养：是"]
POOR = [f"{Category(c).label}：是" for c in (
    "registered_poor", "dibao_rural", "dibao_urban", "tekun_rural", "tekun_urban", "orphan")] + [
    "认定为家庭经济困难：是"]  # fmt: skip


def test_any_of_several_lists_would_do():
    assert assert_smallest(child(Stage.SENIOR), "lz-senior-fee") == [[fact] for fact in FOUR]
    assert assert_smallest(child(Stage.SECONDARY_VOCATIONAL), "lz-vocational-grant") == [[fact] for fact in POOR]


def test_two_conditions_are_both_needed():
    assert assert_smallest(child(), "lz-compulsory-boarding") == [["寄宿：是", fact] for fact in POOR]


def test_what_holds_already_is_not_asked_for():
    assert assert_smallest(child(boarding=True), "lz-compulsory-boarding") == [[fact] for fact in POOR]
    poor = child(categories=(Category.TEKUN_URBAN,))
    assert assert_smallest(poor, "lz-compulsory-boarding") == [["寄宿：是"]]
    assert told(poor, "lz-compulsory-boarding").shown_by == ["学籍“就读方式”"]


def test_the_stage_and_the_place_are_asked_for_too():
    who = child(Stage.SENIOR, categories=(Category.DIBAO_URBAN,))
    assert assert_smallest(who, "lz-compulsory-boarding") == [["学段：小学、初中", "寄宿：是"]]
    assert assert_smallest(child(place="620402"), "lz-compulsory-fee") == [["学校所在地采用本政策（兰州市）"]]
    far = child(Stage.HIGHER_VOCATIONAL, place="510104", grade=2)
    assert assert_smallest(far, "lz-college-fee") == [["学校所在省：甘肃省", "建档立卡（脱贫户）：是"]]
    assert assert_smallest(far, "lz-zihui") == [["本学年新生：是", fact] for fact in POOR]


def another(when: str) -> str:
    publish(ANOTHER.format(code="x", when=when))
    adopt_pack("another-x", region=make.region("6201"))
    return "another-x"


def test_one_fact_may_meet_two_conditions():
    rule = another(', poor_family = true, any = ["disabled", "registered_poor", "dibao_rural"]')
    sets = {frozenset(facts) for facts in assert_smallest(child(), rule)}
    assert {frozenset({"建档立卡（脱贫户）：是"}), frozenset({"农村低保：是"})} <= sets
    assert frozenset({"残疾：是", "孤儿：是"}) in sets
    assert not [(one, other) for one in sets for other in sets if one < other]


def test_facts_that_can_be_changed_come_first():
    rule = another(', any = ["rural_hukou", "disabled", "boarding"]')
    who = child()
    Enrolment.objects.filter(student=who).update(rural_hukou=False)
    assert told(who, rule).missing == [["残疾：是"], ["寄宿：是"], ["农业户口：是"]]


def test_a_fact_that_must_not_be_so():
    rule = another(", boarding = false, rural_hukou = false, registered_poor = true")
    who = child(boarding=True)
    assert seen(told(who, rule))["不是寄宿"] == (False, "寄宿")
    assert assert_smallest(who, rule) == [["不是寄宿", "不是农业户口", "建档立卡（脱贫户）：是"]]


def test_a_grade():
    assert assert_smallest(child(grade=4), another(", grade = [1, 2]")) == [["年级：1、2"]]


def test_an_amount_only_some_get():
    publish(
        ANOTHER.format(code="y", when="").replace('{ yuan = "1.00" }', '{ yuan = "1.00", when = { boarding = true } }')
    )
    adopt_pack("another-y", region=make.region("6201"))
    assert told(child(boarding=True), "another-y").granted
    one = told(child(), "another-y")
    assert one.missing == [["本学期有执行标准"]]
    make.recompute()
    assert make.entitled(child()) == {}


def test_the_amount_for_the_rest_may_stand_first():
    """Whatever the order in the document, what is paid and how it is told agree."""
    values = '{ yuan = "1.00" }, { stage = "primary", yuan = "2.00" }, { stage = "primary", grade = 1, yuan = "3.00" }'
    publish(ANOTHER.format(code="z", when="").replace('{ yuan = "1.00" }', values))
    adopt_pack("another-z", region=make.region("6201"))
    for stage, grade, amount in ((Stage.SENIOR, 1, "1.00"), (Stage.PRIMARY, 2, "2.00"), (Stage.PRIMARY, 1, "3.00")):
        who = child(stage, grade=grade)
        one = told(who, "another-z")
        make.recompute()
        assert (str(one.amount), one.arithmetic) == (amount, f"{amount} 元/学期")
        assert make.entitled(who)["another-z"] == amount


def test_of_several_amounts_the_one_used_is_named_with_the_fact_that_decides():
    """滋蕙: 500 where school and registered residence lie in one province, 1000 elsewhere."""
    college = {"stage": Stage.UNDERGRADUATE, "grade": 1, "categories": (Category.REGISTERED_POOR,)}
    near = told(child(**college), "lz-zihui")
    far = told(child(place="510107", **college), "lz-zihui")
    assert [(line.whom, line.arithmetic) for line in near.lines] == [
        ("学校与户口同省", "500.00 元，入学当年一次"), ("其他学生", "1,000.00 元，入学当年一次"),
    ]  # fmt: skip
    assert [[line.used for line in one.lines] for one in (near, far)] == [[True, False], [False, True]]
    assert [(each.label, each.value) for one in (near, far) for each in one.told_apart_by] == [
        ("学校与户口同省", "是"), ("学校与户口同省", "否"),
    ]  # fmt: skip


def test_a_stage_that_the_rule_asks_for_itself_is_not_told_twice():
    one = told(child(boarding=True, categories=(Category.REGISTERED_POOR,)), "lz-compulsory-boarding")
    assert [(line.whom, line.used) for line in one.lines] == [("小学", True), ("初中", False)]
    assert one.told_apart_by == []


def test_a_single_amount_is_told_once():
    one = told(child(Stage.SENIOR, categories=(Category.DISABLED,)), "lz-senior-fee")
    assert (one.granted, one.lines) == (True, [])


def test_setting_the_fee_is_all_that_is_missing_for_a_missing_figure():
    who = child(Stage.SECONDARY_VOCATIONAL, fee=None)
    assert not told(who, "lz-vocational-fee").granted
    SchoolFee.objects.create(school=who.enrolments.get().school, from_on=AUTUMN.first_day, annual_fee="0.01")
    one = told(who, "lz-vocational-fee")
    assert (one.granted, str(one.amount)) == (True, "0.00")
