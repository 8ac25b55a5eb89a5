"""Staged rows → persons: who is new, whose name a list of higher authority gives, who was found by which office."""

from __future__ import annotations

from students.enums import RosterKind

# A row that waits gives nobody a home: such a person is found by no office yet.
_STANDS = "r.state <> 'review'"

_ENROLLED = "%(kind)s IN ('" + "', '".join((RosterKind.ROLL, RosterKind.COLLEGE, RosterKind.STUDENTS)) + "')"
_COVERED = """EXISTS (SELECT FROM aidcases_organisation o WHERE o.kind <> 'system' AND o.path <> '/'
    AND starts_with(h.path, o.path))"""

# Paths are what students.imports.homes says; most new people get them here already, which spares them a second writing.
PEOPLE = f"""
    INSERT INTO students_person (id_hash, id_number, id_last4, name, initials, name_authority, name_undecided, sex,
        birth_on, ethnicity, found_path, household_path, home_path, school_path, hukou_region_id)
    SELECT DISTINCT ON (r.id_hash) r.id_hash, r.id_cipher, r.id_last4, r.name, r.initials, %(authority)s, false, r.sex,
        r.birth_on, COALESCE(r.data->>'ethnicity', ''), CASE WHEN {_STANDS} THEN %(office)s ELSE '' END,
        CASE WHEN {_STANDS} THEN COALESCE(v.path, '') ELSE '' END,
        CASE WHEN {_STANDS} THEN COALESCE(v.path, CASE WHEN {_COVERED} THEN h.path END, %(office)s) ELSE '' END,
        CASE WHEN {_STANDS} THEN COALESCE(s.path, '') ELSE '' END, CASE WHEN {_STANDS} THEN h.code END
    FROM students_importrow r
    LEFT JOIN aidcases_region v ON v.code = r.data->>'village_code'
    LEFT JOIN aidcases_region h ON h.code = r.data->>'hukou_code'
    LEFT JOIN aidcases_school s ON s.code = r.data->>'school_code' AND {_ENROLLED}
    WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND r.id_hash IS NOT NULL
    ORDER BY r.id_hash, {_STANDS} DESC, r.number
    ON CONFLICT (id_hash) DO NOTHING
"""

SECOND_PEOPLE = """
    INSERT INTO students_person (id_hash, id_number, id_last4, name, initials, name_authority, name_undecided, sex,
        birth_on, ethnicity, found_path, household_path, home_path, school_path)
    SELECT DISTINCT ON (r.second_hash) r.second_hash, r.second_cipher, r.second_last4,
        COALESCE(r.data->>'guardian_name', r.data->>'head_name', ''), '', 0, false, '', NULL, '', %(office)s, '',
        %(office)s, ''
    FROM students_importrow r
    WHERE r.file_id = %(file)s AND r.state IN ('new', 'changed') AND r.second_hash IS NOT NULL
    ORDER BY r.second_hash, r.number
    ON CONFLICT (id_hash) DO NOTHING
"""

# A name of higher authority takes the place of the same or an unauthorised one; disputes are settled in names.py.
KNOWN_PEOPLE = f"""
    UPDATE students_person p SET
        name = CASE WHEN p.name_authority = 0 THEN r.name ELSE p.name END,
        initials = CASE WHEN p.name_authority = 0 OR p.initials = '' THEN r.initials ELSE p.initials END,
        name_authority = GREATEST(p.name_authority, %(authority)s),
        sex = r.sex, birth_on = r.birth_on,
        found_path = CASE WHEN {_STANDS} THEN LEAST(NULLIF(p.found_path, ''), %(office)s) ELSE p.found_path END
    FROM students_importrow r
    WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND p.id_hash = r.id_hash
      AND (p.name_authority < %(authority)s OR p.birth_on IS NULL OR p.found_path > %(office)s OR p.found_path = '')
      AND ({_STANDS} OR p.name_authority = 0)
"""

# The same for people one of whose rows, waiting so far, came to stand.
FOUND = """
    UPDATE students_person SET found_path = LEAST(NULLIF(found_path, ''), %(office)s)
    WHERE id = ANY(%(people)s) AND EXISTS (SELECT FROM students_importrow r JOIN students_importfile f ON f.id = r.file_id
        WHERE r.id_hash = students_person.id_hash AND f.state = 'committed' AND starts_with(f.path, %(office)s)
          AND r.state IN ('new', 'changed', 'unchanged'))
"""
