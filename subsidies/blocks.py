"""Blocks of students (fixed ranges of the student key): which of them a run concerns."""

from __future__ import annotations

from aidcases import sql
from aidcases.terms import Term

BLOCK = 1 << 16

TABLES = ("students_enrolment", "subsidies_entitlement", "subsidies_missingfigure")


def covers_term(term: Term, path: str) -> bool:
    """Whether every school, or every home, of the term's students lies under the path, and so do the results of who
    has left: two looks into an index each."""
    for table in TABLES:
        ends = sql.one(
            "SELECT min(school_path) AS s0, max(school_path) AS s1, min(home_path) AS h0, max(home_path) AS h1 "
            f"FROM {table} WHERE term = %(term)s",
            {"term": term.code},
        )
        if ends["s0"] is not None and not any(
            all(ends[f"{side}{n}"].startswith(path) for n in (0, 1)) for side in "sh"
        ):
            return False
    return True


# The blocks that a table has in a term, each found by one look into the index.
_ALL_BLOCKS = """
    SELECT n AS block FROM (
        WITH RECURSIVE step (n) AS (
            SELECT (SELECT min(student_id) FROM {table} WHERE term = %(term)s) / %(width)s
            UNION ALL
            SELECT (SELECT min(student_id) FROM {table} WHERE term = %(term)s AND student_id >= (n + 1) * %(width)s) / %(width)s
            FROM step WHERE n IS NOT NULL
        ) SELECT n FROM step WHERE n IS NOT NULL
    ) found
"""
_BLOCKS_UNDER = """
    SELECT DISTINCT student_id / %(width)s AS block FROM {table}
    WHERE term = %(term)s AND (home_path LIKE %(under)s OR school_path LIKE %(under)s)
"""


def blocks_of(term: Term, path: str) -> list[int]:
    """Numbers of the blocks that hold students of the term with home or school under the path."""
    sql.run("ANALYZE subsidies_mark")  # what was just marked is new to the planner
    search = _ALL_BLOCKS if covers_term(term, path) else _BLOCKS_UNDER
    found = sql.rows(
        " UNION ".join(search.format(table=table) for table in TABLES) + " ORDER BY block",
        {"term": term.code, "under": path + "%", "width": BLOCK},
    )
    return [row["block"] for row in found]


def marked_blocks_of(term: Term) -> list[list[int]]:
    """Blocks with marked students, so many together as make one block's worth of work."""
    sql.run("ANALYZE subsidies_mark")  # what was just marked is new to the planner
    counted = sql.rows(
        "SELECT student_id / %(width)s AS block, count(*) AS marks FROM subsidies_mark WHERE term = %(term)s "
        "GROUP BY 1 ORDER BY 1",
        {"term": term.code, "width": BLOCK},
    )
    parts: list[list[int]] = []
    room = 0
    for row in counted:
        if row["marks"] > room:
            parts.append([])
            room = BLOCK
        parts[-1].append(row["block"])
        room -= row["marks"]
    return parts
