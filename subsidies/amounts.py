"""How much a rule pays in a term: one SQL expression, and the words of its arithmetic for whoever asks why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Case, DecimalField, Expression, F, Func, Q, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Least

from aidcases.terms import Term
from students.enums import Stage, grade_label
from subsidies.conditions import condition
from subsidies.enums import PATH_OF, AmountKind, Level, Period
from subsidies.models import CountyFigure, Rule

YUAN = DecimalField(max_digits=12, decimal_places=2)
FEN = Decimal("0.01")
EVERYBODY = Q(student_id__isnull=False)  # an empty Q can't be negated
NOBODY = Q(pk__in=[])

# Figures an amount may wait for, as MissingFigure names them.
FIGURES = {"annual_fee": "学校收费标准（元/年）", "county_figure": "县定标准", "public_standard": "县定公办标准"}


@dataclass(frozen=True)
class Amounts:
    """`expression` is NULL where nothing is counted in money or a figure is missing."""

    expression: Expression
    selects: Q  # the students one of the values applies to
    lines: tuple[tuple[Q, Decimal | None, str], ...] = ()  # (who, yuan, arithmetic in words); the first that holds
    asks: frozenset[str] = frozenset()  # the facts that tell one line from another
    lacking: tuple[tuple[str, Q], ...] = ()  # (key of FIGURES, whose amount waits for it); the first that holds
    whom: tuple[str, ...] = ()  # of each line in words, where there are several for different students

    @property
    def lacks(self) -> Q | None:
        """Whose amount is not known yet; None: nobody's."""
        return reduce(or_, (who for _, who in self.lacking)) if self.lacking else None


def half(yuan: Decimal, term: Term) -> Decimal:
    """A school year's amount in one term: half each; an odd fen rounds down in autumn, spring takes the rest."""
    autumn = (yuan / 2).quantize(FEN, ROUND_DOWN)
    return autumn if term.autumn else yuan - autumn


def _half_of(year: Any, term: Term) -> Expression:
    autumn = Func(year / Value(2), Value(2), function="trunc", output_field=YUAN)
    return autumn if term.autumn else year - autumn


def pays_in(rule: Rule, term: Term) -> bool:
    """Once-a-year and once-in-a-lifetime amounts stand in autumn."""
    return term.autumn or rule.period not in (Period.SCHOOL_YEAR_ONCE, Period.ONCE)


def values_in_force(rule: Rule, term: Term) -> list[dict[str, Any]]:
    """The values that hold on the term's first day: per selector the last that starts not after it, in order."""
    chosen: dict[str, tuple[str, dict[str, Any]]] = {}
    for value in rule.amounts:
        selector = repr((value.get("stage"), value.get("grade"), value.get("when")))
        starts = value.get("from") or ""
        if starts <= term.first_day.isoformat() and starts >= chosen.get(selector, ("", {}))[0]:
            chosen[selector] = (starts, value)
    return [value for _, value in chosen.values()]


def amounts_of(rule: Rule, term: Term, figures: Sequence[CountyFigure] = ()) -> Amounts:
    """The amount of a rule in a term. `figures`: what counties have set for it, the lowest region first."""
    match rule.amount_kind:
        case AmountKind.NONE:
            return Amounts(Value(None, YUAN), Q(), lines=((Q(), None, "免费或实物，不计金额"),))
        case AmountKind.DISCRETIONARY:
            return _decided(rule)
        case AmountKind.SCHOOL_FEE:
            return _fee(rule, term, figures)
    if rule.county_sets:
        return _set_by_county(rule, term, figures)
    # What says more of whom it is for comes before what is for the rest.
    values = sorted(values_in_force(rule, term), key=lambda value: -len(_asks(value)))
    lines = [(_selector(value), *_of_value(rule, value, term)) for value in values]
    selects = reduce(or_, (who for who, _, _ in lines)) if all(who for who, _, _ in lines) and lines else Q()
    if not lines:
        return Amounts(Value(None, YUAN), NOBODY)
    asks = frozenset(fact for value in values for fact in _asks(value))
    found = _first_that_holds([*_by_county(rule, values, term, figures), *lines], selects, asks)
    if len(values) == 1 or len(found.lines) != len(values):
        return found
    return replace(found, whom=tuple(selector_label(value) or "其他学生" for value in values))


def _first_that_holds(lines: list[tuple[Q, Decimal, str]], selects: Q, asks: frozenset[str] = frozenset()) -> Amounts:
    whens = [When(who, then=Value(yuan, YUAN)) for who, yuan, _ in lines if who]
    default = next((yuan for who, yuan, _ in lines if not who), None)
    return Amounts(Case(*whens, default=Value(default, YUAN), output_field=YUAN), selects, tuple(lines), asks)


def _decided(rule: Rule) -> Amounts:
    """What somebody decided for the student (subsidies.models.TopUpCase); nobody else gets anything."""
    code = rule.benefit.code
    yuan = Cast(KeyTextTransform(code, "awarded"), YUAN)
    return Amounts(yuan, Q(awarded__has_key=code), lines=((Q(), None, "经评定确定 {amount:,.2f} 元"),))


def _under(rule: Rule, figure: CountyFigure) -> Q:
    return Q(**{f"{PATH_OF[rule.jurisdiction]}__startswith": figure.path})


def _by_county(
    rule: Rule, values: list[dict[str, Any]], term: Term, figures: Sequence[CountyFigure]
) -> list[tuple[Q, Decimal, str]]:
    """Lines of what counties have set: tiers of a tiered amount, or another figure within a floor or a ceiling."""
    kind = AmountKind(rule.amount_kind)
    if kind == AmountKind.TIER:
        return [
            (
                _under(rule, figure) & Q(determination=figure.level), figure.yuan,
                f"{figure.region.name}定“{Level(figure.level).label}”档 {figure.yuan:,.2f} 元/学期",
            )
            for figure in figures if figure.level
        ]  # fmt: skip
    within = {AmountKind.FLOOR: max, AmountKind.CEILING: min}.get(kind)
    if within is None:
        return []
    return [
        (
            _under(rule, figure) & _selector(value), _in_term(rule, within(figure.yuan, Decimal(value["yuan"])), term),
            f"{figure.region.name}定 " + _words(rule, within(figure.yuan, Decimal(value["yuan"])), term, bound=False),
        )
        for figure in figures for value in values
    ]  # fmt: skip


def _set_by_county(rule: Rule, term: Term, figures: Sequence[CountyFigure]) -> Amounts:
    lines = [
        (
            _under(rule, figure), _in_term(rule, figure.yuan, term),
            f"{figure.region.name}定 " + _words(rule, figure.yuan, term, bound=False),
        )
        for figure in figures
    ]  # fmt: skip
    unset = reduce(and_, (~who for who, _, _ in lines)) if lines else EVERYBODY
    found = _first_that_holds(lines, Q()) if lines else Amounts(Value(None, YUAN), Q())
    return Amounts(found.expression, Q(), found.lines, lacking=(("county_figure", unset),))


def _of_value(rule: Rule, value: dict[str, Any], term: Term) -> tuple[Decimal, str]:
    """(yuan in the term, arithmetic) of one value of the pack."""
    yuan = Decimal(value["yuan"])
    if rule.amount_kind == AmountKind.PER_DAY:
        year = yuan * rule.days
        return half(year, term), f"{yuan:,.2f} 元/天 × {rule.days} 天/学年 ÷ 2 = {half(year, term):,.2f} 元"
    words = _words(rule, yuan, term)
    return _in_term(rule, yuan, term), f"平均 {words}" if rule.amount_kind == AmountKind.TIER else words


def _in_term(rule: Rule, yuan: Decimal, term: Term) -> Decimal:
    return half(yuan, term) if rule.period == Period.SCHOOL_YEAR else yuan


def _asks(value: dict[str, Any]) -> list[str]:
    return [*(fact for fact in ("stage", "grade") if fact in value), *value.get("when", {})]


def _selector(value: dict[str, Any]) -> Q:
    parts = [Q(**{key: value[key]}) for key in ("stage", "grade") if key in value]
    parts += [condition(code, wanted).holds for code, wanted in value.get("when", {}).items()]
    return reduce(and_, parts, Q())


def selector_label(value: dict[str, Any]) -> str:
    """Whom of a rule's students a value is for, in words; "" for all the rest."""
    parts = [Stage(value["stage"]).label] if "stage" in value else []
    if "grade" in value:
        parts.append(grade_label(value.get("stage", ""), value["grade"]))
    parts += [condition(code, wanted).label for code, wanted in value.get("when", {}).items()]
    return "、".join(parts)


BOUND = {AmountKind.FLOOR: "不低于 ", AmountKind.CEILING: "不高于 "}


def _words(rule: Rule, yuan: Decimal, term: Term, *, bound: bool = True) -> str:
    limit = BOUND.get(AmountKind(rule.amount_kind), "") if bound else ""
    if rule.period == Period.SCHOOL_YEAR:
        season = "秋季" if term.autumn else "春季"
        return f"{limit}{yuan:,.2f} 元/学年 ÷ 2 = {half(yuan, term):,.2f} 元（{season}学期）"
    words = {Period.TERM: "/学期", Period.SCHOOL_YEAR_ONCE: "/学年，一次计在秋季", Period.ONCE: "，入学当年一次"}
    return f"{limit}{yuan:,.2f} 元{words[Period(rule.period)]}"


def _fee(rule: Rule, term: Term, figures: Sequence[CountyFigure]) -> Amounts:
    """Half of the approved fee; of a private school, with `private_ceiling`, up to the county's public standard."""
    no_fee = ("annual_fee", Q(annual_fee__isnull=True))
    words = "学校收费标准 {fee:,.2f} 元/学年 ÷ 2 = {amount:,.2f} 元"
    if not rule.private_ceiling:
        return Amounts(_half_of(F("annual_fee"), term), Q(), lines=((Q(), None, words),), lacking=(no_fee,))
    private = Q(public_school=False)
    lines = [(Q(public_school=True), F("annual_fee"), words)]
    for figure in figures:
        capped = f"民办，{figure.region.name}公办标准 {figure.yuan:,.2f} 元/学年以内，÷ 2 = {{amount:,.2f}} 元"
        lines.append((private & _under(rule, figure), Least(F("annual_fee"), Value(figure.yuan, YUAN)), capped))
    unset = reduce(and_, (~_under(rule, figure) for figure in figures), private)
    whens = [When(who, then=_half_of(year, term)) for who, year, _ in lines]
    return Amounts(
        Case(*whens, default=Value(None, YUAN), output_field=YUAN), Q(),
        tuple((who, None, words) for who, _, words in lines), lacking=(no_fee, ("public_standard", unset)),
    )  # fmt: skip
