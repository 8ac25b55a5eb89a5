"""What was decided of a waiting row before, and whose facts a row would change: who else must agree."""

from __future__ import annotations

from typing import Any

from aidcases import sql
from students.enums import RosterKind
from students.imports.facts import divisions_above
from students.imports.names import DECIDED, NAME

REPEATED = "repeated"

_STUDIES = """(SELECT e.school_path FROM students_person p JOIN students_enrolment e ON e.student_id = p.id
    WHERE p.id_hash = r.id_hash AND e.term = f.term AND NOT starts_with(e.school_path, %(scope)s))"""
_PRESENT = """(SELECT s.path FROM students_person p JOIN students_rosterentry e ON e.person_id = p.id
    AND e.kind = f.kind AND e.term = f.term JOIN students_importrow er ON er.id = e.row_id
    JOIN aidcases_school s ON s.code = er.data->>'school_code' WHERE p.id_hash = r.id_hash)"""
_RESIDENT = """(SELECT g.path FROM students_person p JOIN students_rosterentry e ON e.person_id = p.id
    AND e.kind = f.kind AND e.term = f.term JOIN aidcases_region g ON g.code = e.region_id WHERE p.id_hash = r.id_hash)"""
_AT_HOME = "(SELECT p.home_path FROM students_person p WHERE p.id_hash = r.id_hash)"

# Where the facts lie that a row waiting for this reason (guards.py) would change.
_PLACE = f"""CASE r.reasons[1]
    WHEN 'school elsewhere' THEN (SELECT s.path FROM aidcases_school s WHERE s.code = r.data->>'school_code')
    WHEN 'school of another office' THEN (SELECT s.path FROM aidcases_school s WHERE s.code = r.data->>'code')
    WHEN 'region of another office' THEN (SELECT g.path FROM aidcases_region g
        WHERE g.code = COALESCE(r.data->>'region_code', r.data->>'hukou_code'))
    WHEN 'enrolled elsewhere' THEN COALESCE({_STUDIES}, {_PRESENT})
    WHEN 'home elsewhere' THEN CASE f.kind WHEN 'population' THEN {_RESIDENT} ELSE {_AT_HOME} END
    WHEN 'household elsewhere' THEN (SELECT p.household_path FROM students_person p WHERE p.id_hash = r.id_hash)
    WHEN 'village elsewhere' THEN (SELECT g.path {divisions_above("r.data->>'village_code'")} LIMIT 1) END"""

# The office that answers for the place: the nearest county or city above it that does not cover the own area too.
KEEPER = f"""COALESCE((SELECT o.path FROM aidcases_organisation o
    WHERE o.kind IN ('county', 'city') AND starts_with({_PLACE}, o.path) AND NOT starts_with(%(scope)s, o.path)
    ORDER BY length(o.path) DESC LIMIT 1), '')"""

# The office under whose other name a number stands.
NAMED_BY = """COALESCE((SELECT min(theirs.path) FROM students_importrow other
    JOIN students_importfile theirs ON theirs.id = other.file_id AND theirs.state = 'committed'
    WHERE other.id_hash = r.id_hash AND other.name <> r.name AND other.state IN ('new', 'changed', 'unchanged')
      AND NOT starts_with(theirs.path, %(office)s)), '')"""

# The same child in one file, or the same school.
_KEY = "COALESCE({}.id_hash, convert_to({}.data->>'code', 'UTF8'))"
SAME = f"{_KEY.format('{0}', '{0}')} = {_KEY.format('{1}', '{1}')}"

# How a decision `d` on the row `b` is known again: a person by number and name, a school by saying the same.
_SAME_PERSON = "d.id_hash = r.id_hash AND d.name = r.name"
_SAME_SCHOOL = "d.id_hash IS NULL AND b.data = r.data"

# Decided before for the same office, number, name and reason. A school's row, and one of several rows of one child, is
# known again only by saying the same. Another office's consent counts for its term, until that office decides itself.
_BEFORE = f"""
    SELECT DISTINCT ON (r.id) r.id AS row, d.outcome
    FROM students_importrow r JOIN students_importfile f ON f.id = r.file_id
    JOIN students_decision d ON d.path = f.path AND d.state = 'applied' AND split_part(d.reason, '+', 1) = r.reasons[1]
    JOIN students_importrow b ON b.id = d.row_id
    JOIN students_importfile bf ON bf.id = b.file_id
    WHERE r.file_id = %(file)s AND r.state = 'review' AND r.reasons[1] NOT IN ('{NAME}', '{REPEATED}')
      AND {{same}}
      AND (d.outcome = 'refuse' OR {KEEPER} IN ('', d.other_path)
           AND (d.other_path = '' OR bf.term = f.term AND NOT EXISTS (SELECT FROM students_decision later
                WHERE later.id_hash = d.id_hash AND later.path <> d.path AND later.state = 'applied' AND later.id > d.id)))
    ORDER BY r.id, d.id DESC
"""

_REMEMBER = f"""
    UPDATE students_importrow r SET changes = '{{{{}}}}',
        state = CASE WHEN d.outcome = 'refuse' THEN 'rejected' ELSE 'read' END,
        reasons = CASE WHEN d.outcome = 'refuse' THEN ARRAY['{DECIDED}']::varchar[] ELSE '{{{{}}}}' END,
        warnings = CASE WHEN d.outcome = 'refuse' THEN r.warnings ELSE array_append(r.warnings, '{DECIDED}') END
    FROM ({_BEFORE}) d WHERE d.row = r.id
"""

# One of several different rows of one child that was refused, while another is there to stand.
_ONE_OF_SEVERAL = f"""
    UPDATE students_importrow r SET state = 'rejected', changes = '{{}}', reasons = ARRAY['{DECIDED}']::varchar[]
    FROM students_decision d JOIN students_importrow b ON b.id = d.row_id
    WHERE r.file_id = %(file)s AND r.state IN ('read', 'new', 'changed', 'unchanged') AND d.path = %(office)s
      AND d.state = 'applied' AND d.reason = '{REPEATED}' AND d.outcome = 'refuse'
      AND {SAME.format("b", "r")} AND d.name = r.name AND b.data = r.data
      AND EXISTS (SELECT FROM students_importrow o WHERE o.file_id = r.file_id AND {SAME.format("o", "r")}
          AND o.id <> r.id AND o.name = r.name AND o.data <> r.data AND o.state <> 'rejected')
"""

_FORGET = f"""
    UPDATE students_importrow SET warnings = array_remove(warnings, '{DECIDED}'),
        state = CASE WHEN '{DECIDED}' = ANY(reasons) THEN 'read' ELSE state END,
        reasons = CASE WHEN '{DECIDED}' = ANY(reasons) THEN '{{}}' ELSE reasons END
    WHERE file_id = %(file)s AND ('{DECIDED}' = ANY(reasons) OR '{DECIDED}' = ANY(warnings))
"""

# A number that was merged into another child's is that child's.
_MERGED = """
    UPDATE students_importrow r SET {hash} = p.id_hash, {last4} = p.id_last4, {cipher} = p.id_number,
        warnings = array_append(r.warnings, 'merged number')
    FROM students_personalias a JOIN students_person p ON p.id = a.person_id
    WHERE r.file_id = %(file)s AND r.{hash} = a.id_hash
"""


def begin(params: dict[str, Any]) -> None:
    """Staged rows without what earlier decisions made of them, under the numbers that count now."""
    sql.run(_FORGET, params)
    for side in ("id", "second"):
        sql.run(_MERGED.format(hash=f"{side}_hash", last4=f"{side}_last4", cipher=f"{side}_cipher"), params)


def remember(params: dict[str, Any]) -> None:
    """Rows that wait for what was decided before are decided the same way."""
    if not _any(params):
        return
    schools = params["kind"] == RosterKind.SCHOOLS
    sql.run(_REMEMBER.format(same=_SAME_SCHOOL if schools else _SAME_PERSON), params)


def one_of_several(params: dict[str, Any]) -> None:
    """Rows refused for others of the same child or school, before repeats are looked for."""
    if _any(params):
        sql.run(_ONE_OF_SEVERAL, params)


def _any(params: dict[str, Any]) -> bool:
    return sql.one("SELECT EXISTS (SELECT FROM students_decision WHERE path = %(office)s) AS any", params)["any"]


# The standing row `r` of the file `f` counts because another office agreed, and no other has decided since.
_AGREED = """EXISTS (SELECT FROM students_decision d JOIN students_importrow b ON b.id = d.row_id
    WHERE d.path = f.path AND {same} AND d.state = 'applied' AND d.other_path <> '' AND d.outcome <> 'refuse'
      AND NOT EXISTS (SELECT FROM students_decision later WHERE later.id_hash = d.id_hash AND later.path <> d.path
          AND later.state = 'applied' AND later.id > d.id))"""
AGREED = f" AND {_AGREED.format(same=_SAME_PERSON)}"


def agreed_rows(kind: str) -> str:
    """SELECT of the rows of %(file)s that count by agreement, and may therefore change what another office keeps."""
    same = _SAME_SCHOOL if kind == RosterKind.SCHOOLS else _SAME_PERSON
    return f"""
        SELECT r.id FROM students_importrow r JOIN students_importfile f ON f.id = r.file_id
        WHERE r.file_id = %(file)s AND r.state IN ('new', 'changed') AND '{DECIDED}' = ANY(r.warnings)
          AND {_AGREED.format(same=same)}
    """


_DECIDED_ROWS = """todo JOIN students_importrow r ON r.id = todo.row JOIN students_importfile f ON f.id = r.file_id
    JOIN students_person p ON p.id_hash = r.id_hash"""

# A child whose household is agreed to be here leaves the other office's register and its aid of the same kind.
_LEAVES = f"""
    DELETE FROM students_member m USING {_DECIDED_ROWS} JOIN students_household h ON h.number IS NOT NULL
    WHERE m.person_id = p.id AND m.household_id = h.id AND h.number IS DISTINCT FROM r.data->>'household_number'
      AND NOT starts_with(h.path, %(office)s)
"""
_ENDS = f"""
    INSERT INTO students_hardship (person_id, category, source, from_on, active, office_path, detail, proof_last4, row_id)
    SELECT DISTINCT ON (h.id) h.person_id, h.category, h.source,
        GREATEST(COALESCE((r.data->>'from_on')::date, %(first_day)s), h.from_on), false, h.office_path, '', '', r.id
    FROM {_DECIDED_ROWS} JOIN students_hardship h ON h.person_id = p.id AND h.source = f.kind AND h.active
        AND NOT starts_with(h.office_path, %(office)s)
    ON CONFLICT (person_id, category, source, from_on, office_path) DO UPDATE SET active = false
"""
# kind → what the rows of `todo`, standing by agreement, end elsewhere
TAKE_OVER: dict[str, tuple[str, ...]] = {
    RosterKind.POVERTY: (_LEAVES,),
    RosterKind.DIBAO: (_ENDS,),
    RosterKind.TEKUN: (_ENDS,),
}
