"""在外就读学生信息台账: a row per child at home here whose school lies elsewhere, with what the home side found out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import CharField, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Concat, JSONObject

from aidcases.models.places import LEVELS
from aidcases.roles import P
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import NUMBER, Column, Ledger, Listing, Shown, labelled, last_four
from ledgers.definitions.payment_roll import GRADES
from ledgers.facts import one_each, place_name
from ledgers.workbook import Kind
from students.enums import Stage
from students.models import Enrolment, Member
from subsidies.models.plans import Aided, AwayReason, CheckedHow
from subsidies.plans import away

FAMILY, CHILD, PLACE, THERE, HERE, CHECK = "家庭情况", "学生情况", "就读地", "就读地资助", "户籍地补助", "核实情况"
TELLING = {away.TOWNSHIP: "学校在家庭所在乡镇以外的", away.COUNTY: "学校在家庭所在县以外的"}


def _from(told: Any, name: str, words: Callable[[str], Any] = str) -> Shown:
    """A cell of one JSON object; "" (None for what words make) where there is none."""
    empty = "" if words is str else None
    return Shown(told, lambda found: words(found[name]) if found and found[name] not in (None, "") else empty)


def _word(told: Any, name: str, labels: dict[str, str]) -> Shown:
    return Shown(told, lambda found: labels.get(found[name], "") if found else "")


def _proof(found: dict[str, Any] | None) -> str:
    return f"有，{found['proof_on']}" if found and found["proof_on"] else "无"


def _record(term: Term) -> Subquery:
    """One look at what is recorded, for all its columns."""
    names = ("reason", "aided", "item", "proof_on", "how", "checked_by", "checked_on", "note")
    told = JSONObject(**{name: F(name) for name in names}, yuan=Cast("yuan", CharField()))
    return Subquery(away.recorded(term).annotate(told=told).values("told")[:1])


def _at_home(term: Term) -> Subquery:
    """One look at what the home's rules give: names and yuan."""
    mine = away.granted_at_home(term).filter(student=OuterRef("student")).values("student")
    told = JSONObject(names=StringAgg("benefit__name", "、", distinct=True), yuan=Cast(Sum("amount"), CharField()))
    return Subquery(mine.annotate(told=told).values("told"))


def _sum(term: Term) -> Subquery:
    mine = away.granted_at_home(term).filter(student=OuterRef("student")).values("student")
    return Subquery(mine.annotate(yuan=Sum("amount")).values("yuan"))


def _columns(term: Term) -> tuple[Column, ...]:
    grade = Concat("stage", Value("-"), "grade", output_field=CharField())
    record, given = _record(term), _at_home(term)
    house = "house__household"
    return (
        Column(("序号",), NUMBER, 5, Kind.INTEGER),
        Column((FAMILY, "乡镇"), place_name("home_path", "township"), 8),
        Column((FAMILY, "村"), place_name("home_path", "village"), 9),
        Column((FAMILY, "户编号"), F(f"{house}__number"), 18),
        Column((FAMILY, "户主"), F(f"{house}__head__name"), 8),
        Column((CHILD, "学生"), F("student__person__name"), 8, roster="name"),
        Column((CHILD, "证件号码"), F("student__person__id_number"), 19, masked=last_four("student__person__id_last4")),
        Column((CHILD, "学段"), labelled(F("stage"), dict(Stage.choices)), 8, roster="stage"),
        Column((CHILD, "年级"), labelled(grade, GRADES), 7, roster="grade"),
        Column((PLACE, "就读省"), place_name("school_path", "province"), 8),
        Column((PLACE, "就读市"), place_name("school_path", "city"), 8),
        Column((PLACE, "就读县"), place_name("school_path", "county"), 8),
        Column((PLACE, "就读学校"), F("school__name"), 20, roster="school"),
        Column((CHILD, "全国学籍号"), F("student__roll_number"), 20, masked=last_four("student__roll_last4")),
        Column(("外出就读原因",), _word(record, "reason", dict(AwayReason.choices)), 9),
        Column((THERE, "是否享受资助"), _word(record, "aided", dict(Aided.choices)), 8),
        Column((THERE, "就读地项目"), _from(record, "item"), 14),
        Column((THERE, "就读地金额"), _from(record, "yuan", Decimal), 10, Kind.MONEY, total=True, summed=_there(term)),
        Column((HERE, "户籍地项目"), _from(given, "names"), 14),
        Column((HERE, "户籍地金额"), _from(given, "yuan", Decimal), 10, Kind.MONEY, total=True, summed=_sum(term)),
        Column((CHECK, "在读证明"), Shown(record, _proof), 11),
        Column((CHECK, "核实方式"), _word(record, "how", dict(CheckedHow.choices)), 8),
        Column((CHECK, "核实人"), _from(record, "checked_by"), 8),
        Column((CHECK, "核实日期"), _from(record, "checked_on", date.fromisoformat), 10.5, Kind.DATE),
        Column(("备注",), _from(record, "note"), 12),
    )  # fmt: skip


def _there(term: Term) -> Subquery:
    return Subquery(away.recorded(term).values("yuan")[:1])


def level_of(area: Area) -> str:
    """Of a township, a village or a school who leaves the township is away; of anything larger who leaves the county."""
    level = LEVELS.get(len(area.path.strip("/").rpartition("/")[2]))
    return away.TOWNSHIP if area.is_school or level in ("township", "village") else away.COUNTY


def rows(term: Term, area: Area) -> QuerySet[Enrolment]:
    """Of away.away those at home (of a school: at school) in the area, each with the household of the register."""
    numbered = Member.objects.filter(household__number__isnull=False)
    newest = one_each(numbered, "person", newest="from_on", first="household__number")
    place = "school_path" if area.is_school else "home_path"
    found = away.away(term, level_of(area)).filter(**{f"{place}__startswith": area.path})
    house = FilteredRelation("student__person__memberships", condition=Q(student__person__memberships__in=newest))
    return found.annotate(house=house).order_by("home_path", "school_path", "stage", "grade", "pk")


def _tables(term: Term, area: Area) -> list[Listing]:
    about = ("studying-elsewhere", term.code)
    return [Listing("台账", _columns(term), rows(term, area), "student__person__id_hash", about)]


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    whom = "在本校就读、家在外乡镇的学生" if area.is_school else f"家在本地、{TELLING[level_of(area)]}学生"
    return [
        f"{term.label}{whom}，一人一行；就读地资助和核实情况为户籍地登记，单位元/学期，没有核实的为空。",
        "户籍地补助为按户籍地政策测算的本学期应享，不论是否已发放，不含贷款。",
    ]


STUDYING_ELSEWHERE = Ledger(
    code="studying-elsewhere",
    title="在外就读学生信息台账",
    use="逐人登记家在本地、在外就读学生的去向、两地资助和核实情况，防止漏助和重复资助。",
    unit="元",
    tables=_tables,
    notes=_notes,
    personal=True,
    can=P.HOUSEHOLD_VIEW,
)
