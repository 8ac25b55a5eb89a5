"""Checks of the staged rows that need the database: schools, divisions, rights, repeats, names; then what is new."""

from __future__ import annotations

from typing import Any

from aidcases import sql
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES, RosterKind
from students.imports import compare, decided, guards, names
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

# Whom a row is about. Few keys occur twice, and only their rows are put in order.
_KEY = "COALESCE(id_hash, convert_to(data->>'code', 'UTF8'))"
REPEATED = f"""
    UPDATE students_importrow r
    SET state = CASE WHEN t.same THEN 'unchanged' ELSE 'review' END, reasons = ARRAY['repeated']::varchar[],
        changes = jsonb_build_object('repeats', jsonb_build_array(NULL, t.first))
    FROM (
        SELECT id, number > first_value(number) OVER w AS later, first_value(number) OVER w AS first,
            (data, phone_hash, number_hash, second_hash) IS NOT DISTINCT FROM
            (first_value(data) OVER w, first_value(phone_hash) OVER w, first_value(number_hash) OVER w,
             first_value(second_hash) OVER w) AS same
        FROM students_importrow WHERE file_id = %(file)s AND state IN ('read', 'new', 'changed', 'unchanged')
          AND {_KEY} IN (SELECT {_KEY} FROM students_importrow WHERE file_id = %(file)s
            AND state IN ('read', 'new', 'changed', 'unchanged') GROUP BY 1 HAVING count(*) > 1)
        WINDOW w AS (PARTITION BY {_KEY}, name, data->>'month' ORDER BY number)
    ) t WHERE t.id = r.id AND t.later
"""

_REJECT = """
    UPDATE students_importrow r SET state = '{state}', reasons = ARRAY['{reason}']::varchar[], changes = '{{}}'
    WHERE r.file_id = %(file)s AND r.state IN ('read', 'new', 'changed', 'unchanged') AND ({where})
"""


def send(where: str, reason: str, state: str = "rejected") -> str:
    """UPDATE of the file's rows that a condition on `r` holds of, to a state with a reason."""
    return _REJECT.format(where=where, reason=reason, state=state)


_SCHOOL_OF_ROW = "FROM aidcases_school s WHERE s.code = r.data->>'school_code'"

_COLLEGE = ", ".join(f"'{stage.value}'" for stage in COLLEGE_STAGES)

CHECKS: dict[str, tuple[str, ...]] = {
    RosterKind.SCHOOLS: (
        send("NOT EXISTS (SELECT FROM aidcases_region g WHERE g.code = r.data->>'region_code')", "unknown region"),
    ),
    RosterKind.ROLL: (
        send(f"NOT EXISTS (SELECT {_SCHOOL_OF_ROW})", "unknown school"),
        send(
            f"EXISTS (SELECT {_SCHOOL_OF_ROW} AND cardinality(s.stages) > 0 AND r.data->>'stage' <> ALL(s.stages) "
            "AND NOT 'special_education' = ANY(s.stages))",
            "school stage",
            "review",
        ),
    ),
    RosterKind.COLLEGE: (
        send(f"r.data->>'stage' NOT IN ({_COLLEGE})", "no college"),
        send(
            f"NOT EXISTS (SELECT {_SCHOOL_OF_ROW}) AND (COALESCE(r.data->>'school_name', '') = '' "
            "OR NOT EXISTS (SELECT FROM aidcases_region g WHERE g.code = r.data->>'school_province'))",
            "unknown school",
        ),
        send(
            f"EXISTS (SELECT {_SCHOOL_OF_ROW} AND cardinality(s.stages) > 0 "
            f"AND NOT s.stages && ARRAY[{_COLLEGE}]::varchar[])",
            "school stage",
            "review",
        ),
    ),
    RosterKind.POVERTY: (
        send(
            "NOT EXISTS (SELECT FROM aidcases_region g WHERE g.code = left(r.data->>'village_code', 6))",
            "unknown region",
        ),
    ),
}

# A general list of pupils may name the school instead of its code: the one school of that name in the office's area.
# Looked up anew each time the rows are checked, because schools come and go in between.
_SCHOOL_NAMED = """
    UPDATE students_importrow r SET data = r.data - 'school_code' || CASE WHEN s.n = 1
        THEN jsonb_build_object('school_code', s.code, 'named', true) ELSE '{"named": true}' END
    FROM (SELECT n.name, count(s.id) AS n, min(s.code) AS code
          FROM (SELECT DISTINCT data->>'school_name' AS name FROM students_importrow WHERE file_id = %(file)s) n
          LEFT JOIN aidcases_school s ON s.name = n.name AND starts_with(s.path, %(scope)s) GROUP BY n.name) s
    WHERE r.file_id = %(file)s AND s.name = r.data->>'school_name' AND (NOT r.data ? 'school_code' OR r.data ? 'named')
"""
_SEVERAL_SCHOOLS = send(
    "NOT r.data ? 'school_code' AND 1 < (SELECT count(*) FROM aidcases_school s "
    "WHERE s.name = r.data->>'school_name' AND starts_with(s.path, %(scope)s))",
    "several schools",
    "review",
)
CHECKS[RosterKind.STUDENTS] = (_SCHOOL_NAMED, _SEVERAL_SCHOOLS, *CHECKS[RosterKind.ROLL])
CHECKS[RosterKind.ATTENDANCE] = (
    send(f"NOT EXISTS (SELECT {_SCHOOL_OF_ROW})", "unknown school"),
    send(
        "r.data->>'month' NOT BETWEEN to_char(%(first_day)s::date, 'YYYY-MM') AND to_char(%(last_day)s::date, 'YYYY-MM')",
        "month outside term",
        "review",
    ),
)

# A school that lies in another office's area is created when absent, never changed from here.
_SCHOOL_OF_ANOTHER = send(
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
        "last_day": term.last_day,
    }


def check(file: ImportFile) -> None:
    """From staged rows to rows that are each in exactly one state; inside a transaction, repeatable."""
    params = parameters(file)
    decided.begin(params)
    sql.run(
        "UPDATE students_importrow SET state = 'read', reasons = '{}', changes = '{}' "
        "WHERE file_id = %s AND NOT reasons = '{}' AND (state = 'review' OR 'repeated' = ANY(reasons))",
        [file.pk],
    )
    sql.run(
        "UPDATE students_importrow SET state = 'read', reasons = '{}' WHERE file_id = %s AND NOT reasons = '{}' "
        "AND state = 'rejected' AND reasons && ARRAY['unknown school', 'unknown region']::varchar[]",
        [file.pk],
    )
    for key in DIVISION_KEYS:
        sql.run(_KNOWN_DIVISION, {**params, "key": key})
    for statement in CHECKS.get(file.kind, ()):
        sql.run(statement, params)
    decided.remember(params)
    # One after the other: a row whose first conflict was decided may have a second.
    for condition, reason in guards.GUARDS[file.kind]:
        sql.run(send(condition, reason, "review"), params)
        decided.remember(params)
    decided.one_of_several(params)
    sql.run(REPEATED, params)
    sql.run(compare.classify(file.kind), params)
    if file.kind == RosterKind.SCHOOLS:
        sql.run(_SCHOOL_OF_ANOTHER, params)
        decided.remember(params)
        sql.run(compare.classify(file.kind), params)
    elif names.find_disputed(file):
        names.judge(file)
        names.review_rows(file)
