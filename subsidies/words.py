"""A rule as text for people: for whom, how much since when. Made from the rule's data, so the two cannot differ."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from aidcases.terms import Term
from subsidies.amounts import BOUND, selector_label, values_in_force
from subsidies.enums import AmountKind, Period
from subsidies.models import Rule
from subsidies.rules import conditions_of


@dataclass(frozen=True)
class AmountLine:
    """`since`: an ISO day, or "" (as long as the pack is adopted). `who`: of the rule's students, or "" (all)."""

    since: str
    who: str
    text: str


@dataclass(frozen=True)
class RuleText:
    """What a page shows of a rule."""

    rule: Rule
    who: list[str]
    amounts: list[AmountLine]
    now: str  # the standard in the term, in one line


_PER = {
    Period.SCHOOL_YEAR: "元/学年",
    Period.TERM: "元/学期",
    Period.SCHOOL_YEAR_ONCE: "元/学年",
    Period.ONCE: "元",
}
_BEFORE = {**BOUND, AmountKind.TIER: "平均 "}
_WHOLE = {
    AmountKind.NONE: "实物或免费，不计金额",
    AmountKind.SCHOOL_FEE: "按学校经批准的收费标准",
    AmountKind.DISCRETIONARY: "评定后确定",
}


def rule_text(rule: Rule, term: Term) -> RuleText:
    in_force = amount_lines(rule, values_in_force(rule, term))
    now = "；".join(f"{line.who} {line.text}".strip() for line in in_force) or "本学期没有执行标准"
    return RuleText(rule, [each.label for each in conditions_of(rule)], amount_lines(rule, rule.amounts), now)


def amount_lines(rule: Rule, values: list[dict[str, Any]]) -> list[AmountLine]:
    """How much, in the order the pack gives it: 2018-09-01 起 · 小学 · 1,000.00 元/学年."""
    kind = AmountKind(rule.amount_kind)
    if kind in _WHOLE:
        return [AmountLine("", "", _WHOLE[kind] + ("，民办园以县定公办标准为限" if rule.private_ceiling else ""))]
    if rule.county_sets:
        return [AmountLine("", "", "由县里定标准")]
    parted = len({selector_label(value) for value in values}) > 1
    per = f"元/天，每学年 {rule.days} 天" if kind == AmountKind.PER_DAY else _PER[Period(rule.period)]
    return [
        AmountLine(
            value.get("from") or "",
            selector_label(value) or ("其他学生" if parted else ""),
            f"{_BEFORE.get(kind, '')}{Decimal(value['yuan']):,.2f} {per}",
        )
        for value in values
    ]
