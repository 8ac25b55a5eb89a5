"""Two students turn out to be one: what the part has of both is the one's, and comes back.

Of two cases the one that has come further stands; what belongs to the other (visits, team, papers, placements) goes to it,
numbered on, and the other itself is kept in the merge until the two are told apart. Where both have a row of the same place
the one who stays keeps its own.
"""

from __future__ import annotations

import json
from typing import Any

from aidcases import sql
from aidcases.scoping import current_actor
from dropout import rounds
from dropout.models.cases import OUT_OF_SCHOOL

# Rows of students; of two of the same place the one who stays keeps its own.
_OF_STUDENT = {
    "dropout_difference": "o.term = t.term",
    "dropout_deferral": "o.from_on = t.from_on",
    "dropout_warningline": "o.term = t.term",
    "dropout_examresult": "o.term = t.term",
    "dropout_carefile": "o.kind = t.kind AND o.ended_on IS NULL AND t.ended_on IS NULL",
    "dropout_carevisit": "false",
    "dropout_inspectionline": "o.inspection_id = t.inspection_id",
}
# Rows of cases, in the same way.
_OF_CASE = {
    "dropout_visit": "false",
    "dropout_caseround": "false",
    "dropout_visitdraft": "o.user_id = t.user_id",
    "dropout_teammember": "o.seat = t.seat",
    "dropout_measure": "false",
    "dropout_legalstep": "false",
    "dropout_placement": "o.from_on = t.from_on",
    "dropout_difference": "false",
    "dropout_inspectionline": "false",
    "dropout_rectification": "false",
    "dropout_tip": "false",
}
_FURTHEST = """
    SELECT id, student_id FROM dropout_dropoutcase WHERE student_id IN (%(keep)s, %(going)s)
    ORDER BY array_position(ARRAY['legal', 'persuading', 'confirmed', 'watched', 'placed', 'returned', 'verifying',
        'suspected', 'closed', 'false_alarm']::text[], state::text), student_id = %(keep)s DESC
"""
# What a case counts of its rows; a case is put back where nobody has counted on since.
_COUNTED = """
    UPDATE dropout_dropoutcase s SET visits_made = s.visits_made + b.visits_made, persuasions = s.persuasions + b.persuasions,
        last_visit_on = GREATEST(s.last_visit_on, b.last_visit_on), placement_made = s.placement_made OR b.placement_made,
        team_named = s.team_named OR b.team_named
    FROM dropout_dropoutcase b WHERE s.id = %(stands)s AND b.id = %(beside)s
"""
# The round that ran in the other case is one that was: a dropout of the year stays counted.
_AS_ROUND = f"""
    INSERT INTO dropout_caseround (case_id, number, ended_on, {", ".join(rounds.KEPT)})
    SELECT %(stands)s, rounds, moved_on, {", ".join(rounds.KEPT)} FROM dropout_dropoutcase WHERE id = %(beside)s RETURNING id
"""
_SUMS, _FLAGS = ("visits_made", "persuasions"), ("last_visit_on", "placement_made", "team_named")
_ROW = "SELECT to_jsonb(t)::text AS row FROM dropout_dropoutcase t WHERE id = %s"
_BACK = "INSERT INTO {0} SELECT r.* FROM unnest(%s::text[]) row CROSS JOIN LATERAL jsonb_populate_record(NULL::{0}, row::jsonb) r"


def merge(keep: int, going: int) -> dict[str, Any]:
    """→ what `part` needs: rows moved and taken by table, the case that stood beside, the fact that was told."""
    ids = {"keep": keep, "going": going}
    told: dict[str, Any] = {"lines": _same_draws(ids)}
    told |= _moved(_OF_STUDENT, "student_id", keep, going)
    told["case"] = _one_case(ids)
    told["suspension"] = _told_who_pays(keep)
    return told


def part(keep: int, going: int, told: dict[str, Any]) -> None:
    """Everything that was moved and still is where it was put goes back."""
    if told["suspension"]:
        sql.run("DELETE FROM students_suspension WHERE id = %s", [told["suspension"]])
    _two_cases(keep, going, told["case"])
    _unmoved(told, "student_id", keep, going)
    for line in told["lines"]:
        moved = "UPDATE dropout_rectification SET line_id = %(was)s WHERE line_id = %(now)s AND id = ANY(%(keys)s)"
        sql.run(moved, line)


# ---------- rows ----------


def _moved(tables: dict[str, str], column: str, to: int, source: int) -> dict[str, Any]:
    told: dict[str, Any] = {"moved": {}, "taken": {}}
    ids = {"to": to, "source": source}
    for table, same in tables.items():
        taken = sql.rows(
            f"DELETE FROM {table} t WHERE {column} = %(source)s AND EXISTS (SELECT FROM {table} o "
            f"WHERE o.{column} = %(to)s AND {same}) RETURNING to_jsonb(t)::text AS row",
            ids,
        )
        moved = sql.rows(f"UPDATE {table} SET {column} = %(to)s WHERE {column} = %(source)s RETURNING id", ids)
        told["taken"][table], told["moved"][table] = [row["row"] for row in taken], [row["id"] for row in moved]
    return told


def _unmoved(told: dict[str, Any], column: str, to: int, source: int) -> None:
    for table, keys in told["moved"].items():
        back = f"UPDATE {table} SET {column} = %s WHERE {column} = %s AND id = ANY(%s)"
        sql.run(back, [source, to, keys])
    for table, rows in told["taken"].items():
        sql.run(_BACK.format(table) + " ON CONFLICT DO NOTHING", [rows])


def _same_draws(ids: dict[str, int]) -> list[dict[str, Any]]:
    """Both children were drawn in one inspection: what has to be put right is of the line that stays."""
    pairs = sql.rows(
        """SELECT t.id AS was, o.id AS now FROM dropout_inspectionline t JOIN dropout_inspectionline o USING (inspection_id)
           WHERE t.student_id = %(going)s AND o.student_id = %(keep)s""",
        ids,
    )
    moved = "UPDATE dropout_rectification SET line_id = %(now)s WHERE line_id = %(was)s RETURNING id"
    return [{**pair, "keys": [row["id"] for row in sql.rows(moved, pair)]} for pair in pairs]


# ---------- cases ----------


def _one_case(ids: dict[str, int]) -> dict[str, Any] | None:
    found = sql.rows(_FURTHEST, ids)
    if not found:
        return None
    stands, whose = found[0]["id"], found[0]["student_id"]
    told: dict[str, Any] = {"stands": stands, "whose": whose, "beside": None}
    if len(found) > 1:
        told |= _joined(stands, found[1]["id"])
    sql.run("UPDATE dropout_dropoutcase SET student_id = %s WHERE id = %s", [ids["keep"], stands])
    return told


def _joined(stands: int, beside: int) -> dict[str, Any]:
    ids = {"stands": stands, "beside": beside}
    before = sql.one(_ROW, [stands])["row"]
    shift = sql.one("SELECT COALESCE(max(number), 0) AS last FROM dropout_visit WHERE case_id = %s", [stands])["last"]
    sql.run("UPDATE dropout_visit SET number = number + %s WHERE case_id = %s", [1000 + shift, beside])
    sql.run(_COUNTED, ids)
    told = _moved(_OF_CASE, "case_id", stands, beside)
    visits = told["moved"]["dropout_visit"]
    sql.run("UPDATE dropout_visit SET number = number - 1000 WHERE id = ANY(%s)", [visits])
    row = sql.one(_ROW, [beside])["row"]
    kept = sql.one(_AS_ROUND, ids)["id"]
    sql.run("DELETE FROM dropout_dropoutcase WHERE id = %s", [beside])
    return {**told, "beside": row, "round": kept, "shift": shift, "before": before, "after": sql.one(_ROW, [stands])["row"]}


def _two_cases(keep: int, going: int, told: dict[str, Any] | None) -> None:
    if told is None:
        return
    stands = told["stands"]
    sql.run(
        "UPDATE dropout_dropoutcase SET student_id = %s WHERE id = %s AND student_id = %s",
        [told["whose"], stands, keep],
    )
    if told["beside"] is None:
        return
    sql.run("DELETE FROM dropout_caseround WHERE id = %s", [told["round"]])
    sql.run(_BACK.format("dropout_dropoutcase"), [[told["beside"]]])
    beside, visits = json.loads(told["beside"])["id"], told["moved"]["dropout_visit"]
    renumber = "UPDATE dropout_visit SET number = number + %s WHERE id = ANY(%s) AND case_id = %s"
    sql.run(renumber, [1000, visits, stands])
    _unmoved(told, "case_id", stands, beside)
    sql.run(renumber, [-1000 - told["shift"], visits, beside])
    _uncounted(stands, json.loads(told["before"]), json.loads(told["after"]))


def _uncounted(stands: int, before: dict[str, Any], after: dict[str, Any]) -> None:
    """The sums less what came with the other case (never below nothing: a new round begins at it); the rest as it was,
    unless somebody has written it since."""
    for column in _SUMS:
        less = f"UPDATE dropout_dropoutcase SET {column} = GREATEST({column} - %s, 0) WHERE id = %s"
        sql.run(less, [after[column] - before[column], stands])
    for column in _FLAGS:
        back = f"UPDATE dropout_dropoutcase SET {column} = %s WHERE id = %s AND {column} IS NOT DISTINCT FROM %s"
        sql.run(back, [before[column], stands, after[column]])


# ---------- who pays ----------


def _told_who_pays(keep: int) -> int | None:
    """Where what was said last of either child is not what the standing case says: told anew. → the fact's key."""
    out = [str(state) for state in OUT_OF_SCHOOL]
    found = sql.rows(
        """INSERT INTO students_suspension (student_id, active, from_on, home_path, school_path, made_by)
           SELECT c.student_id, c.state = ANY(%(out)s), c.moved_on, c.home_path, c.school_path, %(by)s
           FROM dropout_dropoutcase c WHERE c.student_id = %(keep)s AND (c.state = ANY(%(out)s)) <> COALESCE((
               SELECT s.active FROM students_suspension s WHERE s.student_id = c.student_id ORDER BY s.id DESC LIMIT 1), false)
           RETURNING id""",
        {"keep": keep, "out": out, "by": current_actor().name},
    )
    return found[0]["id"] if found else None
