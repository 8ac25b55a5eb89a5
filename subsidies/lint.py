"""What is wrong with a pack before it is published, in words a county official understands: first what the text says
by itself, then what it would mean for the students there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.db.models import Count, Q, Value

from aidcases import sql
from aidcases.terms import Term
from students.enums import Stage
from subsidies.amounts import amounts_of
from subsidies.conditions import PackError
from subsidies.enums import AmountKind
from subsidies.funnel import facts_in_sight
from subsidies.models import FactRow, PackAdoption, Rule
from subsidies.packchecks import ERROR, WARNING, check, equal_standing, first_day, opening
from subsidies.packtext import Parsed, parse
from subsidies.rules import adoptions_in_force, conditions_of, jurisdiction_of

FEW = 100  # of fewer students a share says little
MOST = 95  # percent; more is nearly everybody


@dataclass(frozen=True)
class Finding:
    """One thing to mend (error) or to look at (warning). line: in the pack's text, from 1. rule: its code or ""."""

    code: str
    severity: str
    line: int
    rule: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        place = f"第 {self.line} 行" + (f"，规则 {self.rule}" if self.rule else "")
        return f"{'错误' if self.severity == ERROR else '提醒'} {place}：{self.message}"


def lint(text: str, *, term: Term | None, path: str = "/") -> list[Finding]:
    """What is wrong with a pack's text, by line; [] when nothing is.

    term: also counts the rules over the students of the term whom whoever acts may see, inside the regions that have
    adopted the pack, or under `path` when none has; None: only what needs no students. Never raises for a bad text.
    """
    parsed = parse(text)
    found = [Finding(each.code, ERROR, each.line, each.rule, each.said) for each in parsed.problems]
    found += _by_itself(parsed)
    if term:
        wrong = {finding.rule for finding in found if finding.severity == ERROR}
        found += _counted(parsed, [rule for rule in parsed.rules if rule.code not in wrong], term, path)
    return sorted(found, key=lambda finding: (finding.line, finding.severity, finding.code))


def stop_at_errors(text: str, *, term: Term | None = None, path: str = "/") -> None:
    """Raises PackError with the first error of `lint`, its line, and how many more there are."""
    errors = [finding for finding in lint(text, term=term, path=path) if finding.severity == ERROR]
    if errors:
        first, more = errors[0], f"；另有 {len(errors) - 1} 处错误" if errors[1:] else ""
        said = f"{first.message.rstrip('。')}（第 {first.line} 行{more}）。"
        subject = f"规则 {first.rule}：" if first.rule else ""
        raise PackError(said, code=first.code, line=first.line, rule=first.rule, subject=subject)


def _by_itself(parsed: Parsed) -> Iterator[Finding]:
    issues = [(rule, issue) for rule in parsed.rules for issue in check(rule)]
    issues += equal_standing(parsed.rules)
    for rule, issue in issues:
        line = parsed.lines.of(("rule", rule.order, *issue.key))
        yield Finding(issue.code, issue.severity, line, rule.code, issue.message)


def _counted(parsed: Parsed, rules: list[Rule], term: Term, path: str) -> Iterator[Finding]:
    """Rules that match nobody or nearly everybody of their stages."""
    counts = _counts(parsed, rules, term, path)
    if rules and not any(there for there, _ in counts):
        said = f"{term.label}没有这些学段的在读学生，人数没有核对。"
        yield Finding("no_students", WARNING, parsed.lines.of(("pack",)), "", said)
        return
    for rule, (there, held) in zip(rules, counts, strict=True):
        who = "、".join(Stage(stage).label for stage in rule.wanted.get("stage", [])) or "全部学段"
        nearly_all = held * 100 > there * MOST and rule.amount_kind != AmountKind.DISCRETIONARY
        if not held:
            code, said = "matches_nobody", f"{term.label}{who}在读学生 {there} 人，没有一人符合；请核对条件"
        elif nearly_all and not rule.universal:
            share = f"{held} 人符合（{held * 100 / there:.1f}%）"
            code = "matches_nearly_all"
            said = f"{term.label}{who}在读学生 {there} 人，{share}，超过 {MOST}%；人人都有的请写 universal = true，不是就核对条件"
        else:
            continue
        few = there < FEW
        said += f"（不到 {FEW} 人，只作提醒）。" if few else "。"
        yield Finding(code, WARNING if few else ERROR, parsed.lines.of(("rule", rule.order, "when")), rule.code, said)


def _counts(parsed: Parsed, rules: list[Rule], term: Term, path: str) -> list[tuple[int, int]]:
    """Per rule (students of its stages where it applies, those of them who meet it), in one statement."""
    if not rules:
        return []
    adopted = adoptions_in_force(term).get(parsed.pack.code)
    columns = {}
    for n, rule in enumerate(rules):
        there = _where(rule, adopted or [PackAdoption(pack_code=parsed.pack.code, path=path)])
        columns[f"there{n}"] = _count(there)
        columns[f"held{n}"] = _count(there & conditions_of(rule).hold & _paid(rule, term))
    counted = FactRow.objects.order_by().annotate(whole=Value(1)).values("whole").annotate(**columns).values(*columns)
    facts, values = facts_in_sight(term, "/" if adopted else path)
    text, more = sql.compiled(counted)
    row = (sql.rows(f"{facts} {text}", [*values, *more]) or [dict.fromkeys(columns, 0)])[0]
    return [(row[f"there{n}"], row[f"held{n}"]) for n in range(len(rules))]


def _count(who: Q) -> Count:
    return Count("student_id", filter=who) if who else Count("student_id")


def _where(rule: Rule, adoptions: list[PackAdoption]) -> Q:
    place = jurisdiction_of(rule, adoptions).holds
    stages = rule.wanted.get("stage")
    return Q(stage__in=stages) & place if stages else place


def _paid(rule: Rule, term: Term) -> Q:
    """Whom one of its amounts is for, in the term or, if the rule has none yet, in its first."""
    if not rule.amounts:
        return Q()
    starts = [date.fromisoformat(value["from"]) if "from" in value else date.min for value in rule.amounts]
    begins = max(min(starts), first_day(rule) or date.min)
    later = begins > term.first_day
    return amounts_of(rule, opening(begins) if later else term).selects
