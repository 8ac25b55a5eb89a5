"""Can somebody meet these conditions at all? What the facts mean decides, no student is needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from subsidies.conditions import flags_asked, is_flag
from subsidies.enums import Level

Wants = Iterable[tuple[str, Any]]  # entries of a rule's `when`; a fact may be asked for several times

_POOR = frozenset(Level.values) - {Level.NONE}


def clash(wants: Wants) -> str:
    """Why nobody can meet all the conditions, in words that name them as they are written; "" if somebody can."""
    lists: dict[str, set[Any]] = {}
    asked: list[tuple[str, frozenset[str]]] = []  # (as written, flags of which one must hold)
    never: dict[str, str] = {}  # flag → the condition that forbids it
    for code, wanted in wants:
        if code != "any" and not is_flag(code):
            lists[code] = lists[code] & set(wanted) if code in lists else set(wanted)
            if not lists[code]:
                return f"几处 {code} 没有共同的值"
        elif code == "any" or wanted:
            asked.append((_written(code, wanted), frozenset(flags_asked(code, wanted))))
        else:
            never |= dict.fromkeys(flags_asked(code, wanted), f"{code} = false")
    return _levels(lists, asked, never) or _flags(asked, never) or _places(lists, asked, never)


def _written(code: str, wanted: Any) -> str:
    return f"any = [{'、'.join(wanted)}]" if code == "any" else f"{code} = true"


def _levels(lists: dict[str, set], asked: list[tuple[str, frozenset[str]]], never: dict[str, str]) -> str:
    """determined_poor is a determination of one of the poor levels."""
    if (levels := lists.get("determination")) is None:
        return ""
    if levels <= _POOR:
        if "determined_poor" in never:
            return f"determination = [{'、'.join(sorted(levels))}] 的学生都是认定困难的，与 {never['determined_poor']} 矛盾"
    elif not levels & _POOR:
        never.setdefault("determined_poor", "determination = [none]")
    return ""


def _flags(asked: list[tuple[str, frozenset[str]]], never: dict[str, str]) -> str:
    for written, flags in asked:
        if flags <= never.keys():
            against = "、".join(sorted({never[flag] for flag in flags}))
            return f"{written} 与 {against} 矛盾"
    return ""


def _places(lists: dict[str, set], asked: list[tuple[str, frozenset[str]]], never: dict[str, str]) -> str:
    """A county lies in the province its code begins with."""
    provinces: dict[str, set[str] | None] = {}
    for side, label in (("hukou", "户口"), ("school", "学校")):
        province, county = lists.get(f"{side}_province"), lists.get(f"{side}_county")
        found = {code[:2] for code in county} if county is not None else province
        if county is not None and province is not None and not (found := found & province):
            return f"{label}所在县（{side}_county）不在{label}所在省（{side}_province）里"
        provinces[side] = found
    if (hukou := provinces["hukou"]) and (school := provinces["school"]):
        same = frozenset({"same_province"})
        if not hukou & school and any(flags == same for _, flags in asked):
            return "户口和学校所在省不同，与 same_province = true 矛盾"
        if "same_province" in never and len(hukou | school) == 1:
            return "户口和学校所在省相同，与 same_province = false 矛盾"
    return ""


def asks(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """What an amount asks for beyond its rule: its stage, its grade, its own `when`."""
    return [*((fact, [value[fact]]) for fact in ("stage", "grade") if fact in value), *value.get("when", {}).items()]


def sure(wants: Wants, entries: Wants) -> bool:
    """Whether whoever meets `wants` meets each of the entries too, as far as the text shows."""
    lists: dict[str, set[Any]] = {}
    held: list[frozenset[str]] = []
    never: set[str] = set()
    for code, wanted in wants:
        if code != "any" and not is_flag(code):
            lists[code] = lists[code] & set(wanted) if code in lists else set(wanted)
        elif code == "any" or wanted:
            held.append(frozenset(flags_asked(code, wanted)))
        else:
            never |= set(flags_asked(code, wanted))
    return all(_sure(code, wanted, lists, held, never) for code, wanted in entries)


def _sure(code: str, wanted: Any, lists: dict[str, set], held: list[frozenset[str]], never: set[str]) -> bool:
    if code != "any" and not is_flag(code):
        return code in lists and lists[code] <= set(wanted)
    flags = set(flags_asked(code, wanted))
    return any(one <= flags for one in held) if code == "any" or wanted else flags <= never
