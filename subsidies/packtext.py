"""A pack's text (TOML) → unsaved rows, every word checked: a misspelt one would be a rule that quietly means
something else. Each PackError says which rule and line, and what to write; one pass finds them all."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from students.enums import COLLEGE_STAGES
from subsidies import packwords
from subsidies.conditions import PackError, condition, instead
from subsidies.enums import AmountKind, Jurisdiction, Period
from subsidies.models import Benefit, Rule, RulePack
from subsidies.tomllines import Lines

RULE_WORDS = (
    "benefit reading note from cut_off alias jurisdiction claim delivery payer payers disburser shares priority universal"
)
IN_YUAN = (AmountKind.FIXED, AmountKind.FLOOR, AmountKind.CEILING, AmountKind.TIER, AmountKind.PER_DAY)

_HEAD = ("code", "title", "document", "number", "issuer", "intro", "first_day", "priority")
_RULE = ("code", "title", "clause", "note", "reading", "payer", "disburser", "jurisdiction", "claim", "delivery", "cut_off")
# Field of the row → its keys in the text, where they differ.
_KEYS = {"amount_kind": ("amount", "kind"), "period": ("amount", "period"), "aliases": ("alias",)}


@dataclass(frozen=True)
class Parsed:
    """rules: those whose conditions and amounts can be read; problems: by line, none if the pack can be published.

    A rule's `order` is its number among the [[rule]] tables, so that `lines` knows it as ("rule", order).
    """

    pack: RulePack
    rules: list[Rule]
    problems: list[PackError]
    lines: Lines


def read(text: str) -> tuple[RulePack, list[Rule]]:
    """The pack and its rules, in order, none saved. A benefit not known yet is an unsaved Benefit of the rule.

    Raises the first PackError of `parse`.
    """
    parsed = parse(text)
    if parsed.problems:
        raise parsed.problems[0]
    return parsed.pack, parsed.rules


def parse(text: str) -> Parsed:
    """Everything that can be read of a pack's text, and everything that can't."""
    reader = _Reader()
    data = reader.tables(text)
    head, rows = data.get("pack"), data.get("rule")
    if not isinstance(head, dict) or not isinstance(rows, list) or not rows:
        if not reader.problems:  # of a broken text a part is missing anyway
            reader.say(PackError("政策包要有一个 [pack] 和至少一条 [[rule]]。", code="no_pack"), ())
        head, rows = head if isinstance(head, dict) else None, rows if isinstance(rows, list) else []
    pack = reader.pack(head, text)
    known = {benefit.code: benefit for benefit in Benefit.objects.all()}
    rules = [rule for order, row in enumerate(rows) if (rule := reader.rule(pack, row, order, known))]
    reader.twice(rows)
    return Parsed(pack, rules, sorted(reader.problems, key=lambda problem: problem.line), reader.lines)


class _Reader:
    """Reads on after a mistake: `problems` holds them all, each with its line."""

    def __init__(self) -> None:
        self.problems: list[PackError] = []
        self.lines = Lines("")
        self.subject = self.code = ""

    def say(self, problem: PackError, path: Iterable[str | int], *, line: int = 0) -> None:
        said = problem.said.rstrip("。") + "。"
        line = line or self.lines.of((*path, *problem.key))
        self.problems.append(
            PackError(said, code=problem.code, line=line, rule=self.code, subject=self.subject)
        )  # fmt: skip

    def attempt(self, path: tuple, read: Callable, *args: Any, default: Any = None) -> Any:
        """What `read` makes of its arguments; after a mistake the default."""
        try:
            return read(*args)
        except PackError as problem:
            self.say(problem, path)
            return default

    def only(self, path: tuple, table: Any, needed: str, more: str = "") -> bool:
        """Says what is missing or unknown in a table; → whether everything needed is there."""
        if not isinstance(table, dict):
            self.say(PackError(f"{table!r} 的地方要写一个表"), path)
            return False
        words = [*needed.split(), *more.split()]
        if missing := [name for name in needed.split() if name not in table]:
            self.say(PackError(f"缺少 {'、'.join(missing)}", code="missing_key"), path)
        for name in sorted(table.keys() - set(words)):
            problem = PackError(f"不认识 {name}，{instead(name, words)}", code="unknown_key", key=(name,))
            self.say(problem, path)
        return not missing

    def tables(self, text: str) -> dict[str, Any]:
        """The data; of a text that is not TOML, what stands in the parts of it that are."""
        broken = _broken(text)
        if broken:
            text = "\n".join(self._whole_parts(text.split("\n")))
            if not self.problems:  # every part is sound by itself: the whole is not
                self._not_toml(*broken)
        if _broken(text):
            return {}
        self.lines = Lines(text)
        return tomllib.loads(text)

    def _whole_parts(self, lines: list[str]) -> Iterable[str]:
        """The lines, blank where a part ([pack] or one [[rule]]) can't be read."""
        starts = [n for n, line in enumerate(lines) if re.match(r"\s*(\[\[rule\]\]|\[pack\])", line)]
        for start, end in zip([0, *starts], [*starts, len(lines)], strict=True):
            part = lines[start:end]
            broken = _broken("\n".join(part))
            if broken:
                self._not_toml(start + broken[0], broken[1])
            yield from [""] * len(part) if broken else part

    def _not_toml(self, line: int, what: str) -> None:
        self.say(PackError(f"政策包第 {line} 行{what}", code="toml"), (), line=line)

    def pack(self, head: dict[str, Any] | None, text: str) -> RulePack:
        self.subject = "政策包的 [pack]："
        sha256 = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if head is None:
            return RulePack(text=text, sha256=sha256)
        self.only(("pack",), head, " ".join(_HEAD[:3]), " ".join(_HEAD[3:]))
        found = self._words(("pack",), head, _HEAD)
        pack = RulePack(**found, text=text, sha256=sha256)
        pack.intro = pack.intro.strip()
        self._fields(pack, ("pack",), found)
        return pack

    def _words(self, path: tuple, table: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """The keys of a table that are there and of the type they must be."""
        found = {name: self.attempt((*path, name), packwords.typed, name, table[name]) for name in names if name in table}
        return {name: value for name, value in found.items() if value is not None}

    def _fields(self, row: Model, path: tuple, found: Iterable[str]) -> None:
        """What the row's own fields say of the values found: too long, not one of the choices."""
        names = [field.name for field in row._meta.fields]
        try:
            row.clean_fields(exclude=[name for name in names if name not in found])
        except ValidationError as problem:
            for name, texts in problem.message_dict.items():
                key = _KEYS.get(name, (name,))
                self.say(PackError(_told(row, name, texts), code="bad_value", key=key), path)

    def rule(self, pack: RulePack, row: Any, order: int, known: dict[str, Benefit]) -> Rule | None:
        """The rule; None when what it says of whom and how much can't be read."""
        path = ("rule", order)
        written = row.get("code") if isinstance(row, dict) else None
        self.code = written if isinstance(written, str) else ""
        self.subject = f"规则 {self.code or order + 1}："
        self.only(path, row, "code title clause when amount", RULE_WORDS)
        if not isinstance(row, dict):
            return None
        before = len(self.problems)
        conditions = self._conditions((*path, "when"), row.get("when", {}))
        amount = self._amount((*path, "amount"), row["amount"]) if "amount" in row else None
        sound = len(self.problems) == before and amount is not None and "when" in row
        found = self._words(path, row, _RULE)
        rule = Rule(
            pack=pack, order=order, conditions=conditions, **(amount or {}), **found,
            benefit=self.attempt((*path, "benefit"), packwords.benefit, row, order, known, default=Benefit()),
            aliases=self.attempt((*path, "alias"), packwords.aliases, row.get("alias", []), default=[]),
            from_on=self.attempt((*path, "from"), packwords.day, row, "from"),
            payers=self.attempt((*path, "payers"), packwords.payers, row.get("payers", []), default={}),
            shares=self.attempt((*path, "shares"), packwords.shares, row.get("shares", {}), default={}),
            priority=self._words(path, {"priority": pack.priority, **row}, ["priority"]).get("priority", 0),
            universal=self.attempt((*path, "universal"), packwords.flag, row, "universal"),
        )  # fmt: skip
        rule.jurisdiction = found.get("jurisdiction") or _default_jurisdiction(conditions)
        self._fields(rule, path, [*found, *(("amount_kind", "period") if amount else ()), "aliases", "priority"])
        if rule.period == Period.ONCE and rule.wanted.get("new_entrant") is not True:
            said = "一生一次的项目在入学当年秋季发放，when 里要写 new_entrant = true"
            self.say(PackError(said, code="once", key=("when",)), path)
        return rule if sound else None

    def _conditions(self, path: tuple, when: Any) -> list[list[Any]]:
        """The entries of `when` in the order written, without those that mean nothing."""
        if not isinstance(when, dict):
            self.say(PackError('when 要写成表，例如 when = { stage = ["primary"] }'), path)
            return []
        kept = [self.attempt((*path, fact), condition, fact, wanted) for fact, wanted in when.items()]
        return [list(entry) for entry, found in zip(when.items(), kept, strict=True) if found]

    def _amount(self, path: tuple, amount: Any) -> dict[str, Any] | None:
        """The fields of a Rule that say how much."""
        if not self.only(path, amount, "kind period", "values days county private_ceiling"):
            return None
        return {
            "amount_kind": amount["kind"],
            "period": amount["period"],
            "county_sets": self.attempt((*path, "county"), packwords.flag, amount, "county", default=False),
            "private_ceiling": self.attempt((*path, "private_ceiling"), packwords.flag, amount, "private_ceiling", default=False),
            "days": self.attempt(path, packwords.days, amount),
            "amounts": self._values(path, amount),
        }

    def _values(self, path: tuple, amount: dict[str, Any]) -> list[dict[str, Any]]:
        values, kind = amount.get("values", []), amount["kind"]
        if not isinstance(values, list):
            self.say(PackError('values 要写成列表，例如 values = [{ yuan = "1250.00" }]', key=("values",)), path)
            return []
        if kind in IN_YUAN and amount.get("county") is not True:
            if not values:
                self.say(PackError("没有写金额", code="missing_key", key=("values",)), path)
        elif values and kind in AmountKind.values:  # of another the field's own check says so
            said = "按学校收费标准、由县里定、评定后确定或不计金额的，不能再写金额"
            self.say(PackError(said, code="bad_value", key=("values",)), path)
        found = [self._value((*path, "values", n), value) for n, value in enumerate(values)]
        return [value for value in found if value is not None]

    def _value(self, path: tuple, value: Any) -> dict[str, Any] | None:
        """One amount: yuan as a decimal string (never a float), the day it starts as ISO text."""
        if not self.only(path, value, "yuan", "from stage grade when"):
            return None
        self.attempt((*path, "yuan"), packwords.yuan, value["yuan"])
        for fact in ("stage", "grade"):
            if fact in value:
                self.attempt((*path, fact), condition, fact, [value[fact]])
        if "when" in value:
            self._conditions((*path, "when"), value["when"])
        day = self.attempt((*path, "from"), packwords.day, value, "from")
        return {**value, "from": day.isoformat()} if day else value

    def twice(self, rows: list[Any]) -> None:
        seen: set[str] = set()
        self.subject = ""
        for order, row in enumerate(rows):
            code = row.get("code") if isinstance(row, dict) else None
            if isinstance(code, str) and code in seen:
                self.code = code
                said = f"规则 {code} 写了两次，代码不能重复"
                self.say(PackError(said, code="duplicate_code", key=("code",)), ("rule", order))
            seen |= {code} if isinstance(code, str) else set()


def _broken(text: str) -> tuple[int, str] | None:
    """What keeps a text from being TOML, and on which line."""
    try:
        tomllib.loads(text)
        Lines(text)
    except tomllib.TOMLDecodeError as problem:
        line = re.search(r"line (\d+)", str(problem))
        ends = len(text.rstrip().split("\n"))
        return int(line[1]) if line else ends, "不符合 TOML 的写法，请检查这一行和上一行的引号、逗号和括号（都用英文的）"
    except (RecursionError, ValueError):
        return 1, "以后有括号套得太深，或者数字太长"
    if found := re.search(r"\\u0000|\\U00000000", text):  # the database has no such character
        return text.count("\n", 0, found.start()) + 1, "不能有 \\u0000 这个字符"
    return None


def _told(row: Model, name: str, texts: list[str]) -> str:
    field = row._meta.get_field(name)
    if field.choices and getattr(row, name):
        words = [value for value, _ in field.choices]
        return f"{field.verbose_name}没有“{getattr(row, name)}”，{instead(getattr(row, name), words)}"
    return f"{field.verbose_name}：{'；'.join(text.rstrip('。') for text in texts)}"


def _default_jurisdiction(conditions: list[list[Any]]) -> str:
    """School up to secondary vocational, household from higher vocational up."""
    stages = dict(conditions).get("stage", [])
    college = stages and all(stage in COLLEGE_STAGES for stage in stages)
    return Jurisdiction.HOUSEHOLD if college else Jurisdiction.SCHOOL
