"""Packs loaded, published, adopted; what counties set; determinations; asking for a recompute."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from aidcases import audit, jobs, sql
from aidcases.flow import Refused
from aidcases.models import Job, Region
from aidcases.scoping import Scope, acting_in, current_actor, current_scope
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.conditions import PackError
from subsidies.enums import AmountKind, AreaKind, DeterminedBy, Level
from subsidies.lint import lint, stop_at_errors
from subsidies.models import (
    AdoptionRequest,
    Benefit,
    CountyFigure,
    ListedArea,
    PackAdoption,
    PackDraft,
    Rehearsal,
    Rule,
    RulePack,
)
from subsidies.packchecks import ERROR
from subsidies.packtext import parse, read
from subsidies.rehearse import same_facts, same_rules

PACKS = Path(__file__).parent / "packs"


def shipped_packs() -> list[str]:
    """Names of the packs in the repository."""
    return sorted(path.stem for path in PACKS.glob("*.toml") if path.stem != "benefits")


@transaction.atomic
def load_pack(name: str) -> tuple[RulePack, bool]:
    """Loads a shipped pack. The same text again is the same version; another text is the next. (pack, new?)"""
    path = PACKS / f"{name}.toml"
    if name not in shipped_packs():
        raise PackError(f"没有叫“{name}”的政策包，现有：{'、'.join(shipped_packs())}。")
    return publish(path.read_text(encoding="utf-8"))


def text_of_file(name: str) -> str:
    """A pack's text from a file. Raises OSError, or PackError when it is no text."""
    try:
        return Path(name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise PackError("政策包要是 UTF-8 编码的文本文件（TOML），请另存后再试。") from None


def load_benefits(**_signal: Any) -> None:
    """The shipped benefits; runs after every migrate."""
    names = tomllib.loads((PACKS / "benefits.toml").read_text(encoding="utf-8"))["benefits"]
    Benefit.objects.bulk_create(
        [Benefit(code=code, name=name, order=n) for n, (code, name) in enumerate(names.items())],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name", "order"],
    )


@transaction.atomic
def publish(text: str) -> tuple[RulePack, bool]:
    """A pack's text → its rows as the next version, unless the newest version is this very text. Raises PackError."""
    pack, rules = read(text)
    stop_at_errors(text)
    newest = RulePack.objects.filter(code=pack.code).order_by("-version").first()
    if newest and newest.sha256 == pack.sha256:
        return newest, False
    pack.version = newest.version + 1 if newest else 1
    Benefit.objects.bulk_create({rule.benefit.code: rule.benefit for rule in rules if rule.benefit.pk is None}.values())
    pack.save()
    Rule.objects.bulk_create(rules)
    audit.record("pack.published", subject=pack, code=pack.code, version=pack.version, sha256=pack.sha256)
    return pack, True


def request_rehearsal(
    *, text: str, term: Term, path: str, draft: PackDraft | None = None, asked: AdoptionRequest | None = None
) -> Rehearsal:
    """Queues a rehearsal of a pack's text, for a draft or alone, or (asked) of adopting the pack it is of.

    Raises PackError for a text that can't be used.
    """
    pack, _ = read(text)
    if not current_scope().covers(path):
        raise Refused("只能试算本单位范围内的学生。")
    with transaction.atomic():
        rehearsal = Rehearsal(
            pack_code=pack.code, title=pack.title, text=text, sha256=pack.sha256, term=term.code, path=path,
            request=asked, requested_by=current_actor().name,
        )  # fmt: skip
        rehearsal.save()
        with acting_in(Scope(path), current_actor()):
            what = f"{asked.region.name}{asked.verb}" if asked else ""
            label = f"试算{what}《{pack.title}》{term.label}"
            rehearsal.job_id = jobs.enqueue("subsidies.rehearse", label=label, rehearsal=rehearsal.pk).pk
        rehearsal.save()
        if draft:
            draft.rehearsal = rehearsal
            draft.save()
        audit.record("pack.rehearsed", subject=rehearsal, code=pack.code, term=term.code)
    return rehearsal


def against_publishing(draft: PackDraft) -> list[str]:
    """Why whoever acts can't publish the draft now, each a sentence; [] if they can, unless facts have changed since
    the rehearsal: that is found when it is published, because it takes reading everybody."""
    actor, rehearsal = current_actor(), draft.rehearsal
    term = Term.parse(rehearsal.term) if rehearsal else None
    errors = [finding for finding in lint(draft.text, term=term, path=draft.path) if finding.severity == ERROR]
    adopted = PackAdoption.objects.filter(pack_code=parse(draft.text).pack.code)
    ready = rehearsal and rehearsal.finished_at and rehearsal.sha256 == draft.sha256
    wrong = {
        f"检查出 {len(errors)} 处错误，先改好再发布。": bool(errors),
        "起草人不能发布自己的草稿，请由另一人审核发布。": actor.user_id is not None and actor.user_id == draft.author_id,
        "这个政策包在本单位以外也有地区采用，请由上级单位发布。":
            adopted.exclude(path__startswith=current_scope().path).exists(),
        "只试算了一部分地区，请按采用这份政策的全部地区试算。": bool(ready) and (
            not draft.path.startswith(rehearsal.path) or adopted.exclude(path__startswith=rehearsal.path).exists()
        ),
        "试算以后政策有变化，请重新试算再发布。": bool(ready) and not same_rules(rehearsal),
    }  # fmt: skip
    return draft.blockers("publish") + [reason for reason, holds in wrong.items() if holds]


@transaction.atomic
def publish_draft(draft: PackDraft) -> RulePack:
    """A second person publishes a draft as rehearsed. Raises Refused with every reason."""
    actor = current_actor()
    if reasons := against_publishing(draft):
        raise Refused(*reasons)
    if not same_facts(draft.rehearsal):
        raise Refused("试算以后资料有变化，请重新试算再发布。")
    pack, _ = publish(draft.text)
    draft.move("publish", by=actor, pack=pack, published_by=actor.name, published_by_id=actor.user_id)
    return pack


@transaction.atomic
def adopt_pack(code: str, *, region: Region | None, from_on: date | None = None, active: bool = True) -> PackAdoption:
    """A region (None: all) adopts a pack from a day (default: the pack's first day), or stops with active=False."""
    pack = RulePack.objects.filter(code=code).order_by("-version").first()
    if pack is None:
        raise PackError(f"政策包“{code}”还没有载入，请先 load_pack {code}。")
    from_on = from_on or pack.first_day
    if from_on is None:
        raise PackError(f"政策包“{code}”没有首日，请写明从哪天起采用。")
    adoption = PackAdoption.objects.settle(code, region, from_on, active=active)
    audit.record("pack.adopted", subject=adoption, code=code, path=adoption.path, from_on=str(from_on), active=active)
    return adoption


def request_recompute(*, term: Term, path: str, marked_only: bool = False) -> Job:
    """Queues a recompute of a term for everyone with home or school under the path."""
    with acting_in(Scope(path), current_actor()):
        label = f"测算 {term.label}" + ("（只算有变化的）" if marked_only else "")
        return jobs.enqueue(
            "subsidies.recompute", label=label, once=True, term=term.code, path=path, marked_only=marked_only
        )


@transaction.atomic
def set_figure(*, rule_code: str, region: Region, from_on: date, yuan: Decimal, level: str = "") -> CountyFigure:
    """What a region sets for a rule from a day: yuan per the rule's period, a tier (with `level`) yuan a term.

    Raises Refused outside the own scope and for a figure the rule does not leave to counties or does not allow.
    """
    rule = Rule.objects.filter(code=rule_code, pack__in=RulePack.objects.newest().values("pk")).first()
    if reasons := _against_figure(rule, region, yuan, level):
        raise Refused(*reasons)
    figure, _ = CountyFigure.objects.update_or_create(
        rule_code=rule_code, path=region.path, level=level, from_on=from_on, defaults={"region": region, "yuan": yuan}
    )
    audit.record("figure.set", subject=figure, code=rule_code, region=region.code, from_on=str(from_on), yuan=str(yuan))
    return figure


def _against_figure(rule: Rule | None, region: Region, yuan: Decimal, level: str) -> list[str]:
    if rule is None:
        return ["没有这条规则，请先载入政策包。"]
    kind = AmountKind(rule.amount_kind)
    bounds = [Decimal(value["yuan"]) for value in rule.amounts]
    tier = kind == AmountKind.TIER
    wrong = {
        "只能定本单位范围内的标准。": not current_scope().covers(region.path),
        "金额要不小于 0，最多两位小数。": yuan < 0 or yuan != yuan.quantize(Decimal("0.01")),
        "分档的标准要写明困难等级，不分档的不写。": tier != (level in (Level.SPECIAL, Level.HARD, Level.ORDINARY)),
        "这条规则的标准不由县里定。": not (
            rule.county_sets or rule.private_ceiling or kind in (AmountKind.TIER, AmountKind.FLOOR, AmountKind.CEILING)
        ),
        "不能低于文件规定的标准。": kind == AmountKind.FLOOR and any(yuan < bound for bound in bounds[-1:]),
        "不能高于文件规定的标准。": kind == AmountKind.CEILING and any(yuan > bound for bound in bounds[-1:]),
    }
    return [reason for reason, holds in wrong.items() if holds]


@transaction.atomic
def list_area(*, kind: AreaKind, region: Region, from_on: date, active: bool = True) -> ListedArea:
    """Puts a division on a list kept by counties from a day, or takes it off with active=False."""
    if not current_scope().covers(region.path):
        raise Refused("只能登记本单位范围内的地区。")
    area, _ = ListedArea.objects.update_or_create(
        kind=kind, path=region.path, from_on=from_on, defaults={"region": region, "active": active}
    )
    audit.record("area.listed", subject=area, kind=kind, region=region.code, from_on=str(from_on), active=active)
    return area


_DETERMINE = """
    INSERT INTO subsidies_determination (student_id, term, home_path, school_path, level, source, basis)
    SELECT c.*, %s, %s, %s FROM ({chosen}) c
    ON CONFLICT (student_id, term) DO UPDATE SET level = EXCLUDED.level, source = EXCLUDED.source, basis = EXCLUDED.basis,
        home_path = EXCLUDED.home_path, school_path = EXCLUDED.school_path,
        made_at = statement_timestamp()
"""


@transaction.atomic
def determine(enrolments: QuerySet[Enrolment], *, level: Level, source: DeterminedBy, basis: str = "") -> int:
    """Sets the level of everyone enrolled so, for their term; one child is a set of one. → rows written."""
    chosen, params = sql.compiled(enrolments.order_by().values_list("student_id", "term", "home_path", "school_path"))
    written = sql.run(_DETERMINE.format(chosen=chosen), [level, source, basis, *params])
    audit.record("determination.set", rows=written, level=level, source=source)
    return written
