"""Name authority: one number under two names. Roll or college list > poverty register > other lists.

Within an office the outcome never depends on which file came first: the highest authority's name stands when it is
one name; a row of lower authority under another name waits in review and its facts do not count. Two names of equal
highest authority: every row of that number waits. (The deciding of reviews builds on this.)

Between offices nothing is unseated: the name under which another office's committed rows stand is the number's name,
and whatever says otherwise waits. An office is a path; what lies under it is its own.
"""

from __future__ import annotations

from aidcases import sql
from students.enums import NAME_AUTHORITY
from students.models import ImportFile

NAME = "name"  # the reason code of such a row

_AUTHORITY = "CASE f.kind " + " ".join(f"WHEN '{k.value}' THEN {v}" for k, v in NAME_AUTHORITY.items()) + " ELSE 0 END"


def find_disputed(file: ImportFile) -> int:
    """Fills the temporary table `disputed` (id_hash): numbers of this file that are known under another name, here or
    anywhere. Few, so that only they need the evidence of all lists. Returns how many."""
    sql.temporary("disputed", "(id_hash bytea PRIMARY KEY)")
    return sql.run(
        """
        INSERT INTO disputed
        SELECT r.id_hash FROM students_importrow r JOIN students_person p ON p.id_hash = r.id_hash
        WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND p.name_authority > 0
          AND (p.name <> r.name OR p.name_undecided)
        UNION
        SELECT r.id_hash FROM students_importrow r
        WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND r.id_hash IS NOT NULL
        GROUP BY r.id_hash HAVING count(DISTINCT r.name) > 1
        """,
        {"file": file.pk},
    )


def judge(file: ImportFile) -> None:
    """Fills the temporary table `verdict` (id_hash, name or NULL when undecided, authority, foreign) for the disputed
    numbers: the name another office stands by (foreign), else from this office's committed lists and this file."""
    sql.temporary(
        "verdict",
        f"""AS
        WITH said AS (
            SELECT r.id_hash, r.name, {_AUTHORITY} AS authority, r.state, starts_with(f.path, %(office)s) AS own
            FROM students_importrow r
            JOIN disputed d ON d.id_hash = r.id_hash
            JOIN students_importfile f ON f.id = r.file_id
            WHERE r.state <> 'rejected' AND (f.state = 'committed' OR f.id = %(file)s)
        ), elsewhere AS (
            SELECT id_hash, min(name) AS name FROM said
            WHERE NOT own AND state IN ('new', 'changed', 'unchanged') GROUP BY id_hash
        ), top AS (
            SELECT id_hash, name, authority, max(authority) OVER (PARTITION BY id_hash) AS highest FROM said WHERE own
        )
        SELECT t.id_hash, COALESCE(min(e.name), CASE WHEN count(DISTINCT t.name) = 1 THEN min(t.name) END) AS name,
            max(t.authority) AS authority, min(e.name) IS NOT NULL AS "foreign"
        FROM top t LEFT JOIN elsewhere e USING (id_hash) WHERE t.authority = t.highest GROUP BY t.id_hash
        """,
        {"file": file.pk, "office": file.path},
    )


def review_rows(file: ImportFile) -> int:
    """Sends this file's rows that lose by name to review; what they wait for besides stays said."""
    return sql.run(
        """
        UPDATE students_importrow r SET state = 'review', changes = '{}',
            reasons = CASE WHEN r.state = 'review' THEN r.reasons ELSE '{}' END || ARRAY[%(name)s]::varchar[]
        FROM verdict v
        WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND v.id_hash = r.id_hash
          AND (v.name IS NULL OR v.name <> r.name)
        """,
        {"file": file.pk, "name": NAME},
    )


def settle(file: ImportFile) -> list[int]:
    """On commit: people take the verdict's name; rows of this office's other files change sides. Returns the people
    (ids) whose facts must be laid anew because one of their rows lost or won."""
    sql.run(
        """
        UPDATE students_person p
        SET name = COALESCE(v.name, p.name), name_authority = v.authority, name_undecided = v.name IS NULL,
            initials = COALESCE((SELECT r.initials FROM students_importrow r
                                 WHERE r.id_hash = v.id_hash AND r.name = v.name LIMIT 1), p.initials)
        FROM verdict v WHERE v.id_hash = p.id_hash AND NOT v."foreign"
        """
    )
    swung = sql.rows(
        """
        WITH swung AS (
            UPDATE students_importrow r
            SET state = CASE WHEN r.reasons <@ ARRAY[%(name)s]::varchar[] AND v.name = r.name THEN 'changed'
                             ELSE 'review' END,
                reasons = CASE WHEN v.name = r.name THEN array_remove(r.reasons, %(name)s)
                               ELSE CASE WHEN r.state = 'review' THEN r.reasons ELSE '{}' END
                                    || ARRAY[%(name)s]::varchar[] END
            FROM verdict v, students_importfile f
            WHERE v.id_hash = r.id_hash AND f.id = r.file_id AND f.state = 'committed' AND f.id <> %(file)s
              AND starts_with(f.path, %(office)s) AND r.state <> 'rejected'
              AND (v.name IS NOT DISTINCT FROM r.name) = (%(name)s = ANY(r.reasons))
            RETURNING r.id_hash, r.file_id
        )
        SELECT p.id AS person, swung.file_id AS file FROM swung JOIN students_person p ON p.id_hash = swung.id_hash
        """,
        {"file": file.pk, "name": NAME, "office": file.path},
    )
    from students.imports.pipeline import recount

    for pk in {row["file"] for row in swung}:
        recount(pk)
    return sorted({row["person"] for row in swung})
