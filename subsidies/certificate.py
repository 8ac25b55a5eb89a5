"""The certificate: hashes over facts and results of a term, equal on any machine with the same key, in any order,
in blocks of any size, after any crash. Natural codes only (keyed hash, school code, rule code), never row ids."""

from __future__ import annotations

import hashlib
from typing import Any

from django.db import transaction

from aidcases import sql
from aidcases.terms import Term
from subsidies.blocks import covers_term
from subsidies.compute import ENGINE, HOME_COUNTY, forget_parts, rules_digest
from subsidies.facts import COLUMNS, facts_params, facts_sql
from subsidies.models import ComputeRun

# Part = one school's students of one home county. A county's (or city's, or the country's) certificate is the digest
# over its parts; a run makes stale only the parts it touched.

_DIGESTS = """
    WITH granted AS (
        SELECT n.student_id, count(*) AS lines,
            string_agg(r.code || ':' || COALESCE(n.amount::text, '-'), ';' ORDER BY r.code COLLATE "C") AS given
        FROM {lines} n JOIN subsidies_rule r ON r.id = n.rule_id {of_chosen}
        WHERE n.term = %(term)s GROUP BY n.student_id
    ),
    student AS (
        SELECT e.school_id, {county} AS home_county, e.id_hash, g.lines,
            sha256(e.id_hash || convert_to(ROW({columns})::text, 'UTF8')) AS known,
            e.id_hash || convert_to(COALESCE(g.given, ''), 'UTF8') AS given
        FROM ({facts}) e LEFT JOIN granted g ON g.student_id = e.student_id
    )
    SELECT %(term)s AS term, school_id, home_county, count(*) AS students, COALESCE(sum(lines), 0) AS lines,
        sha256(string_agg(known, ''::bytea ORDER BY id_hash)) AS facts_digest,
        sha256(string_agg(given, ''::bytea ORDER BY id_hash)) AS result_digest
    FROM student GROUP BY school_id, home_county
"""
_KEEP = """
    INSERT INTO subsidies_certificatepart (term, school_id, home_county, students, lines, facts_digest, result_digest)
    {digests} ON CONFLICT (term, school_id, home_county) DO NOTHING
"""
UNDER = "(s.path LIKE %(under)s OR c.home_county LIKE %(under)s)"

# The students of the parts that are missing.
_CHOSEN = f"""AS
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT e.school_id, {HOME_COUNTY} AS home_county FROM students_enrolment e
        WHERE e.term = %(term)s AND (e.school_path LIKE %(under)s OR {HOME_COUNTY} LIKE %(under)s)
          AND NOT EXISTS (SELECT FROM subsidies_certificatepart c
                          WHERE c.term = e.term AND c.school_id = e.school_id AND c.home_county = {HOME_COUNTY})
    )
    SELECT e.student_id FROM wanted w
    JOIN students_enrolment e ON e.term = %(term)s AND e.school_id = w.school_id AND {HOME_COUNTY} = w.home_county
"""


@transaction.atomic
def certify(term: Term, path: str) -> dict[str, str]:
    """{"facts", "rules", "engine", "result", "certificate"} as hex for a term and a region (county or above)."""
    path = county_of(path)
    params = {**facts_params(term), "under": path + "%"}
    _make_missing_parts(term, path, params)
    parts = sql.rows(
        f"""
        SELECT s.code, c.home_county, encode(c.facts_digest, 'hex') AS facts, encode(c.result_digest, 'hex') AS result
        FROM subsidies_certificatepart c JOIN aidcases_school s ON s.id = c.school_id
        WHERE c.term = %(term)s AND {UNDER}
        ORDER BY s.code COLLATE "C", c.home_county
        """,
        params,
    )
    facts = _digest(f"{part['code']} {part['home_county']} {part['facts']}" for part in parts)
    result = _digest(f"{part['code']} {part['home_county']} {part['result']}" for part in parts)
    rules = rules_digest(term)
    return {
        "facts": facts,
        "rules": rules,
        "engine": ENGINE,
        "result": result,
        "certificate": _digest([facts, rules, ENGINE, result]),
    }


@transaction.atomic
def facts_digest(term: Term, path: str) -> str:
    """Of the facts as they are now, those of students marked since the last run included."""
    sql.lock("certify", term.code)  # nobody computes the term meanwhile (subsidies.runs locks so too)
    forget_parts("students_enrolment JOIN subsidies_mark USING (term, student_id) WHERE term = %(term)s", {"term": term.code})
    return certify(term, path)["facts"]


def _make_missing_parts(term: Term, path: str, params: dict[str, Any]) -> None:
    chosen = _chosen(term, path, params)
    if chosen is None:
        return
    sql.run("SET LOCAL work_mem = '128MB'")
    sql.run(_KEEP.format(digests=digests_sql("subsidies_entitlement", chosen)), params)


def digests_sql(lines: str, chosen: str) -> str:
    """SELECT of parts with their digests. `lines`: a table of term, student_id, rule_id, amount; `chosen`: a table of
    the students of whole parts, or "" for everybody in the term."""
    return _DIGESTS.format(
        county=HOME_COUNTY,
        columns=", ".join(f"e.{name}" for name in COLUMNS),
        facts=facts_sql(chosen),
        lines=lines,
        of_chosen=f"JOIN {chosen} USING (student_id)" if chosen else "",
    )


def county_of(path: str) -> str:
    """Parts are kept by county; a township's or village's certificate is its county's."""
    return "/" + "".join(f"{step}/" for step in path.strip("/").split("/")[:3] if step)


def _chosen(term: Term, path: str, params: dict[str, Any]) -> str | None:
    """The table of students whose parts are missing; "" where reading everybody at once costs less (parts that are
    there already stay); None where none is missing."""
    everybody = covers_term(term, path)
    known = "SELECT EXISTS (SELECT FROM subsidies_certificatepart WHERE term = %(term)s) AS some"
    if everybody and not sql.one(known, params)["some"]:
        return ""
    sql.temporary("chosen", _CHOSEN, params)
    size = sql.one(
        "SELECT (SELECT count(*) FROM chosen) AS chosen, "
        "(SELECT count(*) FROM students_enrolment WHERE term = %(term)s) AS everybody",
        params,
    )
    if not size["chosen"]:
        return None
    sql.run("ANALYZE chosen")
    return "" if everybody and size["chosen"] * 2 > size["everybody"] else "chosen"


_KEEP_OF_RUN = f"""
    INSERT INTO subsidies_runpart (run_id, school_id, home_county, facts_digest, result_digest)
    SELECT %(run)s, c.school_id, c.home_county, c.facts_digest, c.result_digest
    FROM subsidies_certificatepart c JOIN aidcases_school s ON s.id = c.school_id
    WHERE c.term = %(term)s AND {UNDER}
    ON CONFLICT DO NOTHING
"""


def keep_parts(run: ComputeRun) -> None:
    """The parts as this run certified them."""
    sql.run(_KEEP_OF_RUN, {"run": run.pk, "term": run.term, "under": county_of(run.path) + "%"})


def _digest(lines: Any) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
