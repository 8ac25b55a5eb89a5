"""Indicators against targets, county by county: enrolment of each stage, 巩固率, dropout. Who is enrolled the system knows;
how many children there are of an age it does not: counties write that down, with a day and a source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, QuerySet, Value

from aidcases.models.places import region_names, region_path
from dropout import board as dropout_board
from dropout import retention
from dropout.enums import Cohort
from dropout.indicators import INDICATORS, Asked, Figure, Side, key_of
from ledgers.models import AgeFigure, IndicatorGoal, NamedArea
from students.enums import Stage
from students.models import Enrolment

PLAN, LIMIT, NATION = "市级工作方案", "国家规定的控制线", "国办发〔2017〕72号"


@dataclass(frozen=True)
class Ages:
    """An age group on 31 August before the school year, and the stages its children are in. net: only they are counted."""

    first: int
    last: int
    stages: tuple[str, ...]
    net: bool = False

    @property
    def label(self) -> str:
        return f"{self.first}—{self.last} 周岁"

    @property
    def group(self) -> str:
        return f"{self.first}-{self.last}"

    def enrolled(self, asked: Asked) -> Q:
        found = Q(stage__in=self.stages)
        if not self.net:
            return found
        day = asked.term.age_day
        born = "student__person__birth_on"
        after, until = day.replace(year=day.year - self.last - 1), day.replace(year=day.year - self.first)
        return found & Q(**{f"{born}__gt": after, f"{born}__lte": until})


@dataclass(frozen=True)
class Goal:
    """An indicator: of ages, of dropout (the code of one of dropout.indicators), else 巩固率 of the nine years."""

    code: str
    label: str
    formula: str
    source: str
    target: Decimal | None
    ages: Ages | None = None
    dropout: str = ""
    least: bool = True

    def aim(self, target: Decimal | None) -> str:
        """不低于 80%"""
        return f"{'不低于' if self.least else '不高于'} {target.normalize():f}%" if target is not None else ""


def _gross(label: str, people: str, ages: Ages) -> str:
    return f"{label}（不论年龄）÷ {ages.label}{people} × 100%，可以超过 100%"


KINDER, SIX, TWELVE = Ages(3, 5, (Stage.PRESCHOOL,)), Ages(6, 11, (Stage.PRIMARY,)), Ages(12, 14, (Stage.JUNIOR,))
FIFTEEN = Ages(15, 17, (Stage.SENIOR, Stage.SECONDARY_VOCATIONAL))
GOALS: dict[str, Goal] = {
    goal.code: goal
    for goal in (
        Goal("preschool", "学前三年毛入园率", _gross("在园幼儿", "人口", KINDER), PLAN, Decimal(80), KINDER),
        Goal(
            "primary-net", "小学净入学率", "小学在校生中 6—11 周岁的 ÷ 6—11 周岁人口 × 100%", "", None,
            Ages(6, 11, (Stage.PRIMARY,), net=True),
        ),
        Goal("primary", "小学毛入学率", _gross("小学在校生", "人口", SIX), "", None, SIX),
        Goal(
            "junior-net", "初中净入学率", "初中在校生中 12—14 周岁的 ÷ 12—14 周岁人口 × 100%", "", None,
            Ages(12, 14, (Stage.JUNIOR,), net=True),
        ),
        Goal("junior", "初中毛入学率", _gross("初中在校生", "人口", TWELVE), "", None, TWELVE),
        Goal("senior", "高中阶段毛入学率", _gross("普通高中和中职在校生", "人口", FIFTEEN), "", None, FIFTEEN),
        Goal("nine", "九年义务教育巩固率", retention.WAYS[Cohort.NINE].formula, NATION, retention.TARGET),
        *(
            Goal(
                each.code, each.label, each.formula, each.source, each.target, dropout=each.code, least=each.least,
            )
            for each in (INDICATORS["dropout-primary"], INDICATORS["dropout-junior"], INDICATORS["disabled"])
        ),
    )
}  # fmt: skip
OF_AGES = {code: goal.ages for code, goal in GOALS.items() if goal.ages}
PUPILS = Side(lambda asked: Enrolment.objects.in_term(asked.start), person="student__person", school="school_path")


@dataclass
class Cell:
    """An indicator of a place. written: the figure by hand it stands on; of_hand: the number, too, was written by hand."""

    goal: Goal
    figure: Figure
    written: AgeFigure | None = None
    of_hand: bool = False
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None where there is nothing to compare."""
        if self.figure.target is None or self.figure.rate is None:
            return None
        return not self.figure.missed


@dataclass
class Place:
    """A county with its indicators, or (area) a named list of its townships with its preschool alone."""

    code: str
    label: str
    cells: dict[str, Cell]
    area: NamedArea | None = None

    @property
    def missed(self) -> int:
        return sum(cell.met is False for cell in self.cells.values())

    @property
    def worst(self) -> str:
        """The first indicator that misses its target, "" for none."""
        return next((code for code, cell in self.cells.items() if cell.met is False), "")

    @property
    def judged(self) -> int:
        return sum(cell.met is not None for cell in self.cells.values())

    def share(self) -> Decimal | None:
        """Of the indicators that can be judged, those that are met; None of none."""
        return Decimal(self.judged - self.missed) / self.judged if self.judged else None


@dataclass
class Written:
    """What was written by hand for the places of a board, read once."""

    ages: dict[tuple[str, int | None, str], AgeFigure] = field(default_factory=dict)
    targets: dict[tuple[str, str], Decimal] = field(default_factory=dict)


def pupils(asked: Asked, goal: Goal) -> QuerySet[Enrolment]:
    """Who is counted as enrolled, in schools of the area."""
    return PUPILS.of(asked, "school").filter(goal.ages.enrolled(asked) if goal.ages else Q())


def counties(asked: Asked, names: dict[str, str], known: Written | None = None) -> list[Place]:
    """Every county (code → name) of the area. The same few statements however many there are."""
    known, enrolled = known or written(asked), _enrolled(asked, "county")
    dropped = dropout_board.figures(asked, "county")
    nine = retained(asked, {code: region_path(code) for code in names})
    places = []
    for code, label in names.items():
        cells = {}
        for goal in GOALS.values():
            target = known.targets.get((code, goal.code), goal.target)
            if goal.ages:
                row = known.ages.get((code, None, goal.ages.group))
                cells[goal.code] = _of_ages(goal, enrolled[code].get(goal.code, 0), row, target)
            elif goal.dropout:
                found = dropped.get(code, {}).get(goal.dropout)
                cells[goal.code] = Cell(
                    goal, Figure(found.number if found else 0, (found.of if found else 0) or 0, target, goal.least)
                )
            else:
                row = nine[code]
                of = row.of or 0
                cells[goal.code] = Cell(goal, Figure(min(row.graduates, of), of, target, True), note=row.note)
        places.append(Place(code, label, cells))
    return places


def areas(asked: Asked, known: Written | None = None) -> list[Place]:
    """Preschool in the named lists of townships."""
    goal, places = GOALS["preschool"], []
    named = list(NamedArea.objects.filter(path__startswith=asked.path))
    known, enrolled = known or written(asked), _enrolled(asked, "township") if named else {}
    for area in named:
        county = area.path.strip("/").rpartition("/")[2]
        number = sum(enrolled.get(code, {}).get(goal.code, 0) for code in area.codes)
        row = known.ages.get((county, area.pk, KINDER.group))
        target = known.targets.get((county, goal.code), goal.target)
        places.append(Place(county, area.name, {goal.code: _of_ages(goal, number, row, target)}, area))
    return places


def written(asked: Asked) -> Written:
    made, year = Written(), asked.term.school_year
    for row in AgeFigure.objects.filter(year=year, path__startswith=asked.path).order_by("pk"):
        made.ages[row.path.strip("/").rpartition("/")[2], row.area_id, row.ages] = row
    for row in IndicatorGoal.objects.filter(year=year, path__startswith=asked.path).order_by("pk"):
        made.targets[row.path.strip("/").rpartition("/")[2], row.indicator] = row.target
    return made


def _enrolled(asked: Asked, by: str) -> dict[str, dict[str, int]]:
    """{code of the place: {indicator: enrolled}}, one statement."""
    wanted = {code: ages.enrolled(asked) for code, ages in OF_AGES.items()}
    rows = PUPILS.of(asked, "school").order_by().annotate(place=key_of(PUPILS, by)).values("place")
    counts = {f"n{n}": Count("pk", filter=which) for n, which in enumerate(wanted.values())}
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows.annotate(**counts):
        found[row["place"]] = {code: row[f"n{n}"] for n, code in enumerate(wanted)}
    return found


def _of_ages(goal: Goal, enrolled: int, row: AgeFigure | None, target: Decimal | None) -> Cell:
    if row is None:
        return Cell(goal, Figure(enrolled, 0, target, True), note=f"还没有填报 {goal.ages.label if goal.ages else ''}人口")
    by_hand = row.enrolled is not None and not (goal.ages and goal.ages.net)
    note = f"{row.as_of:%Y-%m-%d}，{row.source}" + ("；在校（园）人数为手工填报" if by_hand else "")
    return Cell(goal, Figure(row.enrolled if by_hand else enrolled, row.number, target, True), row, by_hand, note)


def retained(asked: Asked, paths: dict[str, str]) -> dict[str, retention.Row]:
    """巩固率 of the nine years for each path, as dropout.retention reckons it for one: two statements for all of them."""
    cohort, term, parts = Cohort.NINE, asked.term, []
    for code, path in paths.items():
        for name in ("graduates", "intake", "in", "out"):
            rows = retention.SETS[name](cohort, term, path).order_by()
            named = rows.annotate(place=Value(code), which=Value(name)).values("place", "which")
            parts.append(named.annotate(n=Count("pk")).values_list("place", "which", "n"))
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for code, name, number in parts[0].union(*parts[1:], all=True) if parts else ():
        found[code][name] = number
    entered = retention.entered(cohort, term, asked.path, asked.today)
    made = {}
    for code, path in paths.items():
        row = made[code] = retention.Row("", path, found[code].get("graduates", 0))
        figures = [figure for at, figure in entered.items() if at.startswith(path)]
        if found[code].get("intake"):
            row.intake, row.moved_in, row.moved_out = (found[code].get(name, 0) for name in ("intake", "in", "out"))
        elif figures:
            row.entered, row.intake = True, sum(figure.intake for figure in figures)
            row.moved_in, row.moved_out = sum(f.moved_in for f in figures), sum(f.moved_out for f in figures)
    return made


def school_years(today: date) -> list[int]:
    """This school year and the four before it."""
    newest = today.year if today.month >= 9 else today.year - 1
    return list(range(newest, newest - 5, -1))


def chart(places: Iterable[Place], goal: Goal, urls: dict[str, str]) -> dict[str, Any]:
    """The counties beside each other, the lowest first where more is better."""
    rows = [(place, place.cells[goal.code].figure) for place in places if goal.code in place.cells]
    known = sorted(
        ((place, figure) for place, figure in rows if figure.rate is not None), key=lambda each: each[1].rate,
        reverse=not goal.least,
    )  # fmt: skip
    targets = {figure.target for _, figure in known}
    target = targets.pop() if len(targets) == 1 else goal.target
    return {
        "kind": "rows", "title": goal.label, "unit": "%", "head": "县区", "columns": [goal.label],
        "rows": [{"label": place.label, "url": urls.get(place.code, ""), "values": [figure.rate]} for place, figure in known],
        "target": target, "target_label": f"目标 {goal.aim(target)}",
    }  # fmt: skip




def within(rows: QuerySet[Enrolment], area: NamedArea) -> QuerySet[Enrolment]:
    """Pupils of schools in the townships of a list."""
    return rows.annotate(place=key_of(PUPILS, "township")).filter(place__in=area.codes)


def township_names(codes: Iterable[str]) -> list[str]:
    return list(region_names(codes).values())
