"""Rows → facts, one statement per table and kind, every fact with the row it came from.

All statements read the temporary table `todo` (row, and the person it is about), rows of one office, and are written so
that doing them twice changes nothing. Rows that would change what another office keeps never get here (guards.py).
"""

from __future__ import annotations

from students.enums import RosterKind

TODO = "(row bigint, person bigint)"


def own_row(row: str) -> str:
    """The fact came from a row of this office or of one below it."""
    return f"""EXISTS (SELECT FROM students_importrow mine JOIN students_importfile ours ON ours.id = mine.file_id
        WHERE mine.id = {row} AND starts_with(ours.path, %(office)s))"""


def divisions_above(code: str) -> str:
    """FROM … ORDER BY over the known divisions a code lies in, itself included, lowest first; by index."""
    return (
        f"FROM aidcases_region g WHERE g.code IN (left({code}, 12), left({code}, 9), left({code}, 6), left({code}, 4), "
        f"left({code}, 2)) ORDER BY length(g.code) DESC"
    )


# By the person's key alone, where nothing else of them is asked.
_OF_PERSON = """
    FROM todo JOIN students_importrow r ON r.id = todo.row AND todo.person IS NOT NULL
    JOIN students_importfile f ON f.id = r.file_id
"""
_ROWS = f"{_OF_PERSON} JOIN students_person p ON p.id = todo.person"

# Most people have theirs since they were made; only those a row says otherwise of are looked at closely.
_ETHNICITY = f"""
    WITH other AS MATERIALIZED (SELECT DISTINCT p.id FROM todo JOIN students_importrow r ON r.id = todo.row
        JOIN students_person p ON p.id = todo.person AND p.ethnicity <> r.data->>'ethnicity')
    UPDATE students_person t SET ethnicity = n.ethnicity
    FROM (SELECT DISTINCT ON (p.id) p.id, r.data->>'ethnicity' AS ethnicity {_ROWS} JOIN other ON other.id = p.id
          WHERE f.kind = %(kind)s AND r.data->>'ethnicity' <> '' ORDER BY p.id, f.id DESC, r.number) n
    WHERE t.id = n.id AND t.ethnicity <> n.ethnicity
"""

_STUDENTS = f"""
    INSERT INTO students_student (person_id, roll_number, roll_hash, roll_last4)
    SELECT DISTINCT ON (todo.person) todo.person, r.number_cipher, r.number_hash,
        CASE WHEN r.number_hash IS NULL THEN '' ELSE r.number_last4 END
    {_OF_PERSON} WHERE f.kind = %(kind)s ORDER BY todo.person, f.id DESC, r.number
    ON CONFLICT (person_id) DO UPDATE SET roll_number = EXCLUDED.roll_number, roll_hash = EXCLUDED.roll_hash,
        roll_last4 = EXCLUDED.roll_last4
    WHERE EXCLUDED.roll_hash IS NOT NULL AND students_student.roll_hash IS DISTINCT FROM EXCLUDED.roll_hash
"""

# Children of the poverty register are students even when no other list knows them (somebody must look for them).
_POOR_CHILDREN = f"""
    INSERT INTO students_student (person_id, roll_last4)
    SELECT DISTINCT p.id, '' {_ROWS}
    WHERE f.kind = %(kind)s AND (r.data->>'studying' NOT IN ('', '非在校生')
        OR (r.data->>'relation' ~ '(子|女|孙|弟|妹|侄|甥)$' AND r.data->>'relation' !~ '(儿媳|女婿|父|母)'
            AND p.birth_on > %(first_day)s::date - interval '18 years'))
    ON CONFLICT (person_id) DO NOTHING
"""

# --- enrolments -------------------------------------------------------------------------------------------------

_NEW_SCHOOLS = """
    INSERT INTO aidcases_school (code, name, initials, stages, region_id, path, public)
    SELECT DISTINCT ON (r.data->>'school_code') r.data->>'school_code', r.data->>'school_name', '',
        ARRAY[r.data->>'stage'], g.code, g.path || (r.data->>'school_code') || '/', true
    FROM todo JOIN students_importrow r ON r.id = todo.row
    JOIN aidcases_region g ON g.code = r.data->>'school_province'
    WHERE NOT EXISTS (SELECT FROM aidcases_school s WHERE s.code = r.data->>'school_code')
    ORDER BY r.data->>'school_code', r.number
    ON CONFLICT (code) DO NOTHING
"""

_ENROLMENTS = f"""
    INSERT INTO students_enrolment AS e (student_id, term, school_id, stage, grade, class_name, boarding, rural_hukou,
        hukou_region_id, entered_on, left_behind, orphan, disability_hint, phone,
        phone_hash, home_path, school_path, row_id)
    SELECT DISTINCT ON (p.id, f.term) p.id, f.term, s.id, r.data->>'stage', (r.data->>'grade')::smallint,
        COALESCE(r.data->>'class_name', o.class_name, ''), COALESCE((r.data->>'boarding')::boolean, o.boarding, false),
        COALESCE((r.data->>'rural_hukou')::boolean, o.rural_hukou, false),
        COALESCE(r.data->>'hukou_code', o.hukou_region_id), COALESCE((r.data->>'entered_on')::date, o.entered_on),
        COALESCE((r.data->>'left_behind')::boolean, o.left_behind, false),
        COALESCE((r.data->>'orphan')::boolean, o.orphan, false),
        COALESCE(r.data->>'disability_hint', o.disability_hint, ''),
        COALESCE(r.phone_cipher, o.phone), COALESCE(r.phone_hash, o.phone_hash), p.home_path, s.path, r.id
    {_ROWS}
    JOIN aidcases_school s ON s.code = r.data->>'school_code'
    LEFT JOIN students_enrolment o ON o.student_id = p.id AND o.term = f.term
    WHERE f.kind = %(kind)s
    ORDER BY p.id, f.term, f.id DESC, r.number
    ON CONFLICT (term, student_id) DO UPDATE SET school_id = EXCLUDED.school_id, stage = EXCLUDED.stage,
        grade = EXCLUDED.grade, class_name = EXCLUDED.class_name, boarding = EXCLUDED.boarding,
        rural_hukou = EXCLUDED.rural_hukou, hukou_region_id = EXCLUDED.hukou_region_id,
        entered_on = EXCLUDED.entered_on, left_behind = EXCLUDED.left_behind, orphan = EXCLUDED.orphan,
        disability_hint = EXCLUDED.disability_hint, phone = EXCLUDED.phone, phone_hash = EXCLUDED.phone_hash,
        school_path = EXCLUDED.school_path, row_id = EXCLUDED.row_id
    WHERE starts_with(e.school_path, %(scope)s) OR {own_row("e.row_id")}
"""

_GUARDIANS = f"""
    INSERT INTO students_guardian (student_id, person_id, name, relation, row_id)
    SELECT DISTINCT ON (todo.person, r.data->>'guardian_name') todo.person, g.id, r.data->>'guardian_name',
        COALESCE(r.data->>'guardian_relation', ''), r.id
    {_OF_PERSON} LEFT JOIN students_person g ON g.id_hash = r.second_hash
    WHERE f.kind = %(kind)s AND r.data->>'guardian_name' <> ''
    ORDER BY todo.person, r.data->>'guardian_name', f.id DESC, r.number
    ON CONFLICT (student_id, name) DO UPDATE SET person_id = EXCLUDED.person_id, relation = EXCLUDED.relation
    WHERE (students_guardian.person_id, students_guardian.relation)
        IS DISTINCT FROM (EXCLUDED.person_id, EXCLUDED.relation)
"""

# --- households and hardship ------------------------------------------------------------------------------------

# The nearest division that is in the table: a village newer than the shipped list still finds its township.
_VILLAGE = "(SELECT g.code " + divisions_above("r.data->>'village_code'") + " LIMIT 1)"

_HOUSEHOLDS = f"""
    INSERT INTO students_household AS h (number, region_id, path, head_id, phone, phone_hash, size, kind, exit_status,
        cause, income_per_head, monitored, risk_cleared, row_id)
    SELECT DISTINCT ON (r.data->>'household_number') r.data->>'household_number', g.code, g.path,
        CASE WHEN r.data->>'relation' = '户主' THEN p.id END, r.phone_cipher, r.phone_hash,
        (r.data->>'household_size')::smallint, COALESCE(r.data->>'household_type', ''),
        COALESCE(r.data->>'exit_status', ''), COALESCE(r.data->>'cause', ''), (r.data->>'income_per_head')::numeric,
        COALESCE(r.data->>'monitored', ''), (r.data->>'risk_cleared')::boolean, r.id
    {_ROWS} JOIN aidcases_region g ON g.code = {_VILLAGE}
    WHERE f.kind = %(kind)s
    ORDER BY r.data->>'household_number', f.id DESC, (r.data->>'relation' = '户主') DESC, r.number
    ON CONFLICT (number) DO UPDATE SET region_id = EXCLUDED.region_id, path = EXCLUDED.path,
        head_id = COALESCE(EXCLUDED.head_id, h.head_id), phone = EXCLUDED.phone, phone_hash = EXCLUDED.phone_hash,
        size = EXCLUDED.size, kind = EXCLUDED.kind, exit_status = EXCLUDED.exit_status, cause = EXCLUDED.cause,
        income_per_head = EXCLUDED.income_per_head, monitored = EXCLUDED.monitored,
        risk_cleared = EXCLUDED.risk_cleared, row_id = EXCLUDED.row_id
    WHERE (EXCLUDED.head_id IS NOT NULL OR h.head_id IS NULL) AND starts_with(h.path, %(scope)s)
"""

_MEMBERS = f"""
    INSERT INTO students_member AS m (household_id, person_id, relation, health, studying, from_on, row_id)
    SELECT DISTINCT ON (p.id, h.id) h.id, p.id, COALESCE(r.data->>'relation', ''), COALESCE(r.data->>'health', ''),
        COALESCE(r.data->>'studying', ''), COALESCE((r.data->>'identified_on')::date, %(earliest)s), r.id
    {_ROWS} JOIN students_household h ON h.number = r.data->>'household_number' AND starts_with(h.path, %(scope)s)
    WHERE f.kind = %(kind)s ORDER BY p.id, h.id, f.id DESC, r.number
    ON CONFLICT (person_id, household_id) DO UPDATE SET relation = EXCLUDED.relation, health = EXCLUDED.health,
        studying = EXCLUDED.studying, from_on = EXCLUDED.from_on, row_id = EXCLUDED.row_id
"""

_HARDSHIP_COLUMNS = (
    "person_id, category, source, from_on, active, office_path, detail, proof, proof_hash, proof_last4, row_id"
)

_POOR = f"""
    INSERT INTO students_hardship ({_HARDSHIP_COLUMNS})
    SELECT DISTINCT ON (p.id, c.category) p.id, c.category, f.kind,
        COALESCE((r.data->>'identified_on')::date, %(earliest)s), true, f.path, '', NULL::bytea, NULL::bytea, '', r.id
    {_ROWS} CROSS JOIN LATERAL (
        SELECT 'registered_poor' AS category WHERE (r.data->>'registered_poor')::boolean
        UNION ALL SELECT r.data->>'monitored' WHERE r.data->>'monitored' <> '') c
    WHERE f.kind = %(kind)s ORDER BY p.id, c.category, f.id DESC, r.number
    ON CONFLICT (person_id, category, source, from_on, office_path) DO NOTHING
"""

_LISTED_CATEGORY = """CASE f.kind WHEN 'disabled' THEN 'disabled' WHEN 'orphans' THEN r.data->>'category'
    ELSE f.kind || CASE WHEN (r.data->>'rural')::boolean THEN '_rural' ELSE '_urban' END END"""
# A certificate that ran out before the earliest term was valid on its last day, not for ever.
_LISTED_FROM = "COALESCE((r.data->>'from_on')::date, LEAST(%(earliest)s, (r.data->>'until_on')::date))"
_LISTED_DETAIL = "COALESCE(r.data->>'class', r.data->>'support_form', r.data->>'disability_kind', '')"

_LISTED = f"""
    INSERT INTO students_hardship AS h ({_HARDSHIP_COLUMNS})
    SELECT DISTINCT ON (p.id, {_LISTED_CATEGORY}, {_LISTED_FROM}) p.id, {_LISTED_CATEGORY}, f.kind, {_LISTED_FROM},
        true, f.path, left({_LISTED_DETAIL}, 60), r.number_cipher, r.number_hash, r.number_last4, r.id
    {_ROWS} WHERE f.kind = %(kind)s
    ORDER BY p.id, {_LISTED_CATEGORY}, {_LISTED_FROM}, f.id DESC, r.number
    ON CONFLICT (person_id, category, source, from_on, office_path) DO UPDATE SET active = true,
        detail = EXCLUDED.detail, proof = EXCLUDED.proof, proof_hash = EXCLUDED.proof_hash,
        proof_last4 = EXCLUDED.proof_last4, row_id = EXCLUDED.row_id
"""

# 截止 and 有效期至 are inclusive: the closing row starts the day after.
_LISTED_END = f"""
    INSERT INTO students_hardship ({_HARDSHIP_COLUMNS})
    SELECT DISTINCT ON (p.id, {_LISTED_CATEGORY}, (r.data->>'until_on')::date) p.id, {_LISTED_CATEGORY}, f.kind,
        (r.data->>'until_on')::date + 1, false, f.path, '', NULL::bytea, NULL::bytea, '', r.id
    {_ROWS} WHERE f.kind = %(kind)s AND r.data->>'until_on' IS NOT NULL
        AND (r.data->>'until_on')::date + 1 > {_LISTED_FROM}
    ORDER BY p.id, {_LISTED_CATEGORY}, (r.data->>'until_on')::date, f.id DESC, r.number
    ON CONFLICT (person_id, category, source, from_on, office_path) DO NOTHING
"""

# A renewed certificate: an end that lies within the time the row now grants is no end any more.
_LISTED_RENEWED = f"""
    DELETE FROM students_hardship h USING (SELECT p.id, f.kind, f.path, r.data {_ROWS} WHERE f.kind = %(kind)s) r
    WHERE h.person_id = r.id AND h.source = r.kind AND h.office_path = r.path AND NOT h.active
      AND h.from_on > {_LISTED_FROM} AND h.from_on <= (r.data->>'until_on')::date
"""

# A list that now says rural where it said urban (or the reverse) ends the other from its own first day.
_LISTED_OTHER = f"""
    INSERT INTO students_hardship ({_HARDSHIP_COLUMNS})
    SELECT DISTINCT ON (o.person_id, o.category) o.person_id, o.category, o.source,
        GREATEST({_LISTED_FROM}, o.from_on), false, o.office_path, '', NULL::bytea, NULL::bytea, '', r.id
    {_ROWS} JOIN students_hardship o ON o.person_id = p.id AND o.source = f.kind AND o.office_path = f.path
        AND o.active AND o.category <> {_LISTED_CATEGORY}
    WHERE f.kind = %(kind)s ORDER BY o.person_id, o.category, o.from_on DESC
    ON CONFLICT (person_id, category, source, from_on, office_path) DO UPDATE SET active = false
"""

_IN_REGISTER = """EXISTS (SELECT FROM students_member n
    JOIN students_household k ON k.id = n.household_id AND k.number IS NOT NULL WHERE n.person_id = {who})"""

_HEAD_KNOWN, _MEMBER_KNOWN = _IN_REGISTER.format(who="head.id"), _IN_REGISTER.format(who="p.id")

# A family no register knows is a household of the importing office, by its head.
_UNLISTED_HOUSEHOLDS = f"""
    INSERT INTO students_household (number, region_id, path, head_id, kind, exit_status, cause, monitored, row_id)
    SELECT DISTINCT ON (head.id) NULL, o.region_id, f.path, head.id, '低保户', '', '', '', r.id
    {_ROWS} JOIN aidcases_organisation o ON o.id = f.office_id AND o.region_id IS NOT NULL
    JOIN students_person head ON head.id_hash = r.second_hash
    WHERE f.kind = %(kind)s AND NOT {_HEAD_KNOWN} AND NOT {_MEMBER_KNOWN}
    ORDER BY head.id, r.number
    ON CONFLICT (head_id) WHERE number IS NULL DO NOTHING
"""

_UNLISTED_MEMBERS = f"""
    INSERT INTO students_member (household_id, person_id, relation, health, studying, from_on, row_id)
    SELECT DISTINCT ON (p.id, h.id) h.id, p.id, COALESCE(r.data->>'relation', ''), '', '', {_LISTED_FROM}, r.id
    {_ROWS} JOIN students_person head ON head.id_hash = r.second_hash
    JOIN students_household h ON h.head_id = head.id AND h.number IS NULL AND starts_with(h.path, %(scope)s)
    WHERE f.kind = %(kind)s ORDER BY p.id, h.id, r.number
    ON CONFLICT (person_id, household_id) DO NOTHING
"""

# Once the register knows the head or the member, the register's household is the family's.
_ABSORBED_MEMBERS = f"""
    DELETE FROM students_member m USING students_household h
    WHERE h.id = m.household_id AND h.number IS NULL
      AND ({_IN_REGISTER.format(who="m.person_id")} OR {_IN_REGISTER.format(who="h.head_id")})
"""
_ABSORBED = """
    DELETE FROM students_household h
    WHERE h.number IS NULL AND NOT EXISTS (SELECT FROM students_member m WHERE m.household_id = h.id)
"""

# --- lists that are only compared, schools ----------------------------------------------------------------------

_ROSTER = f"""
    INSERT INTO students_rosterentry (kind, term, person_id, region_id, present, reason, row_id)
    SELECT DISTINCT ON (p.id, f.term) f.kind, f.term, p.id, r.data->>'hukou_code', (r.data->>'present')::boolean,
        left(COALESCE(r.data->>'absence_reason', ''), 200), r.id
    {_ROWS} WHERE f.kind = %(kind)s ORDER BY p.id, f.term, f.id DESC, r.number
    ON CONFLICT (kind, term, person_id) DO UPDATE SET region_id = EXCLUDED.region_id, present = EXCLUDED.present,
        reason = EXCLUDED.reason, row_id = EXCLUDED.row_id
"""

_ATTENDANCE = f"""
    INSERT INTO students_attendance AS a (student_id, month, school_id, school_path, days_due, days_absent,
        days_unexcused, reason, row_id)
    SELECT DISTINCT ON (p.id, r.data->>'month') p.id, r.data->>'month', s.id, s.path, (r.data->>'days_due')::numeric,
        (r.data->>'days_absent')::numeric, (r.data->>'days_unexcused')::numeric, COALESCE(r.data->>'reason', ''), r.id
    {_ROWS} JOIN students_student st ON st.person_id = p.id
    JOIN aidcases_school s ON s.code = r.data->>'school_code'
    WHERE f.kind = %(kind)s ORDER BY p.id, r.data->>'month', f.id DESC, r.number
    ON CONFLICT (month, student_id) DO UPDATE SET school_id = EXCLUDED.school_id, school_path = EXCLUDED.school_path,
        days_due = EXCLUDED.days_due, days_absent = EXCLUDED.days_absent, days_unexcused = EXCLUDED.days_unexcused,
        reason = EXCLUDED.reason, row_id = EXCLUDED.row_id
    WHERE starts_with(a.school_path, %(scope)s)
"""

_SCHOOLS = """
    INSERT INTO aidcases_school AS s (code, name, initials, stages, region_id, path, public, rural)
    SELECT DISTINCT ON (r.data->>'code') r.data->>'code', r.data->>'name', r.initials,
        ARRAY(SELECT jsonb_array_elements_text(r.data->'stages')), g.code, g.path || (r.data->>'code') || '/',
        COALESCE((r.data->>'public')::boolean, true), COALESCE((r.data->>'rural_school')::boolean,
            (SELECT o.rural FROM aidcases_school o WHERE o.code = r.data->>'code'), true)
    FROM todo JOIN students_importrow r ON r.id = todo.row
    JOIN students_importfile f ON f.id = r.file_id AND f.kind = %(kind)s
    JOIN aidcases_region g ON g.code = r.data->>'region_code'
    ORDER BY r.data->>'code', f.id DESC, r.number
    ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name, initials = EXCLUDED.initials, stages = EXCLUDED.stages,
        region_id = EXCLUDED.region_id, path = EXCLUDED.path, public = EXCLUDED.public, rural = EXCLUDED.rural
    WHERE starts_with(s.path, %(scope)s)
"""

_FEES = """
    INSERT INTO aidcases_schoolfee (school_id, from_on, annual_fee)
    SELECT DISTINCT ON (s.id) s.id, %(first_day)s, (r.data->>'annual_fee')::numeric
    FROM todo JOIN students_importrow r ON r.id = todo.row
    JOIN students_importfile f ON f.id = r.file_id AND f.kind = %(kind)s
    JOIN aidcases_school s ON s.code = r.data->>'code'
    WHERE r.data->>'annual_fee' IS NOT NULL AND (starts_with(s.path, %(scope)s) OR r.state = 'new') ORDER BY s.id, r.number
    ON CONFLICT (school_id, from_on) DO UPDATE SET annual_fee = EXCLUDED.annual_fee
"""

# A school that moved to another division takes its enrolments' paths along.
_SCHOOL_PATHS = """
    UPDATE students_enrolment e SET school_path = s.path FROM aidcases_school s
    WHERE s.id = e.school_id AND e.school_path <> s.path
"""

APPLY: dict[str, tuple[str, ...]] = {
    RosterKind.SCHOOLS: (_SCHOOLS, _FEES, _SCHOOL_PATHS),
    RosterKind.POVERTY: (_ETHNICITY, _POOR_CHILDREN, _HOUSEHOLDS, _MEMBERS, _POOR, _ABSORBED_MEMBERS, _ABSORBED),
    RosterKind.ROLL: (_ETHNICITY, _STUDENTS, _ENROLMENTS, _GUARDIANS),
    RosterKind.COLLEGE: (_STUDENTS, _NEW_SCHOOLS, _ENROLMENTS, _GUARDIANS),
    RosterKind.DIBAO: (_LISTED, _LISTED_RENEWED, _LISTED_END, _LISTED_OTHER, _UNLISTED_HOUSEHOLDS, _UNLISTED_MEMBERS),
    RosterKind.TEKUN: (_LISTED, _LISTED_RENEWED, _LISTED_END, _LISTED_OTHER),
    RosterKind.DISABLED: (_LISTED, _LISTED_RENEWED, _LISTED_END),
    RosterKind.POPULATION: (_STUDENTS, _ROSTER),
    RosterKind.PRESENT: (_ROSTER,),
    RosterKind.ORPHANS: (_LISTED, _LISTED_RENEWED, _LISTED_END, _LISTED_OTHER),
    RosterKind.ATTENDANCE: (_ATTENDANCE,),
    RosterKind.STUDENTS: (_STUDENTS, _ENROLMENTS),
}

# What rests on this office's rows of people whose name was decided anew; laid again from the rows that stand.
CLEAR = tuple(
    f"DELETE FROM {table} WHERE {person} = ANY(%(people)s) AND {own_row('row_id')}"
    for table, person in (
        ("students_hardship", "person_id"),
        ("students_member", "person_id"),
        ("students_rosterentry", "person_id"),
        ("students_guardian", "student_id"),
        ("students_enrolment", "student_id"),
        ("students_attendance", "student_id"),
    )
)

# The tables a kind writes (with the columns other statements choose their plans by).
WRITTEN: dict[str, tuple[str, ...]] = {
    RosterKind.SCHOOLS: ("aidcases_school", "aidcases_schoolfee"),
    RosterKind.POVERTY: (
        "students_household (id, number, head_id)",
        "students_member (person_id, household_id)",
        "students_hardship (person_id, category, source, from_on, active)",
    ),
    RosterKind.ROLL: (
        "students_enrolment (term, student_id, school_id)",
        "students_student (person_id)",
        "students_guardian (student_id)",
    ),
    RosterKind.COLLEGE: ("students_enrolment (term, student_id, school_id)", "students_student (person_id)"),
    RosterKind.DIBAO: ("students_hardship (person_id, category, source, from_on, active)",),
    RosterKind.TEKUN: ("students_hardship (person_id, category, source, from_on, active)",),
    RosterKind.DISABLED: ("students_hardship (person_id, category, source, from_on, active)",),
    RosterKind.POPULATION: ("students_rosterentry (kind, term, person_id)", "students_student (person_id)"),
    RosterKind.PRESENT: ("students_rosterentry (kind, term, person_id)",),
    RosterKind.ORPHANS: ("students_hardship (person_id, category, source, from_on, active)",),
    RosterKind.ATTENDANCE: ("students_attendance (month, student_id)",),
    RosterKind.STUDENTS: ("students_enrolment (term, student_id, school_id)", "students_student (person_id)"),
}
