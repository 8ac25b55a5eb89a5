"""What is left to the office that acts: the standards of rules it may set, and the lists of areas it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Avg, Count

from aidcases.models import Region
from aidcases.models.places import region_path
from aidcases.scoping import current_scope
from aidcases.terms import Term
from subsidies.amounts import half, values_in_force
from subsidies.enums import AmountKind, Level, Period
from subsidies.models import CountyFigure, Entitlement, ListedArea, Rule, RulePack
from subsidies.rules import adoptions_in_force, figures_in_force

TIERS = (Level.SPECIAL, Level.HARD, Level.ORDINARY)


@dataclass(frozen=True)
class Standard:
    """A rule whose standard regions set. `bound`: what the document says of it; `average`: of its students in sight
    this term, in yuan, and `national`: what it should come to (tiers only)."""

    rule: Rule
    unit: str
    bound: str
    figures: list[CountyFigure]
    students: int = 0
    average: Decimal | None = None
    national: Decimal | None = None

    @property
    def over(self) -> bool:
        return self.average is not None and self.national is not None and self.average > self.national


def own_region() -> Region | None:
    """The region of whoever acts; None for a school or for everybody."""
    code = current_scope().path.strip("/").rpartition("/")[2]
    region = Region.objects.filter(code=code).first() if code else None
    return region if region and region_path(code) == current_scope().path else None


def left_to_regions() -> list[Rule]:
    """Rules of the newest packs whose standard a region may set."""
    newest = RulePack.objects.newest().values("pk")
    rules = Rule.objects.filter(pack__in=newest).select_related("pack", "benefit").order_by("pack__code", "order")
    kinds = (AmountKind.TIER, AmountKind.FLOOR, AmountKind.CEILING)
    return [rule for rule in rules if rule.county_sets or rule.private_ceiling or rule.amount_kind in kinds]


def standards(term: Term) -> list[Standard]:
    """Of the packs adopted above or within the own area in the term."""
    here, adopted, figures = current_scope().path, adoptions_in_force(term), figures_in_force(term)
    near = {
        code for code, rows in adopted.items() if any(here.startswith(r.path) or r.path.startswith(here) for r in rows)
    }
    rules = [rule for rule in left_to_regions() if rule.pack.code in near]
    tiered = [rule.code for rule in rules if rule.amount_kind == AmountKind.TIER]
    paid = Entitlement.objects.in_term(term).filter(rule__code__in=tiered).order_by().values("rule__code")
    found = {row["rule__code"]: row for row in paid.annotate(students=Count("student_id"), average=Avg("amount"))}
    return [_standard(rule, term, figures[rule.code], found.get(rule.code)) for rule in rules]


def _standard(rule: Rule, term: Term, figures: list[CountyFigure], paid: dict | None) -> Standard:
    here = current_scope().path
    near = [figure for figure in figures if here.startswith(figure.path) or figure.path.startswith(here)]
    values = [Decimal(value["yuan"]) for value in values_in_force(rule, term)]
    if rule.amount_kind != AmountKind.TIER:
        per = "元/学年" if rule.period in (Period.SCHOOL_YEAR, Period.SCHOOL_YEAR_ONCE) else "元"
        told = {AmountKind.FLOOR: "不低于 {:,.2f} 元", AmountKind.CEILING: "不高于 {:,.2f} 元"}.get(
            AmountKind(rule.amount_kind), ""
        )
        bound = told.format(values[-1]) if told and values else "民办园按公办标准封顶" if rule.private_ceiling else "由县里定"
        return Standard(rule, per, bound, near)
    national = (half(values[-1], term) if rule.period == Period.SCHOOL_YEAR else values[-1]) if values else None
    bound = f"平均 {national:,.2f} 元/学期" if national is not None else "本学期没有平均标准"
    average = paid["average"].quantize(Decimal("0.01")) if paid else None
    return Standard(rule, "元/学期", bound, near, paid["students"] if paid else 0, average, national)


def areas(term: Term) -> list[ListedArea]:
    """The lists kept in the own area, as they stand on the term's last day."""
    rows = ListedArea.objects.in_force_on(term.last_day).filter(path__startswith=current_scope().path)
    return list(rows.select_related("region").order_by("kind", "path"))
