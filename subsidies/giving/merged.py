"""Two students turn out to be one: their loans, top-ups, gifts, helpers and points follow, and come back.

Nothing is lost: of two loans of a year, or two cases of a term, that of the one who goes steps back (its state is kept for
the way back); two accounts of points become one.
"""

from __future__ import annotations

from typing import Any

from aidcases import sql

_MOVED = ("subsidies_loan", "subsidies_topupcase", "subsidies_gift", "subsidies_pairing")
# Of both children something that can stand once only: table → (what stands, the same, the state it steps back to).
_ONCE = {
    "subsidies_loan": ("{0}.state NOT IN ('withdrawn', 'refused')", "o.year = t.year", "'withdrawn'"),
    "subsidies_topupcase": (
        "{0}.state IN ('asked', 'approved')", "(o.term, o.benefit_id) = (t.term, t.benefit_id)",
        "CASE t.state WHEN 'asked' THEN 'withdrawn' ELSE 'revoked' END",
    ),
}  # fmt: skip
_STEP_BACK = """
    WITH twice AS (
        SELECT t.id, t.state AS before FROM {table} t WHERE t.student_id = %(going)s AND {mine}
        AND EXISTS (SELECT FROM {table} o WHERE o.student_id = %(keep)s AND {theirs} AND {same})
    )
    UPDATE {table} t SET state = {state} FROM twice WHERE t.id = twice.id RETURNING t.id, twice.before, t.state AS after
"""


def merge(keep: int, going: int) -> dict[str, Any]:
    """→ {"back": {table: [{id, before, after}]}, "moved": {table: keys}, "points": …} for `part`."""
    ids = {"keep": keep, "going": going}
    told: dict[str, Any] = {"back": {}, "moved": {}}
    for table, (stands, same, state) in _ONCE.items():
        step = _STEP_BACK.format(table=table, mine=stands.format("t"), theirs=stands.format("o"), same=same, state=state)
        told["back"][table] = sql.rows(step, ids)
    for table in _MOVED:
        moved = f"UPDATE {table} SET student_id = %(keep)s WHERE student_id = %(going)s RETURNING id"
        told["moved"][table] = [row["id"] for row in sql.rows(moved, ids)]
    told["points"] = _points(ids)
    return told


def _points(ids: dict[str, int]) -> dict[str, Any]:
    """The account goes over, or its entries to the one that is there already. → {"account"} or {"row", "entries"}."""
    accounts = sql.rows("SELECT id FROM subsidies_pointsaccount WHERE student_id = %(going)s", ids)
    if not accounts:
        return {}
    [account] = accounts
    there = sql.rows("SELECT id FROM subsidies_pointsaccount WHERE student_id = %(keep)s", ids)
    if not there:
        sql.run("UPDATE subsidies_pointsaccount SET student_id = %(keep)s WHERE student_id = %(going)s", ids)
        return {"account": account["id"]}
    keys = {"to": there[0]["id"], "from": account["id"]}
    moved = "UPDATE subsidies_pointsentry SET account_id = %(to)s WHERE account_id = %(from)s RETURNING id"
    entries = [row["id"] for row in sql.rows(moved, keys)]
    gone = "DELETE FROM subsidies_pointsaccount t WHERE id = %(from)s RETURNING to_jsonb(t)::text AS row"
    return {"row": sql.one(gone, keys)["row"], "entries": entries, "from": keys["from"], "to": keys["to"]}


_ENTRIES = "UPDATE subsidies_pointsentry SET account_id = %(to)s WHERE id = ANY(%(entries)s)"


def part(keep: int, going: int, told: dict[str, Any]) -> None:
    """Everything that was moved and still is where it was put goes back."""
    ids = {"keep": keep, "going": going}
    for table, keys in told["moved"].items():
        back = f"UPDATE {table} SET student_id = %(going)s WHERE student_id = %(keep)s AND id = ANY(%(keys)s)"
        sql.run(back, {**ids, "keys": keys})
    for table, rows in told["back"].items():
        for row in rows:
            sql.run(f"UPDATE {table} SET state = %(before)s WHERE id = %(id)s AND state = %(after)s", row)
    points = told["points"]
    if "account" in points:
        moved = "UPDATE subsidies_pointsaccount SET student_id = %(going)s WHERE id = %(account)s"
        sql.run(moved, {**ids, **points})
    elif points:
        sql.run(
            "INSERT INTO subsidies_pointsaccount SELECT r.* FROM "
            "jsonb_populate_record(NULL::subsidies_pointsaccount, %(row)s::jsonb || '{\"balance\": 0}') r",
            points,
        )
        if _enough_left(points):
            sql.run(_ENTRIES, {"to": points["from"], "entries": points["entries"]})


def _enough_left(points: dict[str, Any]) -> bool:
    """What was spent together since stays where it was spent."""
    sums = """SELECT COALESCE(sum(points) FILTER (WHERE id = ANY(%(entries)s)), 0) AS theirs,
        COALESCE(sum(points), 0) AS whole FROM subsidies_pointsentry WHERE account_id = %(to)s"""
    told = sql.one(sums, points)
    return 0 <= told["theirs"] <= told["whole"]
