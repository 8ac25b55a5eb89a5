"""Facts × rules → entitlements, a block of students at a time, one MERGE into the current rows.

A block is a range of student keys (65,536 wide): a plain index range, the same for every run, so that it can be
locked by number and any number of workers can share a term.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import Any

from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When

from aidcases import sql
from aidcases.terms import Term
from subsidies.facts import facts_params, facts_sql
from subsidies.models import ComputeRun, FactRow
from subsidies.rules import Applied, applied_rules

ENGINE = "1"
BLOCK = 1 << 16

# A part of the certificate is one school's students of one home county (subsidies.certificate).
HOME_COUNTY = "COALESCE(substring(e.home_path from '^(/[^/]+/[^/]+/[^/]+/)'), e.home_path)"

_STUDENTS = """
AS
    SELECT student_id FROM students_enrolment
    WHERE term = %(term)s AND student_id >= %(low)s AND student_id < %(high)s
      AND (home_path LIKE %(under)s OR school_path LIKE %(under)s)
    UNION
    SELECT n.student_id FROM subsidies_entitlement n
    WHERE n.term = %(term)s AND n.student_id >= %(low)s AND n.student_id < %(high)s
      AND (n.home_path LIKE %(under)s OR n.school_path LIKE %(under)s)
      AND NOT EXISTS (SELECT FROM students_enrolment e WHERE e.term = n.term AND e.student_id = n.student_id)
"""

# Marks go first: what is marked after this statement stays marked, what is computed after it saw the facts.
_UNMARK = """
    DELETE FROM subsidies_mark m USING shard WHERE m.term = %(term)s AND m.student_id = shard.student_id
"""

_MERGE = """
    WITH facts AS MATERIALIZED ({facts}),
    offered AS ({offers}),
    lacking AS (
        INSERT INTO subsidies_missingfigure (term, student_id, rule_id, figure, home_path, school_path)
        SELECT %(term)s, student_id, rule_id, figure, home_path, school_path FROM offered WHERE figure <> ''
        ON CONFLICT (term, student_id, rule_id) DO NOTHING
    ),
    merged AS (
        MERGE INTO current_lines c
        USING (SELECT * FROM offered WHERE figure = '') n ON c.student_id = n.student_id AND c.benefit_id = n.benefit_id
        WHEN MATCHED AND (c.rule_id, c.amount, c.school_id, c.home_path, c.school_path)
            IS DISTINCT FROM (n.rule_id, n.amount, n.school_id, n.home_path, n.school_path)
            THEN UPDATE SET rule_id = n.rule_id, amount = n.amount, school_id = n.school_id,
                home_path = n.home_path, school_path = n.school_path
        WHEN NOT MATCHED THEN INSERT (term, student_id, benefit_id, rule_id, school_id, amount, state, home_path,
                school_path, run_id)
            VALUES (%(term)s, n.student_id, n.benefit_id, n.rule_id, n.school_id, n.amount, 'due', n.home_path,
                n.school_path, %(run)s)
        WHEN NOT MATCHED BY SOURCE THEN DELETE
        RETURNING merge_action() AS action, old.student_id AS old_student, old.benefit_id AS old_benefit,
            old.rule_id AS old_rule, old.amount AS old_amount, new.rule_id AS new_rule, new.amount AS new_amount,
            old.home_path AS home_path, old.school_path AS school_path
    ),
    changes AS (
        INSERT INTO subsidies_entitlementchange (run_id, term, student_id, benefit_id, old_rule_id, new_rule_id,
            old_amount, new_amount, home_path, school_path)
        SELECT %(run)s, %(term)s, old_student, old_benefit, old_rule, new_rule, old_amount, new_amount, home_path, school_path
        FROM merged
        WHERE action = 'DELETE' OR action = 'UPDATE' AND (old_rule, old_amount) IS DISTINCT FROM (new_rule, new_amount)
    )
    SELECT count(*) FILTER (WHERE action = 'INSERT') AS added,
        count(*) FILTER (WHERE action = 'UPDATE' AND (old_rule, old_amount) IS DISTINCT FROM (new_rule, new_amount)) AS changed,
        count(*) FILTER (WHERE action = 'DELETE') AS withdrawn,
        count(*) FILTER (WHERE action = 'UPDATE' AND (old_rule, old_amount) IS NOT DISTINCT FROM (new_rule, new_amount)) AS moved
    FROM merged
"""

_COLUMNS = ("student_id", "benefit_id", "rule_id", "amount", "school_id", "home_path", "school_path", "figure")


def blocks_of(term: Term, path: str) -> list[int]:
    """Numbers of the blocks that hold students of the term with home or school under the path."""
    return [
        row["block"]
        for row in sql.rows(
            f"""
            SELECT DISTINCT student_id / {BLOCK} AS block FROM students_enrolment
            WHERE term = %(term)s AND (home_path LIKE %(under)s OR school_path LIKE %(under)s)
            UNION SELECT DISTINCT student_id / {BLOCK} FROM subsidies_entitlement
            WHERE term = %(term)s AND (home_path LIKE %(under)s OR school_path LIKE %(under)s)
            ORDER BY block
            """,
            {"term": term.code, "under": path + "%"},
        )
    ]


def offer(applied: Applied) -> QuerySet:
    """The students one rule gives something, as rows of _COLUMNS (and how the rule ranks among its benefit's)."""
    amounts = applied.amounts
    figure = Value("")
    if amounts.figure:
        figure = Case(When(**{f"{amounts.figure}__isnull": True}, then=Value(amounts.figure)), default=Value(""))
    return (
        FactRow.objects.filter(applied.holds)
        .annotate(
            benefit_id=Value(applied.rule.benefit_id),
            rule_id=Value(applied.rule.pk),
            amount=amounts.expression,
            figure=figure,
            depth=applied.depth,
            rank=Value(applied.rule.priority, IntegerField()),
        )
        .order_by()
    )


def offers_sql(rules: list[Applied]) -> tuple[str, list[Any]]:
    """UNION ALL over benefits. Where several rules give one benefit, one row per student wins: the highest amount,
    then the pack adopted by the lower region, then the lowest priority number."""
    by_benefit: dict[int, list[Applied]] = defaultdict(list)
    for applied in rules:
        by_benefit[applied.rule.benefit_id].append(applied)
    parts: list[str] = []
    params: list[Any] = []
    for rivals in by_benefit.values():
        pieces = []
        for applied in rivals:
            names = _COLUMNS if len(rivals) == 1 else (*_COLUMNS, "depth", "rank")
            text, values = sql.compiled(offer(applied).values(*names))
            pieces.append(text)
            params += values
        if len(pieces) == 1:
            parts.append(pieces[0])
        else:
            listed = ", ".join(_COLUMNS)
            parts.append(
                f"SELECT {listed} FROM (SELECT DISTINCT ON (student_id) * FROM ({' UNION ALL '.join(pieces)}) rivals "
                "ORDER BY student_id, figure, amount DESC NULLS LAST, depth DESC, rank, rule_id) winners"
            )
    if not parts:
        empty = ", ".join(f"NULL::{kind} AS {name}" for name, kind in zip(_COLUMNS, _TYPES, strict=True))
        return f"SELECT {empty} WHERE false", []
    return " UNION ALL ".join(f"({part})" for part in parts), params


_TYPES = ("bigint", "bigint", "bigint", "numeric", "bigint", "text", "text", "text")


def named(text: str, params: list[Any], into: dict[str, Any]) -> str:
    """Positional parameters of a compiled queryset as named ones, so that one statement can carry both kinds."""
    pieces = text.split("%s")
    out = [pieces[0]]
    for n, (value, piece) in enumerate(zip(params, pieces[1:], strict=True)):
        into[f"q{n}"] = value
        out += [f"%(q{n})s", piece]
    return "".join(out)


def compute_block(run: ComputeRun, block: int) -> dict[str, int]:
    """Computes one block of a run in a transaction of its own; doing it again changes nothing."""
    term = Term.parse(run.term)
    params: dict[str, Any] = {
        **facts_params(term),
        "low": block * BLOCK,
        "high": (block + 1) * BLOCK,
        "under": run.path + "%",
        "run": run.pk,
    }
    offers, values = offers_sql(applied_rules(term))
    statement = _MERGE.format(facts=facts_sql("shard"), offers=named(offers, values, params))
    with transaction.atomic():
        sql.lock("compute", run.term, block)
        sql.run("SET LOCAL jit = off")
        sql.temporary("shard", _STUDENTS.strip(), params)
        if run.marked_only:
            sql.run(
                "DELETE FROM shard USING (SELECT s.student_id FROM shard s LEFT JOIN subsidies_mark m "
                "ON m.term = %(term)s AND m.student_id = s.student_id WHERE m.student_id IS NULL) x "
                "WHERE x.student_id = shard.student_id",
                params,
            )
        sql.run("ALTER TABLE shard ADD PRIMARY KEY (student_id)")
        sql.run("ANALYZE shard")
        sql.run(_UNMARK, params)
        sql.run(
            "DELETE FROM subsidies_missingfigure m USING shard WHERE m.term = %(term)s AND m.student_id = shard.student_id",
            params,
        )
        _target(params)
        counts = sql.one(statement, params)
        counts["students"] = sql.one(
            "SELECT count(*) AS n FROM shard JOIN students_enrolment e ON e.term = %(term)s AND e.student_id = shard.student_id",
            params,
        )["n"]
        sql.run("DROP VIEW current_lines")
        _forget_certificate(run)
    return counts


def _forget_certificate(run: ComputeRun) -> None:
    """The parts of the certificate that hold these students are stale now."""
    sql.run(
        f"""
        DELETE FROM subsidies_certificatepart c
        USING (SELECT DISTINCT e.school_id, {HOME_COUNTY} AS home_county FROM students_enrolment e
               JOIN shard ON shard.student_id = e.student_id WHERE e.term = %(term)s) t
        WHERE c.term = %(term)s AND c.school_id = t.school_id AND c.home_county = t.home_county
        """,
        {"term": run.term},
    )


def _target(params: dict[str, Any]) -> None:
    """An updatable view limits the MERGE to this term and these students: without it "not matched by source" would
    walk the whole table, and withdraw what other regions' runs have written."""
    sql.run(
        "CREATE TEMP VIEW current_lines AS SELECT * FROM subsidies_entitlement WHERE term = %(term)s "
        "AND student_id >= %(low)s AND student_id < %(high)s AND student_id IN (SELECT student_id FROM shard)",
        params,
    )


def rules_digest(term: Term) -> str:
    """SHA-256 over what decides: engine, rules in force with their amounts, adoptions; natural codes only."""
    parts = [ENGINE, term.code]
    for applied in applied_rules(term):
        rule = applied.rule
        parts.append(
            repr(
                (
                    rule.code, rule.pack.code, rule.pack.sha256, rule.benefit.code, rule.priority,
                    sorted(adoption.path for adoption in applied.adoptions),
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


def still_stands(term: Term) -> bool:
    """Whether only marked students can differ: the last whole run of the term used the rules of today."""
    last = ComputeRun._base_manager.filter(term=term.code, marked_only=False, finished_at__isnull=False).first()
    return bool(last and last.rules_digest == rules_digest(term))
