"""Facts × rules → entitlements, a block of students at a time, one MERGE into the current rows.

A block is a range of student keys (65,536 wide): a plain index range, the same for every run, so that it can be
locked by number and any number of workers can share a term.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import transaction
from django.db.models import BigIntegerField, Case, Field, Func, IntegerField, Q, TextField, Value, When

from aidcases import sql
from aidcases.flow import Refused
from aidcases.terms import Term
from students.enums import Stage
from subsidies.facts import facts_params, facts_sql
from subsidies.models import ComputeRun, FactRow
from subsidies.rules import YUAN, Applied, applied_rules

ENGINE = "1"
BLOCK = 1 << 16
RULES_CHANGED = "测算途中政策或采用地区有变化，请重新测算一次"

# A part of the certificate is one school's students of one home county (subsidies.certificate): /62/6201/620123/
HOME_COUNTY = "left(e.home_path, 16)"

_MERGE = """
    WITH offered AS ({offers}),
    merged AS (
        MERGE INTO current_lines c
        USING offered n ON c.student_id = n.student_id AND c.benefit_id = n.benefit_id
        WHEN MATCHED AND (c.rule_id, c.amount, c.school_id, c.home_path, c.school_path)
            IS DISTINCT FROM (n.rule_id, n.amount, n.school_id, n.home_path, n.school_path)
            THEN UPDATE SET rule_id = n.rule_id, amount = n.amount, school_id = n.school_id,
                home_path = n.home_path, school_path = n.school_path
        WHEN NOT MATCHED THEN INSERT (term, student_id, benefit_id, rule_id, school_id, amount, state, home_path,
                school_path, run_id)
            VALUES (%(term)s, n.student_id, n.benefit_id, n.rule_id, n.school_id, n.amount, 'due', n.home_path,
                n.school_path, %(run)s)
        WHEN NOT MATCHED BY SOURCE THEN DELETE
        RETURNING old.student_id, old.benefit_id, old.rule_id AS old_rule, new.rule_id AS new_rule,
            old.amount AS old_amount, new.amount AS new_amount, old.home_path AS old_home, old.school_path AS old_school
    ),
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

_LACKING = """
    INSERT INTO subsidies_missingfigure (term, student_id, rule_id, figure, home_path, school_path)
    SELECT %(term)s, student_id, rule_id, figure, home_path, school_path FROM ({held}) o
"""


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
    figure = applied.amounts.figure
    holds = applied.holds & (Q(**{f"{figure}__isnull": lacking}) if figure else Q())
    return Case(When(holds, then=applied.rule.pk)) if holds else Value(applied.rule.pk)


_KEPT = ("student_id", "school_id", "home_path", "school_path")


# What a rule says of a student beyond that it holds.
_SAID: dict[str, tuple[Callable[[Applied], Any], Field]] = {
    "amount": (lambda applied: applied.amounts.expression, YUAN),
    "depth": (lambda applied: applied.depth, IntegerField()),
    "figure": (lambda applied: Value(applied.amounts.figure), TextField()),
}


def held_sql(
    rules: list[Applied], facts: str, params: dict[str, Any], columns: Iterable[str], *, lacking: bool = False
) -> str:
    """SELECT of a row per student and rule that holds: _KEPT, rule_id and `columns` of _SAID. Values go into `params`.

    `facts`: a SELECT of FactRow rows. A rule whose figure is not set holds for nobody, or with `lacking` only then.
    """
    rows = FactRow.objects.order_by().annotate(rule_id=Ruled(_by_stage(rules, lacking)))
    if lacking:
        rows = rows.filter(reduce(or_, (Q(**{f"{applied.amounts.figure}__isnull": True}) for applied in rules)))
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
    return (
        f"SELECT {'' if alone else best} {kept}, r.benefit_id, o.rule_id, o.amount::numeric AS amount "
        f"FROM ({held}) o JOIN subsidies_rule r ON r.id = o.rule_id {'' if alone else order}"
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


_TABLES = ("students_enrolment", "subsidies_entitlement", "subsidies_missingfigure")


def covers_term(term: Term, path: str) -> bool:
    """Whether every school, or every home, of the term's students lies under the path, and so do the results of who
    has left: two looks into an index each."""
    for table in _TABLES:
        ends = sql.one(
            "SELECT min(school_path) AS s0, max(school_path) AS s1, min(home_path) AS h0, max(home_path) AS h1 "
            f"FROM {table} WHERE term = %(term)s",
            {"term": term.code},
        )
        if ends["s0"] is not None and not any(
            all(ends[f"{side}{n}"].startswith(path) for n in (0, 1)) for side in "sh"
        ):
            return False
    return True


# The blocks that a table has in a term, each found by one look into the index.
_ALL_BLOCKS = """
    SELECT n AS block FROM (
        WITH RECURSIVE step (n) AS (
            SELECT (SELECT min(student_id) FROM {table} WHERE term = %(term)s) / %(width)s
            UNION ALL
            SELECT (SELECT min(student_id) FROM {table} WHERE term = %(term)s AND student_id >= (n + 1) * %(width)s) / %(width)s
            FROM step WHERE n IS NOT NULL
        ) SELECT n FROM step WHERE n IS NOT NULL
    ) found
"""
_BLOCKS_UNDER = """
    SELECT DISTINCT student_id / %(width)s AS block FROM {table}
    WHERE term = %(term)s AND (home_path LIKE %(under)s OR school_path LIKE %(under)s)
"""


def blocks_of(term: Term, path: str) -> list[int]:
    """Numbers of the blocks that hold students of the term with home or school under the path."""
    sql.run("ANALYZE subsidies_mark")  # what was just marked is new to the planner
    search = _ALL_BLOCKS if covers_term(term, path) else _BLOCKS_UNDER
    found = sql.rows(
        " UNION ".join(search.format(table=table) for table in _TABLES) + " ORDER BY block",
        {"term": term.code, "under": path + "%", "width": BLOCK},
    )
    return [row["block"] for row in found]


def marked_blocks_of(term: Term) -> list[list[int]]:
    """Blocks with marked students, so many together as make one block's worth of work."""
    sql.run("ANALYZE subsidies_mark")  # what was just marked is new to the planner
    counted = sql.rows(
        "SELECT student_id / %(width)s AS block, count(*) AS marks FROM subsidies_mark WHERE term = %(term)s "
        "GROUP BY 1 ORDER BY 1",
        {"term": term.code, "width": BLOCK},
    )
    parts: list[list[int]] = []
    room = 0
    for row in counted:
        if row["marks"] > room:
            parts.append([])
            room = BLOCK
        parts[-1].append(row["block"])
        room -= row["marks"]
    return parts


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
      AND ({" OR ".join(_LOOK.format(table, f" AND {_UNDER}") for table in _TABLES)}
        OR NOT ({" OR ".join(_LOOK.format(table, "") for table in _TABLES)}))
"""


def compute_block(run: ComputeRun, *blocks: int) -> dict[str, int]:
    """Computes a block of a run (or several with few marks) in a transaction of its own; again, it changes nothing.

    → counts: students, added, changed, withdrawn, moved (same rule and amount, another school or home).
    """
    term = Term.parse(run.term)
    params: dict[str, Any] = {
        **facts_params(term),
        "low": min(blocks) * BLOCK,
        "high": (max(blocks) + 1) * BLOCK,
        "width": BLOCK,
        "blocks": list(blocks),
        "under": run.path + "%",
        "run": run.pk,
    }
    with transaction.atomic():
        # Many blocks at a time, but none while a certificate is made (subsidies.runs.finish locks the same words).
        sql.run("SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))", [f"certify|{run.term}"])
        for block in sorted(blocks):
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
    _forget_parts(f"students_enrolment{marked} WHERE {whose}", params)
    # Marks go first: what is marked after this statement stays marked, what is computed after it saw the facts.
    sql.run(f"DELETE FROM subsidies_mark WHERE {whose}", params)
    sql.run(f"DELETE FROM subsidies_missingfigure WHERE {whose}", params)
    # An updatable view limits the MERGE to this term and these students: without it "not matched by source" would
    # walk the whole table, and withdraw what other regions' runs have written.
    sql.run(f"CREATE TEMP VIEW current_lines AS SELECT * FROM subsidies_entitlement WHERE {whose}", params)
    counts = sql.one(_MERGE.format(offers=offers_sql(rules, facts, params)), params)
    sql.run("DROP VIEW current_lines")
    if lacking := [applied for applied in rules if applied.amounts.figure]:
        held = held_sql(lacking, facts, params, ["figure"], lacking=True)
        sql.run(_LACKING.format(held=held), params)
    # Under unchanged rules only marked students can differ.
    if any(counts.values()) and not (run.marked_only or still_stands(term, run.path)):
        _forget_parts(f"students_enrolment WHERE {whose}", params)
    enrolled = sql.one(f"SELECT count(*) AS n FROM students_enrolment WHERE {whose} AND {_UNDER}", params)
    return {**counts, "students": enrolled["n"]}


def _forget_parts(students: str, params: dict[str, Any]) -> None:
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
    for applied in applied_rules(term) if rules is None else rules:
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
