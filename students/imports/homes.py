"""A person's two owner paths, derived from facts alone, so that the order of imports does not matter.

home = the register's village, else the office that imported the dibao or tekun row, else the registered residence
when an office of the system covers it, else the importing office with the lowest code (domain.md).
school = the school of the latest enrolment.
"""

from __future__ import annotations

from typing import Any

from aidcases import sql


# autumn follows spring within a calendar year
def _latest(row: str) -> str:
    return f"left({row}.term, 4) DESC, {row}.term"



# Each table is read once for all of the people, whether they are one or a county's roll.
_DERIVED = f"""
    WITH people AS MATERIALIZED ({{people}}),
    pop AS (SELECT DISTINCT ON (e.person_id) e.person_id AS id, e.region_id
        FROM people p JOIN students_rosterentry e ON e.person_id = p.id AND e.kind = 'population'
        ORDER BY e.person_id, {_latest("e")}),
    enr AS (SELECT DISTINCT ON (e.student_id) e.student_id AS id, e.hukou_region_id, e.school_path
        FROM people p JOIN students_enrolment e ON e.student_id = p.id
        ORDER BY e.student_id, {_latest("e")}),
    reg AS (SELECT DISTINCT ON (m.person_id) m.person_id AS id, h.path
        FROM people p JOIN students_member m ON m.person_id = p.id JOIN students_household h ON h.id = m.household_id
        WHERE h.number IS NOT NULL ORDER BY m.person_id, m.from_on DESC, h.number),
    aid AS (SELECT h.person_id AS id, min(h.office_path) AS path
        FROM people p JOIN students_hardship h ON h.person_id = p.id
        WHERE h.source IN ('dibao', 'tekun') AND h.active GROUP BY h.person_id),
    covered AS (SELECT h.code, h.path FROM aidcases_region h
        WHERE h.code IN (SELECT region_id FROM pop UNION SELECT hukou_region_id FROM enr)
          AND EXISTS (SELECT FROM aidcases_organisation o WHERE o.kind <> 'system' AND o.path <> '/'
              AND starts_with(h.path, o.path)))
    SELECT id, hukou, household, school, home FROM (
        SELECT p.id, p.hukou_region_id, p.household_path, p.school_path, p.home_path,
            COALESCE(pop.region_id, enr.hukou_region_id) AS hukou, COALESCE(reg.path, aid.path, '') AS household,
            COALESCE(enr.school_path, '') AS school, COALESCE(reg.path, aid.path, c.path, p.found_path) AS home
        FROM people p LEFT JOIN pop USING (id) LEFT JOIN enr USING (id) LEFT JOIN reg USING (id) LEFT JOIN aid USING (id)
        LEFT JOIN covered c ON c.code = COALESCE(pop.region_id, enr.hukou_region_id)) d
    WHERE (hukou_region_id, household_path, school_path, home_path) IS DISTINCT FROM (hukou, household, school, home)
"""


def derive(people: str, params: dict[str, Any] | None = None) -> int:
    """Writes the paths of the people a SELECT of students_person rows names; rows that are right stay untouched."""
    moved = sql.run(
        f"""
        UPDATE students_person p
        SET hukou_region_id = d.hukou, household_path = d.household, school_path = d.school, home_path = d.home
        FROM ({_DERIVED.format(people=people)}) d WHERE d.id = p.id
        """,
        params or {},
    )
    sql.run(
        f"""
        UPDATE students_enrolment e SET home_path = p.home_path
        FROM ({people}) p WHERE e.student_id = p.id AND e.home_path <> p.home_path
        """,
        params or {},
    )
    return moved


def rehome(office: Any) -> None:
    """A new office may be the home of people it now covers; those on no register are looked at again."""
    # Kept by key: once a person has moved, the words of the search would no longer find them, nor their enrolments.
    sql.temporary(
        "rehomed",
        "AS SELECT p.id FROM students_person p JOIN aidcases_region h ON h.code = p.hukou_region_id "
        "WHERE p.household_path = '' AND h.path LIKE %(under)s AND NOT p.home_path LIKE %(under)s",
        {"under": office.path + "%"},
    )
    derive("SELECT p.* FROM students_person p JOIN rehomed USING (id)")
