"""A person's two owner paths, derived from facts alone, so that the order of imports does not matter.

home = the register's village, else the office that imported the dibao or tekun row, else the registered residence
when an office of the system covers it, else the importing office with the lowest code (domain.md).
school = the school of the latest enrolment.
"""

from __future__ import annotations

from typing import Any

from aidcases import sql

# autumn follows spring within a calendar year
_LATEST = "ORDER BY left({0}.term, 4) DESC, {0}.term"

_DERIVED = f"""
    SELECT p.id,
        COALESCE(pop.region_id, enr.hukou_region_id) AS hukou,
        COALESCE(reg.path, aid.path, '') AS household,
        COALESCE(enr.school_path, '') AS school,
        COALESCE(reg.path, aid.path,
            (SELECT h.path FROM aidcases_region h WHERE h.code = COALESCE(pop.region_id, enr.hukou_region_id)
               AND EXISTS (SELECT FROM aidcases_organisation o WHERE o.kind <> 'system' AND o.path <> '/'
                           AND starts_with(h.path, o.path))),
            p.found_path) AS home
    FROM {{people}} p
    LEFT JOIN LATERAL (SELECT e.region_id FROM students_rosterentry e
        WHERE e.person_id = p.id AND e.kind = 'population' {_LATEST.format("e")} LIMIT 1) pop ON true
    LEFT JOIN LATERAL (SELECT e.hukou_region_id, e.school_path FROM students_enrolment e
        WHERE e.student_id = p.id {_LATEST.format("e")} LIMIT 1) enr ON true
    LEFT JOIN LATERAL (SELECT h.path FROM students_member m JOIN students_household h ON h.id = m.household_id
        WHERE m.person_id = p.id AND h.number IS NOT NULL ORDER BY m.from_on DESC, h.number LIMIT 1) reg ON true
    LEFT JOIN LATERAL (SELECT min(h.office_path) AS path FROM students_hardship h
        WHERE h.person_id = p.id AND h.source IN ('dibao', 'tekun') AND h.active) aid ON true
"""


def derive(people: str, params: dict[str, Any] | None = None) -> int:
    """Writes the paths of the people a SELECT of students_person rows names; rows that are right stay untouched."""
    moved = sql.run(
        f"""
        UPDATE students_person p
        SET hukou_region_id = d.hukou, household_path = d.household, school_path = d.school, home_path = d.home
        FROM ({_DERIVED.format(people=f"({people})")}) d
        WHERE d.id = p.id AND (p.hukou_region_id, p.household_path, p.school_path, p.home_path)
            IS DISTINCT FROM (d.hukou, d.household, d.school, d.home)
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
