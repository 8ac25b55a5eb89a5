"""两后生职业教育/培训台账: a row for each trainee of the year, with what the three calls after found."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, CharField, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat

from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import NUMBER, Column, Ledger, Listing, labelled, last_four
from ledgers.facts import place_name
from ledgers.workbook import Kind
from students.enums import Stage
from subsidies.models import FollowUp, Trainee
from subsidies.models.vocational import CallState, Outcome, Schooling, TraineeState, Unwilling, Wage

PERSON, LEFT, STUDY, WORK, CALLS = "学员情况", "毕业情况", "学习（培训）", "就业（升学）", "三年跟踪"


def _call(number: int) -> Column:
    """What the call of a year found: 就业 某公司."""
    made = FollowUp.objects.filter(student=OuterRef("student"), number=number, state=CallState.DONE).order_by("-year")
    words = Case(*(When(result=each.value, then=Value(each.label)) for each in Outcome), output_field=CharField())
    found = made.values(found=Concat(words, Value(" "), "employer", output_field=CharField()))[:1]
    return Column((CALLS, f"第{'一二三'[number - 1]}年"), Subquery(found), 9)


COLUMNS = (
    Column(("序号",), NUMBER, 4, Kind.INTEGER),
    Column((PERSON, "姓名"), F("student__person__name"), 7, roster="name"),
    Column((PERSON, "性别"), F("student__person__sex"), 3.5, roster="sex"),
    Column((PERSON, "证件号码"), F("student__person__id_number"), 11, masked=last_four("student__person__id_last4")),
    Column((PERSON, "县区"), place_name("home_path", "county"), 6.5),
    Column((PERSON, "乡镇"), place_name("home_path", "township"), 7, side=HOME),
    Column((PERSON, "村"), place_name("home_path", "village"), 8, side=HOME),
    Column((LEFT, "毕业学校"), F("left_school__name"), 11),
    Column((LEFT, "毕业学段"), labelled(F("left_stage"), dict(Stage.choices)), 5.5),
    Column((LEFT, "毕业年份"), Cast("left_year", CharField()), 5.5),
    Column(("状态",), labelled(F("state"), dict(TraineeState.choices)), 7),
    Column((STUDY, "院校"), F("school__name"), 11),
    Column((STUDY, "类别"), labelled(F("kind"), dict(Schooling.choices)), 5.5),
    Column((STUDY, "专业（工种）"), F("major"), 8),
    Column((STUDY, "入学（开班）日期"), F("from_on"), 10, Kind.DATE),
    Column((STUDY, "计划结业日期"), F("to_on"), 10, Kind.DATE),
    Column((STUDY, "结业日期"), F("finished_on"), 10, Kind.DATE),
    Column((STUDY, "证书"), F("certificate"), 8),
    Column((WORK, "就业单位（升入院校）"), Concat("employer", "onward", output_field=CharField()), 11),
    Column((WORK, "岗位"), F("post"), 6),
    Column((WORK, "月收入"), labelled(F("wage"), dict(Wage.choices)), 8),
    Column((WORK, "地点"), F("place"), 7),
    Column((WORK, "日期"), F("outcome_on"), 10, Kind.DATE),
    *(_call(number) for number in (1, 2, 3)),
    Column(("不愿意的原因",), labelled(F("why"), dict(Unwilling.choices)), 7),
    Column(("备注",), F("remark"), 8, side=HOME),
)


def _trainees(term: Term, area: Area) -> QuerySet[Trainee]:
    """A region's are those at home there and those at its institutions; an institution's its own."""
    here = Q(school_path__startswith=area.path)
    if not area.is_school:
        here |= Q(home_path__startswith=area.path)
    rows = Trainee.objects.filter(here, year=term.school_year).exclude(state=TraineeState.STRUCK)
    return rows.order_by("home_path", "school_path", "pk")


def _tables(term: Term, area: Area) -> list[Listing]:
    sides: dict[str, Any] = {HOME: "home_path", SCHOOL: "school_path"}
    about = ("vocational", term.code)
    return [Listing("两后生", COLUMNS, _trainees(term, area), "student__person__id_hash", about, sides)]


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    whom = "登记到本校入学（参训）的" if area.is_school else "家在本地的，和在本地院校入学（参训）的"
    return [
        f"{term.school_year} 年度两后生（建档立卡、监测对象家庭初、高中毕业后没有升学的），{whom}，一人一行；“不在范围”的不列。",
        "三年跟踪为毕业（结业）后每年一次回访登记的去向，没有到期或还没有回访的为空。",
    ]


VOCATIONAL = Ledger(
    code="vocational",
    title="两后生职业教育/培训台账",
    use="逐人登记两后生的联系、入学（参训）、结业、就业和三年跟踪情况，用于上报。",
    unit="人",
    tables=_tables,
    notes=_notes,
    personal=True,
    instead="学员的去向和回访请在“两后生”里登记。",
    can=P.VOCATIONAL_VIEW,
)
