"""Two students turn out to be one: determinations, listed lines and what was computed follow, and come back.

What is only computed (entitlements that nobody has listed, missing figures, adjustments) goes: the students are marked,
and the next recompute makes it anew. What a batch has listed stays listed: both children's lines are the one's now, and
where they were listed for the same thing the recompute shows what was paid twice.
"""

from __future__ import annotations

from typing import Any

from aidcases import sql

# Rows with a key of their own move; of two for the same term or batch the one who stays keeps its own.
_MOVE = {
    "subsidies_determination": "o.term = t.term",
    "subsidies_unpaidreason": "(o.term, o.benefit_id) = (t.term, t.benefit_id)",
    "subsidies_recovery": "false",
    "subsidies_rehearsalrow": "false",
    "subsidies_entitlementchange": "false",
}
_COMPUTED = ("subsidies_entitlement", "subsidies_missingfigure", "subsidies_adjustment")
# Lines listed for both become instalments of one child's: no money is forgotten. In two steps by way of numbers that
# nobody has: of 1 and 2 the first cannot become 2 while the second is there.
_ASIDE = 1000
_SHIFTED = f"""
    UPDATE subsidies_payment t SET instalment = t.instalment + o.last + {_ASIDE} FROM (
        SELECT term, benefit_id, max(instalment) AS last FROM subsidies_payment
        WHERE student_id = %(keep)s AND state <> 'cancelled' GROUP BY term, benefit_id
    ) o
    WHERE t.student_id = %(going)s AND (o.term, o.benefit_id) = (t.term, t.benefit_id)
    RETURNING t.id, o.last
"""
_BACK_FROM_ASIDE = f"UPDATE subsidies_payment SET instalment = instalment - {_ASIDE} WHERE id = ANY(%s)"


def merge(keep: int, going: int) -> dict[str, Any]:
    """→ {"moved": {table: keys}, "taken": {table: rows}, "shifted": lines} for `part`."""
    ids = {"keep": keep, "going": going}
    told: dict[str, Any] = {"moved": {}, "taken": {}}
    for table, same in _MOVE.items():
        taken = sql.rows(
            f"DELETE FROM {table} t WHERE student_id = %(going)s AND EXISTS (SELECT FROM {table} o "
            f"WHERE o.student_id = %(keep)s AND {same}) RETURNING to_jsonb(t)::text AS row",
            ids,
        )
        told["taken"][table] = [each["row"] for each in taken]
        told["moved"][table] = _keys(
            f"UPDATE {table} SET student_id = %(keep)s WHERE student_id = %(going)s RETURNING id", ids
        )
    told["shifted"] = sql.rows(_SHIFTED, ids)
    sql.run(_BACK_FROM_ASIDE, [[line["id"] for line in told["shifted"]]])
    moved = "UPDATE subsidies_payment SET student_id = %(keep)s WHERE student_id = %(going)s RETURNING id"
    told["moved"]["subsidies_payment"] = _keys(moved, ids)
    # Listed ones go over, so that nobody lists them again.
    told["frozen"] = sql.rows(
        """UPDATE subsidies_entitlement t SET frozen = true FROM subsidies_entitlement g
           WHERE t.student_id = %(keep)s AND g.student_id = %(going)s AND g.frozen AND NOT t.frozen
             AND (g.term, g.benefit_id) = (t.term, t.benefit_id) RETURNING t.term, t.benefit_id""",
        ids,
    )
    for table in _COMPUTED:
        taken = sql.rows(f"DELETE FROM {table} t WHERE student_id = %(going)s RETURNING to_jsonb(t)::text AS row", ids)
        told["taken"][table] = [each["row"] for each in taken]
    told["added"] = sql.rows(_FROZEN_OVER, {**ids, "rows": told["taken"]["subsidies_entitlement"]})
    _mark(ids)
    return told


_FROZEN_OVER = """
    INSERT INTO subsidies_entitlement SELECT e.* FROM unnest(%(rows)s::text[]) row
    CROSS JOIN LATERAL jsonb_populate_record(NULL::subsidies_entitlement, row::jsonb || '{"student_id": %(keep)s}') e
    WHERE e.frozen ON CONFLICT DO NOTHING RETURNING term, benefit_id
"""


def part(keep: int, going: int, told: dict[str, Any]) -> None:
    """Everything that was moved and still is where it was put goes back."""
    ids = {"keep": keep, "going": going}
    for table, keys in told["moved"].items():
        sql.run(
            f"UPDATE {table} SET student_id = %(going)s WHERE student_id = %(keep)s AND id = ANY(%(keys)s)",
            {**ids, "keys": keys},
        )
    for line in told["shifted"]:
        aside = "UPDATE subsidies_payment SET instalment = instalment - %(last)s + %(aside)s WHERE id = %(id)s"
        sql.run(aside, {**line, "aside": _ASIDE})
    sql.run(_BACK_FROM_ASIDE, [[line["id"] for line in told["shifted"]]])
    for line in told["added"]:
        sql.run(
            "DELETE FROM subsidies_entitlement WHERE student_id = %(keep)s AND term = %(term)s AND benefit_id = %(benefit_id)s",
            {**ids, **line},
        )
    for line in told["frozen"]:
        sql.run(
            "UPDATE subsidies_entitlement SET frozen = false WHERE student_id = %(keep)s AND term = %(term)s "
            "AND benefit_id = %(benefit_id)s",
            {**ids, **line},
        )
    for table, rows in told["taken"].items():
        sql.run(
            f"INSERT INTO {table} SELECT r.* FROM unnest(%(rows)s::text[]) row "
            f"CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, row::jsonb) r ON CONFLICT DO NOTHING",
            {"rows": rows},
        )
    _mark(ids)


def _keys(statement: str, params: dict[str, Any]) -> list[int]:
    return [row["id"] for row in sql.rows(statement, params)]


def _mark(ids: dict[str, int]) -> None:
    """For every term either is enrolled in or entitled for."""
    sql.run(
        """INSERT INTO subsidies_mark (term, student_id)
           SELECT DISTINCT e.term, s.id FROM students_enrolment e CROSS JOIN (VALUES (%(keep)s), (%(going)s)) s (id)
           WHERE e.student_id IN (%(keep)s, %(going)s) ON CONFLICT DO NOTHING""",
        ids,
    )
