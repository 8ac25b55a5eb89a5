"""Why, and why not: the same conditions that select are evaluated for one student, with the values they saw."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice, product
from typing import Any

from aidcases import sql
from aidcases.conditions import yes_no
from aidcases.terms import Term
from students.enums import grade_label
from students.models import Student
from subsidies.amounts import FIGURES, pays_in
from subsidies.conditions import column_of, flags_asked, region_name, value_label
from subsidies.enums import PATH_OF, AmountKind, CutOff
from subsidies.facts import BY_CODE, AnyOf, Fact, facts_params, facts_sql
from subsidies.models import FactRow
from subsidies.offers import named
from subsidies.rules import Applied, applied_rules, begun

MOST_SETS, MOST_TRIED = 8, 500


@dataclass(frozen=True)
class Seen:
    """One condition of a rule as it stood: what was wanted, what was found."""

    code: str
    label: str
    holds: bool
    value: str


@dataclass(frozen=True)
class Line:
    """One of several amounts of a rule: for whom, how much, whether it is this student's."""

    whom: str
    arithmetic: str
    used: bool


@dataclass
class Explained:
    """One rule for one student and term."""

    applied: Applied
    conditions: list[Seen]
    eligible: bool
    depth: int = 0
    amount: Decimal | None = None
    arithmetic: str = ""
    lines: list[Line] = field(default_factory=list)  # where there are several amounts
    told_apart_by: list[Seen] = field(default_factory=list)  # the facts that say which of them is this student's
    outbid_by: str = ""
    missing_figure: str = ""
    missing: list[list[str]] = field(default_factory=list)  # smallest sets of facts that would make it yes
    shown_by: list[str] = field(default_factory=list)

    @property
    def rule(self) -> Any:
        return self.applied.rule

    @property
    def granted(self) -> bool:
        return self.eligible and not self.outbid_by and not self.missing_figure

    def as_dict(self) -> dict[str, Any]:
        rule = self.rule
        return {
            "rule": rule.code,
            "benefit": rule.benefit.code,
            "pack": f"{rule.pack.code}@{rule.pack.version}",
            "document": rule.pack.document,
            "clause": rule.clause,
            "eligible": "yes" if self.eligible else "no",
            "granted": "yes" if self.granted else "no",
            "conditions": [vars(seen) for seen in self.conditions],
            "amount": None if self.amount is None else f"{self.amount:.2f}",
            "arithmetic": self.arithmetic,
            "outbid_by": self.outbid_by or None,
            "missing_figure": self.missing_figure or None,
            "missing_facts": self.missing,
            "shown_by": self.shown_by,
        }


def explain(student: Student, term: Term) -> list[Explained]:
    """Every rule of every known pack for the student in the term; [] when the student is not enrolled in it."""
    rules = applied_rules(term, every=True)
    facts, answers = _ask(student, term, rules)
    if facts is None:
        return []
    explained = [_explained(a, answers, n, facts, term) for n, a in enumerate(rules)]
    _outbid(explained)
    return explained


def _ask(student: Student, term: Term, rules: list[Applied]) -> tuple[dict | None, dict]:
    """One statement: the student's facts, and per rule yes/no of each condition, its amount and who applies."""
    columns: dict[str, Any] = {}
    for n, applied in enumerate(rules):
        for m, each in enumerate((applied.jurisdiction, *applied.conditions)):
            columns[f"c{n}_{m}"] = yes_no(each.holds)
        columns[f"a{n}"] = applied.amounts.expression
        columns[f"d{n}"] = applied.depth
        for k, (who, _, _) in enumerate(applied.amounts.lines):
            columns[f"l{n}_{k}"] = yes_no(who)
        for k, (_, who) in enumerate(applied.amounts.lacking):
            columns[f"f{n}_{k}"] = yes_no(who)
    names = [f.name for f in FactRow._meta.fields]
    text, values = sql.compiled(FactRow.objects.order_by().annotate(**columns).values(*names, *columns))
    params: dict[str, Any] = {**facts_params(term), "student": student.pk}
    one = "(SELECT %(student)s::bigint AS student_id)"
    found = sql.rows(f"WITH facts AS MATERIALIZED ({facts_sql(one)}) {named(text, values, params)}", params)
    if not found:
        return None, {}
    [row] = found
    row["awarded"] = json.loads(row["awarded"])
    return {name: row[name] for name in names}, row


def _explained(applied: Applied, answers: dict, n: int, facts: dict, term: Term) -> Explained:
    conditions = [
        Seen(each.code, each.label, answers[f"c{n}_{m}"] == "yes", _value(each.code, applied, facts))
        for m, each in enumerate((applied.jurisdiction, *applied.conditions))
    ]
    conditions += _closed(applied, term, facts)
    lines, figures = applied.amounts.lines, applied.amounts.lacking
    hit = next((k for k in range(len(lines)) if answers[f"l{n}_{k}"] == "yes"), None)
    lacks = next((figure for k, (figure, _) in enumerate(figures) if answers[f"f{n}_{k}"] == "yes"), "")
    # A fact that fails anyway, such as the stage, may be what an amount is missing for.
    asked = any(seen.code in applied.amounts.asks for seen in conditions if not seen.holds)
    if hit is None and not (lacks or asked or applied.rule.amount_kind == AmountKind.DISCRETIONARY):
        conditions.append(Seen("amount", "本学期有执行标准", False, "没有适用的金额"))
    result = Explained(applied, conditions, all(seen.holds for seen in conditions), answers[f"d{n}"])
    if not result.eligible:
        result.missing, result.shown_by = _missing(applied, conditions)
    elif lacks:
        result.missing_figure = FIGURES[lacks]
        result.arithmetic = f"还没有填{result.missing_figure}，填了才知道金额"
    else:
        result.amount = answers[f"a{n}"]
        result.arithmetic = lines[hit][2].format(fee=facts["annual_fee"], amount=result.amount)
        _which(result, hit, facts)
    return result


def _which(one: Explained, hit: int, facts: dict) -> None:
    """Of several amounts, which is this student's and by which facts. A condition of the rule itself, such as the
    stage, has been told already."""
    amounts = one.applied.amounts
    told = zip(amounts.whom, amounts.lines, strict=False)
    one.lines = [Line(whom, words, k == hit) for k, (whom, (_, _, words)) in enumerate(told)]
    known = {seen.code for seen in one.conditions}
    codes = sorted(code for code in amounts.asks if one.lines and code not in known)
    one.told_apart_by = [Seen(code, BY_CODE[code].label, True, _told(code, one.applied, facts)) for code in codes]


def _told(code: str, applied: Applied, facts: dict) -> str:
    """The value of a fact that tells amounts apart, in words."""
    if isinstance(BY_CODE[code], AnyOf):
        return _held(flags_asked(code, True), applied, facts)
    if code == "grade":
        return grade_label(facts["stage"], facts[code])
    return value_label(BY_CODE[code], facts[code])


def _closed(applied: Applied, term: Term, facts: dict) -> list[Seen]:
    """What keeps the rule from paying anybody in the term."""
    found = []
    if not begun(applied.rule, term):
        found.append(Seen("from", f"{applied.rule.from_on:%Y-%m-%d} 起执行", False, term.label))
    if not pays_in(applied.rule, term):
        found.append(Seen("period", "本项目计在秋季学期", False, term.label))
    if applied.rule.amount_kind == AmountKind.DISCRETIONARY:
        decided = applied.rule.benefit.code in facts["awarded"]
        found.append(Seen("discretionary", "经评定确定", decided, "已经评定" if decided else "还没有评定"))
    return found


def _value(code: str, applied: Applied, facts: dict) -> str:
    """The value a condition saw, in words."""
    if code == "jurisdiction":
        return _place(facts[PATH_OF[applied.rule.jurisdiction]])
    if code == "once":
        return "享受过" if applied.rule.benefit.code in facts["had_before"] else "没有"
    if flags := _flags(code, applied):
        return _held(flags, applied, facts)
    return value_label(BY_CODE[code], facts[code])


def _held(flags: tuple[str, ...], applied: Applied, facts: dict) -> str:
    first_day = applied.rule.cut_off == CutOff.FIRST_DAY
    held = [BY_CODE[flag].label for flag in flags if facts[column_of(flag, first_day)]]
    return "、".join(held) if held else "否"


def _place(path: str) -> str:
    codes = path.strip("/").split("/")[:3]
    return "".join(region_name(code) for code in codes if code) or "未填"


def _flags(code: str, applied: Applied) -> tuple[str, ...]:
    return flags_asked(code, applied.rule.wanted[code])


def _missing(applied: Applied, conditions: list[Seen]) -> tuple[list[list[str]], list[str]]:
    """The smallest sets of facts whose change would make the rule apply, those of changeable facts first.

    Every failing condition must change, and one alternative of each is enough. One fact may serve two conditions: a
    set that holds all of another is not smallest."""
    alternatives = [_alternatives(seen, applied) for seen in conditions if not seen.holds]
    found: dict[frozenset[str], dict[str, tuple[bool, str]]] = {}
    for one in islice(product(*alternatives), MOST_TRIED):
        facts = {text: (changeable, paper) for text, changeable, paper in one}
        found.setdefault(frozenset(facts), facts)
    sets = [facts for key, facts in found.items() if not any(other < key for other in found)]
    sets.sort(key=lambda facts: (sum(not changeable for changeable, _ in facts.values()), len(facts)))
    papers = sorted({paper for facts in sets for _, paper in facts.values() if paper})
    return [list(facts) for facts in sets[:MOST_SETS]], papers


def _alternatives(seen: Seen, applied: Applied) -> list[tuple[str, bool, str]]:
    """Ways to make one condition hold: (in words, changeable, document that shows it)."""
    if seen.code not in applied.rule.wanted:  # the jurisdiction, the season, a decision, the past
        return [(seen.label, False, "")]
    flags = _flags(seen.code, applied)
    if flags and applied.rule.wanted.get(seen.code) is not False:
        facts = [BY_CODE[flag] for flag in flags]
        return [(f"{fact.label}：是", fact.changeable, fact.shown_by) for fact in facts if isinstance(fact, Fact)]
    fact = BY_CODE[seen.code]
    return [(seen.label, bool(getattr(fact, "changeable", False)), getattr(fact, "shown_by", ""))]


def _outbid(explained: list[Explained]) -> None:
    """Of several rules of one benefit one is granted; the others say by which they are outbid (offers.offers_sql
    decides in the same order)."""
    best: dict[int, Explained] = {}
    for one in explained:
        if one.eligible and not one.missing_figure:
            rule = one.rule
            rival = best.get(rule.benefit_id)
            if rival is None or _standing(one) > _standing(rival):
                best[rule.benefit_id] = one
    for one in explained:
        winner = best.get(one.rule.benefit_id)
        if one.eligible and not one.missing_figure and winner is not None and winner is not one:
            one.outbid_by = winner.rule.code


def _standing(one: Explained) -> tuple:
    return (one.amount is not None, one.amount or 0, one.depth, -one.rule.priority, -one.rule.pk)
