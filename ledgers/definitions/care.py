"""农村留守儿童信息台账 (a row for each child) and 残疾儿童情况统计表 (schools and townships, by kind of disability)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db.models import Case, CharField, DateField, F, FilteredRelation, Q, QuerySet, Value, When
from django.db.models.functions import Concat

from aidcases.models.places import region_path
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, current_scope
from aidcases.terms import Term
from dropout import caring
from dropout.carelists import KINDS, disabled_by_school, within
from dropout.enums import CareKind
from ledgers.areas import Area
from ledgers.definition import (
    HIDDEN_PHONE,
    NUMBER,
    Column,
    Figures,
    Ledger,
    Listing,
    Shown,
    Summary,
    labelled,
    last_four,
)
from ledgers.definitions.payment_roll import GRADES
from ledgers.facts import one_each, place_name
from ledgers.workbook import Kind
from students.enums import Stage
from students.models import Guardian, Student

CHILD, HOMES, STUDY, AWAY, GUARD, HELP = "儿童情况", "户籍地", "就学情况", "父母务工", "监护情况", "帮扶"


# --- left behind ---------------------------------------------------------------------------------------------------


def _children(term: Term, area: Area) -> QuerySet[Student]:
    """Whom the roll marks or who has an open file; a school's ledger is of its pupils."""
    here = Q(here__school_path=area.path) if area.is_school else within(area.path)
    return (
        caring.children(CareKind.LEFT_BEHIND, term)
        .filter(here)
        .annotate(
            guardian=FilteredRelation(
                "guardians", condition=Q(guardians__in=one_each(Guardian.objects.all(), "student"))
            )
        )
        .order_by("person__home_path", "here__school_path", "here__stage", "here__grade", "here__class_name", "pk")
    )


def _phone(name: str, side: str) -> Column:
    known = Case(
        When(**{f"file__{name}__isnull": False}, then=Value(HIDDEN_PHONE)), default=Value(""), output_field=CharField()
    )
    label = caring.PHONES[name]
    return Column((AWAY if side == HOME else GUARD, label), F(f"file__{name}"), 12, masked=known, side=side)


def _columns() -> tuple[Column, ...]:
    grade = Concat("here__stage", Value("-"), "here__grade", output_field=CharField())
    filed = Case(When(file__id__isnull=False, then=F("file__from_on")), output_field=DateField())
    return (
        Column(("序号",), NUMBER, 5, Kind.INTEGER),
        Column((CHILD, "姓名"), F("person__name"), 8, roster="name"),
        Column((CHILD, "性别"), F("person__sex"), 4, roster="sex"),
        Column((CHILD, "民族"), F("person__ethnicity"), 6),
        Column((CHILD, "出生日期"), F("person__birth_on"), 10.5, Kind.DATE),
        Column((CHILD, "证件号码"), F("person__id_number"), 19, masked=last_four("person__id_last4")),
        Column((HOMES, "县区"), place_name("person__home_path", "county"), 7),
        Column((HOMES, "乡镇"), place_name("person__home_path", "township"), 8, side=HOME),
        Column((HOMES, "村"), place_name("person__home_path", "village"), 9, side=HOME),
        Column(("现居住地",), F("file__lives_at"), 14, side=HOME),
        Column(("健康状况",), F("file__health"), 8, side=SCHOOL),
        Column((STUDY, "学校"), F("here__school__name"), 16, roster="school"),
        Column((STUDY, "学段"), labelled(F("here__stage"), dict(Stage.choices)), 8, roster="stage"),
        Column((STUDY, "年级"), labelled(grade, GRADES), 7, roster="grade"),
        Column((STUDY, "班级"), F("here__class_name"), 6, roster="class_name"),
        Column((STUDY, "寄宿"), labelled(F("here__boarding"), {True: "寄宿", False: "走读"}), 5, roster="boarding"),
        Column((AWAY, "父亲务工地点"), F("file__father_at"), 12, side=HOME),
        Column((AWAY, "母亲务工地点"), F("file__mother_at"), 12, side=HOME),
        # A text: whoever doesn't look from home sees NOT_OURS, which is no date.
        Column((AWAY, "外出时间"), Shown(F("file__away_since"), lambda day: str(day or "")), 10.5, side=HOME),
        _phone("parents_phone", HOME),
        Column((GUARD, "学籍监护人"), F("guardian__name"), 8, side=SCHOOL),
        Column((GUARD, "委托监护人"), F("file__guardian"), 8, side=HOME),
        Column((GUARD, "与儿童关系"), F("file__relation"), 6, side=HOME),
        _phone("phone", SCHOOL),
        Column((HELP, "帮扶责任人"), F("file__helper"), 8, side=SCHOOL),
        Column((HELP, "建档日期"), filed, 10.5, Kind.DATE),
        Column(("备注",), F("file__note"), 12, side=SCHOOL),
    )


def _tables(term: Term, area: Area) -> list[Listing]:
    sides = {HOME: "person__home_path", SCHOOL: "person__school_path"}
    about = ("left-behind", term.code)
    return [Listing("留守儿童", _columns(), _children(term, area), "person__id_hash", about, sides)]


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    whom = "本校学生" if area.is_school else "户籍（家）或学校在本地的儿童"
    return [
        f"{term.label}{whom}：学籍标注留守的，和建有留守儿童档案、还没有结束的。",
        "没有建档日期的还没有建立关爱档案。",
    ]


LEFT_BEHIND = Ledger(
    code="left-behind",
    title="农村留守儿童信息台账",
    use="逐人登记留守儿童的就学、父母务工、监护和帮扶情况，用于关爱服务和上报。",
    unit="人",
    tables=_tables,
    notes=_notes,
    personal=True,
    can=P.CARE_VIEW,
)


# --- disabled children ---------------------------------------------------------------------------------------------

PEOPLE: dict[str, Any] = {"kind": Kind.INTEGER, "total": True}
IN, OUT, BY_KIND = "已入学", "未入学", "其中（残疾类型）"


def _side(head: str, side: str, enrolled: str) -> tuple[Column, ...]:
    """How many, and by kind."""
    opens = {"enrolled": enrolled}
    return (
        Column((head, f"{head}人数"), f"{side}-all", 8, **PEOPLE, opens=opens),
        *(
            Column((head, BY_KIND, f"{head}{label}"), f"{side}-{kind}", 7, **PEOPLE, opens={**opens, "what": kind})
            for kind, label in KINDS.items()
        ),
    )


COLUMNS = (
    Column(("学校名称",), "label", 26),
    Column(("残疾儿童总数",), "total", 9, **PEOPLE, opens={}),
    *_side(IN, "enrolled", "1"),
    *_side(OUT, "out", "0"),
    Column(("入学率",), "rate", 8),
    Column(("备注",), "note", 10),
)


def _figures(line: dict[str, Any]) -> Figures:
    counts = {f"{side}-{kind}": n for side in ("enrolled", "out") for kind, n in line[side].items()}
    rate = "" if line["rate"] is None else f"{line['rate']}%"
    cells = {"label": line["label"], "total": line["total"], "rate": rate, "note": "", **counts}
    # A school's line is of its pupils, a township's of those who go to none.
    where = {"school": line["school"], "place": line["place"]}
    opens = {name: code for name, code in where.items() if code}
    opens |= {"enrolled": "1" if line["school"] else "0"} if opens else {}
    return Figures(cells, opens={"kind": "disabled", "marked": "1", "age": "1", **opens})


def _disabled(term: Term, area: Area) -> list[Summary]:
    whole, *lines = disabled_by_school(term, area.path)
    rows = tuple(_figures(line) for line in lines)
    rows = tuple(_opening(line, area) for line in rows)
    return [Summary("残疾儿童", COLUMNS, _opening(_figures(whole), area), rows, lists="care_list", where=_where(area))]


def _opening(line: Figures, area: Area) -> Figures:
    """Without rows to open where the list has no filter that means the line: a township of another area's register, and at a
    school looked at from above those who are on its books no more."""
    opens = line.opens or {}
    foreign = "place" in opens and not region_path(opens["place"]).startswith(current_scope().path)
    beside = area.is_school and area.path != current_scope().path and "school" not in opens
    return replace(line, opens=None) if foreign or beside else line


def _where(area: Area) -> dict[str, str] | None:
    """The list of children has the whole own area, or a school; nothing between."""
    if area.path == current_scope().path:
        return {}
    return {"school": area.path.strip("/").rpartition("/")[2]} if area.is_school else None


def _disabled_notes(term: Term, area: Area, _part: str) -> list[str]:
    whom = "本校学生" if area.is_school else "户籍（家）或学校在本地的儿童"
    return [
        f"{term.label}{whom}中的适龄残疾儿童，以残疾人名单和学籍标注为准；8 月 31 日满 6 周岁、不满 15 周岁的为适龄。",
        "听力含言语；有几类残疾的计入其他。没有入学的按家庭所在乡镇列出；在幼儿园的计为未入学。",
    ]


DISABLED_ENROLMENT = Ledger(
    code="disabled-enrolment",
    title="残疾儿童情况统计表",
    use="按学校和残疾类型统计适龄残疾儿童的入学情况，用于上报。",
    unit="人",
    tables=_disabled,
    notes=_disabled_notes,
    can=P.CARE_VIEW,
)
