"""Two students turn out to be one: their lines as 两后生 and their calls follow, and come back.

Of two of one year the one of the student who goes steps back; its state is kept for the way back.
"""

from __future__ import annotations

from typing import Any

from aidcases import sql

# table → (the state a line steps back to, what makes two of them the same).
_ONCE = {
    "subsidies_trainee": ("struck", "o.year = t.year"),
    "subsidies_followup": ("void", "(o.year, o.number) = (t.year, t.number)"),
}
_STEP_BACK = """
    WITH twice AS (
        SELECT t.id, t.state AS before FROM {table} t WHERE t.student_id = %(going)s AND t.state <> %(state)s
        AND EXISTS (SELECT FROM {table} o WHERE o.student_id = %(keep)s AND o.state <> %(state)s AND {same})
    )
    UPDATE {table} t SET state = %(state)s FROM twice WHERE t.id = twice.id RETURNING t.id, twice.before
"""


def merge(keep: int, going: int) -> dict[str, Any]:
    """→ {table: {"back": [{id, before}], "moved": keys}} for `part`."""
    told = {}
    for table, (state, same) in _ONCE.items():
        ids = {"keep": keep, "going": going, "state": state}
        back = sql.rows(_STEP_BACK.format(table=table, same=same), ids)
        moved = sql.rows(f"UPDATE {table} SET student_id = %(keep)s WHERE student_id = %(going)s RETURNING id", ids)
        told[table] = {"back": back, "moved": [row["id"] for row in moved]}
    return told


def part(keep: int, going: int, told: dict[str, Any]) -> None:
    """Everything that was moved and still is where it was put goes back."""
    for table, done in told.items():
        back = f"UPDATE {table} SET student_id = %(going)s WHERE student_id = %(keep)s AND id = ANY(%(keys)s)"
        sql.run(back, {"keep": keep, "going": going, "keys": done["moved"]})
        for row in done["back"]:
            state = {**row, "state": _ONCE[table][0]}
            sql.run(f"UPDATE {table} SET state = %(before)s WHERE id = %(id)s AND state = %(state)s", state)
