"""A predicate exists once: it selects rows, guards a move, explains a refusal and counts a funnel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

from django.db.models import Case, CharField, Count, Expression, Q, QuerySet, Value, When
from django.db.models.functions import JSONObject
from django.db.models.lookups import Exact


def yes_no(holds: Q) -> Expression:
    """'yes' or 'no'; an unknown (NULL) fact counts as no."""
    if not holds:
        return Value("yes", output_field=CharField())
    return Case(When(holds, then=Value("yes")), default=Value("no"), output_field=CharField())


@dataclass(frozen=True)
class Condition:
    """code: stable, stored in evidence and audit. label: what people read, also as the reason for a refusal."""

    code: str
    label: str
    holds: Q
    value: Expression | None = None


@dataclass(frozen=True)
class All:
    """Conditions that must all hold."""

    conditions: tuple[Condition, ...] = ()

    def __iter__(self) -> Iterator[Condition]:
        return iter(self.conditions)

    @property
    def hold(self) -> Q:
        return reduce(and_, (condition.holds for condition in self.conditions), Q())

    def evidence(self) -> JSONObject:
        """JSON made by the database: code → {value seen, whether it held}."""
        return JSONObject(
            **{c.code: JSONObject(value=c.value or Value(None, CharField()), holds=yes_no(c.holds)) for c in self}
        )

    def failing(self, rows: QuerySet) -> list[Condition]:
        """Conditions that do not hold for the single row of `rows`; all of them when there is none."""
        if not self.conditions:
            return []
        seen: dict[str, Any] | None = rows.values_list(self.evidence(), flat=True).first()
        return [c for c in self if seen is None or seen[c.code]["holds"] == "no"]

    def funnel(self, rows: QuerySet) -> dict[str, int]:
        """How many of `rows` fail each condition, in one query; an unknown value fails."""
        # Numbered, because a code may be the name of a column that the next condition reads.
        fails = {f"fails_{n}": Q(Exact(yes_no(c.holds), Value("no"))) for n, c in enumerate(self)}
        counted = rows.aggregate(**{name: Count("pk", filter=which) for name, which in fails.items()})
        return {c.code: count for c, count in zip(self, counted.values(), strict=True)}
