"""Lists beside the first nine: orphans and what they mean for the roll's own mark, attendance, general lists, school areas."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aidcases import sql
from aidcases.actions import open_office, region_named
from aidcases.models import School
from aidcases.terms import Term
from students.enums import Category
from students.facts import categories_in, roll_orphans
from students.imports import columns, pipeline, words
from students.imports.cells import Bad, Doubt
from students.models import Attendance, Enrolment, Hardship, ImportFile
from subsidies.facts import facts_params, facts_sql
from tests import make

HERE, THERE, TERM, NEXT = "620123", "620121", "2018-autumn", "2019-spring"
SCHOOL, SECOND = "2162004001", "2162004002"
ROLL = "姓名,身份证件号,学校标识码,年级,就读方式,户口所在地行政区划,是否孤儿"
ORPHANS = "姓名,证件号码,类别,起始,截止"
ATTENDANCE = "姓名,证件号码,学校标识码,月份,应到天数,缺勤天数,旷课天数,原因"
STUDENTS = "姓名,身份证件号,学校名称,年级,班级,就读方式,联系电话"


@pytest.fixture
def bring(everywhere: None, db: None, tmp_path: Path) -> Callable[..., ImportFile]:
    """Imports a csv for a county's office and commits it."""

    def brought(kind: str, head: str, *rows: str, county: str = HERE, term: str = TERM, **values: Any) -> ImportFile:
        path = tmp_path / f"{kind}.csv"
        path.write_text("\n".join((head, *rows)))
        office = open_office(region=region_named(county))
        file = pipeline.run_now(kind=kind, path=path, term=Term.parse(term), office=office, commit_too=False)
        assert file.state == "previewed", file.problem
        ImportFile.objects.filter(pk=file.pk).update(**values) if values else None
        file.refresh_from_db()
        file.move("confirm", by=pipeline.current_actor(), problem="")
        return pipeline.commit(file)

    return brought


Bring = Callable[..., ImportFile]


@pytest.fixture
def schools(bring: Bring) -> None:
    for county, code in ((HERE, SCHOOL), (THERE, "2162004901")):
        bring("schools", "学校标识码,学校名称,学段,行政区划代码", f"{code},中心小学{code[-1]},小学,{county}100", county=county)


@cache
def child(number: int = 1) -> str:
    return make.id_number("620123", date(2009, 5, number))


def outcome(file: ImportFile) -> list[tuple[str, list[str]]]:
    return list(file.rows.order_by("number").values_list("state", "reasons"))


# --- orphans ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "category"),
    [("孤儿", "orphan"), ("社会散居孤儿", "orphan"), ("机构集中养育孤儿", "orphan"), ("事实无人抚养儿童", "unsupported_child"),
     ("事实无人抚养（父母服刑）", "unsupported_child")],
)  # fmt: skip
def test_words_of_the_list(word: str, category: str):
    assert words.child_category(word) == {"category": category}


@pytest.mark.parametrize(("word", "code"), [("", "missing value"), ("困境儿童", "unknown word"), (None, "missing value")])
def test_a_word_that_decides_over_aid_must_be_known(word: str | None, code: str):
    with pytest.raises(Bad) as caught:
        words.child_category(word)
    assert caught.value.code == code


def test_the_list_makes_hardship_from_its_day_to_its_last(bring: Bring):
    one, two, three = child(1), child(2), child(3)
    file = bring(
        "orphans", ORPHANS, f"甲,{one},孤儿,201701,", f"乙,{two},事实无人抚养儿童,2018-03-05,2018-12", f"丙,{three},留守,,"
    )
    assert outcome(file) == [("new", []), ("new", []), ("rejected", ["unknown word"])]
    rows = Hardship.objects.order_by("from_on").values_list("category", "source", "from_on", "active")
    assert list(rows) == [
        ("orphan", "orphans", date(2017, 1, 1), True),
        ("unsupported_child", "orphans", date(2018, 3, 5), True),
        ("unsupported_child", "orphans", date(2019, 1, 1), False),
    ]
    again = bring("orphans", ORPHANS, f"甲,{one},孤儿,201701,")
    assert again.counts["unchanged"] == 1


def test_a_child_who_changes_category_is_shown_before_and_ends_in_one(bring: Bring):
    number = child()
    bring("orphans", ORPHANS, f"甲,{number},事实无人抚养儿童,201701,")
    file = bring("orphans", ORPHANS, f"甲,{number},孤儿,201801,")
    assert file.rows.get().changes["category"] == ["unsupported_child", "orphan"]
    person = Hardship.objects.first().person_id
    assert categories_in(Term.parse(TERM), [person])[person] == [Category.ORPHAN.label]


class TestTheRollsOwnMark:
    """It counts until the home county keeps a list of orphans; from the list's day only those on it are orphans."""

    @pytest.fixture
    def marked(self, schools: None, bring: Bring) -> Enrolment:
        bring("roll", ROLL, f"甲,{child()},{SCHOOL},三年级,走读,620123100,是")
        bring("roll", ROLL, f"甲,{child()},{SCHOOL},三年级,走读,620123100,是", term=NEXT)
        for term in (TERM, NEXT):
            assert self.is_orphan(term)
        sql.run("DELETE FROM subsidies_mark")
        return Enrolment.objects.get(term=TERM)

    @staticmethod
    def is_orphan(term: str) -> bool:
        """By the facts the rules read; what pages and lists say must be the same."""
        when = Term.parse(term)
        params = facts_params(when)
        [row] = sql.rows(facts_sql(), params)
        enrolment = Enrolment.objects.get(term=term)
        assert row["orphan"] == bool(categories_in(when, [enrolment.student_id], [enrolment.student_id])[enrolment.student_id])
        assert Hardship.objects.exists() or row["orphan"] == Enrolment.objects.filter(roll_orphans(when), term=term).exists()
        assert row["orphan_first"] == row["orphan"]
        return row["orphan"]

    @staticmethod
    def marks() -> set[str]:
        return {row["term"] for row in sql.rows("SELECT DISTINCT term FROM subsidies_mark")}

    def test_a_list_of_the_home_county_ends_it_from_the_terms_first_day(self, marked: Enrolment, bring: Bring):
        bring("orphans", ORPHANS, f"乙,{child(2)},孤儿,,", term=NEXT)
        assert self.marks() == {TERM, NEXT}
        assert self.is_orphan(TERM)
        Hardship.objects.all().delete()
        assert not self.is_orphan(NEXT)

    @pytest.mark.parametrize(
        ("day", "autumn", "spring"),
        [("2018-09-01", False, False), ("2018-09-02", True, False), ("2019-03-01", True, False), ("2019-03-02", True, True)],
    )
    def test_the_day_of_the_lists_data_counts(
        self, marked: Enrolment, bring: Bring, day: str, autumn: bool, spring: bool
    ):
        bring("orphans", ORPHANS, f"乙,{child(2)},事实无人抚养儿童,,", data_on=date.fromisoformat(day))
        Hardship.objects.all().delete()
        assert (self.is_orphan(TERM), self.is_orphan(NEXT)) == (autumn, spring)

    def test_those_on_the_list_are_orphans(self, marked: Enrolment, bring: Bring):
        bring("orphans", ORPHANS, f"甲,{child()},孤儿,,")
        assert self.is_orphan(TERM)

    def test_another_countys_list_changes_nothing(self, marked: Enrolment, bring: Bring):
        bring("orphans", ORPHANS, f"乙,{make.id_number('620121')},孤儿,,", county=THERE)
        Hardship.objects.all().delete()
        assert self.is_orphan(TERM)
        assert self.marks() == set()

    def test_a_list_that_is_undone_brings_the_mark_back(self, marked: Enrolment, bring: Bring):
        file = bring("orphans", ORPHANS, f"乙,{child(2)},孤儿,,")
        Hardship.objects.all().delete()
        assert not self.is_orphan(TERM)
        sql.run("DELETE FROM subsidies_mark")
        file.move("undo", by=pipeline.current_actor())
        assert (self.is_orphan(TERM), self.marks()) == (False, set())
        file.move("undone", by=pipeline.current_actor())
        assert (self.is_orphan(TERM), self.marks()) == (True, {TERM, NEXT})


# --- attendance -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "month"), [("2018-09", "2018-09"), ("2018年9月", "2018-09"), (b"201809", "2018-09"), ("2018/9/1", "2018-09")]
)
def test_months(value: Any, month: str):
    assert columns.month(value) == month


@pytest.mark.parametrize("value", ["9月", "2018", "2018年", "2018-13", "九月"])
def test_what_is_no_month(value: str):
    with pytest.raises(Bad, match="month"):
        columns.month(value)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (("22", "1.5", None), ("22.0", "1.5", "0.0")),
        ((b"20", b"0", b"0"), ("20.0", "0.0", "0.0")),
        (("31天", "31天", "0.5"), ("31.0", "31.0", "0.5")),
    ],
)
def test_days(told: tuple[Any, ...], found: tuple[str, ...]):
    assert tuple(columns.attended(*told).values()) == found


@pytest.mark.parametrize(
    ("told", "code"),
    [(("20", "21", "0"), "days"), (("20", "2", "3"), "days"), (("32", "0", "0"), "days"), (("20", "-1", "0"), "days"),
     (("20", "0.25", "0"), "days"), (("二十", "1", "0"), "days"), (("20", None, "0"), "missing value"),
     ((None, "1", "0"), "missing value")],
)  # fmt: skip
def test_days_that_cannot_be(told: tuple[Any, ...], code: str):
    with pytest.raises(Bad) as caught:
        columns.attended(*told)
    assert caught.value.code == code


def test_attendance_is_told_by_the_childs_school_month_by_month(schools: None, bring: Bring):
    one, two = child(1), child(2)
    bring("roll", ROLL, f"甲,{one},{SCHOOL},三年级,走读,620123100,否")
    file = bring(
        "attendance", ATTENDANCE,
        f"甲,{one},{SCHOOL},2018-09,20,2,0.5,病假", f"甲,{one},{SCHOOL},2018-10,18,0,0,", f"甲,{one},{SCHOOL},2018-10,18,0,0,",
        f"乙,{two},{SCHOOL},2018-09,20,2,0,", f"甲,{one},2162004901,2018-11,20,2,0,", f"甲,{one},{SCHOOL},2019-03,20,2,0,",
        f"甲,{one},9999999999,2018-11,20,2,0,", f"甲,{one},{SCHOOL},2018-12,20,22,0,",
    )  # fmt: skip
    assert outcome(file) == [
        ("new", []), ("new", []), ("unchanged", ["repeated"]), ("review", ["not enrolled"]), ("review", ["school elsewhere"]),
        ("review", ["month outside term"]), ("rejected", ["unknown school"]), ("rejected", ["days"]),
    ]  # fmt: skip
    found = Attendance.objects.order_by("month").values_list("month", "days_due", "days_absent", "days_unexcused", "reason")
    assert list(found) == [
        ("2018-09", Decimal("20.0"), Decimal("2.0"), Decimal("0.5"), "病假"),
        ("2018-10", Decimal("18.0"), Decimal("0.0"), Decimal("0.0"), ""),
    ]
    again = bring("attendance", ATTENDANCE, f"甲,{one},{SCHOOL},2018-09,20,2,0.5,病假", f"甲,{one},{SCHOOL},201810,18,3,0,")
    assert [row.changes for row in again.rows.order_by("number")] == [{}, {"days_absent": ["0.0", "3.0"]}]
    assert Attendance.objects.get(month="2018-10").days_absent == 3


def test_another_countys_office_tells_no_attendance(schools: None, bring: Bring):
    bring("roll", ROLL, f"甲,{child()},{SCHOOL},三年级,走读,620123100,否")
    file = bring("attendance", ATTENDANCE, f"甲,{child()},{SCHOOL},2018-09,20,2,0,", county=THERE)
    assert outcome(file) == [("review", ["school elsewhere"])]
    assert not Attendance.objects.exists()


# --- general lists of pupils ------------------------------------------------------------------------------------


def test_a_school_is_found_by_its_name_in_the_offices_area(schools: None, bring: Bring):
    School.objects.filter(code="2162004901").update(name="中心小学1")  # the same name in the other county
    file = bring(
        "students", STUDENTS, f"甲,{child(1)},中心小学1,三年级,2班,住校,13800001111", f"乙,{child(2)},没有的小学,三年级,,,",
        f"丙,{child(3)},,三年级,,,",
    )  # fmt: skip
    assert outcome(file) == [("new", []), ("rejected", ["unknown school"]), ("rejected", ["missing value"])]
    enrolment = Enrolment.objects.get()
    assert (enrolment.school.code, enrolment.grade, enrolment.class_name, enrolment.boarding) == (SCHOOL, 3, "2班", True)
    assert enrolment.phone == "13800001111"
    again = bring("students", STUDENTS, f"甲,{child(1)},中心小学1,三年级,2班,住校,13800001111")
    assert again.counts["unchanged"] == 1


def test_of_two_schools_of_one_name_the_code_decides(schools: None, bring: Bring):
    bring("schools", "学校标识码,学校名称,学段,行政区划代码", f"{SECOND},中心小学1,小学,620123101")
    file = bring("students", STUDENTS, f"甲,{child(1)},中心小学1,三年级,,,")
    assert outcome(file) == [("review", ["several schools"])]
    file = bring("students", f"学校标识码,{STUDENTS}", f"{SECOND},甲,{child(1)},中心小学1,三年级,,,")
    assert outcome(file) == [("new", [])]
    assert Enrolment.objects.get().school.code == SECOND


def test_what_the_roll_says_besides_stays(schools: None, bring: Bring):
    bring("roll", f"{ROLL},班级", f"甲,{child()},{SCHOOL},三年级,住校,620123100,是,1班")
    file = bring("students", "姓名,身份证件号,学校标识码,年级", f"甲,{child()},{SCHOOL},四年级")
    assert file.rows.get().changes == {"grade": [3, 4]}
    enrolment = Enrolment.objects.get()
    assert (enrolment.grade, enrolment.boarding, enrolment.class_name, enrolment.orphan) == (4, True, "1班", True)


def test_a_pupil_of_another_countys_school_waits(schools: None, bring: Bring):
    file = bring("students", "姓名,身份证件号,学校标识码,年级", f"甲,{child()},2162004901,四年级")
    assert outcome(file) == [("review", ["school elsewhere"])]


# --- schools in town and country ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "rural"),
    [("111", False), ("112 城乡结合区", False), ("121", False), (b"122", False), ("123", False), ("210", True), (b"220", True),
     ("220村庄", True), ("乡村", True), ("农村", True), ("镇乡结合区", False), ("镇区", False), ("城市", False)],
)  # fmt: skip
def test_where_a_school_lies(word: Any, rural: bool):
    assert words.rural_school(word) == {"rural_school": rural}


def test_an_unknown_word_leaves_it_open():
    assert words.rural_school("") == {}
    with pytest.raises(Doubt):
        words.rural_school("300")


def test_a_schools_area_is_kept_until_a_list_says_otherwise(bring: Bring):
    head = "学校标识码,学校名称,学段,行政区划代码"
    bring("schools", f"{head},办学所在地城乡分类", f"{SCHOOL},甲小学,小学,620123100,121", f"{SECOND},乙小学,小学,620123100,")
    assert dict(School.objects.values_list("code", "rural")) == {SCHOOL: False, SECOND: True}
    assert bring("schools", head, f"{SCHOOL},甲小学,小学,620123100").counts["unchanged"] == 1
    assert not School.objects.get(code=SCHOOL).rural
    file = bring("schools", f"{head},城乡类型", f"{SCHOOL},甲小学,小学,620123100,乡村")
    assert file.rows.get().changes == {"rural_school": [False, True]}
    assert School.objects.get(code=SCHOOL).rural


# --- the day of the data ----------------------------------------------------------------------------------------


def test_a_registers_own_day_is_offered_when_the_clerk_gave_none(bring: Bring):
    head = "数据日期,姓名,证件号码,户编号"
    row = f"2018-10-31,甲,{child()},62012310020100001"
    assert bring("poverty", head, row).data_on == date(2018, 10, 31)
    assert bring("poverty", head, row, data_on=date(2018, 11, 1)).data_on == date(2018, 11, 1)
