"""The writing half of an undo: a batch's steps backwards, each one statement, whatever the number of records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import models

from aidcases import sql
from students.imports import homes
from students.imports.tracks import TABLES, Track, cell_of, cells, key, links

Progress = Callable[[int, int | None, str | None], Any]


def restore(track: Track, progress: Progress) -> None:
    """Undoes every step and derives what follows; plan() has been made. What could not go back after all is added to
    the temporary table `kept`."""
    done = 0
    for step in track.steps:
        progress(done, None, f"撤销{TABLES[step['table']]._meta.verbose_name}")
        STEPS[step["verb"]](track, step["table"], step["step"])
        done += step["records"]
    progress(done, None, "更新归属地")
    if {"aidcases_school", "students_enrolment"} & set(track.tables("update")):
        sql.run(_SCHOOL_PATHS)
        sql.run(f"{_PUPILS} (SELECT w.key {track.entries('update', 'aidcases_school')}) ON CONFLICT DO NOTHING")
    homes.derive("SELECT p.* FROM students_person p JOIN touched ON touched.id = p.id")
    progress(done, None, "核对完整")
    # What does not fit together is found here, not after the last word.
    sql.run("SET CONSTRAINTS ALL IMMEDIATE")
    sql.run("SET CONSTRAINTS ALL DEFERRED")
    # Many rows gone at once are news to the planner.
    for table in track.tables("insert"):
        sql.run(f"ANALYZE {table}")


# An enrolment lies where its school does: where that went back to its former division, or has moved since.
_SCHOOL_PATHS = """
    UPDATE students_enrolment e SET school_path = s.path FROM aidcases_school s
    WHERE s.id = e.school_id AND e.school_path <> s.path
"""
_PUPILS = "INSERT INTO touched SELECT DISTINCT e.student_id FROM students_enrolment e WHERE e.school_id IN"


def plan(track: Track, progress: Progress) -> None:
    """Makes the temporary table `kept` (tbl, key, what, why): what must not go back (students.imports.tracks)."""
    progress(0, sum(step["records"] for step in track.steps), "比对后来的改动")
    sql.temporary("kept", "(tbl text, key bigint, what text, why text, PRIMARY KEY (tbl, key, what))")
    sql.run(f"INSERT INTO kept {track.kept()}")
    sql.temporary("made", "(tbl text, id bigint, PRIMARY KEY (tbl, id))")
    for table in track.tables("insert"):
        sql.run(f"INSERT INTO made SELECT '{table}', id FROM ({track.made(table)}) i ON CONFLICT DO NOTHING")
    sql.temporary("touched", "(id bigint PRIMARY KEY)")
    sql.run(f"INSERT INTO touched {track.people()}")
    for name in ("kept", "made", "touched"):
        sql.run(f"ANALYZE {name}")


def _remove(track: Track, table: str, step: int) -> None:
    """Rows that were made go, but for those that stay."""
    pk = key(TABLES[table])
    sql.run(
        f"""DELETE FROM {table} t USING (SELECT unnest(keys) AS id FROM students_written
                WHERE batch_id = %s AND step = %s) m
            WHERE t.{pk} = m.id AND NOT EXISTS (SELECT FROM kept k WHERE k.tbl = %s AND k.key = m.id AND k.what = '')""",
        [track.batch.pk, step, table],
    )


def _return(track: Track, table: str, step: int) -> None:
    """Rows that were deleted come back under their keys, unless their place is taken or what they rest on is gone."""
    pk = key(TABLES[table])
    there = "".join(
        f" AND (b.{link.column} IS NULL OR EXISTS (SELECT FROM {link.target} x WHERE x.{link.target_key} = b.{link.column}))"
        for link in links()
        if link.table == table
    )
    sql.run(
        f"""INSERT INTO {table} SELECT b.* FROM students_written w
            CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, w.before) b
            WHERE w.batch_id = %s AND w.step = %s {there} ON CONFLICT DO NOTHING""",
        [track.batch.pk, step],
    )
    sql.run(
        f"""INSERT INTO kept SELECT %s, w.key, '', 'taken' FROM students_written w
            WHERE w.batch_id = %s AND w.step = %s AND NOT EXISTS (SELECT FROM {table} t WHERE t.{pk} = w.key)
            ON CONFLICT DO NOTHING""",
        [table, track.batch.pk, step],
    )


def _set_back(track: Track, table: str, step: int) -> None:
    """Cells that still hold what was written, in rows that the batch did not make itself, hold what they held."""
    pk, place = key(TABLES[table]), [track.batch.pk, step]
    changed = sql.rows(
        "SELECT DISTINCT jsonb_object_keys(before) AS name FROM students_written WHERE batch_id = %s AND step = %s",
        place,
    )
    columns = sorted(row["name"] for row in changed)
    for statement in _orphaned(table, columns):
        sql.run(statement, place)
    for statement, params in _taken(table, columns):
        sql.run(statement, [*place, *params])
    values = ", ".join(
        f"{column} = CASE WHEN w.before ? '{column}' AND NOT '{cell_of(table, column)}' = ANY(COALESCE(k.cells, '{{}}')) "
        f"THEN b.{column} ELSE t.{column} END"
        for column in columns
    )
    sql.run(
        f"""UPDATE {table} t SET {values}
            FROM {_ENTRIES.format(table=table)}
            LEFT JOIN (SELECT key, array_agg(what) AS cells FROM kept WHERE tbl = '{table}' GROUP BY 1) k ON k.key = w.key
            WHERE {_OPEN.format(table=table)} AND t.{pk} = w.key""",
        place,
    )


_ENTRIES = "students_written w CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, w.before) b"
_OPEN = "w.batch_id = %s AND w.step = %s AND NOT EXISTS (SELECT FROM made m WHERE m.tbl = '{table}' AND m.id = w.key)"


def _orphaned(table: str, columns: list[str]) -> list[str]:
    """What a cell referred to is gone: it keeps what it holds."""
    return [
        f"""INSERT INTO kept SELECT '{table}', w.key, '{cell_of(table, link.column)}', 'lost'
            FROM {_ENTRIES.format(table=table)} WHERE {_OPEN.format(table=table)} AND b.{link.column} IS NOT NULL
              AND NOT EXISTS (SELECT FROM {link.target} x WHERE x.{link.target_key} = b.{link.column})
            ON CONFLICT DO NOTHING"""
        for link in links()
        if link.table == table and link.column in columns
    ]


def _taken(table: str, columns: list[str]) -> list[tuple[str, list[Any]]]:
    """Another row holds by now what must be unique."""
    found = []
    pk = key(TABLES[table])
    for unique, which, params in _uniques(TABLES[table]):
        cell = next((cell for cell in cells(table) if set(cell.columns) & set(unique) & set(columns)), None)
        if cell is None:
            continue
        same = " AND ".join(f"o.{column} = b.{column}" for column in unique)
        where = f" AND o.{pk} IN ({which})" if which else ""
        found.append(
            (
                f"""INSERT INTO kept SELECT '{table}', w.key, '{cell.name}', 'taken' FROM students_written w
                JOIN {table} t ON t.{pk} = w.key CROSS JOIN LATERAL jsonb_populate_record(t, w.before) b
                WHERE {_OPEN.format(table=table)}
                  AND EXISTS (SELECT FROM {table} o WHERE o.{pk} <> t.{pk} AND {same}{where})
                ON CONFLICT DO NOTHING""",
                params,
            )
        )
    return found


def _uniques(model: type[models.Model]) -> list[tuple[list[str], str, list[Any]]]:
    """Columns that are unique together, and the SELECT of the keys for which that holds with its parameters ('': all)."""
    found: list[tuple[list[str], str, list[Any]]] = [
        ([field.column], "", []) for field in model._meta.concrete_fields if field.unique and not field.primary_key
    ]
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            columns = [sql.column(model, name).strip('"') for name in constraint.fields]
            which = constraint.condition and model._base_manager.filter(constraint.condition).order_by().values("pk")
            found.append((columns, *(sql.compiled(which) if which is not None else ("", []))))
    return found


STEPS = {"insert": _remove, "update": _set_back, "delete": _return}
