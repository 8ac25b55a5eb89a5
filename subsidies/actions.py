"""Loading packs, adopting them, asking for a recompute."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model

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
    """A pack's text → its rows as the next version, unless the newest version is this very text. Raises PackError."""
    head, rows = _read(text)
    pack = _pack(head, text)
    newest = RulePack.objects.filter(code=pack.code).order_by("-version").first()
    if newest and newest.sha256 == pack.sha256:
        return newest, False
    pack.version = newest.version + 1 if newest else 1
    benefits = dict(Benefit.objects.values_list("code", "pk"))
    rules = [_rule(pack, row, order, benefits) for order, row in enumerate(rows)]
    if twice := [code for code, times in Counter(rule.code for rule in rules).items() if times > 1]:
        raise PackError(f"规则 {twice[0]} 写了两次，代码不能重复。")
    pack.save()
    Rule.objects.bulk_create(rules)
    audit.record("pack.published", subject=pack, code=pack.code, version=pack.version, sha256=pack.sha256)
    return pack, True


def _read(text: str) -> tuple[dict[str, Any], list[Any]]:
    """The [pack] table and the [[rule]] tables."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"line (\d+)", str(problem))
        where = f"第 {line[1]} 行" if line else "末尾"
        raise PackError(f"政策包{where}不符合 TOML 的写法，请检查引号和括号。") from None
    head, rules = data.get("pack"), data.get("rule")
    if not isinstance(head, dict) or not isinstance(rules, list) or not rules:
        raise PackError("政策包要有一个 [pack] 和至少一条 [[rule]]。")
    return head, rules


def _pack(head: dict[str, Any], text: str) -> RulePack:
    try:
        _only(head, "code title document", "number issuer intro first_day priority")
        if type(head.get("first_day", date.min)) is not date:
            raise PackError("first_day 要写成日期，例如 2018-09-01")
        pack = RulePack(**head, text=text, sha256=hashlib.sha256(text.encode()).hexdigest())
        pack.intro = str(pack.intro).strip()
        pack.clean_fields(exclude=["version", "first_day", "text"])
    except ValidationError as problem:
        raise PackError(f"政策包的 [pack]：{_told(RulePack, problem)}。") from None
    except PackError as problem:
        raise PackError(f"政策包的 [pack]：{problem}。") from None
    return pack


def _only(table: Any, needed: str, more: str) -> None:
    """A misspelt word would be a rule that quietly means something else."""
    if not isinstance(table, dict):
        raise PackError(f"{table!r} 的地方要写一个表")
    if missing := [name for name in needed.split() if name not in table]:
        raise PackError(f"缺少 {'、'.join(missing)}")
    if unknown := sorted(table.keys() - {*needed.split(), *more.split()}):
        raise PackError(f"不认识 {'、'.join(unknown)}")


def _told(model: type[Model], problem: ValidationError) -> str:
    return "；".join(
        f"{model._meta.get_field(name).verbose_name}：{'；'.join(texts).rstrip('。')}"
        for name, texts in problem.message_dict.items()
    )


def _rule(pack: RulePack, row: Any, order: int, benefits: dict[str, int]) -> Rule:
    code = row.get("code") if isinstance(row, dict) else None
    try:
        rule = _checked(pack, row, order, benefits)
        rule.clean_fields(exclude=["pack", "benefit", "conditions", "shares", "reading"])
    except ValidationError as problem:
        raise PackError(f"规则 {code or order + 1}：{_told(Rule, problem)}。") from None
    except PackError as problem:
        raise PackError(f"规则 {code or order + 1}：{problem}。") from None
    return rule


def _checked(pack: RulePack, row: Any, order: int, benefits: dict[str, int]) -> Rule:
    more = "reading alias jurisdiction claim delivery payer disburser shares priority universal"
    _only(row, "code benefit title clause when amount", more)
    amount = row["amount"]
    _only(amount, "kind period", "values")
    if str(row["benefit"]) not in benefits:
        raise PackError(f"没有资助项目“{row['benefit']}”")
    return Rule(
        pack=pack,
        benefit_id=benefits[row["benefit"]],
        code=row["code"],
        title=row["title"],
        clause=row["clause"],
        reading=row.get("reading", ""),
        aliases=row.get("alias", []),
        conditions=_conditions(row["when"]),
        jurisdiction=row.get("jurisdiction", _default_jurisdiction(row["when"])),
        amount_kind=amount["kind"],
        period=amount["period"],
        amounts=_values(amount),
        claim=row.get("claim", "automatic"),
        delivery=row.get("delivery", "cash"),
        payer=row.get("payer", ""),
        disburser=row.get("disburser", ""),
        shares=row.get("shares", {}),
        priority=row.get("priority", pack.priority),
        universal=row.get("universal", False),
        order=order,
    )


def _conditions(when: Any) -> list[list[Any]]:
    if not isinstance(when, dict):
        raise PackError('when 要写成表，例如 when = { stage = ["primary"] }')
    for fact, wanted in when.items():
        condition(fact, wanted)
    return [[fact, wanted] for fact, wanted in when.items()]


_IN_YUAN = (AmountKind.FIXED, AmountKind.FLOOR, AmountKind.CEILING)


def _values(amount: dict[str, Any]) -> list[dict[str, Any]]:
    values = amount.get("values", [])
    if amount["kind"] not in AmountKind.values:
        return []  # the field's own check says so
    if amount["kind"] in _IN_YUAN and not values:
        raise PackError("没有写金额")
    if amount["kind"] not in _IN_YUAN and values:
        raise PackError("按学校收费标准或不计金额的，不能再写金额")
    if not isinstance(values, list):
        raise PackError('values 要写成列表，例如 values = [{ yuan = "1250.00" }]')
    return [_value(value) for value in values]


def _value(value: Any) -> dict[str, Any]:
    """One amount: yuan as a decimal string (never a float), the day it starts as ISO text."""
    _only(value, "yuan", "from stage grade when")
    yuan = value["yuan"]
    if not isinstance(yuan, str) or not re.fullmatch(r"\d{1,10}(\.\d{1,2})?", yuan, re.ASCII):
        raise PackError('金额要写成带引号的元，不小于 0，最多两位小数，例如 yuan = "1250.00"')
    for fact in ("stage", "grade"):
        if fact in value:
            condition(fact, [value[fact]])
    if "when" in value:
        _conditions(value["when"])
    if "from" not in value:
        return value
    if type(value["from"]) is not date:
        raise PackError("from 要写成日期，例如 2018-09-01")
    return {**value, "from": value["from"].isoformat()}


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
