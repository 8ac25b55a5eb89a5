"""因学致贫贫困家庭学生信息台账: a row per child at school of the households that are poor for schooling."""

from __future__ import annotations

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import CharField, Count, Exists, F, Func, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from aidcases.roles import P
from aidcases.terms import Term
from ledgers.areas import Area
from ledgers.definition import NUMBER, Column, Ledger, Listing, Shown, labelled, last_four
from ledgers.definitions.payment_roll import GRADES
from ledgers.facts import place_name
from ledgers.workbook import Kind
from students.enums import Stage
from students.models import Enrolment, Member
from subsidies.models import Entitlement, HouseholdPlan, PlanMeasure
from subsidies.models.plans import Result
from subsidies.plans import families

FAMILY, CHILD, COST, AID, HELP = "家庭情况", "学生情况", "教育支出", "本学年资助", "帮扶情况"


def _pupils(term: Term) -> Subquery:
    """How many children of the household are at school."""
    enrolled = Enrolment.objects.in_term(term).filter(student=OuterRef("person"))
    mine = Member.objects.filter(Exists(enrolled), household=OuterRef("household")).order_by().values("household")
    return Subquery(mine.annotate(n=Count("pk")).values("n"))


def _benefits(term: Term) -> Subquery:
    """Names of what the child is due in the school year, a line each."""
    due = Entitlement.objects.filter(
        term__in=families.terms_of(term.school_year), student=OuterRef("person_id")
    ).granted()
    named = StringAgg("benefit__name", "\n", distinct=True)
    return Subquery(due.order_by().values("student").annotate(names=named).values("names"))


def _measures(term: Term) -> Subquery:
    """What the plan does for the household and for this child, a line each."""
    mine = PlanMeasure.objects.filter(
        Q(student=None) | Q(student=OuterRef("person_id")), plan__household=OuterRef("household"),
        plan__year=term.school_year,
    )  # fmt: skip
    told = StringAgg("what", "\n", order_by=["due_on", "pk"])
    return Subquery(mine.order_by().values("plan").annotate(told=told).values("told"))


def _effect(term: Term) -> Subquery:
    plan = HouseholdPlan.objects.filter(household=OuterRef("household"), year=term.school_year)
    told = Concat("result", Value(":"), "effect", output_field=CharField())
    return Subquery(plan.annotate(told=told).values("told")[:1])


def _lines(joined: str | None) -> str:
    return "；".join(joined.split("\n")) if joined else ""


def _came(told: str | None) -> str:
    result, _, effect = (told or "").partition(":")
    return "；".join(filter(None, (dict(Result.choices).get(result, ""), effect)))


def _joined(*names: str) -> Func:
    """The texts that are there, with 、 between them."""
    filled = (Func(F(name), Value(""), function="nullif", output_field=CharField()) for name in names)
    return Func(Value("、"), *filled, function="concat_ws", output_field=CharField())


def _cause() -> Func:
    """Of the plan where there is one, else of the register."""
    planned = Func(_joined("plan__cause", "plan__second_cause"), Value(""), function="nullif", output_field=CharField())
    return Func(planned, F("household__cause"), function="coalesce", output_field=CharField())


def _income() -> Func:
    return Func(
        F("plan__income_per_head"), F("household__income_per_head"), function="coalesce", output_field=families.YUAN
    )


def _columns(term: Term) -> tuple[Column, ...]:
    grade = Concat("here__stage", Value("-"), "here__grade", output_field=CharField())
    return (
        Column(("序号",), NUMBER, 5, Kind.INTEGER),
        Column((FAMILY, "乡镇"), place_name("household__path", "township"), 8),
        Column((FAMILY, "村"), place_name("household__path", "village"), 9),
        Column((FAMILY, "户编号"), F("household__number"), 18),
        Column((FAMILY, "户主"), F("household__head__name"), 8),
        Column((FAMILY, "家庭人口"), F("household__size"), 5, Kind.INTEGER),
        Column((FAMILY, "在校子女数"), _pupils(term), 5, Kind.INTEGER),
        Column((FAMILY, "致贫原因"), _cause(), 9),
        Column((FAMILY, "人均纯收入"), _income(), 10, Kind.MONEY),
        Column((COST, "年教育支出"), F("spent"), 10, Kind.MONEY, total=True),
        Column((CHILD, "学生"), F("person__name"), 8, roster="name"),
        Column((CHILD, "证件号码"), F("person__id_number"), 19, masked=last_four("person__id_last4")),
        Column((CHILD, "学段"), labelled(F("here__stage"), dict(Stage.choices)), 8, roster="stage"),
        Column((CHILD, "学校"), F("here__school__name"), 15, roster="school"),
        Column((CHILD, "年级"), labelled(grade, GRADES), 7, roster="grade"),
        Column((AID, "资助项目"), Shown(_benefits(term), _lines), 22),
        Column((AID, "金额"), F("aid"), 10, Kind.MONEY, total=True),
        Column((COST, "资助后自付"), F("own"), 10, Kind.MONEY, total=True),
        Column((HELP, "帮扶责任人"), F("plan__owner"), 8),
        Column((HELP, "帮扶措施"), Shown(_measures(term), _lines), 24),
        Column((HELP, "成效"), Shown(_effect(term), _came), 18),
    )


def rows(term: Term, area: Area) -> QuerySet[Member]:
    """The children of families.children whose household is poor for schooling, at home (of a school: at school) in the area."""
    place = "here__school_path" if area.is_school else "household__path"
    found = families.children(term).filter(
        families.poor_for_schooling("household__"), **{f"{place}__startswith": area.path}
    )
    return found.order_by("household__path", "household__number", "person__birth_on", "pk")


def _tables(term: Term, area: Area) -> list[Listing]:
    return [Listing("台账", _columns(term), rows(term, area), "person__id_hash", ("schooling-poverty", term.code))]


def _notes(term: Term, area: Area, _part: str) -> list[str]:
    whom = "在本校就读的" if area.is_school else "家在本地的"
    return [
        f"{term.label}{whom}、致贫原因含“因学”的建档立卡家庭在校子女，一人一行；原因以本学年帮扶计划为准，没有计划的以贫困名单为准。",
        "年教育支出取自帮扶计划，单位元/学年，还没有填写的费用不计；资助为本学年已测算学期的应享合计，不论是否已发放，不含贷款；"
        "自付为支出减去资助，最低为 0。",
    ]


SCHOOLING_POVERTY = Ledger(
    code="schooling-poverty",
    title="因学致贫贫困家庭学生信息台账",
    use="逐户逐人登记因学致贫家庭的教育支出、资助、自付和帮扶情况，来自一户一策。",
    unit="元",
    tables=_tables,
    notes=_notes,
    personal=True,
    can=P.HOUSEHOLD_VIEW,
)
