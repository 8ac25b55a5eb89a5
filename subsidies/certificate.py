"""The certificate: hashes over facts and results of a term, equal on any machine with the same key, in any order,
in blocks of any size, after any crash. Natural codes only (keyed hash, school code, rule code), never row ids."""

from __future__ import annotations

import hashlib
from typing import Any

from aidcases import sql
from aidcases.terms import Term
from subsidies.compute import ENGINE, HOME_COUNTY, rules_digest
from subsidies.facts import FACTS, facts_params, facts_sql

# Part = one school's students of one home county. A county's (or city's, or the country's) certificate is the digest
# over its parts; a run makes stale only the parts it touched.

_PARTS = """
    INSERT INTO subsidies_certificatepart (term, school_id, home_county, students, lines, facts_digest, result_digest)
    WITH wanted AS MATERIALIZED ({wanted}),
    chosen AS MATERIALIZED (
        SELECT e.student_id, w.school_id, w.home_county FROM wanted w
        JOIN students_enrolment e ON e.term = %(term)s AND e.school_id = w.school_id AND {county} = w.home_county
    ),
    facts AS ({facts}),
    known AS (
        SELECT c.school_id, c.home_county, count(*) AS students,
            sha256(string_agg(sha256(f.id_hash || convert_to({columns}, 'UTF8')), ''::bytea ORDER BY f.id_hash)) AS digest
        FROM chosen c JOIN facts f ON f.student_id = c.student_id GROUP BY 1, 2
    ),
    granted AS (
        SELECT c.school_id, c.home_county, count(*) AS lines,
            sha256(string_agg(p.id_hash || convert_to(r.code || ':' || COALESCE(n.amount::text, '-') || ';', 'UTF8'),
                ''::bytea ORDER BY p.id_hash, r.code)) AS digest
        FROM chosen c JOIN subsidies_entitlement n ON n.term = %(term)s AND n.student_id = c.student_id
        JOIN students_person p ON p.id = c.student_id JOIN subsidies_rule r ON r.id = n.rule_id
        GROUP BY 1, 2
    )
    SELECT %(term)s, k.school_id, k.home_county, k.students, COALESCE(g.lines, 0), k.digest, COALESCE(g.digest, ''::bytea)
    FROM known k LEFT JOIN granted g USING (school_id, home_county)
    ON CONFLICT (term, school_id, home_county) DO NOTHING
"""

_TOUCHED = f"SELECT DISTINCT e.school_id, {HOME_COUNTY} AS home_county"

_UNDER = "(e.school_path LIKE %(under)s OR {county} LIKE %(under)s)"


def certify(term: Term, path: str) -> dict[str, str]:
    """{"facts", "rules", "engine", "result", "certificate"} as hex for a term and a region (county or above)."""
    # Parts are kept by county; a township's or village's certificate is its county's.
    path = "/" + "".join(f"{step}/" for step in path.strip("/").split("/")[:3] if step)
    params = {**facts_params(term), "under": path + "%"}
    missing = f"""
        {_TOUCHED} FROM students_enrolment e
        WHERE e.term = %(term)s AND {_UNDER.format(county=HOME_COUNTY)}
          AND NOT EXISTS (SELECT FROM subsidies_certificatepart c WHERE c.term = e.term AND c.school_id = e.school_id
                          AND c.home_county = {HOME_COUNTY})
    """
    columns = " || ',' || ".join(f"COALESCE(f.{fact.code}::text, '')" for fact in FACTS)
    sql.run(_PARTS.format(wanted=missing, county=HOME_COUNTY, facts=facts_sql("chosen"), columns=columns), params)
    parts = sql.rows(
        """
        SELECT s.code, c.home_county, encode(c.facts_digest, 'hex') AS facts, encode(c.result_digest, 'hex') AS result
        FROM subsidies_certificatepart c JOIN aidcases_school s ON s.id = c.school_id
        WHERE c.term = %(term)s AND (s.path LIKE %(under)s OR c.home_county LIKE %(under)s)
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


def _digest(lines: Any) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
