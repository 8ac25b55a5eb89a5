"""A rule's data → conditions over facts and an amount: the one predicate that selects, explains and counts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, DecimalField, Expression, F, Func, Q, Value, When
from django.db.models.functions import JSONObject

from aidcases.conditions import All, Condition
from aidcases.models import Region
from aidcases.terms import Term
from subsidies.enums import AmountKind, Jurisdiction, Period
from subsidies.facts import BY_CODE, AnyOf, Fact, FactKind
from subsidies.models import PackAdoption, Rule

YUAN = DecimalField(max_digits=12, decimal_places=2)
FEN = Decimal("0.01")


class PackError(ValueError):
    """A pack that can't be used; its text names the rule and what to write."""


# --- conditions -------------------------------------------------------------------------------------------------


def flags_of(code: str) -> tuple[str, ...]:
    """The columns behind a flag: itself, or the parts of an any-of."""
    fact = known(code)
    return fact.flags if isinstance(fact, AnyOf) else (fact.code,)


def known(code: str) -> Fact | AnyOf:
    if not isinstance(code, str) or code not in BY_CODE:
        raise PackError(f"不认识的条件“{code}”，可用的有：{'、'.join(sorted(BY_CODE))}")
    return BY_CODE[code]


def _any_flag(codes: tuple[str, ...]) -> Q:
    return reduce(or_, (Q(**{code: True}) for code in codes))


def condition(code: str, wanted: Any) -> Condition:
    """One entry of a rule's `when` as a Condition: a flag, a list of choices or grades, or `any` of several flags."""
    if code == "any":
        if not isinstance(wanted, list) or not wanted or not all(map(_is_flag, wanted)):
            raise PackError('条件“any”要写成几个是非条件的列表，例如 any = ["registered_poor", "disabled"]')
        flags = tuple(dict.fromkeys(flag for each in wanted for flag in flags_of(each)))
        return Condition(
            "any", "、".join(known(each).label for each in wanted) + "（任一）", _any_flag(flags), _flags_seen(flags)
        )
    fact = known(code)
    if _is_flag(code):
        flags = flags_of(code)
        if wanted is True:
            return Condition(code, fact.label, _any_flag(flags), _flags_seen(flags))
        if wanted is False:
            return Condition(code, f"不是{fact.label}", ~_any_flag(flags), _flags_seen(flags))
        raise PackError(f"条件“{code}”只能写 true 或 false")
    if not isinstance(wanted, list) or not wanted:
        raise PackError(f'条件“{code}”要写成列表，例如 {code} = ["…"]')
    for value in wanted:
        _possible(fact, value)
    names = "、".join(value_label(fact, value) for value in wanted)
    return Condition(code, f"{fact.label}：{names}", Q(**{f"{code}__in": wanted}), F(code))


def _is_flag(code: str) -> bool:
    fact = known(code)
    return isinstance(fact, AnyOf) or fact.kind is FactKind.FLAG


def _possible(fact: Fact, value: Any) -> None:
    """A value the fact never has would be a rule that nobody meets, in silence."""
    number = fact.kind is FactKind.NUMBER
    if (type(value) is not int) if number else (not isinstance(value, str)):
        raise PackError(f"条件“{fact.code}”里的 {value!r} 要写成{'整数' if number else '带引号的代码'}")
    if fact.choices and value not in dict(fact.choices):
        raise PackError(f"条件“{fact.code}”没有“{value}”，可用的有：{'、'.join(dict(fact.choices))}")


def value_label(fact: Fact, value: Any) -> str:
    """A fact's value in words: a stage's name, a division's name, yes/no."""
    if value is None or value == "":
        return "未填"
    if isinstance(value, bool):
        return "是" if value else "否"
    if fact.code.endswith(("_province", "_county")):
        return region_name(value)
    return dict(fact.choices).get(value, str(value))


_names: dict[str, str] = {}


def region_name(code: str) -> str:
    """A division's name, or its code. The divisions are shipped and never renamed: looked up once a process."""
    if code not in _names and (region := Region.objects.filter(code=code).first()):
        _names[code] = region.name
    return _names.get(code, code)


def _flags_seen(flags: tuple[str, ...]) -> Expression:
    return JSONObject(**{flag: F(flag) for flag in flags}) if len(flags) > 1 else F(flags[0])


def conditions_of(rule: Rule) -> All:
    """The rule's own conditions, in the order written."""
    return All(tuple(condition(code, wanted) for code, wanted in rule.conditions))


# --- jurisdiction -----------------------------------------------------------------------------------------------

_PATH = {Jurisdiction.SCHOOL: "school_path", Jurisdiction.HOUSEHOLD: "household_path"}


def jurisdiction_of(rule: Rule, adoptions: list[PackAdoption]) -> Condition:
    """The student's own region (school's or household's) adopts the pack."""
    field = _PATH[Jurisdiction(rule.jurisdiction)]
    where = "、".join(str(adoption.region or "全国") for adoption in adoptions) or "尚无地区"
    label = f"{rule.get_jurisdiction_display()}采用本政策（{where}）"
    if any(adoption.path == "/" for adoption in adoptions):
        return Condition("jurisdiction", label, Q(), F(field))
    under = [Q(**{f"{field}__startswith": adoption.path}) for adoption in adoptions]
    return Condition("jurisdiction", label, reduce(or_, under) if under else Q(pk__in=[]), F(field))


def depth_of(rule: Rule, adoptions: list[PackAdoption]) -> Expression:
    """How low the adopting region stands: between equal amounts the lower region's pack wins."""
    field = _PATH[Jurisdiction(rule.jurisdiction)]
    lowest_first = sorted(adoptions, key=lambda adoption: -len(adoption.path))
    whens = [
        When(**{f"{field}__startswith": adoption.path}, then=Value(len(adoption.path)))
        for adoption in lowest_first
        if adoption.path != "/"
    ]
    return Case(*whens, default=Value(1)) if whens else Value(1)


# --- amounts ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Amounts:
    """What a rule pays in a term. `expression` is NULL where a figure is missing (`figure` names it) or none applies."""

    expression: Expression
    selects: Q  # the students one of the values applies to
    figure: str = ""
    lines: tuple[tuple[Q, Decimal | None, str], ...] = ()  # (who, yuan, arithmetic in words); the first that holds
    asks: frozenset[str] = frozenset()  # the facts that tell one line from another


def half(yuan: Decimal, term: Term) -> Decimal:
    """A school year's amount in one term: half each; an odd fen rounds down in autumn, spring takes the rest."""
    autumn = (yuan / 2).quantize(FEN, ROUND_DOWN)
    return autumn if term.autumn else yuan - autumn


def pays_in(rule: Rule, term: Term) -> bool:
    """Once-a-year and once-in-a-lifetime amounts stand in autumn."""
    return term.autumn or rule.period not in (Period.SCHOOL_YEAR_ONCE, Period.ONCE)


def values_in_force(rule: Rule, term: Term) -> list[dict[str, Any]]:
    """The values that hold on the term's first day: per selector the last that starts not after it, in order."""
    chosen: dict[str, tuple[str, dict[str, Any]]] = {}
    for value in rule.amounts:
        selector = repr((value.get("stage"), value.get("grade"), value.get("when")))
        starts = value.get("from") or ""
        if starts <= term.first_day.isoformat() and starts >= chosen.get(selector, ("", {}))[0]:
            chosen[selector] = (starts, value)
    return [value for _, value in chosen.values()]


def amounts_of(rule: Rule, term: Term) -> Amounts:
    """The amount of a rule in a term as one SQL expression, with the words of its arithmetic."""
    if rule.amount_kind == AmountKind.NONE:
        return Amounts(Value(None, YUAN), Q(), lines=((Q(), None, "免费或实物，不计金额"),))
    if rule.amount_kind == AmountKind.SCHOOL_FEE:
        return _fee(term)
    lines = []
    # What says more of whom it is for comes before what is for the rest.
    values = sorted(values_in_force(rule, term), key=lambda value: -len(_asks(value)))
    for value in values:
        who = _selector(value)
        year = Decimal(value["yuan"])
        lines.append((who, _in_term(rule, year, term), _words(rule, year, term)))
    whens = [When(who, then=Value(yuan, YUAN)) if who else None for who, yuan, _ in lines]
    if not lines:
        return Amounts(Value(None, YUAN), Q(pk__in=[]))
    default = next((yuan for who, yuan, _ in lines if not who), None)
    expression = Case(*[w for w in whens if w], default=Value(default, YUAN), output_field=YUAN)
    selects = Q() if default is not None else reduce(or_, (who for who, _, _ in lines))
    asks = frozenset(fact for value in values for fact in _asks(value))
    return Amounts(expression, selects, lines=tuple(lines), asks=asks)


def _in_term(rule: Rule, yuan: Decimal, term: Term) -> Decimal:
    return half(yuan, term) if rule.period == Period.SCHOOL_YEAR else yuan


def _asks(value: dict[str, Any]) -> list[str]:
    return [*(fact for fact in ("stage", "grade") if fact in value), *value.get("when", {})]


def _selector(value: dict[str, Any]) -> Q:
    parts = [Q(**{key: value[key]}) for key in ("stage", "grade") if key in value]
    parts += [condition(code, wanted).holds for code, wanted in value.get("when", {}).items()]
    return reduce(lambda a, b: a & b, parts, Q())


def _words(rule: Rule, yuan: Decimal, term: Term) -> str:
    bound = {AmountKind.FLOOR: "不低于 ", AmountKind.CEILING: "不高于 "}.get(AmountKind(rule.amount_kind), "")
    if rule.period == Period.SCHOOL_YEAR:
        season = "秋季" if term.autumn else "春季"
        return f"{bound}{yuan:,.2f} 元/学年 ÷ 2 = {half(yuan, term):,.2f} 元（{season}学期）"
    words = {Period.TERM: "/学期", Period.SCHOOL_YEAR_ONCE: "/学年，一次计在秋季", Period.ONCE: "，入学当年一次"}
    return f"{bound}{yuan:,.2f} 元{words[Period(rule.period)]}"


def _fee(term: Term) -> Amounts:
    autumn = Func(F("annual_fee") / Value(2), Value(2), function="trunc", output_field=YUAN)
    share = autumn if term.autumn else F("annual_fee") - autumn
    words = "学校收费标准 {fee:,.2f} 元/学年 ÷ 2 = {amount:,.2f} 元"
    return Amounts(share, Q(), figure="annual_fee", lines=((Q(), None, words),))


# --- what applies in a term -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Applied:
    """A rule as it applies in a term: who (Q), how much, how it ranks among rules of the same benefit."""

    rule: Rule
    jurisdiction: Condition
    conditions: All
    amounts: Amounts
    depth: Expression
    adoptions: tuple[PackAdoption, ...]

    @property
    def holds(self) -> Q:
        # The database stops at the first that fails: a stage costs less to compare than a path.
        return self.conditions.hold & self.amounts.selects & self.jurisdiction.holds


def applied_rules(term: Term, *, every: bool = False) -> list[Applied]:
    """Rules of the newest pack versions that some region has adopted on the term's first day and that pay in the
    term; `every` keeps the others too (their jurisdiction then explains why not)."""
    from subsidies.models import RulePack

    newest = RulePack.objects.newest().values("pk")
    adopted: dict[str, list[PackAdoption]] = {}
    for adoption in PackAdoption.objects.in_force_on(term.first_day).select_related("region"):
        adopted.setdefault(adoption.pack_code, []).append(adoption)
    found = []
    for rule in Rule.objects.filter(pack__in=newest).select_related("pack", "benefit").order_by("pack__code", "order"):
        adoptions = adopted.get(rule.pack.code, [])
        amounts = amounts_of(rule, term)
        # A pack adopted before its amounts begin gives nothing by them yet.
        if every or (adoptions and pays_in(rule, term) and amounts.lines):
            found.append(
                Applied(
                    rule,
                    jurisdiction_of(rule, adoptions),
                    conditions_of(rule),
                    amounts,
                    depth_of(rule, adoptions),
                    tuple(adoptions),
                )
            )
    return found
