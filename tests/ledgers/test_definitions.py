"""The two ledgers hold who they should, say what the rosters say, and tie to the database to the fen."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, Sum
from django.test.utils import CaptureQueriesContext

from aidcases.scoping import EVERYWHERE, Scope, acting_in
from ledgers.areas import Area, area_at, areas
from ledgers.definition import HIDDEN_PHONE, NOT_OURS, Listing, Summary
from ledgers.definitions import LEDGERS
from ledgers.definitions.aid_summary import CATEGORIES, OTHER
from ledgers.workbook import write_workbook
from students.enums import RosterKind, Stage
from students.facts import categories_in
from students.models import Enrolment, Guardian, Hardship, Household, RosterEntry, Student
from subsidies.models import Entitlement
from tests import make
from tests.ledgers.conftest import ActAs
from tests.ledgers.workbooks import values
from tests.personas import CANARY, TERM, World, compute

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"
POOR = f"{CANARY['620123']}贫生"
LISTED = (
    "序号 县区 乡镇 村 户编号 户主姓名 户主证件号码 学生姓名 性别 民族 证件号码 出生日期 与户主关系 户类型/脱贫属性 监测对象类型 "
    "风险是否消除 致贫原因 学段 年级 学校名称 学校标识码 全国学籍号 班级 就读方式 就读地 健康/残疾 残疾证号 在校状态 不在校原因 "
    "享受资助项目 本学期资助金额 联系人 联系电话 备注"
)


def register(path: str = HERE) -> Listing:
    [table] = LEDGERS["poverty-register"].tables(TERM, area_at(path))
    return table


def people(path: str = HERE) -> dict[str, dict[str, Any]]:
    """Rows by the student's name, cells by heading, as a page shows them."""
    table = register(path)
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, cells, strict=True)) for cells in table.first(1000)]
    assert len({row["学生姓名"] for row in rows}) == len(rows)
    return {row["学生姓名"]: row for row in rows}


def summary(path: str = HERE) -> list[Summary]:
    return LEDGERS["aid-summary"].tables(TERM, area_at(path))


def lines(table: Summary) -> dict[tuple[str, str], dict[str, Any]]:
    return {(line.cells["stage"], line.cells["benefit"]): dict(line.cells) for line in table.lines}


# --- poverty-register -------------------------------------------------------------------------------------------


def test_the_columns_are_those_of_the_form():
    with acting_in(EVERYWHERE):
        names = [column.name for column in LEDGERS["poverty-register"].tables(TERM, Area(HERE, "榆中县"))[0].columns]
    assert names == LISTED.split()


def test_a_poor_child_is_told_in_full(world: World, act_as: ActAs):
    household = Household.objects.get(path="/62/6201/620123/620123100/620123100201/")
    Household.objects.filter(pk=household.pk).update(
        exit_status="已脱贫", cause="因病", monitored="monitored_sudden", risk_cleared=False
    )
    student = world.here.students[0]
    Guardian(student=student, name="监护甲", relation="母亲").save()
    Guardian(student=student, name="监护乙", relation="父亲").save()
    with act_as("maker"):
        row = people()[POOR]
    assert {name: row[name] for name in row if row[name] not in ("", None)} == {
        "序号": 1, "县区": "榆中县", "乡镇": "城关镇", "村": household.region.name, "户编号": household.number,
        "户主姓名": f"{CANARY['620123']}户主", "户主证件号码": "*" * 14 + household.head.id_last4, "学生姓名": POOR,
        "性别": "男", "证件号码": "*" * 14 + student.person.id_last4, "出生日期": date(2010, 5, 17), "与户主关系": "之子",
        "户类型/脱贫属性": "一般贫困户/已脱贫", "监测对象类型": "突发严重困难户", "风险是否消除": "否", "致贫原因": "因病",
        "学段": "小学", "年级": "三年级", "学校名称": world.here.primary.name, "学校标识码": world.here.primary.code,
        "班级": "1班", "就读方式": "寄宿", "就读地": "镇内", "在校状态": "在校",
        "享受资助项目": "义务教育免学杂费、义务教育免费教科书、义务教育免费作业本、义务教育寄宿生生活补助",
        "本学期资助金额": Decimal("500.00"), "联系人": "监护甲", "联系电话": HIDDEN_PHONE,
    }  # fmt: skip


def test_the_register_is_the_home_county_s(world: World, act_as: ActAs):
    """Neither children who are not registered poor nor those whose home lies elsewhere."""
    with act_as("maker"):
        assert set(people()) == {POOR}
    with act_as("other_maker"):
        assert set(people(THERE)) == {f"{CANARY['620121']}贫生", "跨县生"}
    with act_as("city"):
        assert set(people("/62/6201/")) == {POOR, f"{CANARY['620121']}贫生", "跨县生"}
    with act_as("maker"):  # of the other county only whom a school here teaches, without the household
        assert {name: row["户主姓名"] for name, row in people(THERE).items()} == {"跨县生": NOT_OURS}


@pytest.mark.parametrize(
    ("started", "ended", "listed"),
    [
        (date(2018, 8, 31), None, True),
        (date(2019, 2, 28), None, True),  # found poor on the last day of the term
        (date(2019, 3, 1), None, False),
        (date(2017, 1, 1), date(2018, 9, 1), False),  # the end is the closing row from the day after
        (date(2017, 1, 1), date(2018, 9, 2), True),
    ],
)
def test_a_child_counts_that_is_registered_on_any_day_of_the_term(
    county: World, act_as: ActAs, started: date, ended: date | None, listed: bool
):
    pupil = make.student("一日生", at=county.here.primary, home="620123100201")
    make.hardship(pupil.person, from_on=started)
    if ended:
        make.hardship(pupil.person, from_on=ended, active=False)
    with act_as("maker"):
        assert ("一日生" in people()) is listed


def test_children_out_of_school_are_listed_with_what_the_rosters_say(county: World, act_as: ActAs):
    def poor(name: str, born: date, studying: str = "") -> Student:
        who = make.person(name, home="620123100201", born=born)
        make.hardship(who)
        house = make.household(village="620123100201", members=(who,))
        house.members.update(studying=studying)
        child = Student(person=who)
        child.save()
        return child

    poor("幼童", date(2015, 9, 1))
    poor("刚满三岁", date(2015, 8, 31))
    poor("失学生", date(2006, 1, 1), "非在校生")
    absent = make.student("未到生", at=county.here.primary, home="620123100201", categories=("registered_poor",))
    RosterEntry(kind=RosterKind.PRESENT, term=TERM.code, person=absent.person, present=False, reason="外出打工").save()
    with act_as("maker"):
        rows = people()
    told = {name: (row["在校状态"], row["不在校原因"]) for name, row in rows.items() if name != POOR}
    assert told == {
        "幼童": ("不在校", "未满 3 周岁"),
        "刚满三岁": ("不在校", "学籍、高校名单中无此人"),
        "失学生": ("不在校", "学籍、高校名单中无此人；贫困名单登记为“非在校生”"),
        "未到生": ("未到校", "外出打工"),
    }
    assert (rows["幼童"]["学校名称"], rows["幼童"]["就读方式"], rows["幼童"]["就读地"]) == (None, "", "")


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ("620123100", "镇内"),
        ("620123101", "县内"),
        ("620121100", "省内"),
        ("620123", "县内"),
        ("62", "省内"),
        ("51", "省外"),
    ],
)
def test_where_a_child_studies_is_seen_from_its_home(county: World, act_as: ActAs, place: str, word: str):
    school = make.school(place=place)
    make.student("远近生", at=school, home="620123100201", categories=("registered_poor",))
    with act_as("maker"):
        assert people()["远近生"]["就读地"] == word


def test_a_child_with_two_households_is_one_row_under_the_newest(county: World, act_as: ActAs):
    child = county.here.students[0].person
    newer = make.household("62012310020200001", village="620123100202", members=(child,))
    newer.members.filter(person=child).update(from_on=date(2018, 1, 1))
    with act_as("maker"):
        assert people()[POOR]["户编号"] == newer.number


def test_a_disability_of_the_term_is_named_with_its_certificate(county: World, act_as: ActAs):
    child = county.here.students[0].person
    held = make.hardship(child, "disabled", from_on=date(2016, 1, 1))
    Hardship.objects.filter(pk=held.pk).update(detail="肢体三级", proof_last4="0X43")
    with act_as("maker"):
        row = people()[POOR]
    assert (row["健康/残疾"], row["残疾证号"]) == ("残疾 肢体三级", "*" * 14 + "0X43")


def test_an_unknown_fee_is_remarked(county: World, act_as: ActAs):
    high = make.school(place="620123100", name="无学费高中", stages=(Stage.SENIOR,), fee=None)
    make.student("缺价生", at=high, stage=Stage.SENIOR, grade=1, home="620123100201", categories=("registered_poor",))
    compute(county)
    with act_as("maker"):
        row = people()["缺价生"]
    assert (row["享受资助项目"], row["备注"]) == ("普通高中国家助学金", "有项目缺收费标准，金额待定")


def test_a_school_sees_its_own_children_and_nothing_of_the_household(world: World, act_as: ActAs):
    make.student("邻校生", at=world.here.senior, home="620123100201", categories=("registered_poor",))
    with act_as("school"):
        rows = people(world.here.primary.path)
    assert set(rows) == {POOR, "跨县生"}
    of_the_home = (
        "乡镇", "村", "户编号", "户主姓名", "户主证件号码", "与户主关系",
        "户类型/脱贫属性", "监测对象类型", "风险是否消除", "致贫原因",
    )  # fmt: skip
    assert {rows[name][heading] for name in rows for heading in of_the_home} == {NOT_OURS}
    assert rows["跨县生"]["县区"] == "永登县"
    assert rows["跨县生"]["联系电话"] == HIDDEN_PHONE  # the roll's, which is its own


def test_a_county_sees_the_households_of_its_own_pupils_only(world: World, act_as: ActAs):
    with act_as("maker"):
        rows = people(world.here.primary.path)
    assert rows[POOR]["户主姓名"] == f"{CANARY['620123']}户主"
    assert rows["跨县生"]["户主姓名"] == NOT_OURS


def clear(persona: str, path: str, act_as: ActAs) -> dict[str, list[Any]]:
    """Rows as an unmasked ledger writes them, by name."""
    with act_as(persona):
        sheet = register(path).sheet(None, unmasked=True)
        names = [head.name for head in sheet.heads]
        rows = [dict(zip(names, row, strict=True)) for row in sheet.rows]
    return {row["学生姓名"]: row for row in rows}


def test_a_phone_stays_with_the_side_that_recorded_it(world: World, act_as: ActAs):
    enrolment = Enrolment.objects.get(student=world.crossing)
    enrolment.phone = "13811112222"
    enrolment.save()
    assert clear("other_maker", THERE, act_as)["跨县生"]["联系电话"] == "13900005678"  # the household's
    assert clear("school", world.here.primary.path, act_as)["跨县生"]["联系电话"] == "13811112222"
    with act_as("other_maker"):
        assert people(THERE)["跨县生"]["联系人"] == "跨县户主"


def test_numbers_are_masked_unless_the_ledger_may_show_them(world: World, act_as: ActAs):
    person = world.here.students[0].person
    number = re.compile(r"\d{6}(19|20)\d{2}\d{6}[\dX]|1[3-9]\d{9}")
    with act_as("maker"):
        masked = [
            cell for row in people().values() for name, cell in row.items() if name not in ("户编号", "学校标识码")
        ]
    assert not [cell for cell in masked if number.search(str(cell))]
    row = clear("checker", HERE, act_as)[POOR]
    assert (row["证件号码"], row["联系电话"]) == (person.id_number, "13800001234")
    assert row["户主证件号码"] == Household.objects.get(members__person=person).head.id_number


def test_the_row_key_names_a_child_in_a_ledger_and_term_without_telling_who(world: World, act_as: ActAs):
    person = world.here.students[0].person
    with act_as("maker"):
        table = register()
    key = table.row_key(person.id_hash)
    assert clear("maker", HERE, act_as)[POOR]["行键"] == key
    assert re.fullmatch(r"[0-9a-f]{24}", key)
    assert bytes(person.id_hash).hex()[:12] not in key
    other = Listing("", (), Student.objects.none(), "", ("poverty-register", "2019-spring"))
    assert other.row_key(person.id_hash) != key
    assert other.row_key(None) == ""


@pytest.mark.parametrize("code", ["poverty-register", "aid-summary"])
def test_a_sheet_costs_one_query_whatever_its_length(world: World, act_as: ActAs, tmp_path, code: str):
    def written() -> list[int]:
        with act_as("maker"), CaptureQueriesContext(connection) as seen:
            tables = LEDGERS[code].tables(TERM, Area(HERE, "榆中县"))
            sheets = [table.sheet(None, unmasked=False) for table in tables]
            rows = write_workbook(tmp_path / "a.xlsx", sheets).rows
        assert len([query for query in seen if "SELECT" in query["sql"]]) == 1
        return rows

    few = written()
    for number in range(30):
        make.student(f"第{number}生", at=world.here.primary, home="620123100201", categories=("registered_poor",))
    compute(world)
    assert code != "poverty-register" or written() == [few[0] + 30]


def test_the_first_rows_and_the_file_say_the_same(world: World, act_as: ActAs, tmp_path):
    with act_as("city"):
        table = register("/62/6201/")
        shown = table.first(100)
        write_workbook(tmp_path / "a.xlsx", [table.sheet(None, unmasked=False)])
    rows = values(tmp_path / "a.xlsx")[1:]
    as_text = [[None if cell in ("", None) else str(cell) for cell in row] for row in shown]
    back = [
        [None if c is None else (f"{c:.2f}" if name == "本学期资助金额" else f"{c:.0f}" if isinstance(c, float) else str(c))
         for name, c in zip(LISTED.split(), row, strict=False)]
        for row in rows
    ]  # fmt: skip
    assert back == as_text


# --- aid-summary ------------------------------------------------------------------------------------------------


def test_people_are_counted_once_and_their_benefits_each(world: World, act_as: ActAs):
    """Four pupils: three at the primary school with three things each in kind, one of them boards; one senior."""
    with act_as("maker"):
        [grants] = summary()
    found = lines(grants)
    assert [key for key in found if key[0] == "小学"] == [
        ("小学", "义务教育免学杂费"), ("小学", "义务教育免费教科书"), ("小学", "义务教育免费作业本"),
        ("小学", "义务教育寄宿生生活补助"), ("小学", "小计"),
    ]  # fmt: skip
    assert grants.totals() == {
        "应资助人数": 4, "实资助人数": 0, "人次": 12, "金额": Decimal("1900.00"), "实发金额": Decimal("0.00"), "脱贫/监测": 2,
        "低保": 1, "特困": 0, "孤儿": 0, "残疾": 0, "其他": 1, "未资助人数": 4,
    }  # fmt: skip
    primary = found["小学", "小计"]
    assert (primary["people"], primary["times"], primary["yuan"]) == (3, 10, Decimal("500.00"))
    assert [line.subtotal for line in grants.lines] == [key[1] == "小计" for key in found]


def test_loans_have_a_sheet_of_their_own_and_are_in_no_sum(county: World, act_as: ActAs):
    college = make.school(place="620123100", stages=(Stage.HIGHER_VOCATIONAL,), fee="5000")
    make.student(
        "贷款生", at=college, stage=Stage.HIGHER_VOCATIONAL, grade=2, home="620123100201", categories=("dibao_rural",)
    )
    compute(county)
    with act_as("maker"):
        grants, loans = summary()
    assert grants.totals()["金额"] == Decimal("1900.00")
    assert grants.totals()["应资助人数"] == 4
    assert loans.totals()["可申请人数"] == 1
    assert loans.totals()["可申请最高额"] == Decimal("8000.00")
    assert "贷款" in loans.name
    with act_as("maker"):
        assert any("不与汇总表相加" in note for note in LEDGERS["aid-summary"].notes(TERM, area_at(HERE), loans.name))


def test_a_suspended_or_refused_entitlement_is_told_as_the_reason(world: World, act_as: ActAs):
    poor, plain = world.here.students[0].pk, world.here.students[1].pk
    mine = Entitlement.objects.filter(benefit__code="compulsory-fee")
    mine.filter(student=poor).update(state="suspended")
    mine.filter(student=plain).update(state="not_paid")
    with act_as("maker"):
        found = lines(summary()[0])
    assert found["小学", "义务教育免学杂费"]["reason"] == "没有列入发放 1 人；暂停 1 人；不发放 1 人"
    assert found["小学", "义务教育免费教科书"]["reason"] == "没有列入发放"


def test_each_side_sees_its_own(world: World, act_as: ActAs):
    """The child of two counties counts in both, and once for the city."""
    for persona, path, people_there in (("maker", HERE, 4), ("other_maker", THERE, 4), ("city", "/62/6201/", 7)):
        with act_as(persona):
            assert summary(path)[0].totals()["应资助人数"] == people_there
    with act_as("school"):
        assert summary(world.here.primary.path)[0].totals()["应资助人数"] == 3
    with act_as("other_school"):
        assert summary(world.here.senior.path)[0].totals()["应资助人数"] == 1
        assert summary(world.here.primary.path)[0].totals()["应资助人数"] == 0


def some_world(county: World, seed: int) -> None:
    """Children of random stages, schools and categories, some at home in the other county."""
    random = Random(seed)
    stages = (
        Stage.PRESCHOOL,
        Stage.PRIMARY,
        Stage.JUNIOR,
        Stage.SENIOR,
        Stage.SECONDARY_VOCATIONAL,
        Stage.UNDERGRADUATE,
    )
    schools = {
        stage: make.school(place="620123100", stages=(stage,), fee=random.choice(["801", "1250"])) for stage in stages
    }
    categories = [category for group in CATEGORIES.values() for category in group]
    for number in range(25):
        stage = random.choice(stages)
        child = make.student(
            f"随机{number}", at=schools[stage], stage=stage, grade=random.randint(1, 3), boarding=random.random() < 0.5,
            home=random.choice(["620123100201", "620121100001"]),
            categories=tuple(random.sample(categories, random.randint(0, 3))),
        )  # fmt: skip
        if random.random() < 0.2:
            Enrolment.objects.filter(student=child).update(orphan=True)
    compute(county)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_total_is_the_database_s(county: World, act_as: ActAs, tmp_path, seed: int):
    some_world(county, seed)
    with act_as("maker"):
        granted = Entitlement.objects.in_term(TERM).of(HERE).granted()
        sums = granted.aggregate(people=Count("student", distinct=True), times=Count("student"), yuan=Sum("amount"))
        grants = summary()[0]
        assert (grants.totals()["应资助人数"], grants.totals()["人次"], grants.totals()["金额"]) == tuple(sums.values())
        detail = [line.cells for line in grants.lines if not line.subtotal]
        assert sum(cells["yuan"] for cells in detail) == sums["yuan"]
        assert sum(cells["times"] for cells in detail) == sums["times"]
        for cells in (grants.whole.cells, *(line.cells for line in grants.lines)):
            assert sum(cells[name] for name in (*CATEGORIES, OTHER)) == cells["people"]
        table = register()
        listed = granted.filter(student__in=table.found.values("pk"))
        total = table.totals()
        written = write_workbook(tmp_path / "a.xlsx", [table.sheet(None, unmasked=False)])
    assert total["本学期资助金额"] == listed.aggregate(yuan=Sum("amount"))["yuan"]
    assert written.totals == [{"本学期资助金额": total["本学期资助金额"]}]
    assert written.rows == [total["rows"]]


@pytest.mark.parametrize("seed", [4, 5])
def test_each_student_counts_under_the_first_category_that_holds(county: World, act_as: ActAs, seed: int):
    """Held against the labels the student's page shows."""
    some_world(county, seed)
    with act_as("maker"):
        granted = Entitlement.objects.in_term(TERM).of(HERE).granted()
        students = set(granted.values_list("student_id", flat=True))
        orphans = Enrolment.objects.filter(orphan=True).values_list("student_id", flat=True)
        held = categories_in(TERM, students, orphans)
        totals = summary()[0].totals()
    groups = {category.label: name for name, group in CATEGORIES.items() for category in group}
    order = list(CATEGORIES)
    first = Counter(min((groups[label] for label in held[who]), key=order.index, default=OTHER) for who in students)
    assert {name: totals[name] for name in (*CATEGORIES, OTHER)} == {name: first[name] for name in (*CATEGORIES, OTHER)}


# --- areas ------------------------------------------------------------------------------------------------------


def test_an_office_chooses_its_own_place_or_one_below(world: World, act_as: ActAs):
    with act_as("maker"):
        mine = areas()
    assert mine["地区"][0] == Area(HERE, "榆中县")
    assert Area(f"{HERE}620123100/", "城关镇", within="榆中县") in mine["地区"]
    assert [area.name for area in mine["学校"]] == [world.here.primary.name, world.here.senior.name]
    with act_as("city"):
        assert {area.path for area in areas()["地区"]} >= {"/62/6201/", HERE, THERE}
        assert areas()["学校"] == []
    with act_as("school"):
        only = areas()
    assert [area.path for group in only.values() for area in group] == [world.here.primary.path]
    with acting_in(Scope(f"{HERE}620123100/", frozenset({"home", "office"}))):
        assert areas()["地区"][0].full_name == "榆中县城关镇"
