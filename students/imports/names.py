"""Name authority: one number under two names. Roll or college list > poverty register > other lists.

Within an office the outcome never depends on which file came first: the highest authority's name stands when it is
one name; a row of lower authority under another name waits in review and its facts do not count. Two names of equal
highest authority: every row of that number waits.

Between offices nothing is unseated: the name under which another office's committed rows stand is the number's name,
and whatever says otherwise waits. An office is a path; what lies under it is its own.

What a clerk has decided of a name (students.imports.deciding) holds for every row of that office, number and name:
one chosen counts more than any list, one known to be the same person or refused has no vote.
"""

from __future__ import annotations

from typing import Any

from aidcases import sql
from students.enums import NAME_AUTHORITY
from students.imports import journal
from students.models import ImportFile

NAME = "name"  # the reason code of such a row
DECIDED = "decided"  # the reason of a refused row, the warning of one that counts because somebody said so
CHOSEN = 9  # the authority of a name that a clerk has chosen

_AUTHORITY = "CASE f.kind " + " ".join(f"WHEN '{k.value}' THEN {v}" for k, v in NAME_AUTHORITY.items()) + " ELSE 0 END"


def find_disputed(file: ImportFile) -> int:
    """Fills the temporary table `disputed` (id_hash): numbers of this file that are known under another name, here or
    anywhere. Few, so that only they need the evidence of all lists. Returns how many."""
    return dispute(
        """
        SELECT r.id_hash FROM students_importrow r JOIN students_person p ON p.id_hash = r.id_hash
        WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND p.name_authority > 0
          AND (p.name <> r.name OR p.name_undecided)
        UNION
        SELECT r.id_hash FROM students_importrow r
        WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND r.id_hash IS NOT NULL
        GROUP BY r.id_hash HAVING min(r.name) <> max(r.name)
        """,
        {"file": file.pk},
    )


def dispute(hashes: str, params: dict[str, Any]) -> int:
    """The same for the numbers a SELECT names."""
    sql.temporary("disputed", "(id_hash bytea PRIMARY KEY)")
    return sql.run(f"INSERT INTO disputed {hashes}", params)


# The last word of an office on a number and name; of several names it chose, the last one stands. A name under which
# somebody was merged (path '': whoever says it) is the same person's.
_RULED = """AS
    WITH last AS (
        SELECT DISTINCT ON (d.path, d.id_hash, d.name) d.id, d.path, d.id_hash, d.name, d.outcome
        FROM students_decision d JOIN disputed USING (id_hash)
        WHERE d.state = 'applied' AND %(name)s = ANY(string_to_array(d.reason, '+'))
        ORDER BY d.path, d.id_hash, d.name, d.id DESC
    )
    SELECT path, id_hash, name, CASE WHEN outcome <> 'row'
        OR id = max(id) FILTER (WHERE outcome = 'row') OVER (PARTITION BY path, id_hash) THEN outcome ELSE '' END AS outcome
    FROM last
    UNION ALL
    SELECT '', p.id_hash, a.name, 'known' FROM students_personalias a JOIN students_person p ON p.id = a.person_id
    JOIN disputed q ON q.id_hash = p.id_hash WHERE a.name <> p.name
"""


def _ruled(row: str, path: str, outcomes: str) -> str:
    return f"""EXISTS (SELECT FROM ruled k WHERE k.id_hash = {row}.id_hash AND k.name = {row}.name
        AND k.path IN ({path}, '') AND k.outcome IN ({outcomes}))"""


def judge(file: ImportFile) -> None:
    """Fills the temporary table `verdict` (id_hash, name or NULL when undecided, authority, foreign) for the disputed
    numbers: the name another office stands by (foreign), else from this office's committed lists and this file."""
    sql.temporary("ruled", _RULED, {"name": NAME})
    sql.temporary(
        "verdict",
        f"""AS
        WITH said AS (
            SELECT r.id_hash, r.name, r.state, starts_with(f.path, %(office)s) AS own,
                CASE WHEN {_ruled("r", "f.path", "'row'")} THEN {CHOSEN} ELSE {_AUTHORITY} END AS authority
            FROM students_importrow r
            JOIN disputed d ON d.id_hash = r.id_hash
            JOIN students_importfile f ON f.id = r.file_id
            WHERE r.state <> 'rejected' AND (f.state = 'committed' OR f.id = %(file)s)
              AND NOT {_ruled("r", "f.path", "'known', 'refuse'")}
        ), elsewhere AS (
            SELECT id_hash, min(name) AS name FROM said
            WHERE NOT own AND state IN ('new', 'changed', 'unchanged') GROUP BY id_hash
        ), ranked AS (
            SELECT id_hash, name, authority, max(authority) OVER (PARTITION BY id_hash) AS highest FROM said WHERE own
        ), top AS (
            SELECT id_hash, CASE WHEN count(DISTINCT name) = 1 THEN min(name) END AS name, max(authority) AS authority
            FROM ranked WHERE authority = highest GROUP BY id_hash
        )
        SELECT d.id_hash, COALESCE(e.name, t.name) AS name, COALESCE(t.authority, 0) AS authority,
            e.name IS NOT NULL AS "foreign"
        FROM disputed d LEFT JOIN elsewhere e USING (id_hash) LEFT JOIN top t USING (id_hash)
        WHERE e.id_hash IS NOT NULL OR t.id_hash IS NOT NULL
        """,
        {"file": file.pk, "office": file.path},
    )


def review_rows(file: ImportFile) -> int:
    """Sends this file's rows that lose by name to review; what they wait for besides stays said. A row that was
    refused before is refused again, one known to be the same person counts under the name that stands."""
    params = {"file": file.pk, "name": NAME, "office": file.path, "decided": DECIDED}
    sql.run(
        f"""
        UPDATE students_importrow r SET state = 'rejected', changes = '{{}}', reasons = ARRAY[%(decided)s]::varchar[]
        FROM disputed d LEFT JOIN verdict v USING (id_hash)
        WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND d.id_hash = r.id_hash
          AND v.name IS DISTINCT FROM r.name AND {_ruled("r", "%(office)s", "'refuse'")}
        """,
        params,
    )
    keep_known(file)
    return sql.run(
        f"""
        UPDATE students_importrow r SET state = 'review', changes = '{{}}',
            reasons = CASE WHEN r.state = 'review' THEN r.reasons ELSE '{{}}' END || ARRAY[%(name)s]::varchar[]
        FROM verdict v
        WHERE r.file_id = %(file)s AND r.state <> 'rejected' AND v.id_hash = r.id_hash
          AND (v.name IS NULL OR v.name <> r.name) AND NOT {_ruled("r", "%(office)s", "'known'")}
        """,
        params,
    )


def keep_known(file: ImportFile) -> None:
    """Rows known to be the same person's count under the name that stands: another name is no change."""
    sql.run(
        f"""
        UPDATE students_importrow r SET changes = r.changes - 'name',
            state = CASE WHEN r.state = 'changed' AND r.changes - 'name' = '{{}}' THEN 'unchanged' ELSE r.state END,
            warnings = array_append(array_remove(r.warnings, %(decided)s), %(decided)s)
        FROM disputed d WHERE r.file_id = %(file)s AND r.state IN ('new', 'changed', 'unchanged')
          AND d.id_hash = r.id_hash AND {_ruled("r", "%(office)s", "'known'")}
        """,
        {"file": file.pk, "office": file.path, "decided": DECIDED},
    )


def settle(file: ImportFile, *, committed: bool = False) -> list[int]:
    """On commit: people take the verdict's name; rows of this office's other files change sides, and of this one too
    once it is committed. Returns the people (ids) whose facts must be laid anew because a row of theirs lost or won."""
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
        f"""
        WITH swung AS (
            UPDATE students_importrow r
            SET state = CASE WHEN r.reasons <@ ARRAY[%(name)s]::varchar[] AND v.name = r.name THEN 'changed'
                             ELSE 'review' END,
                reasons = CASE WHEN v.name = r.name THEN array_remove(r.reasons, %(name)s)
                               ELSE CASE WHEN r.state = 'review' THEN r.reasons ELSE '{{}}' END
                                    || ARRAY[%(name)s]::varchar[] END
            FROM verdict v, students_importfile f
            WHERE v.id_hash = r.id_hash AND f.id = r.file_id AND f.state = 'committed'
              AND (f.id <> %(file)s OR %(committed)s) AND starts_with(f.path, %(office)s) AND r.state <> 'rejected'
              AND (v.name IS NOT DISTINCT FROM r.name) = (%(name)s = ANY(r.reasons))
              AND NOT {_ruled("r", "f.path", "'known'")}
            RETURNING {journal.SIDES_RETURNED}
        ), written AS ({journal.KEEP_SIDES})
        SELECT p.id AS person, swung.file_id AS file FROM swung JOIN students_person p ON p.id_hash = swung.id_hash
        """,
        {"file": file.pk, "name": NAME, "office": file.path, "committed": committed},
    )
    from students.imports.pipeline import recount

    for pk in {row["file"] for row in swung}:
        recount(pk)
    return sorted({row["person"] for row in swung})
