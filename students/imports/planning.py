"""What an undo does with each record, as one SELECT: rows that go, cells set back, rows that return, and what stays.

What comes out depends on which batches are undone, never on their order. A cell holds what the last standing batch
wrote to it, or else what it held before the first of the undone (students.imports.values). A row is there while its
maker stands, or a standing batch has written to it, or something that stays refers to it. Of two rows for one place the
younger is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from aidcases import sql
from students.imports import values
from students.imports.tracks import TABLES, Link, Track, cells, entries, key, line, links, uniques
from students.models import Batch
from students.models.batches import BatchState

MANY = 1000


@contextmanager
def sized(track: Track) -> Iterator[None]:
    """Nothing tells the database how many records a stage gives, and it expects a handful: right for a decision, while of
    an import it would walk through each stage once for every record of another."""
    many = sum(step["records"] for step in track.steps) > MANY
    if many:
        sql.run("SET LOCAL enable_nestloop = off")
    yield
    if many:
        sql.run("SET LOCAL enable_nestloop = on")


class Plan:
    """The stages of one undo: each a named SELECT over the journal, the tables and the stages before it.

    Of a table T: made_T are the rows that undone batches made and there_T those of them that exist; held_T stay after
    all, out_T go. lost_T are rows that undone batches deleted, return_T come back, for which swap_T make room. own_T
    are the rows this batch wrote to, back_T what they take back.
    """

    def __init__(self, track: Track):
        self.track, self.own = track, track.batch.pk
        undone = Batch._base_manager.filter(state=BatchState.UNDONE).exclude(pk=self.own)
        before = sorted(undone.values_list("pk", flat=True))
        self.undone = f"ANY('{{{','.join(map(str, [*before, self.own]))}}}'::bigint[])"
        self.had = {(step["table"], step["verb"]) for step in track.steps}
        steps = sql.rows('SELECT DISTINCT "table", verb FROM students_written WHERE batch_id = ANY(%s)', [before])
        self.had_before = {(step["table"], step["verb"]) for step in steps}
        self.parts: dict[str, str] = {}
        self.lines: list[str] = []

    def select(self) -> str:
        """SELECT of (op, tbl, key, what, why, doc). op: the verb that is undone (insert: the row goes; update: it takes
        the columns of doc; delete: it returns as doc), `swap` (an elder row makes room for one that returns) or `stay`
        (of this batch; what: the cell, '' the row; why: changed, follows, gone, lost, taken, needed:TABLE)."""
        deleted = [table for table in TABLES if self.ever(table, "delete")]
        made = [table for table in TABLES if self.ever(table, "insert")]
        for table in made:
            self._made(table)
        for table in deleted:
            self.parts[f"lost_{table}"] = self._lost(table)
        if made:
            self.parts["told"] = self._told()
        for table in TABLES:
            if (table, "update") in self.had or table in deleted:
                values.add(self, table)
            if table in made:
                self._rows(table)
            if (table, "update") in self.had:
                values.add_cells(self, table)
            if table in deleted:
                self._returns(table)
        named = ", ".join(f"{name} AS MATERIALIZED ({select})" for name, select in self.parts.items())
        nothing = line("stay", "", "0") + " WHERE false"
        return f"{f'WITH {named}' if named else ''} {' UNION ALL '.join([nothing, *self.lines])}"

    def ever(self, table: str, verb: str) -> bool:
        return (table, verb) in self.had or (table, verb) in self.had_before

    @cached_property
    def stands(self) -> str:
        """The entry `w` counts: its batch stands, or it came from outside any."""
        return f"(w.batch_id = {self.undone}) IS NOT TRUE"

    def made_by(self, table: str) -> str:
        """The row of the entry `w` was made by its batch: what this wrote to it belongs to its making."""
        if f"made_{table}" not in self.parts:
            return "false"
        return f"((w.key, w.batch_id) IN (SELECT id, batch_id FROM made_{table}))"

    def staying(self, table: str, column: str) -> str:
        """AND …: the row neither goes nor makes room."""
        stages = [stage for stage in ("out", "swap") if f"{stage}_{table}" in self.parts]
        return "".join(f" AND {column} NOT IN (SELECT id FROM {stage}_{table})" for stage in stages)

    def absent(self, table: str, doc: str) -> str:
        """A record that the columns of `doc` refer to neither exists nor may return."""
        found = ["false"]
        for link in links():
            if link.table == table and link.target in TABLES and link.target != "students_importrow":
                value = f"({doc}->>'{link.column}')::bigint"
                there = f"EXISTS (SELECT FROM {link.target} x WHERE x.{link.target_key} = {value})"
                if f"lost_{link.target}" in self.parts:
                    there += f" OR {value} IN (SELECT key FROM lost_{link.target})"
                found.append(f"({value} IS NOT NULL AND NOT ({there}))")
        return f"({' OR '.join(found)})"

    # --- rows that were made ----------------------------------------------------------------------------------

    def _made(self, table: str) -> None:
        """(id, batch_id, at). Where the key is another's (a student's is the person's) a row may be made twice."""
        of, pk = entries(table, "insert"), TABLES[table]._meta.pk
        mine = f"SELECT unnest(w.keys) AS id, w.batch_id, w.id AS at {of} AND w.batch_id = {self.undone}"
        if pk is not None and pk.is_relation:
            again = f"SELECT unnest(w.keys) AS id, w.id AS at {of} AND {self.stands}"
            mine = f"""SELECT DISTINCT ON (m.id) m.* FROM ({mine}) m LEFT JOIN ({again}) a ON a.id = m.id AND a.at > m.at
                WHERE a.id IS NULL ORDER BY m.id, m.at DESC"""
        self.parts[f"made_{table}"] = mine
        self.parts[f"there_{table}"] = f"SELECT m.* FROM made_{table} m JOIN {table} t ON t.{key(TABLES[table])} = m.id"

    def _told(self) -> str:
        """Entries of standing batches, since the oldest of the rows that may go, that wrote a reference or took one."""
        columns: dict[str, list[str]] = {}
        for link in links():
            if link.table in TABLES and f"made_{link.target}" in self.parts:
                columns.setdefault(link.table, []).append(f"'{link.column}'")
        some = [f"w.\"table\" = '{table}' AND w.before ?| ARRAY[{', '.join(each)}]" for table, each in columns.items()]
        ages = [f"SELECT min(at) AS at FROM there_{table}" for table in TABLES if f"made_{table}" in self.parts]
        return f"""SELECT w.id, w.key, w."table" AS tbl, w.verb, w.before, w.after FROM students_written w
            WHERE w.id > (SELECT min(at) FROM ({" UNION ALL ".join(ages)}) m) AND w.verb <> 'insert' AND {self.stands}
              AND ({" OR ".join(some) or "false"})"""

    def _rows(self, table: str) -> None:
        """held_T (id, why): a standing batch or an outside hand has written to it, or something refers to it."""
        pool = f"SELECT * FROM there_{table}"
        if f"lost_{table}" in self.parts:
            pool += f" UNION ALL SELECT m.* FROM made_{table} m JOIN lost_{table} l ON l.key = m.id"
        self.parts[f"pool_{table}"] = pool
        reasons = self._changed(table)
        reasons += [reason for link in links() if link.target == table for reason in self._references(link)]
        self.parts[f"held_{table}"] = f"""SELECT id, min(why) AS why FROM ({" UNION ALL ".join(reasons)}) x
            WHERE id IN (SELECT id FROM pool_{table}) GROUP BY id"""
        self.parts[f"out_{table}"] = f"SELECT id FROM there_{table} WHERE id NOT IN (SELECT id FROM held_{table})"
        self.lines.append(f"{line('insert', table, 'id')} FROM out_{table}")
        self.lines.append(
            f"{line('stay', table, 'h.id', why='h.why')} FROM held_{table} h "
            f"JOIN there_{table} t ON t.id = h.id AND t.batch_id = {self.own:d}"
        )

    def _changed(self, table: str) -> list[str]:
        """Few rows are left of batches undone before: theirs are looked up one by one."""
        leading = ", ".join(f"'{column}'" for cell in cells(table) for column in cell.leading)
        changed = f"""SELECT w.key AS id, 'changed' AS why {entries(table, "update")} AND {self.stands}
            AND w.after ?| ARRAY[{leading}]"""
        found = ["SELECT 0::bigint AS id, '' AS why WHERE false"]
        if (table, "insert") in self.had:
            mine = f"SELECT id FROM pool_{table} WHERE batch_id = {self.own:d}"
            found.append(f"{changed} AND w.id > {self.track.first:d} AND w.key IN ({mine})")
        if (table, "insert") in self.had_before:
            found.append(
                f"SELECT c.id, c.why FROM pool_{table} p CROSS JOIN LATERAL ({changed} AND w.key = p.id AND w.id > p.at) c "
                f"WHERE p.batch_id <> {self.own:d}"
            )
        return found

    def _references(self, link: Link) -> list[str]:
        """Who will refer to rows of the link's target: rows as they are, cells set back, rows that return; and what
        standing batches wrote, wrote over or deleted, since undoing others may bring it back."""
        table, column, there = link.table, link.column, f"(SELECT id FROM there_{link.target})"
        why = f"'needed:{table}' AS why"
        found = [f"SELECT r.{column} AS id, {why} FROM {table} r WHERE r.{column} IN {there}"]
        if table == "students_missing":  # what its own file asked goes with the file
            found[0] += f" AND (r.file_id <> {self.track.file:d} OR r.state = 'ended')"
        if table not in TABLES:
            return found
        pk = key(TABLES[table])
        found[0] += self.staying(table, f"r.{pk}")
        if f"back_{table}" in self.parts:
            found[0] += f" AND r.{pk} NOT IN (SELECT key FROM back_{table} WHERE doc ? '{column}')"
        for stage in ("back", "return"):
            if f"{stage}_{table}" in self.parts:
                brought = f"SELECT (r.doc->>'{column}')::bigint, {why} FROM {stage}_{table} r"
                found.append(f"{brought} WHERE r.doc ? '{column}'")
        return found + [
            f"""SELECT (r.{image}->>'{column}')::bigint, {why} FROM told r
            WHERE r.tbl = '{table}' AND (r.{image}->>'{column}')::bigint IN {there} AND {which}"""
            for image, which in self._written_over(table, column)
        ]

    def _written_over(self, table: str, column: str) -> list[tuple[str, str]]:
        """(image, condition on the entry `r` of a standing batch): where what it held may stand in a row again."""
        undone = f"""NOT EXISTS (SELECT {entries(table, "update")} AND w.key = r.key AND w.id < r.id
            AND w.batch_id = {self.undone} AND w.after->'{column}' = r.before->'{column}' AND NOT {self.made_by(table)})"""
        made = f"r.key IN (SELECT id FROM made_{table})" if f"made_{table}" in self.parts else "false"
        stays = f"r.verb = 'update' {self.staying(table, 'r.key')}"
        return [
            ("after", stays),
            ("before", f"{stays} AND {undone}"),
            ("before", f"r.verb = 'delete' AND NOT {made} AND {undone}"),
        ]

    # --- rows that were deleted -------------------------------------------------------------------------------

    def _lost(self, table: str) -> str:
        """(key, id, batch_id, before): deleted by undone batches and by no standing one since."""
        of = entries(table, "delete")
        return f"""SELECT d.* FROM (SELECT DISTINCT ON (w.key) w.key, w.id, w.batch_id, w.before {of}
                AND w.batch_id = {self.undone} ORDER BY w.key, w.id DESC) d
            WHERE NOT EXISTS (SELECT FROM {table} t WHERE t.{key(TABLES[table])} = d.key)
              AND NOT EXISTS (SELECT {of} AND w.key = d.key AND w.id > d.id AND {self.stands})"""

    def _returns(self, table: str) -> None:
        """return_T (key, doc): lost rows whose maker stands, or that something holds, and whose place is free."""
        held = "true"
        if f"made_{table}" in self.parts:
            held = f"(l.key NOT IN (SELECT id FROM made_{table}) OR l.key IN (SELECT id FROM held_{table}))"
        self.parts[f"claim_{table}"] = f"""SELECT l.key, l.batch_id,
                l.before || COALESCE(jsonb_object_agg(v.col, v.value) FILTER (WHERE v.value IS NOT NULL), '{{}}') AS doc
            FROM lost_{table} l LEFT JOIN value_{table} v ON v.key = l.key WHERE {held} GROUP BY l.key, l.batch_id, l.before"""
        placed = f"CROSS JOIN LATERAL jsonb_populate_record(NULL::{table}, c.doc) b"
        taken = [
            f"""WHEN {unique.same("b", "b")} AND (EXISTS (SELECT FROM {table} o WHERE {self._holds(table, unique.columns)}
                AND {unique.same("o", "b")} AND NOT {self._yields(table)})
                OR c.key < max(c.key) OVER (PARTITION BY {unique.of("b")})) THEN 'taken'"""
            for unique in uniques(table)
        ]
        why = f"CASE WHEN {self.absent(table, 'c.doc')} THEN 'lost' {' '.join(taken)} END"
        self.parts[f"fate_{table}"] = f"SELECT c.key, c.batch_id, c.doc, {why} AS why FROM claim_{table} c {placed}"
        self.parts[f"return_{table}"] = f"SELECT key, doc FROM fate_{table} WHERE why IS NULL"
        if (table, "delete") in self.had_before and uniques(table):
            self.parts[f"swap_{table}"] = " UNION ".join(
                f"""SELECT o.{key(TABLES[table])} AS id FROM return_{table} c {placed}
                JOIN {table} o ON {unique.same("o", "b")} WHERE {self._holds(table, unique.columns)}"""
                for unique in uniques(table)
            )
            self.lines.append(f"{line('swap', table, 'id')} FROM swap_{table}")
        self.lines.append(f"{line('delete', table, 'key', doc='doc')} FROM return_{table}")
        self.lines.append(
            f"{line('stay', table, 'key', why='why')} FROM fate_{table} WHERE why IS NOT NULL AND batch_id = {self.own:d}"
        )

    def _holds(self, table: str, columns: list[str]) -> str:
        """The row `o` stays where it is."""
        pk = key(TABLES[table])
        stays = f"true{self.staying(table, f'o.{pk}')}"
        if f"back_{table}" in self.parts:
            named = ", ".join(f"'{column}'" for column in columns)
            stays += f" AND o.{pk} NOT IN (SELECT key FROM back_{table} WHERE doc ?| ARRAY[{named}])"
        return stays

    def _yields(self, table: str) -> str:
        """The row `o` makes room for the younger `c`: an undo has brought it back, and nobody has touched it since."""
        if (table, "delete") not in self.had_before:
            return "false"
        pk = f"o.{key(TABLES[table])}"
        needed = "".join(
            f" AND NOT EXISTS (SELECT FROM {link.table} r WHERE r.{link.column} = {pk})"
            for link in links()
            if link.target == table
        )
        changed = f"SELECT {entries(table, 'update')} AND w.key = {pk} AND w.id > d.id AND {self.stands}"
        return f"""({pk} < c.key AND EXISTS (SELECT FROM (SELECT w.id {entries(table, "delete")} AND w.key = {pk}
            AND w.batch_id = {self.undone}) d WHERE NOT EXISTS ({changed})){needed})"""
