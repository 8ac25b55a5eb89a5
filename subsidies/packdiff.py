"""What changes from one version of a pack to another: rule by rule in the words a page shows, and line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from aidcases.models.places import region_names
from subsidies.models import Rule
from subsidies.packwords import SHARE_LEVELS
from subsidies.rules import conditions_of
from subsidies.words import AmountLine, amount_lines

ADDED, REMOVED, CHANGED = "新增", "删去", "改动"
LEVEL_NAMES = dict(zip(SHARE_LEVELS, ("中央", "省", "市", "县"), strict=True))
CONTEXT = 2  # lines around a changed one


@dataclass(frozen=True)
class FieldChange:
    """One field of a rule, before and after: lines of text, [] where it is not there."""

    label: str
    old: list[str]
    new: list[str]


@dataclass(frozen=True)
class RuleChange:
    """kind: ADDED, REMOVED or CHANGED; rule: as it is after (before, where removed); fields: only those that differ."""

    kind: str
    rule: Rule
    fields: list[FieldChange]

    @property
    def caption(self) -> str:
        return f"{self.kind}：{self.rule.title}（{self.rule.code}）"


def rule_changes(old: list[Rule], new: list[Rule]) -> list[RuleChange]:
    """Rules are told apart by code. In the order of the new version, then what is gone."""
    before, after = {rule.code: rule for rule in old}, {rule.code: rule for rule in new}
    found = []
    for code, rule in after.items():
        fields = _differing(before.get(code), rule)
        if code not in before:
            found.append(RuleChange(ADDED, rule, fields))
        elif fields:
            found.append(RuleChange(CHANGED, rule, fields))
    return found + [
        RuleChange(REMOVED, rule, _differing(rule, None)) for code, rule in before.items() if code not in after
    ]


def _differing(old: Rule | None, new: Rule | None) -> list[FieldChange]:
    was, now = rule_words(old), rule_words(new)
    labels = dict.fromkeys([*now, *was])
    changes = [FieldChange(label, was.get(label, []), now.get(label, [])) for label in labels]
    return [change for change in changes if change.old != change.new]


def rule_words(rule: Rule | None) -> dict[str, list[str]]:
    """Every field of a rule that says something: label → lines."""
    if rule is None:
        return {}
    told = {
        "名称": [rule.title],
        "资助项目": [rule.benefit.name],
        "条款": [rule.clause],
        "条款要点": [rule.note],
        "如何理解": [rule.reading],
        "给谁": [each.label for each in conditions_of(rule)] or ["所有在读学生"],
        "从哪天起": [rule.from_on.isoformat() if rule.from_on else ""],
        "给多少": [_amount(line) for line in amount_lines(rule, rule.amounts)],
        "怎么算到学期": [rule.get_period_display()],
        "怎么给": [f"{rule.get_delivery_display()}，{rule.get_claim_display()}"],
        "按哪里的政策": [rule.get_jurisdiction_display()],
        "困难类别看哪天": [rule.get_cut_off_display()],
        "谁出资": payer_words(rule),
        "谁发放": [rule.disburser],
        "各级分担": [share_words(rule.shares)],
        "人人都有": ["是" if rule.universal else ""],
        "同额时的先后": [str(rule.priority)],
        "别名": ["、".join(rule.aliases)],
    }
    return {label: lines for label, lines in told.items() if any(lines)}


def _amount(line: AmountLine) -> str:
    since = f"{line.since} 起" if line.since else ""
    return "，".join(filter(None, (since, line.who, line.text)))


def payer_words(rule: Rule) -> list[str]:
    """Who pays, by county where they differ."""
    names = region_names(rule.payers)
    by_payer: dict[str, list[str]] = {}
    for code, payer in rule.payers.items():
        by_payer.setdefault(payer, []).append(names.get(code, code))
    rest = f"其他地区：{rule.payer}" if by_payer and rule.payer else rule.payer
    return [*(f"{'、'.join(counties)}：{payer}" for payer, counties in by_payer.items()), *filter(None, [rest])]


def share_words(shares: dict[str, int]) -> str:
    return "，".join(f"{LEVEL_NAMES[level]} {shares[level]}%" for level in SHARE_LEVELS if shares.get(level))


def text_changes(old: str, new: str) -> list[tuple[str, str]]:
    """("old" | "new" | "same" | "gap", line) with a little of what stands around; [] when nothing differs."""
    kinds = {"-": "old", "+": "new", " ": "same", "@": "gap"}
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=CONTEXT)
    return [(kinds[line[:1]], "" if line[0] == "@" else line[1:]) for line in _body(lines)]


def _body(lines: Iterator[str]) -> Iterator[str]:
    """Without the two lines of file names."""
    return (line for n, line in enumerate(lines) if n > 1)
