"""Loading packs, adopting them, asking for a recompute."""

from __future__ import annotations

import hashlib
import tomllib
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from aidcases import audit, jobs
from aidcases.models import Job, Region
from aidcases.scoping import Scope, acting_in, current_actor
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES
from subsidies.enums import AmountKind, Jurisdiction
from subsidies.models import Benefit, PackAdoption, Rule, RulePack
from subsidies.rules import PackError, condition

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
    _load_benefits()
    return publish(path.read_text(encoding="utf-8"))


def _load_benefits() -> None:
    names = tomllib.loads((PACKS / "benefits.toml").read_text(encoding="utf-8"))["benefits"]
    Benefit.objects.bulk_create(
        [Benefit(code=code, name=name, order=n) for n, (code, name) in enumerate(names.items())],
        update_conflicts=True,
        unique_fields=["code"],
        update_fields=["name", "order"],
    )


@transaction.atomic
def publish(text: str) -> tuple[RulePack, bool]:
    """A pack's text → its rows as the next version, unless the newest version is this very text."""
    try:
        data = tomllib.loads(text)
        head = data["pack"]
    except (tomllib.TOMLDecodeError, KeyError) as problem:
        raise PackError(f"政策包读不懂：{problem}") from None
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    newest = RulePack.objects.filter(code=head["code"]).order_by("-version").first()
    if newest and newest.sha256 == sha256:
        return newest, False
    pack = RulePack(
        code=head["code"],
        version=newest.version + 1 if newest else 1,
        title=head["title"],
        document=head["document"],
        number=head.get("number", ""),
        issuer=head.get("issuer", ""),
        intro=head.get("intro", "").strip(),
        first_day=head.get("first_day"),
        priority=head.get("priority", 100),
        text=text,
        sha256=sha256,
    )
    pack.save()
    benefits = dict(Benefit.objects.values_list("code", "pk"))
    for order, row in enumerate(data.get("rule", [])):
        _rule(pack, row, order, benefits).save()
    audit.record("pack.published", subject=pack, code=pack.code, version=pack.version, sha256=sha256)
    return pack, True


def _rule(pack: RulePack, row: dict[str, Any], order: int, benefits: dict[str, int]) -> Rule:
    code = row.get("code", f"第 {order + 1} 条规则")
    try:
        amount = row["amount"]
        when = row["when"]
        rule = Rule(
            pack=pack,
            benefit_id=benefits[row["benefit"]],
            code=row["code"],
            title=row["title"],
            clause=row["clause"],
            reading=row.get("reading", ""),
            aliases=row.get("alias", []),
            jurisdiction=row.get("jurisdiction", _default_jurisdiction(when)),
            conditions=[[fact, wanted] for fact, wanted in when.items()],
            amount_kind=amount["kind"],
            period=amount["period"],
            amounts=[_value(value, code) for value in amount.get("values", [])],
            claim=row.get("claim", "automatic"),
            delivery=row.get("delivery", "cash"),
            payer=row.get("payer", ""),
            disburser=row.get("disburser", ""),
            shares=row.get("shares", {}),
            priority=row.get("priority", pack.priority),
            universal=row.get("universal", False),
            order=order,
        )
        for fact, wanted in when.items():
            condition(fact, wanted)
        if rule.amount_kind in (AmountKind.FIXED, AmountKind.FLOOR, AmountKind.CEILING) and not rule.amounts:
            raise PackError("没有写金额")
        rule.clean_fields(exclude=["pack", "benefit", "shares", "reading"])
    except KeyError as missing:
        raise PackError(f"规则 {code} 缺少或写错了 {missing}") from None
    except ValidationError as problem:
        raise PackError(f"规则 {code}：{'；'.join(problem.messages)}") from None
    except PackError as problem:
        raise PackError(f"规则 {code}：{problem}") from None
    return rule


def _value(value: dict[str, Any], code: str) -> dict[str, Any]:
    """One amount: yuan as a decimal string (never a float), the day it starts as ISO text."""
    try:
        yuan = Decimal(value["yuan"])
        if not isinstance(value["yuan"], str) or yuan < 0 or yuan != yuan.quantize(Decimal("0.01")):
            raise InvalidOperation
    except (KeyError, InvalidOperation, TypeError):
        raise PackError(f'规则 {code} 的金额要写成带引号的元，例如 yuan = "1250.00"') from None
    starts = {"from": value["from"].isoformat()} if isinstance(value.get("from"), date) else {}
    for fact, wanted in value.get("when", {}).items():
        condition(fact, wanted)
    return {**value, **starts}


def _default_jurisdiction(when: dict[str, Any]) -> str:
    """School up to secondary vocational, household from higher vocational up (rules.md, jurisdiction)."""
    stages = when.get("stage", [])
    college = stages and all(stage in COLLEGE_STAGES for stage in stages)
    return Jurisdiction.HOUSEHOLD if college else Jurisdiction.SCHOOL


@transaction.atomic
def adopt_pack(code: str, *, region: Region | None, from_on: date | None = None, active: bool = True) -> PackAdoption:
    """A region (None: all) adopts a pack from a day (default: the pack's first day), or stops with active=False."""
    pack = RulePack.objects.filter(code=code).order_by("-version").first()
    if pack is None:
        raise PackError(f"政策包“{code}”还没有载入，请先 load_pack {code}。")
    from_on = from_on or pack.first_day
    if from_on is None:
        raise PackError(f"政策包“{code}”没有首日，请写明从哪天起采用。")
    adoption, _ = PackAdoption.objects.update_or_create(
        pack_code=code,
        path=region.path if region else "/",
        from_on=from_on,
        defaults={"region": region, "active": active},
    )
    audit.record("pack.adopted", subject=adoption, code=code, path=adoption.path, from_on=str(from_on), active=active)
    return adoption


def request_recompute(*, term: Term, path: str, marked_only: bool = False) -> Job:
    """Queues a recompute of a term for everyone with home or school under the path."""
    with acting_in(Scope(path), current_actor()):
        label = f"测算 {term.label}" + ("（只算有变化的）" if marked_only else "")
        return jobs.enqueue(
            "subsidies.recompute", label=label, once=True, term=term.code, path=path, marked_only=marked_only
        )
