"""Two students turn out to be one: lines of plans, measures and what is known of studying elsewhere follow, and come back.

Of two lines of a school year, or two records of a term, that of the one who stays counts; the other is kept for the way back.
"""

from __future__ import annotations

from typing import Any

from aidcases import sql

# table → what makes two rows one.
_ONCE = {"subsidies_planchild": "o.year = t.year", "subsidies_studyaway": "o.term = t.term"}
_MOVED = (*_ONCE, "subsidies_planmeasure")


def merge(keep: int, going: int) -> dict[str, Any]:
    """→ {"taken": {table: rows}, "moved": {table: keys}} for `part`."""
    ids = {"keep": keep, "going": going}
    told: dict[str, Any] = {"taken": {}, "moved": {}}
    for table, same in _ONCE.items():
        taken = f"""DELETE FROM {table} t WHERE student_id = %(going)s AND EXISTS (SELECT FROM {table} o
            WHERE o.student_id = %(keep)s AND {same}) RETURNING to_jsonb(t)::text AS row"""
        told["taken"][table] = [row["row"] for row in sql.rows(taken, ids)]
    for table in _MOVED:
        moved = f"UPDATE {table} SET student_id = %(keep)s WHERE student_id = %(going)s RETURNING id"
        told["moved"][table] = [row["id"] for row in sql.rows(moved, ids)]
    return told


def part(keep: int, going: int, told: dict[str, Any]) -> None:
    """Everything that was moved and still is where it was put goes back; what was taken comes again."""
    ids = {"keep": keep, "going": going}
    for table, keys in told["moved"].items():
        back = f"UPDATE {table} SET student_id = %(going)s WHERE student_id = %(keep)s AND id = ANY(%(keys)s)"
        sql.run(back, {**ids, "keys": keys})
    for table, rows in told["taken"].items():
        sql.run(
            f"INSERT INTO {table} SELECT r.* FROM unnest(%(rows)s::text[]) row "
            f"CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, row::jsonb) r ON CONFLICT DO NOTHING",
            {"rows": rows},
        )
