"""Indicators of keeping children in school: each a value with its formula in words, its target and where that comes from,
and two sets of rows whose sizes are the figure and which open into names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from django.db.models import Case, CharField, Exists, F, Func, OuterRef, Q, QuerySet, Value, When

from aidcases.terms import AUTUMN, Term
from dropout.models import DropoutCase
from dropout.models.cases import BACK, WATCH_DAYS
from dropout.rounds import closed_in, left_in, returned_in
from students.enums import Category, RosterKind, Stage
from students.facts import hardships_in
from students.models import Enrolment, Person, RosterEntry
from students.places import codes_of

PERCENT = Decimal("0.01")
PLACES = {"county": 4, "township": 5}  # parts of an owner path


@dataclass(frozen=True)
class Asked:
    """Of which area, in the school year of which term, as of which day."""

    term: Term
    path: str
    today: date

    @property
    def year(self) -> tuple[date, date]:
        return self.term.school_year_days

    @property
    def day(self) -> date:
        return min(self.today, self.year[1])

    @property
    def start(self) -> Term:
        """The term with which the school year begins."""
        return Term(self.term.school_year, AUTUMN)


Rows = Callable[[Asked], QuerySet]


@dataclass(frozen=True)
class Side:
    """One of the two sets. `person`: how its rows lead to a Person; `home`, `school`: the paths by which they belong to a
    place, "" for none. A division's children are those at home there; where only schools answer, those of its schools."""

    rows: Rows
    person: str
    home: str = ""
    school: str = ""

    def path(self, of_school: bool) -> str:
        return self.school if of_school else self.home or self.school

    def of(self, asked: Asked, by: str = "") -> QuerySet:
        rows, path = self.rows(asked), self.path(by == "school" or is_school(asked.path))
        return rows.filter(**{f"{path}__startswith": asked.path}) if path else rows.none()


def is_school(path: str) -> bool:
    """Whether an owner path ends in a school's code."""
    return len(codes_of(path)) < len(path.strip("/").split("/")) and path != "/"


def key_of(side: Side, by: str) -> Case | F | Value:
    """What rows are grouped by: "county" and "township" are codes ("" for schools right under their county), "school" their
    paths, "" is the whole."""
    path = side.path(by == "school")
    if not by:
        return Value("", CharField())
    if by == "school":
        return F(path)
    part = Func(F(path), Value("/"), Value(PLACES[by]), function="split_part", output_field=CharField())
    region = Q(**{f"{path}__regex": r"^/\d+/\d+/\d{6}/\d{9}/"}) if by == "township" else ~Q(**{path: ""})
    return Case(When(region, then=part), default=Value(""), output_field=CharField())


@dataclass(frozen=True)
class Figure:
    """`least`: the rate has to reach its target; else to stay under it. A rate of nothing is None."""

    number: int
    of: int | None
    target: Decimal | None
    least: bool

    @property
    def rate(self) -> Decimal | None:
        """Per cent, two places."""
        if not self.of:
            return None
        return (Decimal(100 * self.number) / self.of).quantize(PERCENT, ROUND_HALF_UP)

    @property
    def missed(self) -> bool:
        """Compared without rounding."""
        if self.target is None:
            return False
        if self.of is None:
            return self.number > self.target
        if not self.of:
            return False
        seen = Decimal(100 * self.number)
        return seen < self.target * self.of if self.least else seen > self.target * self.of


@dataclass(frozen=True)
class Indicator:
    """Without `out_of` it is a count."""

    code: str
    label: str
    formula: str
    source: str
    target: Decimal | None
    number: Side
    out_of: Side | None
    least: bool = False

    @property
    def aim(self) -> str:
        """不高于 0.6%, 不低于 95%, 0 人, or "" without a target."""
        if self.target is None:
            return ""
        value = f"{self.target.normalize():f}"
        return f"{'不低于' if self.least else '不高于'} {value}%" if self.out_of else f"{value} 人"

    def figure(self, asked: Asked) -> Figure:
        of = self.out_of.of(asked).count() if self.out_of else None
        return Figure(self.number.of(asked).count(), of, self.target, self.least)


# --- the sets ------------------------------------------------------------------------------------------------------

_LEFT = {"person": "student__person", "school": "school__path"}  # where it was in school
_PUPIL = {"person": "student__person", "school": "school_path"}
_THREE = "视力|听力|言语|智力"  # 三类残疾: of sight, of hearing and speech, of the mind


def dropouts(asked: Asked) -> QuerySet[DropoutCase]:
    """Confirmed in the school year, or gone again in it after an earlier return."""
    return DropoutCase.objects.filter(left_in(asked.year))


def _of_stage(stage: str) -> tuple[Side, Side]:
    return (
        Side(lambda asked: dropouts(asked).filter(stage=stage), **_LEFT),
        Side(lambda asked: Enrolment.objects.in_term(asked.start).filter(stage=stage), **_PUPIL),
    )


def _born(asked: Asked, path: str = "") -> Q:
    """School-age: six, and not yet fifteen, on the 31 August before the school year."""
    day = asked.term.age_day
    years = {n: day.replace(year=day.year - n) for n in (6, 15)}
    return Q(**{f"{path}birth_on__lte": years[6], f"{path}birth_on__gt": years[15]})


def _studies(asked: Asked, who: str) -> Exists:
    """On a roll of any stage from primary school up, wherever: who is ahead of its age is in school, too."""
    enrolled = Enrolment._base_manager.filter(term=asked.term.code, student=OuterRef(who))
    return Exists(enrolled.exclude(stage=Stage.PRESCHOOL))


def school_age(asked: Asked) -> QuerySet[RosterEntry]:
    return RosterEntry.objects.filter(_born(asked, "person__"), kind=RosterKind.POPULATION, term=asked.term.code)


def disabled(asked: Asked) -> QuerySet[Person]:
    listed = hardships_in(asked.term).filter(category=Category.DISABLED, detail__regex=_THREE, person=OuterRef("pk"))
    return Person.objects.filter(_born(asked), Exists(listed))


def returned_long_ago(asked: Asked) -> QuerySet[DropoutCase]:
    """Back in the school year, ninety days ago or more; also those that have left again since."""
    return DropoutCase.objects.filter(returned_in((asked.year[0], asked.day - timedelta(days=WATCH_DAYS))))


def unproven(asked: Asked) -> QuerySet[DropoutCase]:
    return DropoutCase.objects.filter(closed_in(asked.year, unproven=True))


_ENTRY = {"person": "person", "home": "person__home_path"}
_PERSON = {"person": "", "home": "home_path"}
_CASE = {"person": "student__person", "home": "home_path", "school": "school_path"}
_PRIMARY, _JUNIOR = _of_stage(Stage.PRIMARY), _of_stage(Stage.JUNIOR)

INDICATORS: dict[str, Indicator] = {
    indicator.code: indicator
    for indicator in (
        Indicator(
            "dropout-primary", "小学辍学率", "本学年确认辍学的小学生 ÷ 学年初小学在校生 × 100%", "国家规定的控制线",
            Decimal("0.6"), *_PRIMARY,
        ),
        Indicator(
            "dropout-junior", "初中辍学率", "本学年确认辍学的初中生 ÷ 学年初初中在校生 × 100%", "国家规定的控制线",
            Decimal("1.8"), *_JUNIOR,
        ),
        Indicator(
            "out-now", "目前不在校", "已确认辍学、劝返中、依法控辍的孩子", "控辍保学“动态清零”", Decimal(0),
            Side(lambda asked: DropoutCase.objects.out_of_school(), **_CASE), None,
        ),
        Indicator(
            "poor-out", "贫困户子女目前不在校", "上面的孩子中，在贫困人口名单上的", "控辍保学“动态清零”", Decimal(0),
            Side(lambda asked: DropoutCase.objects.out_of_school().filter(poor=True), **_CASE), None,
        ),
        Indicator(
            "unproven", "无佐证销号", "本学年销号的案件中，没有学籍、考勤或走访佐证的；列在“清零”旁边", "本系统的要求",
            Decimal(0), Side(unproven, **_CASE), None,
        ),
        Indicator(
            "enrolled", "适龄人口入学率", "户籍适龄人口（6—14 岁）中有学籍的（含已进高一级学校的）÷ 户籍适龄人口 × 100%", "",
            None,
            Side(lambda asked: school_age(asked).filter(_studies(asked, "person_id")), **_ENTRY),
            Side(school_age, **_ENTRY), least=True,
        ),
        Indicator(
            "disabled", "三类残疾儿童少年入学率", "视力、听力言语、智力残疾的适龄孩子中有学籍的 ÷ 这三类适龄孩子 × 100%",
            "市级工作方案", Decimal(91), Side(lambda asked: disabled(asked).filter(_studies(asked, "pk")), **_PERSON),
            Side(disabled, **_PERSON), least=True,
        ),
        Indicator(
            "returned", "劝返复学率", "本学年确认辍学、现在已复学（含安置、观察、销号）的 ÷ 本学年确认辍学的 × 100%", "", None,
            Side(lambda asked: dropouts(asked).filter(state__in=BACK), **_CASE), Side(dropouts, **_CASE), least=True,
        ),
        Indicator(
            "held", "复学稳固率", f"复学满 {WATCH_DAYS} 天、没有再辍学的 ÷ 本学年复学满 {WATCH_DAYS} 天的 × 100%", "", None,
            Side(lambda asked: returned_long_ago(asked).filter(state__in=BACK), **_CASE),
            Side(returned_long_ago, **_CASE), least=True,
        ),
    )
}  # fmt: skip
