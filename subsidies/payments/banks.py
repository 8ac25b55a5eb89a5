"""Bank profiles as data (subsidies/banks/*.toml, and a county's own under HOME/banks): what a bank wants, what it answers."""

from __future__ import annotations

import string
import tomllib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings

from subsidies.models.payments import Bounce
from subsidies.payments import remarks

SHIPPED = Path(__file__).parent.parent / "banks"
FORMATS = ("xlsx", "xls", "csv", "txt")
# What a line of a bank file can say.
FIELDS = {
    "order": "序号", "account": "账号", "holder": "户名", "amount": "金额", "bank": "开户行", "reference": "流水号",
    "student": "学生姓名", "school": "学校", "summary": "摘要",
}  # fmt: skip
# What a line of a bank's answer can say; it has a reference, or else an account.
ANSWERED = {
    "reference": "流水号", "account": "账号", "holder": "户名", "amount": "金额", "result": "结果", "reason": "失败原因",
    "day": "到账日期",
}  # fmt: skip
MOST_ROWS = {"xls": 65_000, "xlsx": 1_000_000}
# Rarer characters of names are in GB18030 only, which writes every GBK character as GBK does.
ENCODINGS = {"GBK": "gb18030", "UTF-8": "utf-8"}
LONGEST_NAME = 80  # of a file


class ProfileError(ValueError):
    """A profile that can't be used; `reasons` are sentences for whoever wrote it."""

    def __init__(self, name: str, reasons: list[str]):
        super().__init__("；".join(f"{name}：{reason}" for reason in reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Column:
    """`is_number`: written as a number where the format knows numbers, else as text (账号 always as text). `limit`: of
    摘要, how many places it has; a Chinese character takes two."""

    field: str
    title: str
    is_number: bool = False
    width: int = 16
    limit: int = remarks.LIMIT


@dataclass(frozen=True)
class Answer:
    """How a bank's answer is read. `columns`: field → heading, or → column number from 1 where there is no heading."""

    heading: bool
    columns: dict[str, str | int]
    success: tuple[str, ...]
    failure: tuple[str, ...]
    bounces: dict[str, Bounce] = field(default_factory=dict)
    skip: int = 0  # lines above the first one of a headless file
    separator: str = ""  # "": whichever makes most columns


@dataclass(frozen=True)
class Profile:
    """`rows`: at most so many lines a file. `totals`: "" none, "above" 笔数 and 金额 in a line of their own, "below" 合计.
    `digits`: how long an account number is; `luhn`: whether its last digit is a check digit."""

    code: str
    name: str
    format: str
    columns: tuple[Column, ...]
    answer: Answer
    heading: bool = True
    encoding: str = "UTF-8"
    separator: str = "|"
    totals: str = ""
    rows: int = 5000
    filename: str = "{batch}-{number:02}"
    digits: tuple[int, int] = (16, 19)
    luhn: bool = False

    @property
    def remark(self) -> int:
        """Places of its 摘要."""
        return next((column.limit for column in self.columns if column.field == "summary"), remarks.LIMIT)

    def name_of(self, batch: str, number: int, day: date) -> str:
        """The name of a batch's file on a day; it says nothing about anybody."""
        return f"{self.filename.format(batch=batch, number=number, day=f'{day:%Y%m%d}')}.{self.format}"


def profiles() -> dict[str, Profile]:
    """Code → profile, shipped ones first. Raises ProfileError for the first that can't be used."""
    found: dict[str, Profile] = {}
    own = settings.HOME / "banks"
    for path in [*sorted(SHIPPED.glob("*.toml")), *sorted(own.glob("*.toml"))]:
        try:
            made = parse(path.read_text(encoding="utf-8"), path.name)
        except UnicodeDecodeError:
            raise ProfileError(path.name, ["文件要存为 UTF-8 编码"]) from None
        if made.code in found:
            raise ProfileError(path.name, [f"代码“{made.code}”已被“{found[made.code].name}”使用，请换一个"])
        found[made.code] = made
    return found


def profile(code: str) -> Profile:
    """Raises ProfileError when there is none of this code (any more)."""
    known = profiles()
    if code not in known:
        raise ProfileError(code, [f"没有这个银行格式，现有：{'、'.join(known)}"])
    return known[code]


def expected(made: Profile) -> dict[str, Any]:
    """What an answer of this bank looks like, in words: `columns` as (what, where), the words of `success` and `failure`,
    `reasons` as (what it is taken for, words)."""
    answer = made.answer
    where = {name: f"第 {place} 列" if isinstance(place, int) else f"“{place}”" for name, place in answer.columns.items()}
    words: dict[Bounce, list[str]] = {}
    for word, bounce in answer.bounces.items():
        words.setdefault(bounce, []).append(word)
    return {
        "code": made.code, "name": made.name, "heading": answer.heading, "skip": answer.skip,
        "columns": [(label, where[name]) for name, label in ANSWERED.items() if name in where],
        "success": "、".join(answer.success), "failure": "、".join(answer.failure),
        "reasons": [(bounce.label, "、".join(each)) for bounce, each in words.items()],
    }  # fmt: skip


def choices() -> list[tuple[str, str]]:
    """(code, name) for a form."""
    return [(each.code, each.name) for each in profiles().values()]


def parse(text: str, name: str) -> Profile:
    """Raises ProfileError with everything that is wrong with it."""
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(name, [f"不是正确的 TOML：{error}"]) from None
    try:
        made = _profile(told)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        what = f"缺少“{error.args[0]}”" if isinstance(error, KeyError) else f"写法不对：{error}"
        raise ProfileError(name, [what]) from None
    if wrong := problems(made):
        raise ProfileError(name, wrong)
    return made


def _profile(told: dict[str, Any]) -> Profile:
    answer = told.pop("answer")
    columns = tuple(
        Column(
            each["field"], each.get("title", ""), each.get("type", "text") == "number", each.get("width", 16),
            each.get("limit", remarks.LIMIT),
        )
        for each in told.pop("columns")
    )
    digits = tuple(told.pop("digits", (16, 19)))
    bounces = {word: Bounce(code) for code, words in answer.pop("bounces", {}).items() for word in words}
    lists = {name: tuple(answer.pop(name)) for name in ("success", "failure")}
    return Profile(columns=columns, digits=digits, answer=Answer(bounces=bounces, **lists, **answer), **told)  # type: ignore[arg-type]


def problems(made: Profile) -> list[str]:
    """What is wrong with a profile, as sentences; [] when it can be used."""
    fields = [column.field for column in made.columns]
    most = MOST_ROWS.get(made.format, 1_000_000)
    text = made.format == "txt"
    wrong = {
        f"format 只能是 {'、'.join(FORMATS)}": made.format not in FORMATS,
        f"encoding 只能是 {'、'.join(ENCODINGS)}": made.encoding not in ENCODINGS,
        "totals 只能是空、above 或 below": made.totals not in ("", "above", "below"),
        f"rows 要在 1 和 {most:,} 之间": not 1 <= made.rows <= most,
        "code 只能用小写字母、数字和连字符，最多 30 个": not _is_code(made.code),
        "separator 要正好一个字符，不能是字母、数字、小数点": text and not _is_separator(made.separator),
        "有表头时每一列都要写 title": made.heading and not all(column.title for column in made.columns),
        "columns 里一个 field 只能出现一次": len(set(fields)) < len(fields),
        "账号、户名、流水号要按文本写": any(c.is_number and c.field not in ("order", "amount") for c in made.columns),
        f"limit 只写在摘要（summary）上，在 {remarks.LEAST} 和 {remarks.MOST} 之间": not all(map(_is_limited, made.columns)),
        "digits 要写成 [最少位数, 最多位数]，在 8 和 30 之间": not _are_digits(made.digits),
        "filename 只能用 {batch}、{number}、{day}，并且要有 {batch} 和 {number}": not _is_filename(made),
    }
    wrong |= {f"columns 里不认识“{name}”": True for name in fields if name not in FIELDS}
    wrong |= {f"columns 里缺少{FIELDS[name]}（{name}）": name not in fields for name in ("account", "holder", "amount")}
    wrong |= {"columns 里缺少流水号（reference），回盘时要靠它认出每一笔": "reference" not in fields}
    return [sentence for sentence, holds in wrong.items() if holds] + _answer_problems(made.answer)


def _answer_problems(answer: Answer) -> list[str]:
    places = list(answer.columns.values())
    kind = str if answer.heading else int
    both = set(answer.success) & set(answer.failure)
    wrong = {
        "answer.columns 有表头时写列名，没有表头时写第几列": not all(type(place) is kind for place in places),
        "answer.columns 里一列只能用一次": len(set(places)) < len(places),
        "answer.columns 里缺少结果（result）": "result" not in answer.columns,
        "answer.columns 里要有流水号（reference），没有的要有账号、户名和金额": not _can_match(answer),
        "answer.success 和 answer.failure 都要写": not (answer.success and answer.failure),
        f"“{'、'.join(both)}”不能又是成功又是失败": bool(both),
        "answer.skip 不能小于 0": answer.skip < 0,
    }
    wrong |= {f"answer.columns 里不认识“{name}”": name not in ANSWERED for name in answer.columns}
    return [sentence for sentence, holds in wrong.items() if holds]


def _can_match(answer: Answer) -> bool:
    return "reference" in answer.columns or {"account", "holder", "amount"} <= set(answer.columns)


def _is_code(code: str) -> bool:
    return bool(code) and len(code) <= 30 and set(code) <= set(string.ascii_lowercase + string.digits + "-")


def _is_separator(mark: str) -> bool:
    return len(mark) == 1 and not mark.isalnum() and mark not in ".\r\n"


def _is_limited(column: Column) -> bool:
    if column.field != "summary":
        return column.limit == remarks.LIMIT
    return remarks.LEAST <= column.limit <= remarks.MOST


def _are_digits(digits: tuple[int, ...]) -> bool:
    return len(digits) == 2 and 8 <= digits[0] <= digits[1] <= 30


def _is_filename(made: Profile) -> bool:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(made.filename) if name is not None}
        name = made.name_of("620123-202609-003", 1, date(2026, 9, 1))
    except (ValueError, KeyError, IndexError, AttributeError):
        return False
    plain = not set(name) & set('/\\:*?"<>|') and not name.startswith(".") and len(name) <= LONGEST_NAME
    return {"batch", "number"} <= names <= {"batch", "number", "day"} and plain
