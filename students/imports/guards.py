"""What an office leaves alone: a row that would change what another office keeps waits in review and moves nothing.

The school's office writes schools, enrolments and presence, the home office households, residence and hardship
(domain.md). Whoever is committed first stands. An office covers what lies under its path, so a city may write for its
counties. Conditions speak of a staged row `r` and of the placeholders of checks.parameters().
"""

from __future__ import annotations

import json

from students.enums import COLLEGE_STAGES, RosterKind
from students.imports.facts import divisions_above, own_row

_ANOTHER_OFFICE = """EXISTS (SELECT FROM aidcases_organisation o WHERE o.kind <> 'system' AND o.path <> '/'
    AND starts_with(s.path, o.path) AND NOT starts_with(%(scope)s, o.path))"""


def _outside(key: str, table: str, kept: str = _ANOTHER_OFFICE) -> str:
    """The row's code names a place outside the scope that another office answers for. Looked up once a place."""
    return f"""r.data->>'{key}' IN (SELECT s.code FROM {table} s WHERE s.code IN
        (SELECT DISTINCT n.data->>'{key}' FROM students_importrow n WHERE n.file_id = %(file)s)
        AND NOT starts_with(s.path, %(scope)s) AND {kept})"""


def _in_scope(key: str) -> str:
    return f"""EXISTS (SELECT FROM aidcases_school s WHERE s.code = r.data->>'{key}'
        AND starts_with(s.path, %(scope)s))"""


_COLLEGES = json.dumps([stage.value for stage in COLLEGE_STAGES])

# A school outside is created when absent (colleges elsewhere), but no ordinary school of another office.
_SCHOOL_PLACED_OUTSIDE = f"""
    ({_in_scope("code")} AND {_outside("region_code", "aidcases_region", "true")})
    OR (NOT EXISTS (SELECT FROM aidcases_school s WHERE s.code = r.data->>'code')
        AND NOT r.data->'stages' <@ '{_COLLEGES}' AND {_outside("region_code", "aidcases_region")})
"""

_OTHERS_SCHOOL = _outside("school_code", "aidcases_school")


def _enrolled_elsewhere(kept: str) -> str:
    """This term at a school outside the scope, which the enrolment itself tells: there are few, and only theirs are
    looked up."""
    return f"""EXISTS (SELECT FROM students_person p
        JOIN students_enrolment e ON e.student_id = p.id AND e.term = %(term)s
        JOIN aidcases_school s ON s.id = e.school_id
        WHERE p.id_hash = r.id_hash AND NOT starts_with(e.school_path, %(scope)s) AND ({kept}))"""


_ENROLLED_BY_ANOTHER = _enrolled_elsewhere(f"NOT {own_row('e.row_id')}")

_PRESENT_ELSEWHERE = f"""EXISTS (SELECT FROM students_person p
    JOIN students_rosterentry e ON e.person_id = p.id AND e.kind = %(kind)s AND e.term = %(term)s
    JOIN students_importrow er ON er.id = e.row_id
    JOIN aidcases_school s ON s.code = er.data->>'school_code'
    WHERE p.id_hash = r.id_hash AND NOT starts_with(s.path, %(scope)s) AND NOT {own_row("e.row_id")})"""

# A home that rests on facts (household or residence), not only on whoever named the child first.
_HOME_ELSEWHERE = """EXISTS (SELECT FROM students_person p LEFT JOIN aidcases_region g ON g.code = p.hukou_region_id
    WHERE p.id_hash = r.id_hash AND p.home_path <> '' AND NOT starts_with(p.home_path, %(scope)s)
      AND (p.household_path <> '' OR p.home_path = g.path))"""

_RESIDENT_ELSEWHERE = """EXISTS (SELECT FROM students_person p
    JOIN students_rosterentry e ON e.person_id = p.id AND e.kind = %(kind)s AND e.term = %(term)s
    JOIN aidcases_region g ON g.code = e.region_id
    WHERE p.id_hash = r.id_hash AND NOT starts_with(g.path, %(scope)s))"""

# In a register's household, or in receipt of dibao or tekun, elsewhere. Aid that has ended by then holds nobody.
_HOUSEHOLD_ELSEWHERE = """EXISTS (SELECT FROM students_person p
    WHERE p.id_hash = r.id_hash AND p.household_path <> '' AND NOT starts_with(p.household_path, %(scope)s)
      AND (EXISTS (SELECT FROM students_member m JOIN students_household h ON h.id = m.household_id
              WHERE m.person_id = p.id AND h.number IS NOT NULL AND NOT starts_with(h.path, %(scope)s))
        OR EXISTS (SELECT FROM students_hardship h
              WHERE h.person_id = p.id AND h.source IN ('dibao', 'tekun') AND h.active
                AND NOT starts_with(h.office_path, %(scope)s)
                AND NOT EXISTS (SELECT FROM students_hardship c WHERE c.person_id = p.id AND c.category = h.category
                    AND c.source = h.source AND c.office_path = h.office_path AND NOT c.active
                    AND c.from_on > h.from_on
                    AND c.from_on <= COALESCE((r.data->>'from_on')::date, %(first_day)s)))))"""

# The village is in the household's number, so a household never leaves the office it belongs to.
_VILLAGE_ELSEWHERE = f"""NOT starts_with(
    (SELECT g.path {divisions_above("r.data->>'village_code'")} LIMIT 1), %(scope)s)"""

_HARDSHIP = ((_HOUSEHOLD_ELSEWHERE, "household elsewhere"),)

# Attendance is told by the school where the child is this term.
_NOT_ENROLLED = """NOT EXISTS (SELECT FROM students_person p
    JOIN students_enrolment e ON e.student_id = p.id AND e.term = %(term)s
    JOIN aidcases_school s ON s.id = e.school_id
    WHERE p.id_hash = r.id_hash AND s.code = r.data->>'school_code')"""

# kind → (condition, reason code), the first that holds
GUARDS: dict[str, tuple[tuple[str, str], ...]] = {
    RosterKind.SCHOOLS: ((_SCHOOL_PLACED_OUTSIDE, "region of another office"),),
    RosterKind.ROLL: (
        (_OTHERS_SCHOOL, "school elsewhere"),
        (
            _enrolled_elsewhere(f"s.code <> r.data->>'school_code' OR NOT {own_row('e.row_id')}"),
            "enrolled elsewhere",
        ),
        (f"NOT {_in_scope('school_code')} AND {_HOME_ELSEWHERE}", "home elsewhere"),
    ),
    RosterKind.COLLEGE: (
        (_ENROLLED_BY_ANOTHER, "enrolled elsewhere"),
        (f"NOT {_in_scope('school_code')} AND {_HOME_ELSEWHERE}", "home elsewhere"),
    ),
    RosterKind.POVERTY: ((_VILLAGE_ELSEWHERE, "village elsewhere"), *_HARDSHIP),
    RosterKind.DIBAO: _HARDSHIP,
    RosterKind.TEKUN: _HARDSHIP,
    RosterKind.DISABLED: _HARDSHIP,
    RosterKind.POPULATION: (
        (_outside("hukou_code", "aidcases_region"), "region of another office"),
        (_RESIDENT_ELSEWHERE, "home elsewhere"),
        *_HARDSHIP,
    ),
    RosterKind.ORPHANS: _HARDSHIP,
    RosterKind.ATTENDANCE: (
        (_OTHERS_SCHOOL, "school elsewhere"),
        (f"{_in_scope('school_code')} AND {_NOT_ENROLLED}", "not enrolled"),
        (f"NOT {_in_scope('school_code')}", "school elsewhere"),
    ),
    RosterKind.PRESENT: (
        (_OTHERS_SCHOOL, "school elsewhere"),
        (_ENROLLED_BY_ANOTHER, "enrolled elsewhere"),
        (_PRESENT_ELSEWHERE, "enrolled elsewhere"),
    ),
}
GUARDS[RosterKind.STUDENTS] = GUARDS[RosterKind.ROLL]
