"""巩固率: graduates ÷ (intake + moved in − moved out), of a cohort, from the enrolments of both terms; where the intake lies
before the system's own data, from figures that schools have entered. Never above 100 %."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from aidcases import audit
from aidcases.flow import Refused
from aidcases.models import School
from aidcases.roles import P
from aidcases.scoping import Actor, current_scope
from aidcases.terms import AUTUMN, Term
from dropout.enums import Cohort
from dropout.indicators import PERCENT
from dropout.models import IntakeFigure
from students.enums import Stage
from students.models import Enrolment


@dataclass(frozen=True)
class Way:
    """From the first grade of a stage to the last of a stage, in so many years."""

    years: int
    entered: Stage
    left: Stage
    last: int
    formula: str


WAYS = {
    Cohort.PRIMARY: Way(6, Stage.PRIMARY, Stage.PRIMARY, 6, "小学毕业生数 ÷（6 年前招生数 + 转入 − 转出）× 100%"),
    Cohort.JUNIOR: Way(3, Stage.JUNIOR, Stage.JUNIOR, 3, "初中毕业生数 ÷（3 年前招生数 + 转入 − 转出）× 100%"),
    Cohort.NINE: Way(9, Stage.PRIMARY, Stage.JUNIOR, 3, "初中毕业生数 ÷（9 年前小学招生数 + 转入 − 转出）× 100%"),
}
TARGET = Decimal(95)  # 国办发〔2017〕72号: the nine years, by 2020


def began(cohort: str, term: Term) -> Term:
    """The term in which those who leave in the term's school year were taken in."""
    return Term(term.school_year - WAYS[Cohort(cohort)].years + 1, AUTUMN)


def intake(cohort: str, term: Term, path: str) -> QuerySet[Enrolment]:
    way = WAYS[Cohort(cohort)]
    rows = Enrolment.objects.in_term(began(cohort, term))
    return rows.filter(stage=way.entered, grade=1, school_path__startswith=path)


def graduates(cohort: str, term: Term, path: str) -> QuerySet[Enrolment]:
    """毕业班: those in the last grade in the term."""
    way = WAYS[Cohort(cohort)]
    return Enrolment.objects.in_term(term).filter(stage=way.left, grade=way.last, school_path__startswith=path)


def moved_in(cohort: str, term: Term, path: str) -> QuerySet[Enrolment]:
    return graduates(cohort, term, path).filter(~Exists(intake(cohort, term, path).filter(student=OuterRef("student"))))


def moved_out(cohort: str, term: Term, path: str) -> QuerySet[Enrolment]:
    """Rows of the intake whose child studies elsewhere in the term."""
    elsewhere = _anywhere(term).exclude(school_path__startswith=path)
    return intake(cohort, term, path).filter(Exists(elsewhere.filter(student=OuterRef("student"))))


def _anywhere(term: Term) -> QuerySet[Enrolment]:
    """Whether somebody studies, wherever that is: a child that has moved away is out of sight."""
    return Enrolment._base_manager.filter(term=term.code).order_by()


def cohort_of(cohort: str, term: Term, path: str) -> QuerySet[Enrolment]:
    """The denominator, each child once: its row of the intake, else (moved in) that of the last grade. As a graduate is
    never among those moved out, the rate is at most 100 %."""
    out, came = moved_out(cohort, term, path), moved_in(cohort, term, path)
    first = intake(cohort, term, path).exclude(pk__in=out.values("pk"))
    return Enrolment.objects.filter(Q(pk__in=first.values("pk")) | Q(pk__in=came.values("pk")))


SETS = {"graduates": graduates, "intake": intake, "in": moved_in, "out": moved_out, "cohort": cohort_of}


@dataclass
class Row:
    """A school's line, or an area's. `entered`: by hand; `missing`: schools of an area without either."""

    label: str
    path: str
    graduates: int = 0
    intake: int | None = None
    moved_in: int = 0
    moved_out: int = 0
    entered: bool = False
    missing: list[str] = field(default_factory=list)

    @property
    def of(self) -> int | None:
        return None if self.intake is None else self.intake + self.moved_in - self.moved_out

    @property
    def rate(self) -> Decimal | None:
        if not self.of:
            return None
        seen = (Decimal(100 * self.graduates) / self.of).quantize(PERCENT, ROUND_HALF_UP)
        return min(seen, Decimal(100))

    @property
    def missed(self) -> bool:
        return bool(self.of) and 100 * self.graduates < TARGET * (self.of or 0)

    @property
    def note(self) -> str:
        said = ["招生数为手工填报"] if self.entered else []
        if self.of is not None and self.graduates > self.of:
            said.append("毕业生多于应毕业人数，请核对填报数")
        if self.intake is None and not self.missing:
            said.append("没有招生数，请填报")
        if self.missing:
            said.append(f"{len(self.missing)} 所学校没有招生数，未计入")
        return "；".join(said)


def by_school(cohort: str, term: Term, path: str, today: date) -> list[Row]:
    """A line for every school with graduates or an intake, in the order of their paths. Of the nine years only the schools
    that took in and the schools that graduate are known apart: their table is the area's (`total`)."""
    def counted(rows: QuerySet[Enrolment]) -> dict[str, int]:
        return dict(rows.order_by().values_list("school_path").annotate(n=Count("pk")))

    same = {"student": OuterRef("student"), "school_path": OuterRef("school_path")}
    first = intake(cohort, term, "/")
    took, gave = intake(cohort, term, path), graduates(cohort, term, path)
    began_here, left_here = counted(took), counted(gave)
    # Of one school: who left from another is moved out, who came from another is moved in.
    studies, stayed = Exists(_anywhere(term).filter(student=OuterRef("student"))), Exists(_anywhere(term).filter(**same))
    out, came = counted(took.filter(studies, ~stayed)), counted(gave.filter(~Exists(first.filter(**same))))
    figures = entered(cohort, term, path, today)
    names = _names({*began_here, *left_here, *figures})
    rows = []
    for at in sorted(names):
        row = Row(names[at], at, left_here.get(at, 0))
        if at in began_here:
            row.intake, row.moved_in, row.moved_out = began_here[at], came.get(at, 0), out.get(at, 0)
        elif at in figures:
            figure = figures[at]
            row.intake, row.moved_in, row.moved_out = figure.intake, figure.moved_in, figure.moved_out
            row.entered = True
        rows.append(row)
    return rows


def total(cohort: str, term: Term, path: str, label: str, rows: Iterable[Row], today: date) -> Row:
    """An area's line: its own enrolments where they reach back to the intake, so that a child who changed schools inside
    it has moved nowhere; else the sum of what its schools have entered, of graduates of these schools alone."""
    made = Row(label, path)
    if intake(cohort, term, path).exists():
        sizes = {name: SETS[name](cohort, term, path).count() for name in ("graduates", "intake", "in", "out")}
        made.graduates, made.intake, made.moved_in, made.moved_out = sizes.values()
        return made
    figures = list(entered(cohort, term, path, today).values())
    rows = list(rows)
    told = {figure.school_path for figure in figures}
    made.missing = [row.label for row in rows if row.graduates and row.path not in told] if cohort != Cohort.NINE else []
    counted = [row for row in rows if row.path in told or cohort == Cohort.NINE or not told]
    made.graduates = sum(row.graduates for row in counted)
    if figures:
        made.entered, made.intake = True, sum(figure.intake for figure in figures)
        made.moved_in = sum(figure.moved_in for figure in figures)
        made.moved_out = sum(figure.moved_out for figure in figures)
    return made


def _names(paths: Iterable[str]) -> dict[str, str]:
    return dict(School.objects.filter(path__in=list(paths)).values_list("path", "name"))


# --- figures by hand -----------------------------------------------------------------------------------------------


def entered(cohort: str, term: Term, path: str, today: date) -> dict[str, IntakeFigure]:
    """School's path → the figure in force of the cohort that leaves in the term's school year."""
    rows = IntakeFigure.objects.filter(
        cohort=cohort, year=began(cohort, term).year, school_path__startswith=path, from_on__lte=today
    )
    return {row.school_path: row for row in rows.order_by("from_on")}


@transaction.atomic
def enter(
    school: School, *, cohort: str, term: Term, intake: int, moved_in: int, moved_out: int, by: Actor, today: date
) -> IntakeFigure:
    """From today on. Raises Refused where the system's own enrolments reach back that far, or the figures can't be."""
    if not by.may(P.DROPOUT_REPORT):
        raise Refused("您的角色不能填报招生数。")
    if not current_scope().covers(school.path, "school") or cohort not in Cohort.values:
        raise Refused("只能填报本单位学校的招生数。")
    if min(intake, moved_in, moved_out) < 0 or intake > 100_000 or moved_out > intake + moved_in:
        raise Refused("请核对：人数不能是负数，转出不能多于招生加转入。")
    if SETS["intake"](cohort, term, school.path).exists():
        raise Refused("这一级学生的招生名单已在系统里，不用手工填报。")
    made, _ = IntakeFigure.objects.update_or_create(
        school=school, cohort=cohort, year=began(cohort, term).year, from_on=today,
        defaults={
            "school_path": school.path, "intake": intake, "moved_in": moved_in, "moved_out": moved_out, "made_by": by.name,
        },
    )  # fmt: skip
    audit.record("intake.entered", subject=made, path=school.path, cohort=cohort, intake=intake)
    return made
