"""A pack's text (TOML) → unsaved rows, every word checked: a misspelt one would be a rule that quietly means
something else. PackError says which rule and what to write."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections import Counter
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from students.enums import COLLEGE_STAGES
from subsidies.conditions import PackError, condition
from subsidies.enums import AmountKind, CutOff, Jurisdiction, Period
from subsidies.models import Benefit, Rule, RulePack

RULE_WORDS = (
    "benefit reading note from cut_off alias jurisdiction claim delivery payer payers disburser shares priority universal"
)
SHARE_LEVELS = ("central", "province", "city", "county")  # 中央、省、市、县
IN_YUAN = (AmountKind.FIXED, AmountKind.FLOOR, AmountKind.CEILING, AmountKind.TIER, AmountKind.PER_DAY)


def read(text: str) -> tuple[RulePack, list[Rule]]:
    """The pack and its rules, in order, none saved. A benefit not known yet is an unsaved Benefit of the rule."""
    head, rows = tables(text)
    pack = _pack(head, text)
    known = {benefit.code: benefit for benefit in Benefit.objects.all()}
    rules = [_rule(pack, row, order, known) for order, row in enumerate(rows)]
    if twice := [code for code, times in Counter(rule.code for rule in rules).items() if times > 1]:
        raise PackError(f"规则 {twice[0]} 写了两次，代码不能重复。")
    return pack, rules


def tables(text: str) -> tuple[dict[str, Any], list[Any]]:
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


def _rule(pack: RulePack, row: Any, order: int, known: dict[str, Benefit]) -> Rule:
    code = row.get("code") if isinstance(row, dict) else None
    try:
        rule = _checked(pack, row, order, known)
        rule.clean_fields(exclude=["pack", "benefit", "conditions", "shares", "payers", "reading", "note"])
    except ValidationError as problem:
        raise PackError(f"规则 {code or order + 1}：{_told(Rule, problem)}。") from None
    except PackError as problem:
        raise PackError(f"规则 {code or order + 1}：{problem}。") from None
    return rule


def _checked(pack: RulePack, row: Any, order: int, known: dict[str, Benefit]) -> Rule:
    _only(row, "code title clause when amount", RULE_WORDS)
    amount, when = row["amount"], row["when"]
    _only(amount, "kind period", "values days county private_ceiling")
    rule = Rule(
        pack=pack,
        benefit=_benefit(row, order, known),
        code=row["code"],
        title=row["title"],
        clause=row["clause"],
        note=row.get("note", ""),
        reading=row.get("reading", ""),
        aliases=row.get("alias", []),
        conditions=conditions(when),
        from_on=_day(row, "from"),
        cut_off=row.get("cut_off", CutOff.ANY_DAY),
        jurisdiction=row.get("jurisdiction", _default_jurisdiction(when)),
        amount_kind=amount["kind"],
        period=amount["period"],
        amounts=_values(amount),
        days=amount.get("days"),
        county_sets=_flag(amount, "county"),
        private_ceiling=_flag(amount, "private_ceiling"),
        claim=row.get("claim", "automatic"),
        delivery=row.get("delivery", "cash"),
        payer=row.get("payer", ""),
        payers=_payers(row.get("payers", [])),
        disburser=row.get("disburser", ""),
        shares=_shares(row.get("shares", {})),
        priority=row.get("priority", pack.priority),
        universal=_flag(row, "universal"),
        order=order,
    )
    if rule.period == Period.ONCE and when.get("new_entrant") is not True:
        raise PackError("一生一次的项目在入学当年秋季发放，when 里要写 new_entrant = true")
    return rule


def _benefit(row: dict[str, Any], order: int, known: dict[str, Benefit]) -> Benefit:
    """The benefit named, else the rule's code without its prefix; a new one is called as the rule is."""
    if "benefit" in row and row["benefit"] not in list(known):
        raise PackError(f"没有资助项目“{row['benefit']}”")
    code = row.get("benefit") or str(row["code"]).partition("-")[2] or str(row["code"])
    if code not in known:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", code):
            raise PackError("规则代码要用小写字母、数字和连字符，最多 40 个字，例如 lz-senior-grant")
        known[code] = Benefit(code=code, name=str(row["title"])[:60], order=1000 + order)
    return known[code]


def conditions(when: Any) -> list[list[Any]]:
    """The entries of `when` in the order written; raises PackError for one that means nothing."""
    if not isinstance(when, dict):
        raise PackError('when 要写成表，例如 when = { stage = ["primary"] }')
    for fact, wanted in when.items():
        condition(fact, wanted)
    return [[fact, wanted] for fact, wanted in when.items()]


def _flag(table: dict[str, Any], name: str) -> bool:
    if type(table.get(name, False)) is not bool:
        raise PackError(f"{name} 只能写 true 或 false")
    return table.get(name, False)


def _day(table: dict[str, Any], name: str) -> date | None:
    if name in table and type(table[name]) is not date:
        raise PackError(f"{name} 要写成日期，例如 2018-09-01")
    return table.get(name)


def _payers(rows: Any) -> dict[str, str]:
    """{county code: payer} of payers = [{ county = ["640104"], payer = "市级财政" }]."""
    found: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else [rows]:
        _only(row, "county payer", "")
        counties, payer = row["county"], row["payer"]
        whole = isinstance(counties, list) and all(re.fullmatch(r"\d{6}", str(code)) for code in counties)
        if not whole or not isinstance(payer, str):
            raise PackError('payers 要写成 [{ county = ["640104"], payer = "市级财政" }]')
        found |= dict.fromkeys(map(str, counties), payer)
    return found


def _shares(shares: Any) -> dict[str, int]:
    """Percent by level of government; together 100."""
    if not isinstance(shares, dict) or not all(type(part) is int and part >= 0 for part in shares.values()):
        raise PackError("shares 要写成各级分担的百分数，例如 shares = { central = 60, county = 40 }")
    if unknown := sorted(shares.keys() - set(SHARE_LEVELS)):
        raise PackError(f"shares 不认识 {'、'.join(unknown)}，可用的有：{'、'.join(SHARE_LEVELS)}")
    if shares and sum(shares.values()) != 100:
        raise PackError(f"shares 加起来要是 100，现在是 {sum(shares.values())}")
    return shares


def _need_values(amount: dict[str, Any], kind: str) -> bool:
    county = _flag(amount, "county")
    if county and kind != AmountKind.FIXED:
        raise PackError('由县里定标准的写 kind = "fixed"')
    if _flag(amount, "private_ceiling") and kind != AmountKind.SCHOOL_FEE:
        raise PackError("private_ceiling 只用于按学校收费标准的")
    days = amount.get("days")
    if kind == AmountKind.PER_DAY and not (type(days) is int and 0 < days <= 366):
        raise PackError("按天的要写每学年天数，例如 days = 200")
    if kind != AmountKind.PER_DAY and days is not None:
        raise PackError("days 只用于按天的")
    if kind == AmountKind.PER_DAY and amount["period"] != Period.SCHOOL_YEAR:
        raise PackError('按天的写 period = "school_year"')
    return kind in IN_YUAN and not county


def _values(amount: dict[str, Any]) -> list[dict[str, Any]]:
    values, kind = amount.get("values", []), amount["kind"]
    if kind not in AmountKind.values:
        return []  # the field's own check says so
    if not isinstance(values, list):
        raise PackError('values 要写成列表，例如 values = [{ yuan = "1250.00" }]')
    if _need_values(amount, kind):
        if not values:
            raise PackError("没有写金额")
    elif values:
        raise PackError("按学校收费标准、由县里定、评定后确定或不计金额的，不能再写金额")
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
        conditions(value["when"])
    day = _day(value, "from")
    return {**value, "from": day.isoformat()} if day else value


def _default_jurisdiction(when: dict[str, Any]) -> str:
    """School up to secondary vocational, household from higher vocational up (rules.md, jurisdiction)."""
    stages = when.get("stage", []) if isinstance(when, dict) else []
    college = stages and all(stage in COLLEGE_STAGES for stage in stages)
    return Jurisdiction.HOUSEHOLD if college else Jurisdiction.SCHOOL
