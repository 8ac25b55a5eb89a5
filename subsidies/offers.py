"""The SELECT of what students get: facts × rules, one row per student and benefit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, Case, Field, Func, IntegerField, TextField, Value, When

from aidcases import sql
from students.enums import Stage
from subsidies.amounts import YUAN
from subsidies.models import FactRow
from subsidies.rules import Applied


class Ruled(Func):
    """A list of rules (its empty places left out), a row for each."""

    template = "unnest(array_remove(%(expressions)s, NULL))"
    output_field = BigIntegerField()
    set_returning = True


def _by_stage(rules: list[Applied], lacking: bool) -> Case:
    """The keys of the rules that hold for a student: a list of CASEs, read once, of those that name the stage."""
    lists = []
    for stage in Stage.values:
        held = [_held(a, lacking) for a in rules if stage in a.rule.wanted.get("stage", Stage.values)]
        lists.append(When(stage=stage, then=Func(*held, template="ARRAY[%(expressions)s]::bigint[]")))
    return Case(*lists, output_field=ArrayField(BigIntegerField()))


def _held(applied: Applied, lacking: bool) -> Any:
    lacks, holds = applied.amounts.lacks, applied.holds
    if lacks is not None:
        holds &= lacks if lacking else ~lacks
    return Case(When(holds, then=applied.rule.pk)) if holds else Value(applied.rule.pk)


_KEPT = ("student_id", "school_id", "home_path", "school_path")


# What a rule says of a student beyond that it holds.
_SAID: dict[str, tuple[Callable[[Applied], Any], Field]] = {
    "amount": (lambda applied: applied.amounts.expression, YUAN),
    "depth": (lambda applied: applied.depth, IntegerField()),
    "figure": (lambda applied: _figure(applied), TextField()),
}


def _figure(applied: Applied) -> Case:
    return Case(*(When(who, then=Value(figure)) for figure, who in applied.amounts.lacking), default=Value(""))


def held_sql(
    rules: list[Applied], facts: str, params: dict[str, Any], columns: Iterable[str], *, lacking: bool = False
) -> str:
    """SELECT of a row per student and rule that holds: _KEPT, rule_id and `columns` of _SAID. Values go into `params`.

    `facts`: a SELECT of FactRow rows. A rule whose figure is not set holds for nobody, or with `lacking` only then.
    """
    rows = FactRow.objects.order_by().annotate(rule_id=Ruled(_by_stage(rules, lacking)))
    if lacking:
        rows = rows.filter(reduce(or_, (lacks for applied in rules if (lacks := applied.amounts.lacks) is not None)))
    said = {
        name: Case(*(When(rule_id=a.rule.pk, then=_SAID[name][0](a)) for a in rules), output_field=_SAID[name][1])
        for name in columns
    }
    chosen = FactRow.objects.order_by().annotate(
        rule_id=Func(template='"facts"."rule_id"', output_field=BigIntegerField()), **said
    )
    outer = named(*sql.compiled(chosen.values(*_KEPT, "rule_id", *said)), params)
    # PostgreSQL would work out every column of a SELECT that yields several rows a student.
    names = [field.name for field in FactRow._meta.fields if f'"facts"."{field.name}"' in outer]
    held = named(*sql.compiled(rows.values(*names, "rule_id")), params)
    return f"WITH facts AS (WITH facts AS ({facts}) {held}) {outer}"


def offers_sql(rules: list[Applied], facts: str, params: dict[str, Any]) -> str:
    """SELECT of what students get: _KEPT, benefit_id, rule_id, amount. Values go into `params`.

    Where several rules give one benefit, one row per student wins: the highest amount, then the pack adopted by the
    lower region, then the lowest priority number.
    """
    alone = len({applied.rule.benefit_id for applied in rules}) == len(rules)
    best = "DISTINCT ON (o.student_id, r.benefit_id)"
    order = "ORDER BY o.student_id, r.benefit_id, o.amount DESC NULLS LAST, o.depth DESC, r.priority, o.rule_id"
    kept = ", ".join(f"o.{name}" for name in _KEPT)
    held = held_sql(rules, facts, params, ["amount"] if alone else ["amount", "depth"])
    # Not the table of rules: a rehearsal's rules stand in none.
    known = ", ".join(f"({a.rule.pk}, {a.rule.benefit_id}, {a.rule.priority})" for a in rules) or "(0, 0, 0)"
    return (
        f"SELECT {'' if alone else best} {kept}, r.benefit_id, o.rule_id, o.amount::numeric AS amount "
        f"FROM ({held}) o JOIN (VALUES {known}) r (id, benefit_id, priority) ON r.id = o.rule_id {'' if alone else order}"
    )


def named(text: str, params: list[Any], into: dict[str, Any]) -> str:
    """Positional parameters of a compiled queryset as named ones, so that one statement can carry both kinds."""
    pieces = text.split("%s")
    out = [pieces[0]]
    for value, piece in zip(params, pieces[1:], strict=True):
        name = f"q{len(into)}"
        into[name] = value
        out += [f"%({name})s", piece]
    return "".join(out)
