"""What a batch left in the journal and what of it may go back: the SELECTs of an undo, built from the models.

A cell is what a clerk sees as one: a number with its hash and last four, a name with its authority, a school with its
path go back together or stay together. Keys and table names are ours, never a user's; nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from aidcases import sql
from aidcases.encrypted_field import EncryptedField
from aidcases.models import School, SchoolFee
from students.models import (
    Attendance,
    Batch,
    Enrolment,
    Guardian,
    Hardship,
    Household,
    ImportFile,
    ImportRow,
    Member,
    Person,
    PersonAlias,
    RosterEntry,
    Student,
)

# Who refers comes before who is referred to.
TABLES: dict[str, type[models.Model]] = {
    model._meta.db_table: model
    for model in (
        Attendance, Guardian, Enrolment, Member, Hardship, RosterEntry, PersonAlias, SchoolFee, Household, Student, School,
        Person, ImportRow,
    )
}  # fmt: skip

# The people a row of a table is about.
PEOPLE = {
    "students_person": "id", "students_student": "person_id", "students_guardian": "student_id",
    "students_member": "person_id", "students_hardship": "person_id", "students_enrolment": "student_id",
    "students_rosterentry": "person_id", "students_attendance": "student_id", "students_personalias": "person_id",
}  # fmt: skip

TOGETHER = {
    "students_person": (("name", "initials", "name_authority", "name_undecided"),),
    "students_enrolment": (("stage", "grade"),),
    "students_attendance": (("days_due", "days_absent", "days_unexcused"),),
    "students_importrow": (("state", "reasons"),),
}


# Of these the second only follows from the first.
FOLLOWING = {
    "students_household": (("region_id", "path"),),
    "students_enrolment": (("school_id", "school_path"),),
    "students_attendance": (("school_id", "school_path"),),
    "aidcases_school": (("region_id", "path"),),
}


@dataclass(frozen=True)
class Cell:
    """Columns that go back together. `judge`: the one that says whether the cell was written since, where the others
    only follow: a hash for the ciphertext, which differs each time, a school for its path."""

    name: str
    columns: tuple[str, ...]
    judge: str = ""

    def written(self, after: str) -> str:
        """SQL: something in it was written."""
        return f"{after} ?| ARRAY[{', '.join(repr(column) for column in self.columns)}]"

    def same(self, after: str, now: str) -> str:
        """SQL: the row `now` still holds what was written."""
        each = {c: f"(NOT {after} ? '{c}' OR {now}->'{c}' = {after}->'{c}')" for c in self.columns}
        if not self.judge:
            return " AND ".join(each.values())
        others = " AND ".join(same for column, same in each.items() if column != self.judge)
        return f"CASE WHEN {after} ? '{self.judge}' THEN {each[self.judge]} ELSE {others} END"

    def why(self, after: str) -> str:
        """SQL: why it stays. What only follows, such as the same number sealed anew, nobody has changed."""
        return f"CASE WHEN {after} ? '{self.judge}' THEN 'changed' ELSE 'follows' END" if self.judge else "'changed'"


NOTHING = "*"  # in place of a cell: none of the record's cells goes back


def key(model: type[models.Model]) -> str:
    return model._meta.pk.column  # type: ignore[union-attr, return-value]


@cache
def cells(table: str) -> tuple[Cell, ...]:
    """Every column of the table but its key, in the cells it belongs to."""
    model = TABLES[table]
    columns = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    found = [Cell(group[0], group) for group in TOGETHER.get(table, ())]
    found += [Cell(group[0], group, judge=group[0]) for group in FOLLOWING.get(table, ())]
    for field in model._meta.concrete_fields:
        if isinstance(field, EncryptedField) and field.blind_index:
            index = field.blind_index
            parts = (field.column, index, index.replace("_hash", "_last4"))
            found.append(Cell(field.column, tuple(part for part in parts if part in columns), judge=index))
    taken = {column for cell in found for column in cell.columns}
    return (*found, *(Cell(column, (column,)) for column in columns if column not in taken))


@cache
def cell_of(table: str, column: str) -> str:
    return next(cell.name for cell in cells(table) if column in cell.columns)


@dataclass(frozen=True)
class Link:
    """A foreign key, kept by the database or not: `table`.`column` refers to `target`.`target_key`."""

    table: str
    column: str
    target: str
    target_key: str


@cache
def links() -> tuple[Link, ...]:
    found = []
    for model in apps.get_models(include_auto_created=True):
        for field in model._meta.local_concrete_fields if model._meta.managed else ():
            if isinstance(field, models.ForeignKey):
                to = field.target_field
                found.append(Link(model._meta.db_table, field.column, to.model._meta.db_table, to.column))
    return tuple(dict.fromkeys(found))


class Track:
    """The journal of one batch. `steps`: (step, table, verb, records), the last first. made() and people() are for
    whoever asks what rests on it, too."""

    def __init__(self, batch: Batch):
        self.batch = batch
        self.steps = sql.rows(
            'SELECT step, "table", verb, sum(COALESCE(cardinality(keys), 1))::int AS records, min(id) AS first '
            "FROM students_written WHERE batch_id = %s GROUP BY 1, 2, 3 ORDER BY 1 DESC",
            [batch.pk],
        )
        self.first = min((step["first"] for step in self.steps), default=0)
        self.file = ImportFile._base_manager.filter(batch=batch).values_list("pk", flat=True).first() or 0

    def tables(self, verb: str) -> list[str]:
        """The tables with such a step, children first."""
        had = {step["table"] for step in self.steps if step["verb"] == verb}
        return [table for table in TABLES if table in had]

    def entries(self, verb: str, table: str = "") -> str:
        """FROM … WHERE of the batch's entries `w`."""
        of = f"AND w.\"table\" = '{table}'" if table else ""
        return f"FROM students_written w WHERE w.batch_id = {self.batch.pk:d} AND w.verb = '{verb}' {of}"

    def made(self, table: str) -> str:
        """SELECT of the keys of the rows it made in a table."""
        return f"SELECT unnest(w.keys) AS id {self.entries('insert', table)}"

    # --- what stays -------------------------------------------------------------------------------------------

    def kept(self) -> str:
        """Rows (tbl, key, what, why): a cell (`what`) that has been written since, or a whole row ('') that stays.
        why: changed, follows (nobody changed it), gone, or needed:TABLE, whose rows refer to it. A record none of whose
        cells goes back has a row more (NOTHING)."""
        updated, made = self.tables("update"), self.tables("insert")
        parts = [f"made_{table} AS MATERIALIZED ({self.made(table)})" for table in made]
        told = [select for table in updated for select in self._cells(table)]
        nothing = "SELECT '' AS tbl, 0::bigint AS key, '' AS what, '' AS why WHERE false"
        parts.append(f"cells AS MATERIALIZED ({' UNION ALL '.join([nothing, *told])})")
        parts += [f"kept_{table} AS MATERIALIZED ({self._rows(table)})" for table in made]
        rows = [f"SELECT '{table}', id, '', why FROM kept_{table}" for table in made]
        return f"WITH {', '.join(parts)} {' UNION ALL '.join(['SELECT * FROM cells', *rows])}"

    def _cells(self, table: str) -> Iterator[str]:
        """Of what the batch changed last in each cell: what the row does not hold any more; rows that are gone."""
        model = TABLES[table]
        pk = key(model)
        own = f"AND w.key NOT IN (SELECT id FROM made_{table})" if table in self.tables("insert") else ""
        net = f"""(SELECT w.key, jsonb_object_agg(e.key, e.value ORDER BY w.step) AS after
            FROM students_written w CROSS JOIN LATERAL jsonb_each(w.after) e
            WHERE w.batch_id = {self.batch.pk:d} AND w.verb = 'update' AND w."table" = '{table}' {own} GROUP BY 1)"""
        # Containment finds the few that differ at once; of lists it would call a longer one the same.
        lists = any(isinstance(field, ArrayField) for field in model._meta.concrete_fields)
        differs = "true" if lists else "NOT now @> n.after"
        same = {cell.name: cell.same("n.after", "now") for cell in cells(table)}
        judged = [f"('{cell.name}', NOT ({same[cell.name]}), {cell.why('n.after')})" for cell in cells(table)]
        some = " OR ".join(f"({cell.written('n.after')} AND {same[cell.name]})" for cell in cells(table))
        judged.append(f"('{NOTHING}', NOT ({some}), 'changed')")
        yield f"""SELECT '{table}' AS tbl, n.key, c.what, c.why
            FROM {net} n JOIN {table} t ON t.{pk} = n.key CROSS JOIN LATERAL (SELECT to_jsonb(t) AS now OFFSET 0) x
            CROSS JOIN LATERAL (VALUES {", ".join(judged)}) c(what, differs, why) WHERE {differs} AND c.differs"""
        yield f"""SELECT '{table}', n.key, '', 'gone' FROM {net} n WHERE n.key NOT IN (SELECT {pk} FROM {table})
            AND n.key NOT IN (SELECT w.key {self.entries("delete", table)})"""

    def _rows(self, table: str) -> str:
        """Rows it made that somebody has written to since, or that something refers to which stays."""
        mine = f"SELECT id FROM made_{table}"
        reasons = [
            f"""SELECT w.key AS id, 'changed' AS why FROM students_written w
            LEFT JOIN students_batch b ON b.id = w.batch_id
            WHERE w.id > {self.first:d} AND w."table" = '{table}' AND w.verb = 'update'
              AND w.batch_id IS DISTINCT FROM {self.batch.pk:d} AND (w.batch_id IS NULL OR b.state = 'standing')"""
        ]
        reasons += [
            f"SELECT r.{link.column}, 'needed:{link.table}' FROM {link.table} r "
            f"WHERE r.{link.column} IN ({mine}) {self._stays(link)}"
            for link in links()
            if link.target == table
        ]
        pk = key(TABLES[table])
        return (
            f"SELECT id, min(why) AS why FROM ({' UNION ALL '.join(reasons)}) x "
            f"WHERE id IN ({mine}) AND id IN (SELECT {pk} FROM {table}) GROUP BY id"
        )

    def _stays(self, link: Link) -> str:
        """AND …: the referring row `r` neither goes with the undo nor gets another value back."""
        if link.table == "students_missing":  # what its own file asked goes with the file
            return f"AND (r.file_id <> {self.file:d} OR r.state = 'ended')"
        if link.table not in TABLES:
            return ""
        pk, stays, own = key(TABLES[link.table]), "", ""
        if link.table in self.tables("insert"):
            made = f"SELECT id FROM made_{link.table}"
            stays = f"AND r.{pk} NOT IN ({made} WHERE id NOT IN (SELECT id FROM kept_{link.table}))"
            own = f"AND w.key NOT IN ({made})"
        if link.table in self.tables("update") and link.column != pk:
            cell = cell_of(link.table, link.column)
            stays += f""" AND r.{pk} NOT IN (SELECT w.key {self.entries("update", link.table)}
                AND w.before ? '{link.column}' {own}
                AND w.key NOT IN (SELECT key FROM cells WHERE tbl = '{link.table}' AND what = '{cell}'))"""
        return stays

    # --- whom it is about -------------------------------------------------------------------------------------

    def people(self) -> str:
        """SELECT of the people (ids) whose rows it wrote."""
        parts = ["SELECT 0::bigint AS id WHERE false"]
        had = {step["table"] for step in self.steps}
        for table, column in PEOPLE.items():
            if table in had:
                pk = key(TABLES[table])
                parts.append(
                    f"SELECT t.{column} FROM {table} t WHERE t.{pk} IN ({self.made(table)}) "
                    f"OR t.{pk} IN (SELECT w.key {self.entries('update', table)})"
                )
                for verb in ("update", "delete"):
                    parts.append(
                        f"SELECT (w.before->>'{column}')::bigint {self.entries(verb, table)} AND w.before ? '{column}'"
                    )
        if "students_household" in had:
            parts.append(
                f"SELECT m.person_id FROM students_member m WHERE m.household_id IN "
                f"(SELECT w.key {self.entries('update', 'students_household')})"
            )
        return f"SELECT DISTINCT id FROM ({' UNION ALL '.join(parts)}) x WHERE id IS NOT NULL"
