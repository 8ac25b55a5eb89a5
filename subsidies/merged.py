"""Two students turn out to be one: applications, refusals, determinations, lines and what was computed follow, and come
back.

What is only computed (entitlements that nobody has listed, missing figures, adjustments) goes: the students are marked,
and the next recompute makes it anew. What a batch has listed stays listed: both children's lines are the one's now, and
where they were listed for the same thing the recompute shows what was paid twice. Where both applied in a term, the
application that has come further is the child's, the other one stands beside it (state `doubled`) with all its papers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction

from aidcases import sql
from aidcases.flow import Refused

# Rows with a key of their own move; of two of the same place (a term, a panel's member) the one who stays keeps its own.
_MOVE = {
    "subsidies_application": "false",
    "subsidies_noticeline": "false",
    "subsidies_refusal": "false",
    "subsidies_panelmember_children": "o.panelmember_id = t.panelmember_id",
    "subsidies_determination": "o.term = t.term",
    "subsidies_unpaidreason": "(o.term, o.benefit_id) = (t.term, t.benefit_id)",
    "subsidies_recovery": "false",
    "subsidies_rehearsalrow": "false",
    "subsidies_entitlementchange": "false",
}
# Of two applications of a term the one that is further on stands; where they are equally far, the survivor's.
_DOUBLED = """
    WITH ranked AS (
        SELECT id, state, row_number() OVER (
            PARTITION BY term ORDER BY array_position(ARRAY['approved', 'county_review', 'notice_closed', 'in_notice',
                'panel_reviewed', 'submitted', 'cancelled', 'not_hard', 'rejected', 'draft']::text[], state::text) NULLS LAST,
                student_id = %(keep)s DESC, id
        ) AS place FROM subsidies_application WHERE student_id IN (%(keep)s, %(going)s) AND state <> 'doubled'
    )
    UPDATE subsidies_application a SET state = 'doubled' FROM ranked
    WHERE a.id = ranked.id AND ranked.place > 1 RETURNING a.id, ranked.state
"""
_TAKEN_SEATS = "撤销合并后又有两份认定申请，但名额已经用完。请先请县学生资助管理中心增加学校的名额。"
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
    told: dict[str, Any] = {"moved": {}, "taken": {}, "doubled": sql.rows(_DOUBLED, ids)}
    for table, same in _MOVE.items():
        told["taken"][table] = _rows(
            f"DELETE FROM {table} t WHERE student_id = %(going)s AND EXISTS (SELECT FROM {table} o "
            f"WHERE o.student_id = %(keep)s AND {same}) RETURNING to_jsonb(t)::text AS row",
            ids,
        )
        told["moved"][table] = _keys(
            f"UPDATE {table} SET student_id = %(keep)s WHERE student_id = %(going)s RETURNING id", ids
        )
    _responsible(ids, told)
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
        told["taken"][table] = _rows(
            f"DELETE FROM {table} t WHERE student_id = %(going)s RETURNING to_jsonb(t)::text AS row", ids
        )
    told["added"] = sql.rows(_FROZEN_OVER, {**ids, "rows": told["taken"]["subsidies_entitlement"]})
    _mark(ids)
    return told


def _responsible(ids: dict[str, int], told: dict[str, Any]) -> None:
    """Who answers for the child: keyed by the child itself."""
    told["taken"]["subsidies_responsible"] = _rows(
        "DELETE FROM subsidies_responsible t WHERE student_id = %(going)s RETURNING to_jsonb(t)::text AS row", ids
    )
    told["named"] = sql.run(
        """INSERT INTO subsidies_responsible SELECT r.* FROM unnest(%(rows)s::text[]) row CROSS JOIN LATERAL
           jsonb_populate_record(NULL::subsidies_responsible, row::jsonb || '{"student_id": %(keep)s}') r
           ON CONFLICT DO NOTHING""",
        {**ids, "rows": told["taken"]["subsidies_responsible"]},
    )


_FROZEN_OVER = """
    INSERT INTO subsidies_entitlement SELECT e.* FROM unnest(%(rows)s::text[]) row
    CROSS JOIN LATERAL jsonb_populate_record(NULL::subsidies_entitlement, row::jsonb || '{"student_id": %(keep)s}') e
    WHERE e.frozen ON CONFLICT DO NOTHING RETURNING term, benefit_id
"""


def part(keep: int, going: int, told: dict[str, Any]) -> None:
    """Everything that was moved and still is where it was put goes back."""
    ids = {"keep": keep, "going": going}
    if told.get("named"):  # the name that came over goes back, unless somebody has set another since
        sql.run(
            """DELETE FROM subsidies_responsible s USING unnest(%(rows)s::text[]) row
               WHERE s.student_id = %(keep)s AND to_jsonb(s) - 'student_id' = row::jsonb - 'student_id'""",
            {**ids, "rows": told["taken"]["subsidies_responsible"]},
        )
    for table, keys in told["moved"].items():
        sql.run(
            f"UPDATE {table} SET student_id = %(going)s WHERE student_id = %(keep)s AND id = ANY(%(keys)s)",
            {**ids, "keys": keys},
        )
    _stand_again(told.get("doubled", ()))
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


def _stand_again(doubled: Iterable[dict[str, Any]]) -> None:
    """What stood beside another application is one by itself again. Raises Refused where its seat is taken."""
    try:
        with transaction.atomic():
            for row in doubled:
                sql.run("UPDATE subsidies_application SET state = %(state)s WHERE id = %(id)s AND state = 'doubled'", row)
    except IntegrityError as broken:
        if "quota_has_headroom" not in str(broken):
            raise
        raise Refused(_TAKEN_SEATS) from None


def _rows(statement: str, params: dict[str, Any]) -> list[str]:
    return [row["row"] for row in sql.rows(statement, params)]


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
