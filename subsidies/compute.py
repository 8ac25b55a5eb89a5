"""Facts × rules → entitlements, a block of students at a time, one MERGE into the current rows.

A block is a range of student keys (65,536 wide): a plain index range, the same for every run, so that it can be
locked by number and any number of workers can share a term.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import transaction

from aidcases import sql
from aidcases.flow import Refused
from aidcases.terms import Term
from subsidies import blocks, refused
from subsidies.blocks import TABLES, covers_term
from subsidies.enums import Period
from subsidies.facts import facts_params, facts_sql
from subsidies.models import ComputeRun, ListedArea
from subsidies.offers import held_sql, offers_sql
from subsidies.rules import Applied, applied_rules

ENGINE = "3"
RULES_CHANGED = "测算途中政策或采用地区有变化，请重新测算一次"

# A part of the certificate is one school's students of one home county (subsidies.certificate): /62/6201/620123/
HOME_COUNTY = "left(e.home_path, 16)"

_MERGE = """
    WITH offered AS ({offers}),
    merged AS (
        MERGE INTO current_lines c
        USING offered n ON c.student_id = n.student_id AND c.benefit_id = n.benefit_id
        WHEN MATCHED AND NOT c.frozen AND (c.rule_id, c.amount, c.school_id, c.home_path, c.school_path)
            IS DISTINCT FROM (n.rule_id, n.amount, n.school_id, n.home_path, n.school_path)
            THEN UPDATE SET rule_id = n.rule_id, amount = n.amount, school_id = n.school_id,
                home_path = n.home_path, school_path = n.school_path
        WHEN NOT MATCHED THEN INSERT (term, student_id, benefit_id, rule_id, school_id, amount, state, home_path,
                school_path, run_id)
            VALUES (%(term)s, n.student_id, n.benefit_id, n.rule_id, n.school_id, n.amount, 'due', n.home_path,
                n.school_path, %(run)s)
        WHEN NOT MATCHED BY SOURCE AND NOT c.frozen THEN DELETE
        RETURNING old.student_id, old.benefit_id, old.rule_id AS old_rule, new.rule_id AS new_rule,
            old.amount AS old_amount, new.amount AS new_amount, old.home_path AS old_home, old.school_path AS old_school,
            new.student_id AS new_student, new.benefit_id AS new_benefit
    ),{later}
    changes AS (
        INSERT INTO subsidies_entitlementchange (run_id, term, student_id, benefit_id, old_rule_id, new_rule_id,
            old_amount, new_amount, home_path, school_path)
        SELECT %(run)s, %(term)s, student_id, benefit_id, old_rule, new_rule, old_amount, new_amount, old_home, old_school
        FROM merged WHERE old_rule IS NOT NULL AND (old_rule, old_amount) IS DISTINCT FROM (new_rule, new_amount)
    )
    SELECT count(*) FILTER (WHERE old_rule IS NULL) AS added, count(*) FILTER (WHERE new_rule IS NULL) AS withdrawn,
        count(*) FILTER (WHERE old_rule IS NOT NULL AND new_rule IS NOT NULL AND differs) AS changed,
        count(*) FILTER (WHERE NOT differs) AS moved
    FROM (SELECT old_rule, new_rule, (old_rule, old_amount) IS DISTINCT FROM (new_rule, new_amount) AS differs FROM merged) m
"""

# What is granted once in a life is a fact of the later autumns, whose certificates and rows it may change.
_LATER = """
    later AS (
        INSERT INTO subsidies_mark (term, student_id)
        SELECT DISTINCT e.term, e.student_id FROM merged m
        JOIN students_enrolment e ON e.student_id = COALESCE(m.new_student, m.student_id)
        WHERE COALESCE(m.new_benefit, m.benefit_id) = ANY (%(once)s) AND e.term > %(term)s AND e.term LIKE '%%-autumn'
        ON CONFLICT DO NOTHING
    ),"""

# What is due now less what batches have listed and has not to come back. An amount that waits for a figure is no
# reason to take money back.
_ADJUST = """
    MERGE INTO current_adjustments a
    USING (
        SELECT l.student_id, l.benefit_id, n.rule_id, COALESCE(n.amount, 0) AS due, l.listed, l.home_path, l.school_path
        FROM (
            SELECT student_id, benefit_id, sum(yuan) AS listed, max(home_path) AS home_path,
                max(school_path) AS school_path
            FROM (
                SELECT student_id, benefit_id, COALESCE(amount, 0) AS yuan, home_path, school_path
                FROM subsidies_payment WHERE {whose} AND state <> 'cancelled'
                UNION ALL
                SELECT student_id, benefit_id, -yuan, home_path, school_path
                FROM subsidies_recovery WHERE {whose} AND state <> 'cancelled'
            ) p GROUP BY student_id, benefit_id
        ) l
        LEFT JOIN offers n USING (student_id, benefit_id)
        WHERE COALESCE(n.amount, 0) <> l.listed AND NOT EXISTS (
            SELECT FROM subsidies_missingfigure m JOIN subsidies_rule r ON r.id = m.rule_id
            WHERE m.term = %(term)s AND m.student_id = l.student_id AND r.benefit_id = l.benefit_id)
    ) d ON a.student_id = d.student_id AND a.benefit_id = d.benefit_id
    WHEN MATCHED AND (a.rule_id, a.due, a.listed) IS DISTINCT FROM (d.rule_id, d.due, d.listed)
        THEN UPDATE SET rule_id = d.rule_id, due = d.due, listed = d.listed, difference = d.due - d.listed, run_id = %(run)s
    WHEN NOT MATCHED THEN INSERT (term, student_id, benefit_id, rule_id, due, listed, difference, run_id, home_path,
            school_path)
        VALUES (%(term)s, d.student_id, d.benefit_id, d.rule_id, d.due, d.listed, d.due - d.listed, %(run)s, d.home_path,
            d.school_path)
    WHEN NOT MATCHED BY SOURCE THEN DELETE
"""

_LACKING = """
    INSERT INTO subsidies_missingfigure (term, student_id, rule_id, figure, home_path, school_path)
    SELECT %(term)s, student_id, rule_id, figure, home_path, school_path FROM ({held}) o
"""


_UNDER = "(home_path LIKE %(under)s OR school_path LIKE %(under)s)"
_IN_BLOCK = "term = %(term)s AND student_id >= %(low)s AND student_id < %(high)s"

# The students a run concerns: enrolled with home or school under its path, or gone from there since last computed (out
# of the term, or to another region: their rows still count here).
_SHARD = f"""AS
    SELECT student_id FROM students_enrolment WHERE {_IN_BLOCK} AND {_UNDER}
    UNION ALL
    SELECT student_id FROM (
        SELECT student_id FROM subsidies_entitlement WHERE {_IN_BLOCK} AND {_UNDER}
        UNION SELECT student_id FROM subsidies_missingfigure WHERE {_IN_BLOCK} AND {_UNDER}
    ) e
    WHERE NOT EXISTS (SELECT FROM students_enrolment x WHERE x.term = %(term)s AND x.student_id = e.student_id
        AND (x.home_path LIKE %(under)s OR x.school_path LIKE %(under)s))
"""
# The same of the few who are marked (a mark by each transaction), looked up by key; one that leads nowhere goes too.
_LOOK = "EXISTS (SELECT FROM {} x WHERE x.term = %(term)s AND x.student_id = m.student_id{})"
_MARKED = f"""AS
    SELECT DISTINCT m.student_id FROM subsidies_mark m
    WHERE m.term = %(term)s AND m.student_id / %(width)s = ANY(%(blocks)s)
      AND ({" OR ".join(_LOOK.format(table, f" AND {_UNDER}") for table in TABLES)}
        OR NOT ({" OR ".join(_LOOK.format(table, "") for table in TABLES)}))
"""


def compute_block(run: ComputeRun, *numbers: int) -> dict[str, int]:
    """Computes a block of a run (or several with few marks) in a transaction of its own; again, it changes nothing.

    → counts: students, added, changed, withdrawn, moved (same rule and amount, another school or home).
    """
    term = Term.parse(run.term)
    params: dict[str, Any] = {
        **facts_params(term),
        "low": min(numbers) * blocks.BLOCK,
        "high": (max(numbers) + 1) * blocks.BLOCK,
        "width": blocks.BLOCK,
        "blocks": list(numbers),
        "under": run.path + "%",
        "run": run.pk,
    }
    with transaction.atomic():
        # Many blocks at a time, but none while a certificate is made (subsidies.runs.finish locks the same words).
        sql.run("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [f"certify|{run.term}"])
        for block in sorted(numbers):
            sql.lock("compute", run.term, block)
        sql.run("SET LOCAL jit = off")
        if not run.marked_only and covers_term(term, run.path):
            return _compute(run, term, "", params)
        sql.temporary("shard", _MARKED if run.marked_only else _SHARD, params)
        sql.run("ANALYZE shard")
        return _compute(run, term, "shard", params)


def _compute(run: ComputeRun, term: Term, shard: str, params: dict[str, Any]) -> dict[str, int]:
    """Facts × rules → current rows, for the students of a table; without one, for everybody in the block."""
    rules = applied_rules(term)
    if rules_digest(term, rules) != run.rules_digest:
        raise Refused(RULES_CHANGED)
    facts = facts_sql(shard, block=True)
    whose = _IN_BLOCK
    if shard:
        whose += f" AND student_id IN (SELECT student_id FROM {shard})"
    marked = "" if run.marked_only else " JOIN subsidies_mark USING (term, student_id)"
    forget_parts(f"students_enrolment{marked} WHERE {whose}", params)
    # Marks go first: what is marked after this statement stays marked, what is computed after it saw the facts.
    sql.run(f"DELETE FROM subsidies_mark WHERE {whose}", params)
    sql.run(f"DELETE FROM subsidies_missingfigure WHERE {whose}", params)
    # An updatable view limits the MERGE to this term and these students: without it "not matched by source" would
    # walk the whole table, and withdraw what other regions' runs have written.
    counts = _merge(rules, facts, whose, params)
    if lacking := [applied for applied in rules if applied.amounts.lacking]:
        held = held_sql(lacking, facts, params, ["figure"], lacking=True)
        sql.run(_LACKING.format(held=held), params)
    counts["adjusted"] = _adjust(whose, params) if counts.pop("listed") else 0
    # Under unchanged rules only marked students can differ.
    written = counts["added"] + counts["changed"] + counts["withdrawn"] + counts["moved"]
    if written and not (run.marked_only or still_stands(term, run.path)):
        forget_parts(f"students_enrolment WHERE {whose}", params)
    enrolled = sql.one(f"SELECT count(*) AS n FROM students_enrolment WHERE {whose} AND {_UNDER}", params)
    return {**counts, "students": enrolled["n"]}


def _merge(rules: list[Applied], facts: str, whose: str, params: dict[str, Any]) -> dict[str, int]:
    """→ added, withdrawn, changed, moved; listed: whether a batch has listed something of these students."""
    offers = offers_sql(rules, facts, params)
    listed = sql.one(
        f"SELECT EXISTS (SELECT FROM subsidies_payment WHERE {whose}) "
        f"OR EXISTS (SELECT FROM subsidies_adjustment WHERE {whose}) AS some",
        params,
    )["some"]
    if listed:
        sql.temporary("offers", f"AS {offers}", params)
        offers = "SELECT * FROM offers"
    once = [applied.rule.benefit_id for applied in rules if applied.rule.period == Period.ONCE]
    # An updatable view limits the MERGE to this term and these students: without it "not matched by source" would
    # walk the whole table, and withdraw what other regions' runs have written.
    sql.run(f"CREATE TEMP VIEW current_lines AS SELECT * FROM subsidies_entitlement WHERE {whose}", params)
    counts = sql.one(_MERGE.format(offers=offers, later=_LATER if once else ""), {**params, "once": once})
    refused.settle(whose, params)
    sql.run("DROP VIEW current_lines")
    return {**counts, "listed": listed}


def _adjust(whose: str, params: dict[str, Any]) -> int:
    """Back-pay and recovery of the block; → rows written or taken away."""
    sql.run(f"CREATE TEMP VIEW current_adjustments AS SELECT * FROM subsidies_adjustment WHERE {whose}", params)
    adjusted = sql.run(_ADJUST.format(whose=whose), params)
    sql.run("DROP VIEW current_adjustments")
    return adjusted


def forget_parts(students: str, params: dict[str, Any]) -> None:
    """The parts of the certificate that hold these students are stale. Locked in one order: blocks share schools."""
    sql.run(
        f"""
        DELETE FROM subsidies_certificatepart c
        USING (
            SELECT p.school_id, p.home_county FROM subsidies_certificatepart p
            JOIN (SELECT DISTINCT e.school_id, {HOME_COUNTY} AS home_county
                  FROM (SELECT school_id, home_path FROM {students}) e) t
                ON p.school_id = t.school_id AND p.home_county = t.home_county
            WHERE p.term = %(term)s ORDER BY p.school_id, p.home_county FOR UPDATE OF p
        ) stale
        WHERE c.term = %(term)s AND c.school_id = stale.school_id AND c.home_county = stale.home_county
        """,
        params,
    )


def rules_digest(term: Term, rules: list[Applied] | None = None) -> str:
    """SHA-256 over what decides: engine, rules in force with their amounts, adoptions; natural codes only."""
    parts = [ENGINE, term.code]
    rules = applied_rules(term) if rules is None else rules
    if any(fact in ("pilot_area", "origin_area") for applied in rules for fact in applied.asked):
        areas = ListedArea.objects.in_force_on(term.last_day).values_list("kind", "path")
        parts += [repr(area) for area in sorted(areas)]
    for applied in rules:
        rule = applied.rule
        parts.append(
            repr(
                (
                    rule.code, rule.pack.code, rule.pack.sha256, rule.benefit.code, rule.priority,
                    sorted(adoption.path for adoption in applied.adoptions),
                    sorted((figure.path, figure.level, f"{figure.yuan:.2f}") for figure in applied.figures),
                )
            )
        )  # fmt: skip
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def totals(term: Term, path: str) -> dict[str, dict[str, Any]]:
    """{rule code: {"students", "amount"}} of the current entitlements with home or school under the path."""
    rows = sql.rows(
        """
        SELECT r.code, count(*) AS students, COALESCE(sum(n.amount), 0)::numeric(14,2)::text AS amount
        FROM subsidies_entitlement n JOIN subsidies_rule r ON r.id = n.rule_id
        WHERE n.term = %(term)s AND (n.home_path LIKE %(under)s OR n.school_path LIKE %(under)s)
        GROUP BY r.code ORDER BY r.code
        """,
        {"term": term.code, "under": path + "%"},
    )
    return {row["code"]: {"students": row["students"], "amount": row["amount"]} for row in rows}


def still_stands(term: Term, path: str) -> bool:
    """Whether only marked students under the path can differ: a whole run that covers it is finished, and since it
    began no run of the term, finished or not, used other rules than today's."""
    today = rules_digest(term)
    runs = ComputeRun._base_manager.filter(term=term.code).order_by("-pk")
    for run in runs.only("rules_digest", "path", "marked_only", "finished_at").iterator(chunk_size=100):
        if run.rules_digest != today:
            return False
        if run.finished_at and not run.marked_only and path.startswith(run.path):
            return True
    return False
