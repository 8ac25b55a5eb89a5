"""What a batch left in the journal, and what goes back together: cells, references and places, built from the models.

A cell is what a clerk sees as one: a number with its hash and last four, a name with its authority, a school with its
path go back together or stay together. Keys and table names are ours, never a user's; nothing here writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.apps import apps
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

    @property
    def leading(self) -> tuple[str, ...]:
        """The columns to write to which is to write the cell."""
        return (self.judge,) if self.judge else self.columns


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


@dataclass(frozen=True)
class Unique:
    """Columns that are unique together, where `when` (of an alias) holds."""

    columns: list[str]
    when: str = "true"

    def same(self, one: str, other: str) -> str:
        """SQL: two rows are for one place. Of a row and itself: it has a place."""
        pairs = [f"{one}.{column} = {other}.{column}" for column in self.columns]
        return " AND ".join([*pairs, self.when.format(one), self.when.format(other)])

    def of(self, one: str) -> str:
        """SQL: the columns of a row's place."""
        return ", ".join([*(f"{one}.{column}" for column in self.columns), f"({self.when.format(one)})"])


@cache
def uniques(table: str) -> tuple[Unique, ...]:
    """What is unique beside the key. A condition names columns that are empty."""
    model = TABLES[table]
    found = [Unique([field.column]) for field in model._meta.concrete_fields if field.unique and not field.primary_key]
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            columns = [sql.column(model, name).strip('"') for name in constraint.fields]
            empty = constraint.condition.children if constraint.condition else []
            when = [f"{{0}}.{sql.column(model, name)} IS NULL" for name, _ in empty]
            found.append(Unique(columns, " AND ".join(when) or "true"))
    return tuple(found)


def line(op: str, table: str, key: str, *, what: str = "''", why: str = "''", doc: str = "NULL") -> str:
    """SELECT of a line of the plan."""
    return (
        f"SELECT '{op}' AS op, '{table}' AS tbl, {key}::bigint AS key, {what}::text AS what, {why}::text AS why, "
        f"{doc}::jsonb AS doc"
    )


def entries(table: str, verb: str) -> str:
    """FROM … WHERE of a table's entries `w` in the journal."""
    return f"FROM students_written w WHERE w.\"table\" = '{table}' AND w.verb = '{verb}'"


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
        found = ImportFile._base_manager.filter(batch=batch).values_list("pk", "kind").first()
        self.file, self.kind = found or (0, "")

    def entries(self, verb: str, table: str = "") -> str:
        """FROM … WHERE of the batch's entries `w`."""
        of = f"AND w.\"table\" = '{table}'" if table else ""
        return f"FROM students_written w WHERE w.batch_id = {self.batch.pk:d} AND w.verb = '{verb}' {of}"

    def made(self, table: str) -> str:
        """SELECT of the keys of the rows it made in a table."""
        return f"SELECT unnest(w.keys) AS id {self.entries('insert', table)}"

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
