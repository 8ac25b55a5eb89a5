"""What each kind of row is held against: a SELECT of (row, old) per kind, `old` a JSON with the keys of `data`.

A row is new where old is NULL, unchanged where it says nothing else, changed otherwise. Encrypted values are compared
by their keyed hash. Placeholders: %(file)s, %(term)s, %(office)s (the importing office's path).
"""

from __future__ import annotations

from students.enums import RosterKind

_PERSON = "FROM students_importrow r LEFT JOIN students_person p ON p.id_hash = r.id_hash"

_ENROLMENT = f"""
    SELECT r.id AS row, CASE WHEN e.id IS NOT NULL THEN jsonb_build_object(
        'name', p.name, 'ethnicity', p.ethnicity, 'school_code', s.code, 'stage', e.stage, 'grade', e.grade,
        'class_name', e.class_name, 'boarding', e.boarding, 'rural_hukou', e.rural_hukou,
        'hukou_code', e.hukou_region_id, 'entered_on', e.entered_on, 'left_behind', e.left_behind,
        'orphan', e.orphan, 'disability_hint', e.disability_hint, 'phone', encode(e.phone_hash, 'hex'),
        'number', encode(st.roll_hash, 'hex'), 'guardian_name', g.name, 'guardian_relation', g.relation) END AS old
    {_PERSON}
    LEFT JOIN students_student st ON st.person_id = p.id
    LEFT JOIN students_enrolment e ON e.student_id = p.id AND e.term = %(term)s
    LEFT JOIN aidcases_school s ON s.id = e.school_id
    LEFT JOIN students_guardian g ON g.student_id = p.id AND g.name = r.data->>'guardian_name'
    WHERE r.file_id = %(file)s
"""

# A register's household lines repeat on every member; they are compared on the line of the head only.
_POVERTY = f"""
    SELECT r.id AS row, CASE WHEN m.id IS NOT NULL THEN jsonb_build_object(
        'name', p.name, 'household_number', h.number, 'relation', m.relation, 'health', m.health,
        'studying', m.studying, 'ethnicity', p.ethnicity,
        'identified_on', (SELECT min(d.from_on) FROM students_hardship d WHERE d.person_id = p.id
            AND d.source = 'poverty' AND d.category = 'registered_poor' AND d.active),
        'monitored', COALESCE((SELECT d.category FROM students_hardship d WHERE d.person_id = p.id
            AND d.source = 'poverty' AND d.category LIKE 'monitored%%' ORDER BY d.from_on DESC, d.active LIMIT 1), ''))
        || CASE WHEN r.data->>'relation' = '户主' THEN jsonb_build_object(
        'household_size', h.size, 'household_type', h.kind, 'exit_status', h.exit_status, 'cause', h.cause,
        'risk_cleared', h.risk_cleared, 'income_per_head', h.income_per_head::text,
        'phone', encode(h.phone_hash, 'hex')) ELSE '{{}}' END END AS old
    {_PERSON}
    LEFT JOIN students_household h ON h.number = r.data->>'household_number'
    LEFT JOIN students_member m ON m.person_id = p.id AND m.household_id = h.id
    WHERE r.file_id = %(file)s
"""

_HARDSHIP = f"""
    SELECT r.id AS row, CASE WHEN h.id IS NOT NULL THEN jsonb_build_object(
        'name', p.name, 'from_on', h.from_on, 'rural', h.category LIKE '%%_rural', 'category', h.category, 'class', h.detail,
        'support_form', h.detail, 'disability_kind', h.detail, 'number', encode(h.proof_hash, 'hex'),
        'until_on', (SELECT min(c.from_on) - 1 FROM students_hardship c WHERE c.person_id = h.person_id
            AND c.category = h.category AND c.source = h.source AND c.office_path = h.office_path
            AND NOT c.active AND c.from_on > h.from_on)) END AS old
    {_PERSON}
    LEFT JOIN LATERAL (SELECT * FROM students_hardship h WHERE h.person_id = p.id AND h.source = %(kind)s
        AND h.office_path = %(office)s AND h.active ORDER BY h.from_on DESC LIMIT 1) h ON true
    WHERE r.file_id = %(file)s
"""

_ROSTER = f"""
    SELECT r.id AS row, CASE WHEN e.id IS NOT NULL THEN jsonb_build_object(
        'name', p.name, 'hukou_code', e.region_id, 'present', e.present, 'absence_reason', e.reason) END AS old
    {_PERSON}
    LEFT JOIN students_rosterentry e ON e.person_id = p.id AND e.kind = %(kind)s AND e.term = %(term)s
    WHERE r.file_id = %(file)s
"""

_SCHOOL = """
    SELECT r.id AS row, CASE WHEN s.id IS NOT NULL THEN jsonb_build_object(
        'name', s.name, 'stages', to_jsonb(s.stages), 'region_code', s.region_id, 'public', s.public,
        'rural_school', s.rural,
        'annual_fee', (SELECT f.annual_fee::text FROM aidcases_schoolfee f WHERE f.school_id = s.id
            ORDER BY (f.from_on <= %(first_day)s) DESC, abs(f.from_on - %(first_day)s) LIMIT 1)) END AS old
    FROM students_importrow r LEFT JOIN aidcases_school s ON s.code = r.data->>'code'
    WHERE r.file_id = %(file)s
"""

_ATTENDANCE = """
    SELECT r.id AS row, CASE WHEN a.id IS NOT NULL THEN jsonb_build_object(
        'name', p.name, 'school_code', s.code, 'month', a.month, 'days_due', a.days_due::text,
        'days_absent', a.days_absent::text, 'days_unexcused', a.days_unexcused::text, 'reason', a.reason) END AS old
    FROM students_importrow r LEFT JOIN students_person p ON p.id_hash = r.id_hash
    LEFT JOIN students_attendance a ON a.student_id = p.id AND a.month = r.data->>'month'
    LEFT JOIN aidcases_school s ON s.id = a.school_id
    WHERE r.file_id = %(file)s
"""

OLD: dict[str, str] = {
    RosterKind.SCHOOLS: _SCHOOL,
    RosterKind.POVERTY: _POVERTY,
    RosterKind.ROLL: _ENROLMENT,
    RosterKind.COLLEGE: _ENROLMENT,
    RosterKind.DIBAO: _HARDSHIP,
    RosterKind.TEKUN: _HARDSHIP,
    RosterKind.DISABLED: _HARDSHIP,
    RosterKind.POPULATION: _ROSTER,
    RosterKind.PRESENT: _ROSTER,
    RosterKind.ORPHANS: _HARDSHIP,
    RosterKind.ATTENDANCE: _ATTENDANCE,
    RosterKind.STUDENTS: _ENROLMENT,
}

# `said` is what the row says on the same keys; a key the file does not carry says nothing. Both are materialized:
# inlined, they would be built again for every key.
CLASSIFY = """
    WITH held AS MATERIALIZED (
        SELECT o.row, o.old, s.state AS was, s.changes AS is, s.data || jsonb_strip_nulls(jsonb_build_object(
            'name', NULLIF(s.name, ''), 'phone', encode(s.phone_hash, 'hex'), 'number', encode(s.number_hash, 'hex')))
            AS said
        FROM ({old}) o JOIN students_importrow s ON s.id = o.row
        WHERE s.state IN ('read', 'new', 'changed', 'unchanged') AND NOT 'repeated' = ANY(s.reasons)
    ), judged AS MATERIALIZED (
        SELECT held.row, was, held.is, old IS NULL AS fresh, CASE WHEN old IS NULL THEN '{{}}' ELSE COALESCE((
            SELECT jsonb_object_agg(one.key, jsonb_build_array(old->one.key, one.value)) FROM jsonb_each(said) one
            WHERE old ? one.key AND old->one.key IS DISTINCT FROM one.value), '{{}}') END AS differs
        FROM held
    ), verdict_of AS (
        SELECT judged.*, CASE WHEN fresh THEN 'new' WHEN differs = '{{}}' THEN 'unchanged' ELSE 'changed' END AS state
        FROM judged
    )
    UPDATE students_importrow r SET state = v.state, changes = v.differs
    FROM verdict_of v WHERE r.id = v.row AND (v.was, v.is) IS DISTINCT FROM (v.state, v.differs)
"""
