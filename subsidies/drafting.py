"""Writing a draft: how it begins and is saved, whom its rules reach while it is being typed, what it changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from aidcases import audit
from aidcases.models import Job
from aidcases.scoping import current_actor
from aidcases.terms import Term
from subsidies.enums import AmountKind
from subsidies.facts import BY_CODE, AnyOf, FactKind
from subsidies.funnel import Step, funnels
from subsidies.lint import Finding, lint
from subsidies.models import DraftState, PackDraft, Rehearsal, Rule, RulePack
from subsidies.models.drafts import sha256_of
from subsidies.packdiff import rule_changes, text_changes
from subsidies.packtext import parse
from subsidies.rehearse import adopted_as_if, numbered
from subsidies.rules import applied, begun

UNTITLED = "没有名称的草稿"
COUNTED = ("no_students", "matches_nobody", "matches_nearly_all")  # findings that come from counting students


@transaction.atomic
def begin(text: str) -> PackDraft:
    """A draft of the own office. One of the same person and text that is open already is that draft."""
    actor = current_actor()
    same = PackDraft.objects.filter(state=DraftState.DRAFT, author_id=actor.user_id, path=actor.path)
    if draft := same.filter(sha256=sha256_of(text)).first():
        return draft
    draft = PackDraft(path=actor.path)
    draft.write(text, _title(text) or UNTITLED, actor)
    audit.record("draft.begun", subject=draft, sha256=draft.sha256)
    return draft


def against_saving(draft: PackDraft, seen: str, text: str) -> str:
    """Why a text typed over the one with the digest `seen` must not be saved; "" when it may. The draft is locked."""
    if draft.state != DraftState.DRAFT:
        return f"这份草稿{draft.get_state_display()}，不能再改。下面是您输入的文字，没有保存；要用请复制到新的草稿。"
    if seen != draft.sha256 and sha256_of(text) != draft.sha256:
        return (
            f"您打开以后，{draft.author}保存过这份草稿，所以您的文字没有保存。下面仍是您输入的文字。"
            "请对照两边的差别；再按一次“保存”，就用您的文字代替对方的。"
        )
    return ""


@transaction.atomic
def save(draft: PackDraft, text: str) -> bool:
    """Whether there was anything new to save."""
    if sha256_of(text) == draft.sha256:
        return False
    draft.write(text, _title(text), current_actor())
    audit.record("draft.saved", subject=draft, sha256=draft.sha256)
    return True


def _title(text: str) -> str:
    """The pack's title as far as the text can be read."""
    return str(parse(text).pack.title or "")[:80]


def running(draft: PackDraft, term: Term, path: str) -> Rehearsal | None:
    """The draft's rehearsal of this very text, term and region that has not ended yet."""
    same = Rehearsal.objects.filter(pk=draft.rehearsal_id, sha256=draft.sha256, term=term.code, path=path)
    rehearsal = same.filter(finished_at=None).first()
    return rehearsal if rehearsal and Job.objects.open().filter(pk=rehearsal.job_id).exists() else None


@dataclass(frozen=True)
class Reach:
    """A rule of a text being typed: the line it stands on, its steps from everyone to who is left; or why not."""

    rule: Rule
    line: int
    steps: list[Step]
    why_not: str = ""


def reach(text: str, term: Term, path: str) -> list[Reach]:
    """Every rule that can be read, in order, counted over the students of the term in sight, in one statement."""
    parsed = parse(text)
    adopted = adopted_as_if(parsed.pack.code, term, path)
    found = applied(numbered(parsed.rules), term, adopted, every=True)
    steps = dict(zip((each.rule.pk for each in found), funnels(found, term), strict=True)) if found else {}
    return [
        Reach(rule, parsed.lines.of(("rule", rule.order)), [] if (why := _why_not(rule, term)) else steps[rule.pk], why)
        for rule in parsed.rules
    ]


def _why_not(rule: Rule, term: Term) -> str:
    if not begun(rule, term):
        return f"{rule.from_on} 起执行，本学期还没有"
    return "评定后确定，没有人数" if rule.amount_kind == AmountKind.DISCRETIONARY else ""


def of_students(text: str, term: Term, path: str) -> list[Finding]:
    """The checks that look at students: rules that reach nobody, or nearly everybody."""
    return [finding for finding in lint(text, term=term, path=path) if finding.code in COUNTED]


def against_published(draft: PackDraft) -> dict[str, Any]:
    """What the draft changes. base: the version it is compared with (the newest of its code, of a published draft the
    one before), or None; changes: by rule; lines: of the text."""
    parsed = parse(draft.text)
    versions = RulePack.objects.filter(code=parsed.pack.code).order_by("-version")
    base = versions.filter(version__lt=draft.pack.version).first() if draft.pack else versions.first()
    if base is None:
        return {"base": None, "changes": [], "lines": []}
    old = list(base.rules.select_related("benefit").order_by("order"))
    unread = bool(parsed.problems)  # a rule that can't be read is not a rule taken away
    changes = [] if unread else rule_changes(old, parsed.rules)
    return {"base": base, "changes": changes, "lines": text_changes(base.text, draft.text)}


def vocabulary() -> list[dict[str, str]]:
    """The facts a `when` may ask for: code, label, how to write it."""
    return [{"code": code, "label": fact.label, "written": _written(fact)} for code, fact in BY_CODE.items()]


def _written(fact: Any) -> str:
    if isinstance(fact, AnyOf) or fact.kind is FactKind.FLAG:
        return "true 或 false"
    if fact.choices:
        return "、".join(f'"{code}" {label}' for code, label in fact.choices)
    return "[1, 2, 3]" if fact.kind is FactKind.NUMBER else '区划代码，如 ["62"]、["620123"]'
