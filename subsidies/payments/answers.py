"""A bank's answer as lines that say something: which column is which, paid or bounced, why; numbers masked or hashed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from aidcases import crypto
from aidcases.flow import Refused
from students.imports import cells
from students.imports.cells import Bad, bare, clean
from subsidies.models.payments import Bounce
from subsidies.payments.banks import ANSWERED, Answer, Profile

Texts = tuple[int, list[str]]
HEAD_ROWS = 30
LONGEST_SAID, LONGEST_REASON = 300, 120
NO_LINES = "文件里没有明细，请检查是不是选错了文件。"
_TOTALS = re.compile(r"(?:合计|总计|小计|总笔数|共\d+笔)")
_LONG_NUMBER = re.compile(r"\d{9,}")
_MONEY = re.compile(r"-?\d{1,10}(?:\.\d{1,2}0*)?")


@dataclass(frozen=True)
class Told:
    """A line of the answer. `amount`: None where none is said; `is_odd`: what is said is no amount of yuan. `result`:
    paid, bounced or "" where it can't be told. `account`: keyed hash, b"" when the number is not said in full."""

    row: int
    reference: str
    account: bytes
    holder: str
    amount: Decimal | None
    is_odd: bool
    result: str
    bounce: str
    reason: str
    day: date | None
    said: str

    @property
    def key(self) -> tuple[bytes, str, Decimal | None]:
        return self.account, self.holder, self.amount


def told(profile: Profile, rows: Iterable[Texts]) -> list[Told]:
    """The lines below the heading (or below the first `skip`) without totals. Raises Refused when there is no heading or
    no line."""
    answer, rows = profile.answer, list(rows)
    if answer.heading:
        start, places = _heading(profile, rows)
    else:
        start, places = answer.skip, {name: int(place) - 1 for name, place in answer.columns.items()}
    read = _Reader(answer, places)
    if not (found := [read(*row) for row in rows[start:] if not read.is_total(row[1])]):
        raise Refused(NO_LINES)
    return found


def _heading(profile: Profile, rows: list[Texts]) -> tuple[int, dict[str, int]]:
    """Rows down to and with the heading, field → place."""
    titles = {name: _title(str(title)) for name, title in profile.answer.columns.items()}
    for count, (_, row) in enumerate(rows[:HEAD_ROWS], 1):
        there = [_title(text) for text in row]
        places = {name: there.index(title) for name, title in titles.items() if title in there}
        if "result" in places and ("reference" in places or {"account", "holder", "amount"} <= set(places)):
            return count, places
    needed = "、".join(f"“{profile.answer.columns[name]}”" for name in ("reference", "result") if name in titles)
    raise Refused(f"没有找到表头（{needed}），这不像“{profile.name}”的回盘文件。请检查是不是选错了文件或银行格式。")


def _title(text: str) -> str:
    return re.sub(r"\s", "", clean(text)).partition("(")[0]


class _Reader:
    """Makes a Told of a row."""

    def __init__(self, answer: Answer, places: dict[str, int]):
        self.answer, self.places = answer, places
        self.blind: Callable[[str], bytes] = crypto.default_keyring().blinder("account")
        self.words = sorted(answer.bounces, key=len, reverse=True)

    def cell(self, row: list[str], name: str) -> str:
        place = self.places.get(name)
        return row[place] if place is not None and place < len(row) else ""

    def is_total(self, row: list[str]) -> bool:
        first = next((text for text in row if text), "")
        return not self.cell(row, "reference") and bool(_TOTALS.match(re.sub(r"\s", "", first)))

    def __call__(self, number: int, row: list[str]) -> Told:
        said = {name: self.cell(row, name) for name in ANSWERED}
        account = re.sub(r"[\s-]", "", said["account"])
        amount, is_odd = _amount(said["amount"])
        result = self._result(said["result"])
        bounce = self._bounce(said["reason"], said["result"]) if result == "bounced" else ""
        return Told(
            number, said["reference"].upper(), self.blind(account) if account.isdigit() else b"", bare(said["holder"]),
            amount, is_odd, result, bounce, masked(said["reason"] or said["result"])[:LONGEST_REASON], _day(said["day"]),
            masked(" | ".join(text for text in row if text))[:LONGEST_SAID],
        )  # fmt: skip

    def _result(self, text: str) -> str:
        if text in self.answer.success:
            return "paid"
        return "bounced" if text in self.answer.failure else ""

    def _bounce(self, reason: str, result: str) -> str:
        """By the whole text, else by the longest word in it, else by the code of the result."""
        known = self.answer.bounces
        found = known.get(reason) or next((known[word] for word in self.words if word in reason), None)
        return str(found or known.get(result, Bounce.OTHER))


def masked(text: str) -> str:
    return _LONG_NUMBER.sub(lambda run: "*" * 8 + run[0][-4:], crypto.mask_numbers(text))


def _amount(text: str) -> tuple[Decimal | None, bool]:
    plain = re.sub(r"[,￥¥元\s]", "", text)
    if not plain:
        return None, False
    if not _MONEY.fullmatch(plain):
        return None, True
    try:
        return Decimal(plain).quantize(Decimal("0.01")), False
    except InvalidOperation:
        return None, True


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(cells.day(text))
    except (Bad, ValueError):
        return None


def copied(lines: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    """Lines for COPY; None is NULL."""
    for line in lines:
        yield "\t".join(r"\N" if value is None else _escaped(str(value)) for value in line) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r").replace("\0", "")
