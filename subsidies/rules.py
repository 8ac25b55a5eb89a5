"""A rule's data → what applies in a term: who, how much, and how it ranks among rules of the same benefit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Case, Expression, F, Q, Value, When

from aidcases.conditions import All, Condition
from aidcases.terms import Term
from subsidies.amounts import Amounts, amounts_of, pays_in
from subsidies.conditions import condition, flags_asked
from subsidies.enums import PATH_OF, CutOff, Period
from subsidies.models import CountyFigure, PackAdoption, Rule, RulePack


def conditions_of(rule: Rule) -> All:
    """The rule's own conditions, in the order written; what is paid once in a life also asks for the past."""
    first_day = rule.cut_off == CutOff.FIRST_DAY
    found = [condition(code, wanted, first_day=first_day) for code, wanted in rule.conditions]
    if rule.period == Period.ONCE:
        had = Q(had_before__contains=[rule.benefit.code])
        found.append(Condition("once", "以前没有享受过（一生一次）", ~had, F("had_before")))
    return All(tuple(found))


def jurisdiction_of(rule: Rule, adoptions: list[PackAdoption]) -> Condition:
    """The student's own region (school's or household's) adopts the pack."""
    field = PATH_OF[rule.jurisdiction]
    where = "、".join(str(adoption.region or "全国") for adoption in adoptions) or "尚无地区"
    label = f"{rule.get_jurisdiction_display()}采用本政策（{where}）"
    if any(adoption.path == "/" for adoption in adoptions):
        return Condition("jurisdiction", label, Q(), F(field))
    under = [Q(**{f"{field}__startswith": adoption.path}) for adoption in adoptions]
    return Condition("jurisdiction", label, reduce(or_, under) if under else Q(pk__in=[]), F(field))


def depth_of(rule: Rule, adoptions: list[PackAdoption]) -> Expression:
    """How low the adopting region stands: between equal amounts the lower region's pack wins."""
    field = PATH_OF[rule.jurisdiction]
    lowest_first = sorted(adoptions, key=lambda adoption: -len(adoption.path))
    whens = [
        When(**{f"{field}__startswith": adoption.path}, then=Value(len(adoption.path)))
        for adoption in lowest_first
        if adoption.path != "/"
    ]
    return Case(*whens, default=Value(1)) if whens else Value(1)


@dataclass(frozen=True)
class Applied:
    """A rule as it applies in a term: who (Q), how much, how it ranks among rules of the same benefit."""

    rule: Rule
    jurisdiction: Condition
    conditions: All
    amounts: Amounts
    depth: Expression
    adoptions: tuple[PackAdoption, ...]
    figures: tuple[CountyFigure, ...] = ()

    @property
    def holds(self) -> Q:
        # The database stops at the first that fails: a stage costs less to compare than a path.
        return self.conditions.hold & self.amounts.selects & self.jurisdiction.holds


    @property
    def asked(self) -> set[str]:
        """The facts its conditions look at, flags of an any-of one by one."""
        wanted = self.rule.wanted
        return {flag for code, value in wanted.items() for flag in flags_asked(code, value)} | wanted.keys()


def begun(rule: Rule, term: Term) -> bool:
    return rule.from_on is None or rule.from_on <= term.first_day


def applied(
    rules: Iterable[Rule], term: Term, adopted: dict[str, list[PackAdoption]], *, every: bool = False
) -> list[Applied]:
    """The rules (of packs adopted so) that pay in the term; `every` keeps the others too, whose explanation says why
    not. Discretionary ones give something to those for whom somebody has decided."""
    figures = figures_in_force(term)
    found = []
    for rule in rules:
        adoptions = adopted.get(rule.pack.code, [])
        amounts = amounts_of(rule, term, figures[rule.code])
        # A pack adopted before its amounts begin gives nothing by them yet.
        pays = amounts.lines or amounts.lacking
        if every or (adoptions and begun(rule, term) and pays_in(rule, term) and pays):
            found.append(
                Applied(
                    rule, jurisdiction_of(rule, adoptions), conditions_of(rule), amounts, depth_of(rule, adoptions),
                    tuple(adoptions), tuple(figures[rule.code]),
                )
            )  # fmt: skip
    return found


def applied_rules(
    term: Term, *, every: bool = False, adopted: dict[str, list[PackAdoption]] | None = None
) -> list[Applied]:
    """Rules of the newest pack versions that some region has adopted on the term's first day (or as `adopted` has it)
    and that pay in the term; `every` keeps the others too."""
    newest = RulePack.objects.newest().values("pk")
    rules = Rule.objects.filter(pack__in=newest).select_related("pack", "benefit").order_by("pack__code", "order")
    return applied(rules, term, adoptions_in_force(term) if adopted is None else adopted, every=every)


def adoptions_in_force(term: Term) -> dict[str, list[PackAdoption]]:
    """{pack code: where it is adopted on the term's first day}"""
    adopted: dict[str, list[PackAdoption]] = defaultdict(list)
    for adoption in PackAdoption.objects.in_force_on(term.first_day).select_related("region"):
        adopted[adoption.pack_code].append(adoption)
    return adopted


def figures_in_force(term: Term) -> dict[str, list[CountyFigure]]:
    """{rule code: what regions have set for it by the term's first day, the lowest region first}"""
    found: dict[str, list[CountyFigure]] = defaultdict(list)
    for figure in CountyFigure.objects.in_force_on(term.first_day).select_related("region"):
        found[figure.rule_code].append(figure)
    for figures in found.values():
        figures.sort(key=lambda figure: (-len(figure.path), figure.path, figure.level))
    return found
