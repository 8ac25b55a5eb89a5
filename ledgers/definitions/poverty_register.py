"""建档立卡贫困受教育人口基本信息台账: a row per child of the poverty register and term, enrolled or not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    Exists,
    ExpressionWrapper,
    F,
    FilteredRelation,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat, Left
from django.db.models.lookups import Exact

from aidcases.crypto import EncryptedField
from aidcases.scoping import HOME, SCHOOL, current_scope
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import HIDDEN_PHONE, NUMBER, Column, Ledger, Listing, Shown, labelled, last_four
from ledgers.facts import one_each, place_name
from ledgers.workbook import Kind
from students.enums import COLLEGE_STAGES, GRADE_LABELS, Category, RosterKind, Stage
from students.facts import hardships_in
from students.models import Guardian, Member, Student
from subsidies.models import Entitlement, MissingFigure

GRADES = {f"{stage}-{grade}": label for stage, labels in GRADE_LABELS.items() for grade, label in enumerate(labels, 1)}
YOUNGEST = 3  # the age from which a kindergarten takes a child
MONITORED = {
    Category.MONITORED_UNSTABLE: "脱贫不稳定户",
    Category.MONITORED_MARGINAL: "边缘易致贫户",
    Category.MONITORED_SUDDEN: "突发严重困难户",
}
ENROLLED = Q(here__id__isnull=False)
# The phone of the roll or the college list is the school side's, with the guardian it belongs to; the register's
# phone is the home side's, with the head of the household.
SCHOOL_PHONE = Q(school_seen=True, here__phone__isnull=False)


def _text(*cases: tuple[Any, Any], otherwise: Any = "") -> Case:
    """The text of the first case that holds."""
    whens = [When(holds, then=_value(text)) for holds, text in cases]
    return Case(*whens, default=_value(otherwise), output_field=CharField())


def _value(text: Any) -> Any:
    return Value(text) if isinstance(text, str) else text


def _place() -> Case:
    """就读地: the smallest division that home and school share, by the length of its path."""

    def shared(path: str) -> Exact:
        return Exact(Left("person__home_path", len(path)), Left("here__school_path", len(path)))

    nearer = (("/62/6201/620123/620123100/", "镇内"), ("/62/6201/620123/", "县内"), ("/62/", "省内"))
    return _text((~ENROLLED, ""), *((shared(path), word) for path, word in nearer), otherwise="省外")


def _reason() -> Case:
    """Why a child is not in school: what the rosters say, never a guess."""
    listed = Concat(Value("学籍、高校名单中无此人；贫困名单登记为“"), "house__studying", Value("”"))
    return _text(
        (Q(here__id__isnull=True, too_young=True), f"未满 {YOUNGEST} 周岁"),
        (Q(here__id__isnull=True) & ~Q(house__studying=""), listed),
        (~ENROLLED, "学籍、高校名单中无此人"),
        (Q(seen__present=False), F("seen__reason")),
    )


def _granted() -> QuerySet:
    """This row's entitlements of the term, loans apart, as one group."""
    mine = Entitlement.objects.filter(term=OuterRef("here__term"), student=OuterRef("pk")).granted()
    return mine.order_by().values("student")


def _benefits(aid: list[str | None] | None) -> str:
    return _in_order(aid[0]) if aid else ""


@lru_cache(maxsize=4096)
def _in_order(numbered: str) -> str:
    """Children share few combinations; the database would sort each child's anew."""
    pairs = (line.partition(":") for line in numbered.split("\n"))
    return "、".join(name for _, name in sorted((int(order), name) for order, _, name in pairs))


def _yuan(aid: list[str | None] | None) -> Decimal | None:
    return Decimal(aid[1]) if aid and aid[1] is not None else None


# One look at a child's entitlements for both columns: [order:benefit a line, yuan] as text, NULL for none.
AID = Subquery(
    _granted()
    .values(
        aid=Func(
            StringAgg(Concat("benefit__order", Value(":"), "benefit__name", output_field=CharField()), "\n"),
            Cast(Sum("amount"), CharField()),
            template="ARRAY[%(expressions)s]",
            output_field=ArrayField(CharField()),
        )
    )
    .values("aid")
)
AMOUNT = Subquery(_granted().values(yuan=Sum("amount")).values("yuan"))
UNPRICED = Exists(MissingFigure.objects.filter(term=OuterRef("here__term"), student=OuterRef("pk")))

PHONE = Case(
    When(SCHOOL_PHONE, then=F("here__phone")), default=F("house__household__phone"), output_field=EncryptedField()
)
HAS_PHONE = SCHOOL_PHONE | Q(house__household__phone__isnull=False)

CONTACT_NAME = _text((SCHOOL_PHONE, F("guardian__name")), otherwise=F("house__household__head__name"))
GRADE = Concat("here__stage", Value("-"), "here__grade", output_field=CharField())
STANDING = _text((~ENROLLED, "不在校"), (Q(seen__present=False), "未到校"), otherwise="在校")
DISABLED = Concat(Value("残疾 "), "disability__detail")
HEALTHY = _text((Q(disability__id__isnull=False), DISABLED), otherwise=F("house__health"))

FAMILY, CHILD, POVERTY, STUDY, HEALTH = "家庭情况", "学生情况", "贫困情况", "就读情况", "健康情况"
PRESENCE, AIDED, CONTACT = "在校情况", "享受资助情况", "联系方式"

COLUMNS = (
    Column(("序号",), NUMBER, 5, Kind.INTEGER),
    Column((FAMILY, "县区"), place_name("person__home_path", "county"), 7),
    Column((FAMILY, "乡镇"), place_name("person__home_path", "township"), 7, side=HOME),
    Column((FAMILY, "村"), place_name("person__home_path", "village"), 8.5, side=HOME),
    Column((FAMILY, "户编号"), F("house__household__number"), 11, side=HOME),
    Column((FAMILY, "户主姓名"), F("house__household__head__name"), 8, side=HOME),
    Column(
        (FAMILY, "户主证件号码"), F("house__household__head__id_number"), 11, side=HOME,
        masked=last_four("house__household__head__id_last4"),
    ),
    Column((CHILD, "学生姓名"), F("person__name"), 8, roster="name"),
    Column((CHILD, "性别"), F("person__sex"), 3.5, roster="sex"),
    Column((CHILD, "民族"), F("person__ethnicity"), 5),
    Column((CHILD, "证件号码"), F("person__id_number"), 11, masked=last_four("person__id_last4")),
    Column((CHILD, "出生日期"), F("person__birth_on"), 10.5, Kind.DATE),
    Column((CHILD, "与户主关系"), F("house__relation"), 6, side=HOME),
    Column(
        (POVERTY, "户类型/脱贫属性"),
        _text(
            (Q(house__household__exit_status=""), F("house__household__kind")),
            otherwise=Concat("house__household__kind", Value("/"), "house__household__exit_status"),
        ),
        8, side=HOME,
    ),
    Column((POVERTY, "监测对象类型"), labelled(F("house__household__monitored"), MONITORED), 7, side=HOME),
    Column(
        (POVERTY, "风险是否消除"),
        _text((Q(house__household__risk_cleared=True), "是"), (Q(house__household__risk_cleared=False), "否")),
        5, side=HOME,
    ),
    Column((POVERTY, "致贫原因"), F("house__household__cause"), 6.5, side=HOME),
    Column((STUDY, "学段"), labelled(F("here__stage"), dict(Stage.choices)), 7, roster="stage"),
    Column((STUDY, "年级"), labelled(GRADE, GRADES), 6.5, roster="grade"),
    Column((STUDY, "学校名称"), F("here__school__name"), 11, roster="school"),
    Column((STUDY, "学校标识码"), F("here__school__code"), 10.5),
    Column((STUDY, "全国学籍号"), F("roll_number"), 11, masked=last_four("roll_last4")),
    Column((STUDY, "班级"), F("here__class_name"), 6, roster="class_name"),
    # Lists of college students say nothing of boarding.
    Column(
        (STUDY, "就读方式"),
        _text((Q(here__boarding=True), "寄宿"), (ENROLLED & ~Q(here__stage__in=COLLEGE_STAGES), "走读")),
        5, roster="boarding",
    ),
    Column((STUDY, "就读地"), _place(), 5),
    Column((HEALTH, "健康/残疾"), HEALTHY, 6.5),
    Column((HEALTH, "残疾证号"), F("disability__proof"), 10.5, masked=last_four("disability__proof_last4")),
    Column((PRESENCE, "在校状态"), STANDING, 6),
    Column((PRESENCE, "不在校原因"), _reason(), 9.5),
    Column((AIDED, "享受资助项目"), Shown(AID, _benefits), 20),
    Column((AIDED, "本学期资助金额"), Shown(AID, _yuan), 10, Kind.MONEY, total=True, summed=AMOUNT),
    Column((CONTACT, "联系人"), CONTACT_NAME, 7),
    Column((CONTACT, "联系电话"), PHONE, 12, masked=_text((HAS_PHONE, HIDDEN_PHONE))),
    Column(
        ("备注",),
        _text((Q(person__name_undecided=True), "姓名各名单不一致，待核对"), (UNPRICED, "有项目缺收费标准，金额待定")),
        7,
    ),
)  # fmt: skip


def _children(term: Term, area: Area) -> QuerySet:
    """Students whose registered poverty holds on some day of the term: a region's by home (the register is the home
    county's), a school's by enrolment; each joined to at most one household, enrolment, disability and guardian."""
    held = hardships_in(term)
    poor = held.filter(category=Category.REGISTERED_POOR)
    disabled = held.filter(category=Category.DISABLED)
    numbered = Member.objects.filter(household__number__isnull=False)
    scope = current_scope()
    place = "here__school_path" if area.is_school else "person__home_path"
    return (
        Student.objects.annotate(
            here=FilteredRelation("enrolments", condition=Q(enrolments__term=term.code)),
            house=FilteredRelation(
                "person__memberships",
                condition=Q(
                    person__memberships__in=one_each(numbered, "person", newest="from_on", first="household__number")
                ),
            ),
            disability=FilteredRelation(
                "person__hardships",
                condition=Q(person__hardships__in=one_each(disabled, "person", newest="from_on")),
            ),
            guardian=FilteredRelation(
                "guardians", condition=Q(guardians__in=one_each(Guardian.objects.all(), "student"))
            ),
            seen=FilteredRelation(
                "person__roster_entries",
                condition=Q(person__roster_entries__kind=RosterKind.PRESENT, person__roster_entries__term=term.code),
            ),
            too_young=_flag(Q(person__birth_on__gt=_born(term, YOUNGEST))),
            school_seen=_flag(Q(here__school_path__startswith=scope.path)) if SCHOOL in scope.sides else Value(False),
        )
        .filter(person__in=poor.values("person"), **{f"{place}__startswith": area.path})
        .order_by("person__home_path", "house__household__number", "person__birth_on", "pk")
    )


def _flag(holds: Q) -> ExpressionWrapper:
    return ExpressionWrapper(holds, BooleanField())


def _born(term: Term, age: int) -> date:
    """Who was born after this day is younger than the age on the day ages are taken."""
    return term.age_day.replace(year=term.age_day.year - age)


def _tables(term: Term, area: Area) -> list[Listing]:
    sides = {HOME: "person__home_path"}
    about = ("poverty-register", term.code)
    return [Listing("台账", COLUMNS, _children(term, area), "person__id_hash", about, sides)]


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    whom = "在本校就读" if area.is_school else "户籍（贫困人口名单所在村）在本地"
    return [
        f"{term.label}内任一天在册的建档立卡贫困家庭学生，{whom}，一名学生一行；不在校的一并列出。",
        "享受资助项目和金额为本学期应享资助，不论是否已发放，单位元；免费和实物项目不计金额；助学贷款为可申请项目，不在其内。",
    ]


POVERTY_REGISTER = Ledger(
    code="poverty-register",
    title="建档立卡贫困受教育人口基本信息台账",
    use="逐人登记建档立卡学生的家庭、就读和本学期资助情况，用于摸底核对和上报。",
    unit="元",
    tables=_tables,
    notes=_notes,
    personal=True,
)
