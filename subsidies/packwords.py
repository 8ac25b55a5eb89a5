"""Single words of a pack's text: each function gives the value, or raises the PackError that says what to write."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, NoReturn

from aidcases.terms import EARLIEST
from subsidies.conditions import PackError
from subsidies.enums import AmountKind, Period
from subsidies.models import Benefit

SHARE_LEVELS = ("central", "province", "city", "county")  # 中央、省、市、县
LATEST = date(2100, 1, 1)


def typed(name: str, value: Any) -> Any:
    """A text, a whole number (priority) or a day (first_day)."""
    if name == "priority":
        if type(value) is not int:
            raise PackError("priority（优先顺序）要写成整数，例如 priority = 100")
        return value
    if name == "first_day":
        return day({name: value}, name)
    if not isinstance(value, str):
        raise PackError(f"{name} 要写成带引号的文字")
    return value


def benefit(row: dict[str, Any], order: int, known: dict[str, Benefit]) -> Benefit:
    """The benefit named, else the rule's code without its prefix; a new one is called as the rule is."""
    if "benefit" in row and row["benefit"] not in list(known):
        raise PackError(f"没有资助项目“{row['benefit']}”", code="unknown_benefit")
    code = row.get("benefit") or str(row.get("code")).partition("-")[2] or str(row.get("code"))
    if code not in known:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", code):
            said = "规则代码要用小写字母、数字和连字符，最多 40 个字，例如 lz-senior-grant"
            raise PackError(said, code="bad_value")
        known[code] = Benefit(code=code, name=str(row.get("title"))[:60], order=1000 + order)
    return known[code]


def aliases(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise PackError('alias 要写成列表，例如 alias = ["滋惠计划"]')
    return names


def flag(table: dict[str, Any], name: str) -> bool:
    if type(table.get(name, False)) is not bool:
        raise PackError(f"{name} 只能写 true 或 false")
    return table.get(name, False)


def day(table: dict[str, Any], name: str) -> date | None:
    if name in table and type(table[name]) is not date:
        raise PackError(f"{name} 要写成日期，例如 2018-09-01")
    if name in table and not EARLIEST <= table[name] < LATEST:
        raise PackError(f"{name} 的年份不对：{table[name].isoformat()}", code="bad_value")
    return table.get(name)


def payers(rows: Any) -> dict[str, str]:
    """{county code: payer} of payers = [{ county = ["640104"], payer = "市级财政" }]."""
    found: dict[str, str] = {}
    for n, row in enumerate(rows if isinstance(rows, list) else [rows]):
        if not isinstance(row, dict) or row.keys() != {"county", "payer"}:
            _not_payers(n)
        counties, payer = row["county"], row["payer"]
        whole = isinstance(counties, list) and all(re.fullmatch(r"[0-9]{6}", str(code)) for code in counties)
        if not whole or not isinstance(payer, str):
            _not_payers(n)
        found |= dict.fromkeys(map(str, counties), payer)
    return found


def _not_payers(n: int) -> NoReturn:
    raise PackError('payers 要写成 [{ county = ["640104"], payer = "市级财政" }]', key=(n,))


def shares(parts: Any) -> dict[str, int]:
    """Percent by level of government; together 100."""
    if not isinstance(parts, dict) or not all(type(part) is int and part >= 0 for part in parts.values()):
        raise PackError("shares 要写成各级分担的百分数，例如 shares = { central = 60, county = 40 }")
    if unknown := sorted(parts.keys() - set(SHARE_LEVELS)):
        raise PackError(
            f"shares 不认识 {'、'.join(unknown)}，可用的有：{'、'.join(SHARE_LEVELS)}",
            code="unknown_key",
            key=(unknown[0],),
        )
    if parts and sum(parts.values()) != 100:
        raise PackError(f"shares 加起来要是 100，现在是 {sum(parts.values())}", code="shares")
    return parts


def days(amount: dict[str, Any]) -> int | None:
    """Days of a school year, of a daily amount; also what of an amount goes together."""
    kind, count = amount["kind"], amount.get("days")
    wrong = {
        ('由县里定标准的写 kind = "fixed"', "county"): amount.get("county") is True and kind != AmountKind.FIXED,
        ("private_ceiling 只用于按学校收费标准的", "private_ceiling"):
            amount.get("private_ceiling") is True and kind != AmountKind.SCHOOL_FEE,
        ("按天的要写每学年天数，例如 days = 200", "days"):
            kind == AmountKind.PER_DAY and not (type(count) is int and 0 < count <= 366),
        ("days 只用于按天的", "days"): kind != AmountKind.PER_DAY and count is not None,
        ('按天的写 period = "school_year"', "period"):
            kind == AmountKind.PER_DAY and amount["period"] != Period.SCHOOL_YEAR,
    }  # fmt: skip
    for (said, key), holds in wrong.items():
        if holds:
            raise PackError(said, code="bad_value", key=(key,))
    return count


def yuan(written: Any) -> None:
    if not isinstance(written, str) or not re.fullmatch(r"\d{1,10}(\.\d{1,2})?", written, re.ASCII):
        raise PackError('金额要写成带引号的元，不小于 0，最多两位小数，例如 yuan = "1250.00"', code="bad_amount")
