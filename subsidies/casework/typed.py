"""What was typed into the application form: each value by itself, so that a half-filled form keeps what can be read."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import QueryDict

from aidcases import crypto
from subsidies.casework.form import CIRCUMSTANCES, MOST_MEMBERS, Line
from subsidies.casework.relations import meant
from subsidies.models.applications import Application, Box

TEXTS = ("department", "major", "native_place", "address", *CIRCUMSTANCES, "late_reason")
PHONES = ("phone", "parent_phone")
COLUMNS = ("name", "age", "relation", "work", "occupation", "annual_income", "health")
LONGEST = {"name": 60, "relation": 20, "work": 60, "occupation": 40, "health": 40}
RICHEST = Decimal("99999999.99")
_PHONE = re.compile(r"1[3-9]\d{9}|0\d{2,3}\d{7,8}")
NOTHING = ("无", "没有", "删除")


@dataclass
class Typed:
    """`columns`: what could be read; `errors`: field → sentence, of a family's cell as family-2-age; `family` None:
    the rows were not sent."""

    columns: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    family: list[Line] | None = None


def plain(text: str) -> str:
    """Full-width letters and figures as people's input methods write them, without blanks around."""
    return unicodedata.normalize("NFKC", text).strip()


def read(post: QueryDict, *, sex: str, listed: list[str], last: int | None = None) -> Typed:
    """The posted form of a child (sex 男 or 女); `listed`: boxes that the lists tick. `last`: row to leave out."""
    typed = Typed()
    for name in TEXTS:
        if name in post:
            _text(typed, name, post[name].strip())
    for name in PHONES:
        if text := plain(post.get(name, "")):
            _phone(typed, name, text)
    _small(typed, post)
    if "boxes-sent" in post:
        ticked = {*post.getlist("boxes"), *listed}
        typed.columns["boxes"] = [box for box in Box.values if box in ticked]
        typed.columns["stamp"] = "stamp" in post
    if "family-sent" in post:
        typed.family = _family(typed, post, sex, last)
    return typed


def _text(typed: Typed, name: str, text: str) -> None:
    longest = Application._meta.get_field(name).max_length  # type: ignore[union-attr]
    if len(text) > longest:
        typed.errors[name] = f"最多 {longest} 个字，现在有 {len(text)} 个。"
    elif crypto.mask_numbers(text) != text:
        typed.errors[name] = "请不要在这里写证件号码、手机号码或银行卡号。"
    else:
        typed.columns[name] = text


def _phone(typed: Typed, name: str, text: str) -> None:
    """Empty means unchanged, because a number is never sent back to the page; 无 takes it away."""
    digits = re.sub(r"[\s-]", "", text)
    if text in NOTHING:
        typed.columns[name] = None
    elif _PHONE.fullmatch(digits):
        typed.columns[name] = digits
    else:
        typed.errors[name] = "号码不对：手机是 11 位数字，座机要带区号，例如 0931-5221234。"


def _small(typed: Typed, post: QueryDict) -> None:
    if "household_size" in post:
        typed.columns["household_size"], problem = _whole(post["household_size"], 1, MOST_MEMBERS + 1)
        _note(typed, "household_size", problem)
    if "postcode" in post:
        code = plain(post["postcode"])
        if code and not re.fullmatch(r"\d{6}", code):
            typed.errors["postcode"] = "邮政编码是 6 位数字。"
        else:
            typed.columns["postcode"] = code
    if (rural := post.get("rural_hukou")) in ("1", "0"):
        typed.columns["rural_hukou"] = rural == "1"
    if "promised_on" in post:
        text = plain(post["promised_on"])
        try:
            typed.columns["promised_on"] = date.fromisoformat(text) if text else None
        except ValueError:
            typed.errors["promised_on"] = "日期请写成 2026-09-01。"


def _note(typed: Typed, name: str, problem: str) -> None:
    if problem:
        typed.errors[name] = problem
        typed.columns.pop(name, None)


def _whole(text: str, least: int, most: int) -> tuple[int | None, str]:
    text = plain(text)
    if not text:
        return None, ""
    if not text.isdecimal() or not least <= int(text[:6]) <= most:
        return None, f"请写 {least} 到 {most} 的整数。"
    return int(text), ""


def _money(text: str) -> tuple[Decimal | None, str]:
    """12,000元 and 1.2万 are understood."""
    text = re.sub(r"[,\s元¥]", "", plain(text))
    if not text:
        return None, ""
    try:
        value = Decimal(text.removesuffix("万")) * (10_000 if text.endswith("万") else 1)
    except InvalidOperation:
        return None, "请写金额，例如 12000，没有收入写 0。"
    if not value.is_finite() or not 0 <= value <= RICHEST:
        return None, "金额不能小于 0，也不能超过 1 亿元。"
    return value.quantize(Decimal("0.01")), ""


def _family(typed: Typed, post: QueryDict, sex: str, last: int | None) -> list[Line]:
    """Rows in which anything is written; a name is what makes a row."""
    sent = [post.getlist(f"family-{name}") for name in COLUMNS]
    lines = []
    for number, cells in enumerate(zip(*sent, strict=False)):
        if number != last and any(cell.strip() for cell in cells):
            lines.append(_line(typed, len(lines), dict(zip(COLUMNS, cells, strict=True)), sex))
    if len(lines) > MOST_MEMBERS:
        typed.errors["family"] = f"家庭成员最多 {MOST_MEMBERS} 行。"
    return lines[:MOST_MEMBERS]


def _line(typed: Typed, number: int, cells: dict[str, str], sex: str) -> Line:
    read: dict[str, Any] = {}
    for name, longest in LONGEST.items():
        text = cells[name].strip()
        problem = f"最多 {longest} 个字。" if len(text) > longest else ""
        if crypto.mask_numbers(text) != text:
            problem, text = "请不要写证件号码、手机号码或卡号。", ""
        _cell_note(typed, number, name, problem)
        read[name] = text[:longest]
    read["relation"] = meant(read["relation"], sex)
    read["age"], problem = _whole(cells["age"], 0, 130)
    _cell_note(typed, number, "age", problem)
    read["annual_income"], problem = _money(cells["annual_income"])
    _cell_note(typed, number, "annual_income", problem)
    return Line(**read)


def _cell_note(typed: Typed, number: int, name: str, problem: str) -> None:
    if problem:
        typed.errors[f"family-{number}-{name}"] = problem
