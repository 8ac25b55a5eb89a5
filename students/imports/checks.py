"""Checks of the staged rows that need the database: schools, divisions, rights, repeats, names; then what is new."""

from __future__ import annotations

from typing import Any

from aidcases import sql
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES, RosterKind
from students.imports import compare, guards, names
from students.imports.facts import divisions_above
from students.models import ImportFile

# A code the shipped list does not know is read as the nearest division above it that is known.
_KNOWN_ABOVE = divisions_above("r.data->>%(key)s")
_KNOWN_DIVISION = f"""
    UPDATE students_importrow r
    SET data = jsonb_set(r.data, ARRAY[%(key)s],
            COALESCE(to_jsonb((SELECT g.code {_KNOWN_ABOVE} LIMIT 1)), 'null')),
        warnings = array_append(r.warnings, 'unknown region')
    WHERE r.file_id = %(file)s AND r.data->>%(key)s <> ''
      AND NOT EXISTS (SELECT FROM aidcases_region g WHERE g.code = r.data->>%(key)s)
"""

_REPEATED = """
    UPDATE students_importrow r
    SET state = CASE WHEN t.same THEN 'unchanged' ELSE 'review' END, reasons = ARRAY['repeated']::varchar[],
        changes = '{}'
    FROM (
        SELECT id, number > first_value(number) OVER w AS later,
            (data, phone_hash, number_hash, second_hash) IS NOT DISTINCT FROM
            (first_value(data) OVER w, first_value(phone_hash) OVER w, first_value(number_hash) OVER w,
             first_value(second_hash) OVER w) AS same
        FROM students_importrow WHERE file_id = %(file)s AND state IN ('read', 'new', 'changed', 'unchanged')
        WINDOW w AS (PARTITION BY COALESCE(id_hash, convert_to(data->>'code', 'UTF8')), name ORDER BY number)
    ) t WHERE t.id = r.id AND t.later
"""

_REJECT = """
    UPDATE students_importrow r SET state = '{state}', reasons = ARRAY['{reason}']::varchar[], changes = '{{}}'
    WHERE r.file_id = %(file)s AND r.state IN ('read', 'new', 'changed', 'unchanged') AND ({where})
"""


def _send(where: str, reason: str, state: str = "rejected") -> str:
    return _REJECT.format(where=where, reason=reason, state=state)


_SCHOOL_OF_ROW = "FROM aidcases_school s WHERE s.code = r.data->>'school_code'"

_COLLEGE = ", ".join(f"'{stage.value}'" for stage in COLLEGE_STAGES)

CHECKS: dict[str, tuple[str, ...]] = {
    RosterKind.SCHOOLS: (
        _send("NOT EXISTS (SELECT FROM aidcases_region g WHERE g.code = r.data->>'region_code')", "unknown region"),
    ),
    RosterKind.ROLL: (
        _send(f"NOT EXISTS (SELECT {_SCHOOL_OF_ROW})", "unknown school"),
        _send(
            f"EXISTS (SELECT {_SCHOOL_OF_ROW} AND cardinality(s.stages) > 0 AND r.data->>'stage' <> ALL(s.stages) "
            "AND NOT 'special_education' = ANY(s.stages))",
            "school stage",
            "review",
        ),
    ),
    RosterKind.COLLEGE: (
        _send(f"r.data->>'stage' NOT IN ({_COLLEGE})", "no college"),
        _send(
            f"NOT EXISTS (SELECT {_SCHOOL_OF_ROW}) AND (COALESCE(r.data->>'school_name', '') = '' "
            "OR NOT EXISTS (SELECT FROM aidcases_region g WHERE g.code = r.data->>'school_province'))",
            "unknown school",
        ),
        _send(
            f"EXISTS (SELECT {_SCHOOL_OF_ROW} AND cardinality(s.stages) > 0 "
            f"AND NOT s.stages && ARRAY[{_COLLEGE}]::varchar[])",
            "school stage",
            "review",
        ),
    ),
    RosterKind.POVERTY: (
        _send(
            "NOT EXISTS (SELECT FROM aidcases_region g WHERE g.code = left(r.data->>'village_code', 6))",
            "unknown region",
        ),
    ),
}

# A school that lies in another office's area is created when absent, never changed from here.
_SCHOOL_OF_ANOTHER = _send(
    "r.state = 'changed' AND EXISTS (SELECT FROM aidcases_school s WHERE s.code = r.data->>'code' "
    "AND NOT starts_with(s.path, %(scope)s))",
    "school of another office",
    "review",
)

DIVISION_KEYS = ("hukou_code", "region_code", "school_province")


def parameters(file: ImportFile) -> dict[str, Any]:
    """What every statement of an import may name."""
    term = Term.parse(file.term)
    return {
        "file": file.pk,
        "kind": file.kind,
        "term": file.term,
        "office": file.path,
        "scope": file.office.region.path if file.office.region else file.path,
        "first_day": term.first_day,
    }


def check(file: ImportFile) -> None:
    """From staged rows to rows that are each in exactly one state; inside a transaction, repeatable."""
    params = parameters(file)
    sql.run(
        "UPDATE students_importrow SET state = 'read', reasons = '{}', changes = '{}' "
        "WHERE file_id = %s AND (state = 'review' OR 'repeated' = ANY(reasons))",
        [file.pk],
    )
    sql.run(
        "UPDATE students_importrow SET state = 'read', reasons = '{}' WHERE file_id = %s AND state = 'rejected' "
        "AND reasons && ARRAY['unknown school', 'unknown region']::varchar[]",
        [file.pk],
    )
    for key in DIVISION_KEYS:
        sql.run(_KNOWN_DIVISION, {**params, "key": key})
    for statement in CHECKS.get(file.kind, ()):
        sql.run(statement, params)
    for condition, reason in guards.GUARDS[file.kind]:
        sql.run(_send(condition, reason, "review"), params)
    sql.run(_REPEATED, params)
    sql.run(compare.CLASSIFY.format(old=compare.OLD[file.kind]), params)
    if file.kind == RosterKind.SCHOOLS:
        sql.run(_SCHOOL_OF_ANOTHER, params)
    elif names.find_disputed(file):
        names.judge(file)
        names.review_rows(file)
