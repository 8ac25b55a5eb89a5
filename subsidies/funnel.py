"""How a rule's conditions narrow the students in sight step by step, counted by the conditions that select them."""

from __future__ import annotations

import re
from dataclasses import dataclass
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
    """Students of the term under the path in sight, then what each condition of the rule leaves of them, in order.

    One statement; the last step is everyone the rule gives something to before rivals of the same benefit are weighed.
    """
    conditions = [(each.code, each.label, each.holds) for each in (applied.jurisdiction, *applied.conditions)]
    conditions.append(("amount", "本学期有执行标准", applied.amounts.selects))
    left, columns = Q(), {}
    for n, (_, _, holds) in enumerate(conditions):
        left &= holds
        columns[f"left{n}"] = Count("student_id", filter=left) if left else Count("student_id")
    counted = FactRow.objects.order_by().annotate(whole=Value(1)).values("whole")
    counted = counted.annotate(everyone=Count("student_id"), **columns).values("everyone", *columns)
    facts, values = facts_in_sight(term, path)
    text, more = sql.compiled(counted)
    found = sql.rows(f"{facts} {text}", [*values, *more])
    return _steps(conditions, found[0] if found else {"everyone": 0, **dict.fromkeys(columns, 0)})


def _steps(conditions: list[tuple[str, str, Q]], row: dict[str, int]) -> list[Step]:
    steps = [Step("everyone", "本学期在读学生", row["everyone"], 0)]
    for n, (code, label, _) in enumerate(conditions):
        steps.append(Step(code, label, row[f"left{n}"], steps[-1].left - row[f"left{n}"]))
    return steps
