"""Whether a run's results still follow from the facts: computed anew beside them, nothing written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from aidcases import sql
from aidcases.terms import Term
from subsidies import blocks
from subsidies.certificate import UNDER, county_of, digests_sql, facts_digest
from subsidies.compute import rules_digest
from subsidies.facts import facts_params, facts_sql
from subsidies.models import ComputeRun
from subsidies.offers import offers_sql
from subsidies.rules import applied_rules

# Parts whose facts are no longer those of the run (or that are new, or gone), with their schools.
_CHANGED = f"""
    SELECT s.code, s.name FROM (
        SELECT c.* FROM subsidies_certificatepart c JOIN aidcases_school s ON s.id = c.school_id
        WHERE c.term = %(term)s AND {UNDER}
    ) c
    FULL JOIN (SELECT * FROM subsidies_runpart WHERE run_id = %(run)s) r USING (school_id, home_county)
    JOIN aidcases_school s ON s.id = school_id
    WHERE c.facts_digest IS DISTINCT FROM r.facts_digest
    GROUP BY s.code, s.name ORDER BY s.code
"""
# The students of the parts whose facts are still the same.
_SAME = """AS
    SELECT e.student_id FROM students_enrolment e
    JOIN subsidies_runpart r ON r.run_id = %(run)s AND r.school_id = e.school_id AND r.home_county = left(e.home_path, 16)
    JOIN subsidies_certificatepart c ON c.term = e.term AND c.school_id = r.school_id AND c.home_county = r.home_county
        AND c.facts_digest = r.facts_digest
    WHERE e.term = %(term)s
"""
# What batches have listed stands as it is; all else is what the rules give now.
_ANEW = """
    INSERT INTO anew (term, student_id, rule_id, amount)
    SELECT %(term)s, o.student_id, o.rule_id, o.amount FROM ({offers}) o
    WHERE NOT EXISTS (SELECT FROM subsidies_entitlement f WHERE f.frozen AND f.term = %(term)s
        AND f.student_id = o.student_id AND f.benefit_id = o.benefit_id)
"""
_LISTED = """
    INSERT INTO anew SELECT n.term, n.student_id, n.rule_id, n.amount FROM subsidies_entitlement n
    JOIN same USING (student_id) WHERE n.term = %(term)s AND n.frozen
"""
_DIFFERENT = """
    SELECT s.code, s.name FROM ({digests}) d
    JOIN subsidies_runpart r ON r.run_id = %(run)s AND r.school_id = d.school_id AND r.home_county = d.home_county
    JOIN aidcases_school s ON s.id = d.school_id
    WHERE d.result_digest <> r.result_digest GROUP BY s.code, s.name ORDER BY s.code
"""


@dataclass
class Verified:
    """`changed`: schools whose facts are others now, which can't be checked any more; `different`: schools whose results
    do not follow from the facts, or whose rows are not those of the run. Schools as "code name"."""

    run: ComputeRun
    students: int = 0
    rules_changed: bool = False
    changed: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.rules_changed:
            return "rules_changed"
        if self.different:
            return "different"
        return "partly" if self.changed else "equal"


@transaction.atomic
def verify(run: ComputeRun) -> Verified:
    """Computes a finished run's students anew from today's facts and compares, school by school."""
    term = Term.parse(run.term)
    params: dict[str, Any] = {**facts_params(term), "run": run.pk, "under": county_of(run.path) + "%"}
    facts_digest(term, run.path)  # makes the parts of today
    found = Verified(run, rules_changed=rules_digest(term) != run.rules_digest)
    found.changed = _schools(sql.rows(_CHANGED, params))
    if found.rules_changed:
        return found
    sql.temporary("same", _SAME, params)
    sql.run("ANALYZE same")
    found.students = sql.one("SELECT count(*) AS n FROM same")["n"]
    sql.temporary("anew", "(term text, student_id bigint, rule_id bigint, amount numeric(12,2))")
    rules = applied_rules(term)
    for number in blocks.blocks_of(term, county_of(run.path)):
        span = {**params, "low": number * blocks.BLOCK, "high": (number + 1) * blocks.BLOCK}
        sql.run(_ANEW.format(offers=offers_sql(rules, facts_sql("same", block=True), span)), span)
    sql.run(_LISTED, params)
    # What the rules give now, and the rows that stand in the table: somebody may have written there by hand.
    for lines in ("anew", "subsidies_entitlement"):
        found.different += _schools(sql.rows(_DIFFERENT.format(digests=digests_sql(lines, "same")), params))
    found.different = sorted(set(found.different))
    return found


def _schools(rows: list[dict[str, Any]]) -> list[str]:
    return [f"{row['code']} {row['name']}" for row in rows]
