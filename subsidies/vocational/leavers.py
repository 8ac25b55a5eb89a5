"""Who is 两后生: poor leavers of junior and senior schools whom no roll has, found as one set in the registers.

Those nobody took in the year before are asked again, as long as the same holds of them.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value

from aidcases import audit, sql
from aidcases.conditions import All, Condition
from aidcases.flow import Refused
from aidcases.roles import P
from aidcases.scoping import HOME, Actor, current_scope
from aidcases.terms import AUTUMN, SPRING, Term
from students.enums import GRADE_LABELS, Category, Stage
from students.facts import hardships_in
from students.models import Enrolment
from students.places import codes_of
from subsidies.giving.common import refuse_if
from subsidies.models import Trainee
from subsidies.models.vocational import OPEN, TraineeState

# 建档立卡 and, since the register was closed, whom the counties watch.
POOR = (
    Category.REGISTERED_POOR, Category.MONITORED_UNSTABLE, Category.MONITORED_MARGINAL, Category.MONITORED_SUDDEN,
)  # fmt: skip
COUNTY_STEPS = 3  # of a county's path
YOUNGEST, OLDEST = 14, 22  # on the 31 August before; the documents say “未继续升学的初、高中毕业生” and no age
NO_ROLL = "{year}—{next} 学年还没有高一、中职一年级的学籍，这时查找会把已经升学的也算进来。请先导入新学期学籍名单。"
AT_HOME = "由家庭所在地的县（乡镇、村）办理。"
BY_COUNTY = "由家庭所在地的县学生资助管理中心查找登记。"
TEXTS = (
    "why", "remark", "kind", "major", "certificate", "employer", "post", "wage", "place", "onward", "phone_path", "school_path",
)  # fmt: skip


def autumn(year: int) -> Term:
    """The term in which they would be on the next school's roll."""
    return Term(year, AUTUMN)


def in_year(year: int) -> QuerySet[Enrolment]:
    """Enrolments of the school year: a county that begins in spring has no autumn."""
    return Enrolment.objects.filter(term__in=(autumn(year).code, autumn(year).next.code))


def poor_in(year: int) -> Q:
    """Of rows with a student: of a registered or watched household in the school year."""
    terms = (autumn(year), autumn(year).next)
    first, second = (
        Q(Exists(hardships_in(term).filter(person=OuterRef("student__person"), category__in=POOR))) for term in terms
    )
    return first | second


def conditions(year: int) -> All:
    """What makes a leaver 两后生 of the year; rows have a student."""
    term = autumn(year)
    young, old = (date(term.age_day.year - age, 8, 31) for age in (YOUNGEST, OLDEST + 1))
    return All((
        Condition("poor", "不是建档立卡（脱贫户）或监测对象家庭", poor_in(year)),
        Condition(
            "not_on", f"{year}—{year + 1} 学年已有学籍（已升学或在读）",
            ~Q(Exists(in_year(year).filter(student=OuterRef("student")))),
        ),
        Condition(
            "age", f"{year} 年 8 月 31 日不满 {YOUNGEST} 周岁或已满 {OLDEST + 1} 周岁",
            Q(student__person__birth_on__lte=young, student__person__birth_on__gt=old),
        ),
    ))  # fmt: skip


def last_grade(stage: str) -> Q:
    return Q(stage=stage, grade__gte=len(GRADE_LABELS[stage]))


def left(year: int, stages: tuple[str, ...] = (Stage.JUNIOR, Stage.SENIOR)) -> QuerySet[Enrolment]:
    """Enrolments in a last grade of these stages in the school year that ended in the summer of `year`, one a student:
    of the spring, else of the autumn before."""
    spring, before = Term(year, SPRING), Term(year - 1, AUTUMN)
    later = Enrolment.objects.in_term(spring).filter(student=OuterRef("student"))
    rows = Enrolment.objects.in_term(spring) | Enrolment.objects.in_term(before).filter(~Exists(later))
    grades = Q()
    for stage in stages:
        grades |= last_grade(stage)
    return rows.filter(grades)


def _ours(rows: QuerySet) -> QuerySet:
    """The home side's, by where the child is at home now."""
    return rows.filter(student__person__home_path__startswith=current_scope().path)


def _new(rows: QuerySet, year: int) -> QuerySet:
    mine = Trainee.objects.filter(student=OuterRef("student"), year=year)
    return rows.filter(conditions(year).hold, ~Exists(mine))


def _fresh(year: int) -> QuerySet[Enrolment]:
    return _ours(left(year))


def _again(year: int) -> QuerySet[Trainee]:
    return _ours(Trainee.objects.filter(year=year - 1, state__in=OPEN))


def look(year: int) -> dict[str, Any]:
    """What finding would do: left, again (asked last year), found (by kind), known, begun (first grades on the roll), and
    why leavers are not on it: [(label, n)]. Seven queries."""
    fresh, told = _fresh(year), conditions(year)
    failing = told.funnel(fresh)
    return {
        "left": fresh.count(),
        "again": _again(year).count(),
        "found": _new(fresh, year).count(),
        "found_again": _new(_again(year), year).count(),
        "known": _ours(Trainee.objects.filter(year=year)).count(),
        "begun": begun(year),
        "why": [(each.label, failing[each.code]) for each in told],
    }


def begun(year: int) -> int:
    """First grades of the next stage that the roll has: without any the new roll is not in."""
    first = Q(grade=1, stage__in=(Stage.SENIOR, Stage.SECONDARY_VOCATIONAL))
    return in_year(year).filter(first).count()


def may_find() -> bool:
    """A county's office or one above: a village does not see whether the new roll is in."""
    scope = current_scope()
    return HOME in scope.sides and len(codes_of(scope.path)) <= COUNTY_STEPS


@transaction.atomic
def find(year: int, *, by: Actor) -> int:
    """Registers whom the conditions find in the own area and the year has not yet. → how many. Raises Refused."""
    refuse_if({"您的角色不能登记两后生。": not by.may(P.VOCATIONAL_WRITE), BY_COUNTY: not may_find()})
    if not begun(year):
        raise Refused(NO_ROLL.format(year=year, next=year + 1))
    sql.lock("vocational.find", year)
    fresh = {"left_year": Value(year, IntegerField()), "left_stage": F("stage"), "left_school_id": F("school_id")}
    kept = {name: F(name) for name in ("left_year", "left_stage", "left_school_id")}
    made = sum(
        sql.insert_from(Trainee, _new(rows, year), **_columns(year, by), **also)
        for rows, also in ((_fresh(year), fresh), (_again(year), kept))
    )
    audit.record("trainee.found", year=year, count=made)
    return made


def _columns(year: int, by: Actor) -> dict[str, Any]:
    return {
        "student_id": F("student_id"), "year": Value(year, IntegerField()), "state": Value(TraineeState.TO_CONTACT.value),
        "home_path": F("student__person__home_path"), "made_by": Value(by.name), **{name: Value("") for name in TEXTS},
    }  # fmt: skip


def by_state(year: int) -> dict[str, int]:
    """State → how many of the year, in sight."""
    rows = Trainee.objects.filter(year=year).order_by().values_list("state")
    return dict(rows.annotate(n=Count("pk")))
