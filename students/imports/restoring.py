"""The writing half of an undo: what the plan says, a few statements for each table, whatever the number of records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aidcases import sql
from students.imports import homes
from students.imports.planning import Plan, sized
from students.imports.tracks import PEOPLE, TABLES, Track, key

Progress = Callable[[int, int | None, str | None], Any]


def plan(track: Track, progress: Progress) -> None:
    """Makes the temporary table `plan` (op, tbl, key, what, why, doc): students.imports.planning."""
    progress(0, sum(step["records"] for step in track.steps), "比对后来的改动")
    with sized(track):
        sql.temporary("plan", f"AS {Plan(track).select()}")
    sql.run("CREATE INDEX ON plan (tbl, op)")
    sql.run("ANALYZE plan")


def restore(progress: Progress) -> None:
    """Does what the plan says and derives what follows. Who refers goes before who is referred to and returns after."""
    sql.temporary("touched", "(id bigint PRIMARY KEY)")
    counts = sql.rows("SELECT tbl, op, count(*)::int AS n FROM plan GROUP BY 1, 2")
    had = {(row["tbl"], row["op"]): row["n"] for row in counts}
    sql.run(f"INSERT INTO touched {_people()} ON CONFLICT DO NOTHING")
    done = 0
    for verb, table in _order():
        if (table, verb) in had:
            progress(done, None, f"撤销{TABLES[table]._meta.verbose_name}")
            STEPS[verb](table, verb)
            done += had[table, verb]
    progress(done, None, "更新归属地")
    sql.run(_SCHOOL_PATHS)
    sql.run(_PUPILS)
    homes.derive("SELECT p.* FROM students_person p JOIN touched ON touched.id = p.id")
    progress(done, None, "核对完整")
    # What does not fit together is found here, not after the last word.
    sql.run("SET CONSTRAINTS ALL IMMEDIATE")
    sql.run("SET CONSTRAINTS ALL DEFERRED")
    # Many rows gone at once are news to the planner.
    for table, verb in had:
        if verb == "insert":
            sql.run(f"ANALYZE {table}")


def _order() -> list[tuple[str, str]]:
    """Rows leave their places before others come to them."""
    first = [(verb, table) for verb in ("insert", "swap", "update") for table in TABLES]
    return [*first, *(("delete", table) for table in reversed(TABLES))]


# An enrolment lies where its school does: where that went back to its former division, or has moved since.
_SCHOOL_PATHS = """
    UPDATE students_enrolment e SET school_path = s.path FROM aidcases_school s
    WHERE s.id = e.school_id AND e.school_path <> s.path
      AND EXISTS (SELECT FROM plan WHERE tbl IN ('aidcases_school', 'students_enrolment') AND op IN ('update', 'delete'))
"""
_PUPILS = """
    INSERT INTO touched SELECT DISTINCT e.student_id FROM plan p JOIN students_enrolment e ON e.school_id = p.key
    WHERE p.tbl = 'aidcases_school' AND p.op = 'update' ON CONFLICT DO NOTHING
"""


def _people() -> str:
    """SELECT of the people (ids) whose paths may follow: of every row of the plan as it is, and as it will be."""
    parts = []
    for table, column in PEOPLE.items():
        of, pk = f"p.tbl = '{table}' AND p.op <> 'stay'", key(TABLES[table])
        parts.append(f"SELECT t.{column} AS id FROM plan p JOIN {table} t ON t.{pk} = p.key WHERE {of}")
        parts.append(f"SELECT (p.doc->>'{column}')::bigint FROM plan p WHERE {of} AND p.doc ? '{column}'")
    parts.append(
        "SELECT m.person_id FROM plan p JOIN students_member m ON m.household_id = p.key "
        "WHERE p.tbl = 'students_household' AND p.op <> 'stay'"
    )
    return f"SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) x WHERE id IS NOT NULL"


def _lines(table: str, op: str) -> str:
    return f"FROM plan p WHERE p.tbl = '{table}' AND p.op = '{op}'"


def _records(table: str, op: str) -> str:
    """The same with what each line says as a record `b`."""
    record = f"CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, p.doc) b"
    return _lines(table, op).replace("WHERE", f"{record} WHERE", 1)


def _remove(table: str, op: str) -> None:
    """Rows that were made, or that make room, go."""
    sql.run(f"DELETE FROM {table} t WHERE t.{key(TABLES[table])} IN (SELECT p.key {_lines(table, op)})")


def _set_back(table: str, op: str) -> None:
    """The columns the plan names hold what it says."""
    of = _lines(table, op)
    columns = sorted(row["name"] for row in sql.rows(f"SELECT DISTINCT jsonb_object_keys(p.doc) AS name {of}"))
    values = (f"{column} = CASE WHEN p.doc ? '{column}' THEN b.{column} ELSE t.{column} END" for column in columns)
    sql.run(f"UPDATE {table} t SET {', '.join(values)} {_records(table, op)} AND t.{key(TABLES[table])} = p.key")


def _return(table: str, op: str) -> None:
    """Rows that were deleted come back under their keys."""
    sql.run(f"INSERT INTO {table} SELECT b.* {_records(table, op)}")


# By what is undone.
STEPS = {"insert": _remove, "swap": _remove, "update": _set_back, "delete": _return}
