"""How a rule's conditions narrow the students in sight step by step, counted by the conditions that select them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import and_
from typing import Any

from django.db.models import Count, Q, Value

from aidcases import sql
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.facts import facts_params, facts_sql
from subsidies.models import FactRow
from subsidies.rules import Applied

_NAMED = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Step:
    """A condition of a rule and how many students are left after it."""

    code: str
    label: str
    left: int
    lost: int


def facts_in_sight(term: Term, path: str = "/") -> tuple[str, list[Any]]:
    """`WITH chosen AS (…), facts AS (…)` over the term's enrolments that whoever acts may see, and its parameters.

    The scope is compiled in now; `path` narrows it further to a region or school (home or school under it).
    """
    chosen, values = sql.compiled(Enrolment.objects.in_term(term).of(path).order_by().values("student_id"))
    params = facts_params(term)
    # Not materialized: joins behind facts nobody asks for (hardship, fees) fall away.
    text = facts_sql("chosen")
    placed = [params[name] for name in _NAMED.findall(text)]
    facts = _NAMED.sub("%s", text)
    return f"WITH chosen AS MATERIALIZED ({chosen}), facts AS NOT MATERIALIZED ({facts})", [*values, *placed]


def funnel(applied: Applied, term: Term, path: str = "/") -> list[Step]:
    """The steps of one rule, as `funnels`."""
    return funnels([applied], term, path)[0]


def funnels(rules: Sequence[Applied], term: Term, path: str = "/") -> list[list[Step]]:
    """Per rule: students of the term under the path in sight, then what each condition leaves of them, in order.

    One statement; the last step is everyone the rule gives something to before rivals of the same benefit are weighed.
    """
    asked = [_conditions(applied) for applied in rules]
    columns = {f"left{n}_{m}": _count(left) for n, each in enumerate(asked) for m, left in enumerate(_narrowing(each))}
    counted = FactRow.objects.order_by().annotate(whole=Value(1)).values("whole")
    counted = counted.annotate(everyone=Count("student_id"), **columns).values("everyone", *columns)
    facts, values = facts_in_sight(term, path)
    text, more = sql.compiled(counted)
    row = (sql.rows(f"{facts} {text}", [*values, *more]) or [{"everyone": 0, **dict.fromkeys(columns, 0)}])[0]
    return [_steps(each, row["everyone"], [row[f"left{n}_{m}"] for m in range(len(each))]) for n, each in enumerate(asked)]


def _conditions(applied: Applied) -> list[tuple[str, str, Q]]:
    asked = [(each.code, each.label, each.holds) for each in (applied.jurisdiction, *applied.conditions)]
    return [*asked, ("amount", "本学期有执行标准", applied.amounts.selects)]


def _narrowing(conditions: list[tuple[str, str, Q]]) -> Iterator[Q]:
    """Each condition together with those before it."""
    return accumulate((holds for _, _, holds in conditions), and_)


def _count(who: Q) -> Count:
    return Count("student_id", filter=who) if who else Count("student_id")


def _steps(conditions: list[tuple[str, str, Q]], everyone: int, counts: list[int]) -> list[Step]:
    steps = [Step("everyone", "本学期在读学生", everyone, 0)]
    for (code, label, _), left in zip(conditions, counts, strict=True):
        steps.append(Step(code, label, left, steps[-1].left - left))
    return steps
