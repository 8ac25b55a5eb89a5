"""The board above the counties: each county's figures beside one another, and all together without counting a child twice
whose home lies in one and whose school in another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

from aidcases import sql
from aidcases.models import Region
from aidcases.scoping import current_scope
from aidcases.terms import Term
from subsidies.payments.board import GROUPS, children_of
from subsidies.payments.cells import cells_sql
from subsidies.payments.offered import Offered

COUNTY_PATH = len("/62/6201/620123/")


def _each(counted: str) -> str:
    told = (f"'{name}', {counted.format(', '.join(repr(str(s)) for s in states))}" for name, (_, states) in GROUPS.items())
    return f"jsonb_build_object({', '.join(told)})"


_FIGURES = ", ".join(
    (
        _each("count(DISTINCT student_id) FILTER (WHERE status IN ({}))") + " AS people",
        _each("COALESCE(sum(n) FILTER (WHERE status IN ({})), 0)") + " AS times",
    )
)
_BY_COUNTY = f"""
    , places AS MATERIALIZED (
        SELECT DISTINCT n.student_id, left(p.path, {COUNTY_PATH}) AS county FROM students_enrolment n JOIN seen USING (student_id)
        CROSS JOIN LATERAL (VALUES (n.home_path), (n.school_path)) p (path)
        WHERE n.term = %(term)s AND starts_with(p.path, %(under)s) AND length(p.path) >= {COUNTY_PATH}
    ), mine AS MATERIALIZED (
        SELECT student_id, status, count(*) AS n FROM cells WHERE student_id IS NOT NULL GROUP BY 1, 2
    )
    SELECT '' AS county, (SELECT count(*) FROM seen) AS children, {_FIGURES} FROM mine
    UNION ALL SELECT county, (SELECT count(*) FROM places c WHERE c.county = p.county), {_FIGURES}
        FROM places p LEFT JOIN mine USING (student_id) GROUP BY county
"""


@dataclass(frozen=True)
class Row:
    """A county's figures (None: all counties together) by the keys of GROUPS, and its children of the categories."""

    region: Region | None
    children: int
    people: dict[str, int]
    times: dict[str, int]


def by_county(term: Term, day: date) -> tuple[Row, list[Row]]:
    """(all together, county by county in the order of their codes). Two statements; the same cells as each county's own
    board."""
    regions = Region.objects.under(current_scope().path).filter(level="county").order_by("code")
    sql.run("SET LOCAL jit = off")  # compiling it takes longer than running it
    text, params = cells_sql(Offered.of(term), children_of(term), day, counted=True)
    found = sql.rows(text + _BY_COUNTY, {**params, "under": current_scope().path})
    told = {row["county"]: (row["children"], _read(row["people"]), _read(row["times"])) for row in found}
    nothing = (0, dict.fromkeys(GROUPS, 0), dict.fromkeys(GROUPS, 0))
    return Row(None, *told.get("", nothing)), [Row(region, *told.get(region.path, nothing)) for region in regions]


def _read(figures: str | dict[str, int]) -> dict[str, int]:
    return {name: int(count) for name, count in (json.loads(figures) if isinstance(figures, str) else figures).items()}
