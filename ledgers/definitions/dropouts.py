"""控辍保学三本台账: the school-age children, the suspected, the dropouts with what was done to bring them back."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    FilteredRelation,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Concat

from aidcases.crypto import EncryptedField
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL
from aidcases.terms import Term
from dropout.enums import (
    Alarm,
    CaseState,
    Cause,
    DifferenceKind,
    FoundBy,
    LegalKind,
    PlacementKind,
    Proof,
    Seat,
    VisitKind,
    VisitResult,
)
from dropout.models import Difference, DropoutCase, LegalStep, Placement, TeamMember, Visit
from ledgers.areas import Area
from ledgers.definition import HIDDEN_PHONE, NUMBER, Column, Ledger, Listing, Shown, labelled, last_four
from ledgers.definitions.payment_roll import GRADES
from ledgers.facts import one_each, place_name
from ledgers.workbook import Kind
from students.enums import Category, RosterKind, Stage
from students.facts import hardships_in
from students.models import Enrolment, Guardian, Member, RosterEntry
from subsidies.models import Entitlement

S = CaseState
CHILD, PLACE, SCHOOLING, LEFT = "学生情况", "家庭住址", "就读情况", "辍学情况"
GUARD, TEAM, DONE, BACK, CLOSED = "监护人", "责任人", "劝返和法律程序", "复学安置", "销号"
YES, NO = Value("是"), Value("否")


def _age(term: Term, born: str) -> Func:
    """Years on the day ages are taken."""
    day = Value(term.age_day)
    template = "extract(year FROM age(%(expressions)s))::int"
    return Func(day, F(born), template=template, output_field=IntegerField())


def _person(prefix: str, term: Term) -> tuple[Column, ...]:
    return (
        Column((PLACE, "县区"), place_name(f"{prefix}home_path", "county"), 7),
        Column((PLACE, "乡镇"), place_name(f"{prefix}home_path", "township"), 8, side=HOME),
        Column((PLACE, "村"), place_name(f"{prefix}home_path", "village"), 9, side=HOME),
        Column((CHILD, "姓名"), F(f"{prefix}name"), 8, roster="name"),
        Column((CHILD, "性别"), F(f"{prefix}sex"), 4, roster="sex"),
        Column((CHILD, "民族"), F(f"{prefix}ethnicity"), 6),
        Column((CHILD, "证件号码"), F(f"{prefix}id_number"), 19, masked=last_four(f"{prefix}id_last4")),
        Column((CHILD, "出生日期"), F(f"{prefix}birth_on"), 10.5, Kind.DATE),
        Column((CHILD, "年龄"), _age(term, f"{prefix}birth_on"), 5, Kind.INTEGER),
    )


def _within(area: Area, home: str, school: str) -> Q:
    at_school = Q(**{f"{school}__startswith": area.path})
    return at_school if area.is_school else Q(**{f"{home}__startswith": area.path}) | at_school


# --- school-age ----------------------------------------------------------------------------------------------------


def _school_age(term: Term, area: Area) -> QuerySet:
    """Children of the home register who are six to fourteen, each with at most one row of the roll."""
    year = term.age_day.year
    six, fifteen = date(year - 6, 8, 31), date(year - 15, 8, 31)
    return (
        RosterEntry.objects.filter(
            kind=RosterKind.POPULATION, term=term.code, person__birth_on__lte=six, person__birth_on__gt=fifteen
        )
        .filter(_within(area, "person__home_path", "person__school_path"))
        .annotate(
            here=FilteredRelation("person__student__enrolments", condition=Q(person__student__enrolments__term=term.code)),
            seen=FilteredRelation(
                "person__roster_entries",
                condition=Q(person__roster_entries__kind=RosterKind.PRESENT, person__roster_entries__term=term.code),
            ),
            line=FilteredRelation(
                "person__student__differences",
                condition=Q(person__student__differences__term=term.code, person__student__differences__gone_on=None),
            ),
        )
        .order_by("person__home_path", "person__birth_on", "pk")
    )


def _school_age_columns(term: Term) -> tuple[Column, ...]:
    enrolled = Q(here__id__isnull=False)
    grade = Concat("here__stage", Value("-"), "here__grade", output_field=CharField())
    return (
        Column(("序号",), NUMBER, 5, Kind.INTEGER),
        *_person("person__", term),
        Column((SCHOOLING, "学籍"), Case(When(enrolled, then=Value("有")), default=Value("无")), 5),
        Column((SCHOOLING, "学校"), F("here__school__name"), 18, roster="school"),
        Column((SCHOOLING, "学段"), labelled(F("here__stage"), dict(Stage.choices)), 8, roster="stage"),
        Column((SCHOOLING, "年级"), labelled(grade, GRADES), 8, roster="grade"),
        Column((SCHOOLING, "班级"), F("here__class_name"), 7, roster="class_name"),
        Column((SCHOOLING, "是否在校"), labelled(F("seen__present"), {True: "是", False: "否"}), 6),
        Column(("比对疑点",), labelled(F("line__kind"), dict(DifferenceKind.choices)), 16),
        Column(("办理情况",), labelled(F("person__student__dropout_case__state"), dict(CaseState.choices)), 10),
        Column(("核查结果",), labelled(F("person__student__dropout_case__alarm"), dict(Alarm.choices)), 14),
    )


def _school_age_tables(term: Term, area: Area) -> list[Listing]:
    sides = {HOME: "person__home_path"}
    rows = _school_age(term, area)
    about = ("school-age", term.code)
    return [Listing("适龄儿童", _school_age_columns(term), rows, "person__id_hash", about, sides)]


# --- suspected -----------------------------------------------------------------------------------------------------


def _suspected(term: Term, area: Area) -> QuerySet:
    """Lines of the term's comparison, standing or cleared, each with its case."""
    return (
        Difference.objects.in_term(term)
        .filter(_within(area, "home_path", "school_path"))
        .annotate(here=FilteredRelation("student__enrolments", condition=Q(student__enrolments__term=term.code)))
        .order_by("home_path", "school_path", "pk")
    )


def _suspected_columns(term: Term) -> tuple[Column, ...]:
    grade = Concat("case__stage", Value("-"), "case__grade", output_field=CharField())
    return (
        Column(("序号",), NUMBER, 5, Kind.INTEGER),
        *_person("student__person__", term),
        Column(("疑点",), labelled(F("kind"), dict(DifferenceKind.choices)), 16),
        Column(("贫困户子女",), Case(When(poor=True, then=YES), default=NO), 7),
        Column((SCHOOLING, "原就读学校"), F("case__school__name"), 18),
        Column((SCHOOLING, "年级"), labelled(grade, GRADES), 8),
        Column((SCHOOLING, "班级"), F("case__class_name"), 7),
        Column(("发现日期",), F("found_on"), 10.5, Kind.DATE),
        Column(("疑点消除日期",), F("gone_on"), 10.5, Kind.DATE),
        Column(("办理情况",), labelled(F("case__state"), dict(CaseState.choices)), 10),
        Column(("核查结果",), labelled(F("case__alarm"), dict(Alarm.choices)), 16),
        Column(("核查走访次数",), F("case__visits_made"), 7, Kind.INTEGER),
        Column(("办理期限",), F("case__due_on"), 10.5, Kind.DATE),
    )


def _suspected_tables(term: Term, area: Area) -> list[Listing]:
    about = ("suspected", term.code)
    rows = _suspected(term, area)
    return [Listing("疑似辍学", _suspected_columns(term), rows, "student__person__id_hash", about, {HOME: "home_path"})]


# --- dropouts ------------------------------------------------------------------------------------------------------


def dropouts(term: Term, area: Area) -> QuerySet[DropoutCase]:
    """Cases confirmed by the end of the term and not closed before it began."""
    return (
        DropoutCase.objects.filter(confirmed_on__lte=term.last_day)
        .exclude(closed_on__lt=term.first_day)
        .exclude(state__in=(S.SUSPECTED, S.VERIFYING, S.FALSE_ALARM))
        .filter(_within(area, "home_path", "school_path"))
    )


def _seat(seat: Seat) -> Subquery:
    return Subquery(TeamMember.objects.filter(case=OuterRef("pk"), seat=seat).values("name"))


def _children(term: Term, area: Area) -> QuerySet:
    numbered = Member.objects.filter(household__number__isnull=False)
    return (
        dropouts(term, area)
        .annotate(
            here=FilteredRelation("student__enrolments", condition=Q(student__enrolments__term=term.code)),
            guardian=FilteredRelation(
                "student__guardians", condition=Q(student__guardians__in=one_each(Guardian.objects.all(), "student"))
            ),
            poor_now=Exists(numbered.filter(person=OuterRef("student"))),
        )
        .order_by("home_path", "school_path", "pk")
    )


def _groups(term: Term) -> Shown:
    held = hardships_in(term).filter(person=OuterRef("student")).order_by().values("person")
    codes = held.annotate(codes=StringAgg("category", Value(" "), distinct=True)).values("codes")
    return Shown(Subquery(codes), _named)


def _named(codes: str | None) -> str:
    return "、".join(category.label for category in Category if category in (codes or "").split())


def _aid(term: Term) -> Shown:
    mine = Entitlement.objects.in_term(term).filter(student=OuterRef("student")).granted().order_by().values("student")
    states = mine.annotate(states=StringAgg("state", Value(" "))).values("states")
    return Shown(Subquery(states), _aided)


def _aided(states: str | None) -> str:
    found = (states or "").split()
    resting = found.count("suspended")
    if not found:
        return "没有应享资助"
    return f"暂停 {resting} 项" if resting else f"应享 {len(found)} 项"


def _columns(term: Term) -> tuple[Column, ...]:
    grade = Concat("stage", Value("-"), "grade", output_field=CharField())
    numbers = LegalStep.objects.filter(case=OuterRef("pk")).exclude(number="").order_by().values("case")
    papers = Subquery(numbers.annotate(all=StringAgg("number", Value("、"), order_by="issued_on")).values("all"))
    placed = Placement.objects.filter(case=OuterRef("pk")).order_by("-from_on", "-pk")
    return (
        Column(("序号",), NUMBER, 5, Kind.INTEGER),
        *_person("student__person__", term),
        Column((CHILD, "脱贫（监测）户"), Case(When(poor_now=True, then=YES), default=NO), 7, side=HOME),
        Column((CHILD, "特殊群体"), _groups(term), 14),
        Column((SCHOOLING, "原就读学校"), F("school__name"), 16),
        Column((SCHOOLING, "年级"), labelled(grade, GRADES), 7),
        Column((SCHOOLING, "班级"), F("class_name"), 6),
        Column((SCHOOLING, "学籍"), Case(When(here__id__isnull=False, then=Value("有")), default=Value("无")), 5),
        Column((LEFT, "辍学日期"), F("left_on"), 10.5, Kind.DATE),
        Column((LEFT, "发现方式"), labelled(F("found_by"), dict(FoundBy.choices)), 8),
        Column((LEFT, "辍学原因"), labelled(F("cause"), dict(Cause.choices)), 10),
        Column((LEFT, "去向"), F("whereabouts"), 12),
        Column((GUARD, "监护人姓名"), F("guardian__name"), 8, side=SCHOOL),
        Column((GUARD, "与学生关系"), F("guardian__relation"), 6, side=SCHOOL),
        Column((GUARD, "联系电话"), _phone(), 12, masked=_hidden(), side=SCHOOL),
        Column((TEAM, "帮扶教师"), _seat(Seat.TEACHER), 8),
        Column((TEAM, "帮扶村干部"), _seat(Seat.CADRE), 8),
        Column((TEAM, "家长"), _seat(Seat.PARENT), 8),
        Column((DONE, "劝返次数"), F("persuasions"), 5, Kind.INTEGER, total=True),
        Column((DONE, "最近走访"), F("last_visit_on"), 10.5, Kind.DATE),
        Column((DONE, "法律程序"), labelled(F("legal_step"), dict(LegalKind.choices)), 10),
        Column((DONE, "文书编号"), papers, 16),
        Column((BACK, "复学日期"), F("returned_on"), 10.5, Kind.DATE),
        Column((BACK, "复学学校"), F("returned_to__name"), 16),
        Column((BACK, "安置方式"), labelled(Subquery(placed.values("kind")[:1]), dict(PlacementKind.choices)), 9),
        Column((BACK, "资助落实"), _aid(term), 10),
        Column((CLOSED, "办理情况"), labelled(F("state"), dict(CaseState.choices)), 9),
        Column((CLOSED, "销号日期"), F("closed_on"), 10.5, Kind.DATE),
        Column((CLOSED, "销号依据"), labelled(F("proof"), dict(Proof.choices)), 10),
        Column(("备注",), Case(When(rounds__gt=1, then=Concat(Value("第 "), "rounds", Value(" 次辍学"),
               output_field=CharField())), default=Value(""), output_field=CharField()), 10),
    )  # fmt: skip


def _phone() -> Subquery:
    """Of the roll's last row: the school side's."""
    last = Enrolment.objects.filter(student=OuterRef("student"), phone__isnull=False).order_by("-term").values("phone")
    return Subquery(last[:1], output_field=EncryptedField())


def _hidden() -> Case:
    known = Exists(Enrolment.objects.filter(student=OuterRef("student"), phone__isnull=False))
    return Case(When(known, then=Value(HIDDEN_PHONE)), default=Value(""), output_field=CharField())


VISITS = (
    Column(("序号",), NUMBER, 5, Kind.INTEGER),
    Column(("学生姓名",), F("case__student__person__name"), 8),
    Column(
        ("证件号码",), F("case__student__person__id_number"), 19, masked=last_four("case__student__person__id_last4")
    ),
    Column(("次数",), F("number"), 5, Kind.INTEGER),
    Column(("日期",), F("visited_at__date"), 10.5, Kind.DATE),
    Column(("地点",), F("place"), 14),
    Column(("方式",), labelled(F("kind"), dict(VisitKind.choices)), 6),
    Column(("参加人员",), F("people"), 16),
    Column(("见到谁",), F("met"), 10),
    Column(("过程和家长意见",), F("said"), 40),
    Column(("结果",), labelled(F("result"), dict(VisitResult.choices)), 12),
    Column(("下一步",), F("next_step"), 18),
    Column(("附件",), F("photos"), 5, Kind.INTEGER),
    Column(("记录人",), F("made_by"), 8),
)


def _tables(term: Term, area: Area) -> list[Listing]:
    sides, key = {HOME: "home_path", SCHOOL: "school_path"}, "student__person__id_hash"
    visits = Visit.objects.filter(case__in=dropouts(term, area).order_by().values("pk"), visited_at__date__lte=term.last_day)
    about = ("dropouts", term.code)
    return [
        Listing("台账", _columns(term), _children(term, area), key, about, sides),
        Listing("劝返记录", VISITS, visits.order_by("case__home_path", "case", "number"), f"case__{key}", about, {}),
    ]


# --- the ledgers ---------------------------------------------------------------------------------------------------


def _notes(*told: str) -> Any:
    def notes(term: Term, area: Area, part: str) -> list[str]:
        whom = "本校学生" if area.is_school else "户籍（家）或学校在本地的儿童少年"
        return [f"{term.label}，{whom}。", *told]

    return notes


SCHOOL_AGE = Ledger(
    code="school-age",
    title="义务教育适龄儿童少年台账",
    use="逐人登记户籍适龄儿童（6 至 14 周岁）的学籍、在校和核查情况，用于摸底。",
    unit="人",
    tables=_school_age_tables,
    notes=_notes("年龄按学年开始前的 8 月 31 日计算；户籍适龄人口以公安名单为准。"),
    personal=True,
    can=P.DROPOUT_VIEW,
)
SUSPECTED = Ledger(
    code="suspected",
    title="疑似辍学学生台账",
    use="逐人登记名单比对发现的疑点和核查结果，用于核查和上报。",
    unit="人",
    tables=_suspected_tables,
    notes=_notes("比对疑点每名儿童每学期一行；已消除的疑点保留并注明日期。"),
    personal=True,
    instead="核查情况请在“控辍台账”里登记。",
    can=P.DROPOUT_VIEW,
)
DROPOUTS = Ledger(
    code="dropouts",
    title="义务教育辍学学生信息台账",
    use="逐人登记辍学学生的劝返、法律程序、复学安置和销号，另附劝返记录，用于上报和存档。",
    unit="人",
    tables=_tables,
    notes=_notes("列本学期末以前确认、本学期开始前没有销号的学生；“无佐证”的销号另行统计。"),
    personal=True,
    instead="劝返、复学和销号请在“控辍台账”里登记。",
    can=P.DROPOUT_VIEW,
)
