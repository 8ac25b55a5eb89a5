"""The rules in force in a term by what they give, and what each says of a child in one number."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import Case, Expression, Func, IntegerField, Q, Value, When

from aidcases.terms import Term
from subsidies.amounts import FIGURES
from subsidies.enums import MAY_CLAIM, AmountKind
from subsidies.facts import facts_params
from subsidies.models import Benefit
from subsidies.rules import Applied, applied_rules

# All that the rules in force follow from, in one word: while it is the same, so are they.
_STATE = """SELECT md5(string_agg(t, '|' ORDER BY t)) FROM (
    SELECT 'k' || id || code || version || title AS t FROM subsidies_rulepack
    UNION ALL SELECT 'r' || r FROM subsidies_rule r UNION ALL SELECT 'b' || b FROM subsidies_benefit b
    UNION ALL SELECT 'a' || a FROM subsidies_packadoption a UNION ALL SELECT 'f' || f FROM subsidies_countyfigure f
) everything"""
_MOST_KNOWN = 20
_known: dict[tuple[str, str], tuple[Applied, ...]] = {}  # of this process: (term, state) → the rules in force

# What the rules of a benefit say of a child: held, else (below FAILS) which figure is missing, else which condition of
# the first of them fails first; NULL where none gives it in the child's stage and place.
HELD, FAILS = 0, 1000
_PER_RULE = 100
_AMOUNT = _PER_RULE - 1


@dataclass(frozen=True)
class Offered:
    """The rules in force; entitlements follow from these and no others. `params`: what the facts they ask name."""

    term: Term
    giving: tuple[Applied, ...]
    params: dict[str, Any] = field(compare=False, repr=False)
    ranked: tuple[Applied, ...] = ()  # all rules, where `giving` are some of them: the outcomes keep their numbers

    @classmethod
    def of(cls, term: Term) -> Offered:
        """One query as long as no rule, adoption or figure has changed since this process last asked."""
        params = facts_params(term, rules_state=_STATE)
        key = (term.code, params.pop("rules_state") or "")
        if (giving := _known.get(key)) is None:
            giving = tuple(applied_rules(term))
            if len(_known) >= _MOST_KNOWN:
                _known.clear()
            _known[key] = giving
        return cls(term, giving, params)

    def only(self, benefit: int) -> Offered:
        """The rules of one benefit."""
        some = tuple(a for a in self.giving if a.rule.benefit_id == benefit)
        return Offered(self.term, some, self.params, self.ranked or self.giving)

    @cached_property
    def rules(self) -> list[Applied]:
        """In the order in which they rank; the place of a rule is its number in the outcomes."""
        return sorted(self.ranked or self.giving, key=lambda a: (a.rule.priority, a.rule.pk))

    @cached_property
    def benefits(self) -> list[Benefit]:
        found = {a.rule.benefit_id: a.rule.benefit for a in self.giving}
        return sorted(found.values(), key=lambda benefit: (benefit.order, benefit.code))

    @cached_property
    def claims(self) -> frozenset[int]:
        """Benefits one may only apply for: loans and what is decided case by case."""
        granted = {a.rule.benefit_id for a in self.giving if a.rule.delivery not in MAY_CLAIM and not _open(a)}
        return frozenset(benefit.pk for benefit in self.benefits) - granted

    def outcome(self, benefit: Benefit) -> Expression:
        said = [self._said(n, a) for n, a in enumerate(self.rules) if a.rule.benefit_id == benefit.pk]
        return said[0] if len(said) == 1 else Func(*said, function="LEAST", output_field=IntegerField())

    def _said(self, number: int, applied: Applied) -> Expression:
        """Nested, not negated: a fact that is not known fails its condition, as everywhere."""
        fails = FAILS + number * _PER_RULE
        said: Expression = Value(HELD)
        if not (_open(applied) and applied.rule.benefit_id in self.claims):
            said = self._lacking(number, applied, _if(applied.amounts.selects, said, Value(fails + _AMOUNT)))
        conditions = list(applied.conditions)
        for m, each in reversed(list(enumerate(conditions))):
            if each.code != "stage":
                said = _if(each.holds, said, Value(fails + m))
        stages = [each.holds for each in conditions if each.code == "stage"]
        for holds in (*stages, applied.jurisdiction.holds):
            said = _if(holds, said, Value(None, output_field=IntegerField()))
        return said

    def _lacking(self, number: int, applied: Applied, said: Expression) -> Expression:
        figures = list(FIGURES)
        lacking = [
            When(who, then=Value(1 + number * len(figures) + figures.index(figure)))
            for figure, who in applied.amounts.lacking
        ]
        return Case(*lacking, default=said, output_field=IntegerField()) if lacking else said

    def told(self, outcome: int) -> str:
        """An outcome in words: the condition that fails as explain says it, or the figure nobody has set. Raises
        LookupError for a number that is no outcome."""
        if outcome <= HELD:
            raise LookupError(outcome)
        if outcome < FAILS:
            return f"缺{list(FIGURES.values())[(outcome - 1) % len(FIGURES)]}，算不出金额"
        number, m = divmod(outcome - FAILS, _PER_RULE)
        applied = self.rules[number]
        if m == _AMOUNT:
            return "还没有评定" if _open(applied) else "没有适用的金额"
        return f"不符合：{list(applied.conditions)[m].label}"


def _open(applied: Applied) -> bool:
    """Nobody gets it before somebody has decided on them."""
    return applied.rule.amount_kind == AmountKind.DISCRETIONARY


def _if(holds: Q, then: Expression, otherwise: Expression) -> Expression:
    return Case(When(holds, then=then), default=otherwise, output_field=IntegerField()) if holds else then
