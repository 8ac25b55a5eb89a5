"""What a pack's text tells against itself, rule by rule: conditions nobody meets, days without an amount, amounts the
clause does not name, rules of one benefit that can't be told apart. No student is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any

from aidcases.models.places import region_names
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES, GRADE_LABELS, Stage
from students.imports.kinds import COLLEGE, ROLL
from subsidies.amounts import half, pays_in, values_in_force
from subsidies.clashes import asks, clash, sure
from subsidies.conditions import flags_asked
from subsidies.enums import AmountKind, Level, Period
from subsidies.facts import BY_CODE, FACTS
from subsidies.models import Rule

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Issue:
    """key: where in the rule's table it stands."""

    code: str
    severity: str
    key: tuple[str | int, ...]
    message: str


# Columns of an enrolment that a roll fills and a college list does not; what is read from them alone is unknown there.
_ROLL_ONLY = {field.name for field in ROLL.fields} - {field.name for field in COLLEGE.fields}
_READ = {fact.code: set(re.findall(r"\be\.(\w+)", fact.sql)) for fact in FACTS}
NOT_AT_COLLEGE = {code for code, columns in _READ.items() if columns and columns <= _ROLL_ONLY}

# Grades run to the last that has a name, or further where a roll can say so (初四, 职高四, 大六).
GRADES = {stage: len(labels) for stage, labels in GRADE_LABELS.items()}
GRADES |= {Stage.JUNIOR: 4, Stage.SECONDARY_VOCATIONAL: 4} | dict.fromkeys(COLLEGE_STAGES, 6)


def check(rule: Rule) -> Iterator[Issue]:
    """Everything to be said of one rule."""
    entries = [(("when",), dict(rule.conditions), stages_of(rule))]
    for n, value in enumerate(rule.amounts):
        stages = [value["stage"]] if "stage" in value else stages_of(rule)
        entries.append((("amount", "values", n, "when"), value.get("when", {}), stages))
    for key, when, stages in entries:
        for test in (_stages, _facts_of_stage, _regions, _determination):
            yield from test(key, when, stages)
    yield from _grades(rule)
    yield from _payers(rule)
    if reason := clash(rule.conditions):
        yield Issue("contradiction", ERROR, ("when",), f"没有学生能同时符合这些条件：{reason}。")
    elif rule.amounts:
        for test in (_amounts_for_nobody, _same_start, _either_amount, _gaps, _mid_term, _note):
            yield from test(rule)


def stages_of(rule: Rule) -> list[str]:
    return rule.wanted.get("stage") or [stage.value for stage in Stage if stage != Stage.SPECIAL_EDUCATION]


def first_day(rule: Rule) -> date | None:
    """The day the rule begins at the earliest; None: whenever it is adopted."""
    return max((day for day in (rule.from_on, rule.pack.first_day) if day), default=None)


def opening(day: date) -> Term:
    """The first term that begins on the day or after it: what starts within a term waits for the next."""
    term = Term.containing(day)
    return term if term.first_day == day else term.next


def _names(stages: Iterable[str]) -> str:
    return "、".join(Stage(stage).label for stage in stages)


# ---------- whom ----------


def _stages(key: tuple, when: dict[str, Any], _: list[str]) -> Iterator[Issue]:
    if Stage.SPECIAL_EDUCATION in when.get("stage", []):
        said = "特殊教育学生按年级算作小学（一至六年级）或初中（七至九年级），学段里不写 special_education，写 primary、junior。"
        yield Issue("special_education", ERROR, (*key, "stage"), said)


def _facts_of_stage(key: tuple, when: dict[str, Any], stages: list[str]) -> Iterator[Issue]:
    """A stage that was not named but is among all is nobody's mistake."""
    colleges = [stage for stage in stages if stage in COLLEGE_STAGES]
    if not colleges or len(stages) == len(Stage) - 1:
        return
    for code, wanted in when.items():
        flags = flags_asked(code, wanted) or (code,)
        if set(flags) <= NOT_AT_COLLEGE:
            facts = "、".join(BY_CODE[flag].label for flag in flags)
            said = f"高校名单里没有“{facts}”，{_names(colleges)}不能用 {code} 作条件；请去掉这些学段或这个条件。"
            yield Issue("no_such_fact", ERROR, (*key, code), said)


def _regions(key: tuple, when: dict[str, Any], _: list[str]) -> Iterator[Issue]:
    for code, wanted in when.items():
        digits = {"province": 2, "county": 6}.get(code.rpartition("_")[2], 0) if code in _PLACES else 0
        if digits and (unknown := _unknown_regions(wanted, digits)):
            said = f"{BY_CODE[code].label}没有代码“{'、'.join(unknown)}”；请写 {digits} 位行政区划代码。"
            yield Issue("unknown_region", ERROR, (*key, code), said)


_PLACES = ("hukou_province", "hukou_county", "school_province", "school_county")


def _unknown_regions(codes: Iterable[str], digits: int) -> list[str]:
    known = region_names(codes)
    return [code for code in codes if len(code) != digits or code not in known]


def _payers(rule: Rule) -> Iterator[Issue]:
    if unknown := _unknown_regions(rule.payers, 6):
        said = f"payers 里没有代码是“{'、'.join(unknown)}”的区县；请写 6 位行政区划代码。"
        yield Issue("unknown_region", ERROR, ("payers",), said)


def _determination(key: tuple, when: dict[str, Any], _: list[str]) -> Iterator[Issue]:
    if when.get("determination") == [Level.NONE.value]:
        said = "这里只给认定为“不困难”的学生，没有认定过的都不算；要的是没有认定困难的，请写 determined_poor = false。"
        yield Issue("determined_none", WARNING, (*key, "determination"), said)


def _grades(rule: Rule) -> Iterator[Issue]:
    """A grade no stage has, and a stage none of whose grades is asked for."""
    if wanted := rule.wanted.get("grade"):
        yield from _grades_of(("when", "grade"), wanted, stages_of(rule), "stage" in rule.wanted)
    for n, value in enumerate(rule.amounts):
        if "grade" in value:
            stages = [value["stage"]] if "stage" in value else stages_of(rule)
            yield from _grades_of(("amount", "values", n, "grade"), [value["grade"]], stages, "stage" in value)


def _grades_of(key: tuple, wanted: list[int], stages: list[str], named: bool) -> Iterator[Issue]:
    most = {stage: GRADES[stage] for stage in stages}
    ranges = "、".join(f"{Stage(stage).label} 1 至 {last}" for stage, last in most.items())
    if wrong := [grade for grade in wanted if not 1 <= grade <= max(most.values())]:
        said = f"没有年级 {'、'.join(map(str, wrong))}：年级在本学段里从 1 数起（{ranges}），七年级是初中的 1。"
        yield Issue("no_such_grade", ERROR, key, said)
    elif named and (without := [s for s in stages if not any(1 <= grade <= most[s] for grade in wanted)]):
        said = f"{_names(without)}没有这里写的年级（{ranges}），一个学生也不会有；请去掉这个学段或改年级。"
        yield Issue("no_such_grade", ERROR, key, said)


# ---------- how much ----------


def _wants(rule: Rule, *values: dict[str, Any]) -> list[tuple[str, Any]]:
    return [*map(tuple, rule.conditions), *(entry for value in values for entry in asks(value))]


def _amounts_for_nobody(rule: Rule) -> Iterator[Issue]:
    for n, value in enumerate(rule.amounts):
        if reason := clash(_wants(rule, value)):
            said = f"{value['yuan']} 元没有学生用得上：{reason}；请改这一条，或改规则的 when。"
            yield Issue("amount_for_nobody", ERROR, ("amount", "values", n), said)


def _selector(value: dict[str, Any]) -> tuple:
    return tuple(sorted((fact, repr(wanted)) for fact, wanted in asks(value)))


def _same_start(rule: Rule) -> Iterator[Issue]:
    seen: dict[tuple, str] = {}
    for n, value in enumerate(rule.amounts):
        key = (_selector(value), value.get("from"))
        if key in seen:
            start = f"从 {key[1]} 起" if key[1] else "从头起"
            said = f"同样的学生{start}写了两个金额（{seen[key]} 元和 {value['yuan']} 元）；请删去一个，或改起始日期。"
            yield Issue("overlap", ERROR, ("amount", "values", n), said)
        seen[key] = value["yuan"]


def _either_amount(rule: Rule) -> Iterator[Issue]:
    """Two amounts in force that both fit a student and ask for equally much: the first written would be paid."""
    told: set[int] = set()
    for term in _terms(rule):
        for one, other in combinations(values_in_force(rule, term), 2):
            n = max(rule.amounts.index(one), rule.amounts.index(other))
            alike = len(asks(one)) == len(asks(other)) and one["yuan"] != other["yuan"]
            if alike and n not in told and not clash(_wants(rule, one, other)):
                told.add(n)
                said = f"有学生同时符合 {one['yuan']} 元和 {other['yuan']} 元两条，系统只按先写的给；请把条件分开。"
                yield Issue("either_amount", WARNING, ("amount", "values", n), said)


def _gaps(rule: Rule) -> Iterator[Issue]:
    """Amounts never end, so that a stage has one on every day from its first; before it there may be none."""
    start = first_day(rule)
    begins: dict[str, tuple[date, int]] = {}  # stage → (first day with an amount, number of that value)
    for stage in stages_of(rule):
        fits = [
            (max(date.fromisoformat(value["from"]), start or date.min) if "from" in value else start or date.min, n)
            for n, value in enumerate(rule.amounts)
            if not clash([*_wants(rule, value), ("stage", [stage])])
        ]
        if fits:
            begins[stage] = min(fits)
        elif not clash([*rule.conditions, ("stage", [stage])]):
            said = f"{Stage(stage).label}没有金额：请在 values 里给 {stage} 写一条，或从 when 的 stage 里去掉。"
            yield Issue("stage_without_amount", ERROR, ("amount", "values"), said)
    if begins:
        yield from _late(start, begins)


def _late(start: date | None, begins: dict[str, tuple[date, int]]) -> Iterator[Issue]:
    first, n = min(begins.values())
    for stage, (day, number) in begins.items():
        if day > first and (first == date.min or opening(day) != opening(first)):
            since = "采用之日" if first == date.min else str(first)
            said = f"{Stage(stage).label}从{since}到 {day} 没有金额；请补上这段时间的一条，或把这一条的起始日期提前。"
            yield Issue("date_gap", ERROR, ("amount", "values", number), said)
    if first == date.min:
        return
    if start is None:
        said = f"政策包没有首日（first_day），金额从 {first} 才有，采用得更早的这之前没有金额；请写 first_day 或规则的 from。"
        yield Issue("no_first_day", WARNING, ("amount", "values", n), said)
    elif opening(first) != opening(start):
        said = f"规则从 {start} 起执行，金额从 {first} 才有，这之前没有人享受；确实如此请在规则里写 from = {first}。"
        yield Issue("starts_late", WARNING, ("amount", "values", n), said)


def _mid_term(rule: Rule) -> Iterator[Issue]:
    starts = [(("amount", "values", n, "from"), value.get("from")) for n, value in enumerate(rule.amounts)]
    starts.append((("from",), rule.from_on and rule.from_on.isoformat()))
    for key, written in starts:
        if written and (term := opening(date.fromisoformat(written))).first_day.isoformat() != written:
            said = f"{written} 不是学期第一天，要到 {term.first_day} 才用上；请写成 9 月 1 日或 3 月 1 日。"
            yield Issue("mid_term", WARNING, key, said)


_NUMBER = re.compile(r"(\d+(?:[,，]\d{3})*(?:\.\d+)?)\s*(万?)\s*(元|年|月|日|天|%|％)?")


def _note(rule: Rule) -> Iterator[Issue]:
    """Amounts against the figures of the clause; a year or a number of days is no figure."""
    figures: dict[Decimal, bool] = {}  # figure → whether the clause calls it yuan
    for digits, ten_thousand, unit in _NUMBER.findall(rule.note):
        if unit in ("", "元"):
            number = Decimal(re.sub("[,，]", "", digits)) * (10000 if ten_thousand else 1)
            figures[number] = figures.get(number, False) or unit == "元"
    if not figures:
        return
    amounts = [Decimal(value["yuan"]) for value in rule.amounts]
    for n, yuan in enumerate(amounts):
        if yuan not in figures:
            said = f"金额 {yuan:f} 元和条款要点对不上：要点里写的是 {_yuan(figures)}；请核对原文，改金额或改 note。"
            # A warning: the amount may be the newer word, and the note not yet rewritten.
            yield Issue("amount_not_in_note", WARNING, ("amount", "values", n, "yuan"), said)
    for number, called in figures.items():
        if called and number not in amounts:
            said = f"条款要点里的 {_yuan([number])} 没有一条金额用到；请核对是否漏写了金额。"
            yield Issue("note_without_amount", WARNING, ("note",), said)


def _yuan(numbers: Iterable[Decimal]) -> str:
    return "、".join(f"{number.normalize():f} 元" for number in numbers)


# ---------- rules side by side ----------


def equal_standing(rules: list[Rule]) -> Iterator[tuple[Rule, Issue]]:
    """Of rules of one benefit the highest amount is paid, then the lower region's pack, then the lowest priority number.
    Two of one pack that stand equal in all of it, for somebody in some term, leave it to chance."""
    money = [rule for rule in rules if rule.amount_kind != AmountKind.DISCRETIONARY]
    for one, other in combinations(money, 2):
        rivals = (one.benefit.code, one.priority) == (other.benefit.code, other.priority)
        if rivals and any(_tie(one, other, term) for term in _terms(one, other)):
            said = (
                f"与规则 {one.code} 分不出先后：同一资助项目、优先顺序都是 {one.priority}、金额相同，又会有学生两条都符合；"
                "请把条件分开，或给其中一条写不同的 priority。"
            )
            yield other, Issue("equal_standing", ERROR, ("code",), said)


def _terms(*rules: Rule) -> Iterator[Term]:
    """A pair of terms from each day on which something about the rules changes, once all of them have begun."""
    begins = [day for rule in rules if (day := first_day(rule))]
    days = {date.fromisoformat(value["from"]) for rule in rules for value in rule.amounts if "from" in value}
    for day in sorted({*days, *begins}) or [date(2000, 9, 1)]:
        if day >= max(begins, default=date.min):
            yield from (opening(day), opening(day).next)


def _tie(one: Rule, other: Rule, term: Term) -> bool:
    return any(
        figure == another and _together(one, value, other, rival, term)
        for figure, value in _lines(one, term)
        for another, rival in _lines(other, term)
    )


def _together(one: Rule, value: dict[str, Any], other: Rule, rival: dict[str, Any], term: Term) -> bool:
    """Whether a student can get this amount of the one rule and that of the other."""
    wants = [*_wants(one, value), *_wants(other, rival)]
    outdone = any(
        len(asks(more)) > len(asks(chosen)) and sure(wants, asks(more))
        for rule, chosen in ((one, value), (other, rival))
        for more in values_in_force(rule, term)
    )
    return not outdone and not clash(wants)


def _lines(rule: Rule, term: Term) -> list[tuple[Any, dict[str, Any]]]:
    """(what is paid in the term, the value it comes from); a word where the figure is the school's or the county's."""
    if not pays_in(rule, term):
        return []
    if rule.county_sets:
        return [("county", {})]
    if rule.amount_kind in (AmountKind.NONE, AmountKind.SCHOOL_FEE):
        return [(rule.amount_kind, {})]
    return [(_in_term(rule, Decimal(value["yuan"]), term), value) for value in values_in_force(rule, term)]


def _in_term(rule: Rule, yuan: Decimal, term: Term) -> Decimal:
    return half(yuan * (rule.days or 1), term) if rule.period == Period.SCHOOL_YEAR else yuan
