"""One entry of a rule's `when` → a Condition over facts: the predicate that selects, explains and counts."""

from __future__ import annotations

from difflib import get_close_matches
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Expression, F, Q
from django.db.models.functions import JSONObject

from aidcases.conditions import Condition
from aidcases.models.places import region_names
from students.enums import Category
from subsidies.facts import BY_CODE, AnyOf, Fact, FactKind


class PackError(ValueError):
    """A pack that can't be used; its text names the rule and what to write.

    code: what kind of mistake. said: the sentence without the rule's name. rule, line: which, and where it stands in
    the pack's text (from 1; 0: not in a text). key: keys that lead there from what was being read.
    """

    def __init__(self, said: str, *, code: str = "wrong_type", key: tuple = (), line: int = 0, rule: str = "",
                 subject: str = "") -> None:  # fmt: skip
        super().__init__(f"{subject}{said}")
        self.said, self.code, self.key, self.line, self.rule = said, code, key, line, rule


def instead(word: Any, words: list[str]) -> str:
    """What to write for a word that is none of those known: the one it resembles, else all of them."""
    if alike := get_close_matches(str(word), words, 1):
        return f"可能是要写 {alike[0]}"
    return f"可用的有：{'、'.join(words)}"


def known(code: str) -> Fact | AnyOf:
    if not isinstance(code, str) or code not in BY_CODE:
        raise PackError(f"不认识的条件“{code}”，{instead(code, sorted(BY_CODE))}", code="unknown_fact")
    return BY_CODE[code]


def is_flag(code: str) -> bool:
    fact = known(code)
    return isinstance(fact, AnyOf) or fact.kind is FactKind.FLAG


def flags_of(code: str) -> tuple[str, ...]:
    """The flags behind a flag: itself, or the parts of an any-of."""
    fact = known(code)
    return fact.flags if isinstance(fact, AnyOf) else (fact.code,)


def flags_asked(code: str, wanted: Any) -> tuple[str, ...]:
    """The flags an entry of `when` looks at; () where it looks at a value."""
    if code == "any":
        return tuple(dict.fromkeys(flag for each in wanted for flag in flags_of(each)))
    return flags_of(code) if is_flag(code) else ()


def column_of(flag: str, first_day: bool) -> str:
    """The column of FactRow: categories have a second one, for rules that count them on the term's first day only."""
    return f"{flag}_first" if first_day and flag in Category.values else flag


def condition(code: str, wanted: Any, *, first_day: bool = False) -> Condition:
    """A flag, a list of choices or grades, or `any` of several flags. Raises PackError, which says what to write."""
    if code == "any":
        if not isinstance(wanted, list) or not wanted or not all(map(is_flag, wanted)):
            raise PackError('条件“any”要写成几个是非条件的列表，例如 any = ["registered_poor", "disabled"]')
        label = "、".join(known(each).label for each in wanted) + "（任一）"
        return _of_flags("any", label, flags_asked(code, wanted), True, first_day)
    fact = known(code)
    if is_flag(code):
        if type(wanted) is not bool:
            raise PackError(f"条件“{code}”只能写 true 或 false")
        return _of_flags(code, fact.label if wanted else f"不是{fact.label}", flags_of(code), wanted, first_day)
    if not isinstance(wanted, list) or not wanted:
        raise PackError(
            f'条件“{code}”要写成列表，例如 {code} = ["…"]', code="empty_list" if wanted == [] else "wrong_type"
        )
    for value in wanted:
        _possible(fact, value)
    names = "、".join(value_label(fact, value) for value in wanted)
    return Condition(code, f"{fact.label}：{names}", Q(**{f"{code}__in": wanted}), F(code))


def _of_flags(code: str, label: str, flags: tuple[str, ...], wanted: bool, first_day: bool) -> Condition:
    columns = [column_of(flag, first_day) for flag in flags]
    holds = reduce(or_, (Q(**{column: True}) for column in columns))
    if first_day and any(column not in flags for column in columns):
        label += "（学期第一天）"
    return Condition(code, label, holds if wanted else ~holds, _seen(flags, columns))


def _seen(flags: tuple[str, ...], columns: list[str]) -> Expression:
    if len(flags) == 1:
        return F(columns[0])
    return JSONObject(**{flag: F(column) for flag, column in zip(flags, columns, strict=True)})


def _possible(fact: Fact, value: Any) -> None:
    """A value the fact never has would be a rule that nobody meets, in silence."""
    number = fact.kind is FactKind.NUMBER
    if (type(value) is not int) if number else (not isinstance(value, str)):
        raise PackError(f"条件“{fact.code}”里的 {value!r} 要写成{'整数' if number else '带引号的代码'}")
    if fact.choices and value not in dict(fact.choices):
        raise PackError(
            f"条件“{fact.code}”没有“{value}”，{instead(value, list(dict(fact.choices)))}", code="unknown_value"
        )


def value_label(fact: Fact, value: Any) -> str:
    """A fact's value in words: a stage's name, a division's name, yes/no."""
    if value is None or value == "":
        return "未填"
    if isinstance(value, bool):
        return "是" if value else "否"
    if fact.code.endswith(("_province", "_county")):
        return region_name(value)
    return dict(fact.choices).get(value, str(value))


def region_name(code: str) -> str:
    """A division's name, or its code."""
    return region_names([code]).get(code, code)
