"""Boards: the three ledgers, the indicators of every place beside each other, the run of the terms; a few statements each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet, Value

from aidcases import sql
from aidcases.models import Region, School
from aidcases.scoping import SCHOOL, current_scope
from aidcases.terms import Term
from dropout.enums import CaseState, DifferenceKind
from dropout.indicators import INDICATORS, Asked, Figure, Indicator, Side, is_school, key_of
from dropout.models import Difference, DropoutCase, WarningLine
from dropout.models.cases import OPEN, OUT_OF_SCHOOL, PLACED_OR_OUT
from dropout.rounds import closed_in

LEVELS = {"county": "县区", "township": "乡镇", "school": "学校"}
ELSEWHERE = {"county": "其他地方", "township": "县直属和县外", "school": "没有学校"}


def suited(path: str) -> list[Indicator]:
    """Those that mean something to whoever acts: a school counts its pupils, a township the children at home there."""
    if is_school(path):
        return [each for each in INDICATORS.values() if each.number.school]
    if SCHOOL not in current_scope().sides:
        return [each for each in INDICATORS.values() if each.number.home]
    return list(INDICATORS.values())


def figures(asked: Asked, by: str = "") -> dict[str, dict[str, Figure]]:
    """{code of the place (path of the school; "" for what lies in none): {indicator: figure}}, of the whole area under ""
    when `by` is empty. One statement, however many places and indicators."""
    texts: list[str] = []
    params: list[Any] = []
    for indicator in suited(asked.path):
        for n, side in enumerate((indicator.number, indicator.out_of)):
            if side is None or not side.path(by == "school" or is_school(asked.path)):
                continue
            text, values = sql.compiled(_keyed(side, asked, by))
            texts.append(f"SELECT %s AS code, {n} AS side, q.key, count(*) AS n FROM ({text}) q GROUP BY q.key")
            params += [indicator.code, *values]
    counted: dict[str, dict[tuple[str, int], int]] = defaultdict(dict)
    for row in sql.rows(" UNION ALL ".join(texts), params):
        counted[row["key"]][row["code"], row["side"]] = row["n"]
    places = sorted(counted) if by else [""]
    return {place: {each.code: _figure(each, counted[place]) for each in suited(asked.path)} for place in places}


def _keyed(side: Side, asked: Asked, by: str) -> QuerySet:
    return side.of(asked, by).order_by().values(key=key_of(side, by))


def _figure(indicator: Indicator, counted: dict[tuple[str, int], int]) -> Figure:
    of = counted.get((indicator.code, 1), 0) if indicator.out_of else None
    return Figure(counted.get((indicator.code, 0), 0), of, indicator.target, indicator.least)


@dataclass
class Place:
    """A line of a board. `missed`: indicators that miss their targets; `rank` counts from 1, the worst first."""

    code: str
    label: str
    figures: dict[str, Figure]
    rank: int = 0

    @property
    def missed(self) -> int:
        return sum(figure.missed for figure in self.figures.values())

    @property
    def out(self) -> int:
        return self.figures["out-now"].number if "out-now" in self.figures else 0


def places(asked: Asked, by: str) -> list[Place]:
    """Every place of the area, those without a figure too, the worst first: by targets missed, then by children out."""
    found = figures(asked, by)
    if by == "school":
        names = dict(School.objects.filter(path__in=found).values_list("path", "name"))
    else:
        names = dict(Region.objects.under(asked.path).filter(level=by).values_list("code", "name"))
    empty = _nothing(asked.path)
    told = [Place(code, names[code], found.get(code, empty)) for code in names]
    told += [Place(code, code or ELSEWHERE[by], found[code]) for code in found if code not in names]
    told.sort(key=lambda place: (-place.missed, -place.out, place.code))
    for n, place in enumerate(told, 1):
        place.rank = n
    return told


def whole(asked: Asked, told: list[Place], by: str) -> dict[str, Figure]:
    """The area's own figures: those of its divisions together, as every row lies in one of them or in none. Schools do not
    add up to it: who lives here may study elsewhere."""
    if by not in ("county", "township"):
        return figures(asked)[""]
    return {
        each.code: Figure(
            sum(place.figures[each.code].number for place in told),
            sum(place.figures[each.code].of or 0 for place in told) if each.out_of else None, each.target, each.least,
        )
        for each in suited(asked.path)
    }  # fmt: skip


def _nothing(path: str) -> dict[str, Figure]:
    return {each.code: _figure(each, {}) for each in suited(path)}


# --- cases ---------------------------------------------------------------------------------------------------------


def ledgers(rows: QuerySet[DropoutCase], asked: Asked) -> dict[str, int]:
    """Cases in sight: suspected, out (dropouts), poor of them, back (not closed yet), late (past their day); of this school
    year closed and, of them, unproven."""
    return rows.order_by().aggregate(**counts(asked))


def card(rows: QuerySet[DropoutCase], warned: QuerySet[WarningLine], asked: Asked) -> dict[str, int]:
    """The ledgers of some cases, and how many lines of the warning: one statement, for a home page."""
    names = counts(asked)
    lines, values = sql.compiled(warned.order_by().values("pk"))
    told, more = sql.compiled(rows.order_by().values(one=Value(1)).annotate(**names).values_list(*names))
    shown = ", ".join(f"COALESCE(l.{name}, 0) AS {name}" for name in names)
    text = f"SELECT w.warned, {shown} FROM (SELECT count(*) AS warned FROM ({lines}) n) w LEFT JOIN ({told}) l ON true"
    return sql.one(text, [*values, *more])


def counts(asked: Asked) -> dict[str, Count]:
    meant = {
        "suspected": Q(state__in=(CaseState.SUSPECTED, CaseState.VERIFYING)),
        "out": Q(state__in=OUT_OF_SCHOOL),
        "poor": Q(state__in=OUT_OF_SCHOOL, poor=True),
        "back": Q(state__in=PLACED_OR_OUT),
        "late": Q(state__in=OPEN, due_on__lt=asked.today),
        "closed": closed_in(asked.year),
        "unproven": closed_in(asked.year, unproven=True),
    }
    return {name: Count("pk", filter=which) for name, which in meant.items()}


@dataclass
class Run:
    """What a term brought, in sight."""

    term: Term
    not_enrolled: int = 0
    absent: int = 0
    confirmed: int = 0
    returned: int = 0


def trend(until: Term) -> list[Run]:
    """The terms with anything, the oldest first, up to one: two kinds of findings, dropouts confirmed, children back."""
    runs: dict[str, Run] = {}

    def run(term: Term) -> Run:
        return runs.setdefault(term.code, Run(term))

    kinds = {kind: Count("pk", filter=Q(kind=kind)) for kind in (DifferenceKind.NOT_ENROLLED, DifferenceKind.ABSENT)}
    for row in Difference.objects.order_by().values("term").annotate(**{kind.value: n for kind, n in kinds.items()}):
        one = run(Term.parse(row["term"]))
        one.not_enrolled, one.absent = row["not_enrolled"], row["absent"]
    for name in ("confirmed", "returned"):
        days = DropoutCase.objects.exclude(**{f"{name}_on": None}).order_by().values_list(f"{name}_on")
        for day, number in days.annotate(n=Count("pk")):
            one = run(Term.containing(day))
            setattr(one, name, getattr(one, name) + number)
    found = sorted(runs.values(), key=lambda each: each.term.first_day)
    return [each for each in found if each.term.first_day <= until.first_day][-8:]
