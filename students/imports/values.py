"""The cells of an undo: what each will hold, and why others stay as they are (stages of students.imports.planning)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from students.imports.tracks import TABLES, cells, entries, key, line, uniques

if TYPE_CHECKING:
    from students.imports.planning import Plan

# An entry taken apart. `leads`: writing this column is writing the cell; the others only follow.
_FLAT = """SELECT e.id, e.key, e.stands, e.mine, c.cell, c.col, c.leads, e.before->c.col AS was, a.value AS said
    FROM entry_{table} e CROSS JOIN LATERAL jsonb_each(e.after) a
    JOIN (VALUES {columns}) c(col, cell, leads) ON c.col = a.key"""

# Who wrote the cell last: of those that stand, of this batch as the cell's leader, of this batch at all. `until`: the
# first writing of the cell after the last that stands.
_LAST = """SELECT l.*, min(id) FILTER (WHERE leads AND id > stood) OVER (PARTITION BY key, cell) AS until
    FROM (SELECT f.*, COALESCE(max(id) FILTER (WHERE leads AND stands) OVER one, 0) AS stood,
            max(id) FILTER (WHERE leads AND mine) OVER one AS led, max(id) FILTER (WHERE mine) OVER one AS wrote
        FROM flat_{table} f WINDOW one AS (PARTITION BY key, cell)) l"""

# The cell as the last standing entry left it: what this wrote; of what it did not write, what the first entry after it
# found. Without one, what the first of all found. What only follows may be written again until the cell is.
_VALUE = """SELECT key, cell, col, stood, led, wrote, COALESCE(
        (array_agg(said ORDER BY id DESC) FILTER (WHERE stands AND id >= stood AND (until IS NULL OR id < until)))[1],
        (array_agg(was ORDER BY id) FILTER (WHERE id > stood))[1]) AS value,
        (array_agg(said ORDER BY id DESC) FILTER (WHERE mine AND (leads OR led IS NULL)))[1] AS mine
    FROM last_{table} GROUP BY 1, 2, 3, 4, 5, 6"""

_WANT = """SELECT key, cell, stood > COALESCE(led, wrote) AS later, led IS NULL AS follows,
        jsonb_object_agg(col, value) FILTER (WHERE value IS NOT NULL) AS doc,
        COALESCE(jsonb_object_agg(col, mine) FILTER (WHERE mine IS NOT NULL), '{{}}') AS mine
    FROM value_{table} WHERE wrote IS NOT NULL AND key NOT IN ({gone}) GROUP BY key, cell, stood, led, wrote"""

# Containment says of most at once that the row holds what this batch wrote; of lists it may say so wrongly.
_SAME = "(n.now @> w.mine AND NOT EXISTS (SELECT FROM jsonb_each(w.mine) m WHERE n.now->m.key <> m.value))"


def add(plan: Plan, table: str) -> None:
    """value_T (key, cell, col, value, wrote): what cells will hold, of rows this batch wrote to and of rows that may
    return. All entries of a row are looked at only where another undone batch had a hand in it."""
    of, own = entries(table, "update"), f"w.batch_id = {plan.own:d}"
    mine, others = f"(SELECT key FROM own_{table})", f"(SELECT key FROM shared_{table})"
    plan.parts[f"own_{table}"] = f"SELECT DISTINCT w.key {of} AND {own} AND NOT {plan.made_by(table)}"
    shared = ["SELECT 0::bigint AS key WHERE false"]
    if (table, "update") in plan.had_before:
        shared.append(f"SELECT w.key {of} AND w.batch_id = {plan.undone} AND NOT {own} AND w.key IN {mine}")
    if f"lost_{table}" in plan.parts:
        shared.append(f"SELECT key FROM lost_{table}")
    plan.parts[f"shared_{table}"] = " UNION ".join(shared)
    stands = f"({plan.stands} OR {plan.made_by(table)})"
    entry = f"SELECT w.id, w.key, w.before, w.after, {stands} AS stands, ({own}) IS TRUE AS mine {of}"
    alone = f"w.key NOT IN {others}"
    plan.parts[f"entry_{table}"] = f"""{entry} AND {own} AND {alone} AND NOT {plan.made_by(table)}
        UNION ALL {entry} AND w.id > {plan.track.first:d} AND {plan.stands} AND {alone} AND w.key IN {mine}
        UNION ALL {entry} AND w.key IN {others}"""
    columns = ", ".join(
        f"('{column}', '{cell.name}', {'true' if column in cell.leading else 'false'})"
        for cell in cells(table)
        for column in cell.columns
    )
    plan.parts[f"flat_{table}"] = _FLAT.format(table=table, columns=columns)
    plan.parts[f"last_{table}"] = _LAST.format(table=table)
    plan.parts[f"value_{table}"] = _VALUE.format(table=table)


def add_cells(plan: Plan, table: str) -> None:
    """back_T (key, doc): the columns to set in rows that stay; fit_T (key, cell, why): why others are not."""
    pk = key(TABLES[table])
    gone = f"SELECT id FROM out_{table}" if f"out_{table}" in plan.parts else "SELECT 0"
    plan.parts[f"want_{table}"] = _WANT.format(table=table, gone=gone)
    places = ", ".join(sorted({f"'{column}'" for unique in uniques(table) for column in unique.columns}))
    moves = f"w.doc ?| ARRAY[{places}]::text[]"
    taken = [
        f"""WHEN {moves} AND EXISTS (SELECT FROM {table} o
            WHERE o.{pk} <> w.key AND {unique.same("o", "b")}{plan.staying(table, f"o.{pk}")}) THEN 'taken'"""
        for unique in uniques(table)
    ]
    plan.parts[f"fit_{table}"] = f"""SELECT w.key, w.cell, w.doc, CASE WHEN w.later OR NOT {_SAME}
            THEN CASE WHEN w.follows THEN 'follows' ELSE 'changed' END
            WHEN {plan.absent(table, "w.doc")} THEN 'lost' {" ".join(taken)} END AS why
        FROM (SELECT t.{pk} AS key, to_jsonb(t) AS now FROM {table} t
            WHERE t.{pk} IN (SELECT key FROM own_{table}) OFFSET 0) n JOIN want_{table} w ON w.key = n.key
        CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, CASE WHEN {moves} THEN n.now || w.doc END) b"""
    plan.parts[f"back_{table}"] = f"""SELECT f.key, jsonb_object_agg(d.key, d.value) AS doc
        FROM fit_{table} f CROSS JOIN LATERAL jsonb_each(f.doc) d WHERE f.why IS NULL GROUP BY 1"""
    plan.lines.append(f"{line('update', table, 'key', doc='doc')} FROM back_{table}")
    plan.lines.append(f"{line('stay', table, 'key', what='cell', why='why')} FROM fit_{table} WHERE why IS NOT NULL")
    there = [f"SELECT {pk} FROM {table}"]
    there += [f"SELECT key FROM lost_{table}"] if f"lost_{table}" in plan.parts else []
    there += [f"SELECT id FROM made_{table}"] if f"made_{table}" in plan.parts else []
    plan.lines.append(
        f"""{line("stay", table, "key", why="'gone'")} FROM own_{table}
        WHERE {" AND ".join(f"key NOT IN ({each})" for each in there)}"""
    )
