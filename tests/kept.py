"""The test database: what many tests start from is built once and put back for each; quickly emptied after others."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.test import TransactionTestCase

MARKS = "subsidies_mark"  # triggers write it while other tables are filled
# An INSERT names whom it refers to (students.0004): who is referred to comes before.
FIRST = ("aidcases_school", "students_person", "students_student")
EMPTY = b"PGCOPY\n\xff\r\n\0" + bytes(8) + b"\xff\xff"  # what COPY writes of an empty table


class Kept:
    """The rows that `build` adds to an empty database, or to one with the rows of `on`, and what it returns.

    `build` may fill empty tables only; it is given what `on` was built to.
    """

    def __init__(self, build: Callable[..., Any], *, on: Kept | None = None):
        with transaction.atomic():
            ground = [on.put_back()] if on else []
            before = _tables()
            self.made = pickle.dumps(build(*ground))
            after = _tables()
            transaction.set_rollback(True)
        self.marks = after.pop(MARKS)
        self.rows = {name: rows for name, rows in after.items() if rows != before[name]}
        assert [name for name in self.rows if before[name] != EMPTY] == []

    def put_back(self) -> Any:
        """Into the transaction of a test; what `build` returned, as it was then."""
        with connection.cursor() as cursor:
            for name in sorted(self.rows, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST)):
                cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT binary)", io.BytesIO(self.rows[name]))
            cursor.execute(f"DELETE FROM {MARKS}")
            cursor.copy_expert(f"COPY {MARKS} FROM STDIN (FORMAT binary)", io.BytesIO(self.marks))
        return pickle.loads(self.made)


def prepare() -> None:
    """Makes the test database fit for thousands of tests.

    TRUNCATE is let through, which the audit log rightly refuses. Nothing is vacuumed: tables that a vacuum finds full
    of what tests have rolled back count as empty from then on, and joins of a few dozen rows may take minutes. Only
    what migrations have filled (the regions) is known to the planner.
    """
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE aidcases_auditevent DISABLE TRIGGER audit_no_truncate")
        for name in _names(cursor):
            cursor.execute(f"ALTER TABLE {name} SET (autovacuum_enabled = false)")
        for name in _names(cursor, "pg_relation_size(oid) > 0"):
            cursor.execute(f"ANALYZE {name}")


class Emptying:
    """Instead of Django's flush after a test with transactions of its own, which empties every table there is and
    loads the regions again: it takes as long as a hundred tests. Empties what was written; rows that were there before
    the first test come back as they were, with their keys: what is kept (Kept) refers to them.
    """

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            rows = {name: _digest(cursor, name) for name in _names(cursor)}
            self.lasting = {name: digest for name, digest in rows.items() if digest[0]}
            self.rows = {name: _copied(cursor, name) for name in self.lasting}

    def __get__(self, test: TransactionTestCase, kind: type) -> Callable[[], None]:
        return self.after

    def after(self) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            written = [name for name in _names(cursor, "pg_relation_size(oid) > 0") if name not in self.lasting]
            if written:
                cursor.execute(f"TRUNCATE {', '.join(written)} CASCADE")
            if changed := self._changed(cursor):
                cursor.execute(f"TRUNCATE {', '.join(changed)} CASCADE")
                for name in self._changed(cursor):  # those that refer to them are empty now as well
                    cursor.copy_expert(f"COPY {name} FROM STDIN (FORMAT binary)", io.BytesIO(self.rows[name]))

    def _changed(self, cursor: Any) -> list[str]:
        return [name for name, digest in self.lasting.items() if _digest(cursor, name) != digest]


def _digest(cursor: Any, table: str) -> tuple[int, str]:
    cursor.execute(f"SELECT count(*), COALESCE(sum(hashtextextended(t::text, 0)), 0)::text FROM {table} t")
    return cursor.fetchone()


def _names(cursor: Any, which: str = "true") -> list[str]:
    """Tables, but no temporary ones."""
    ours = "relkind = 'r' AND relnamespace = 'public'::regnamespace"
    cursor.execute(f"SELECT relname FROM pg_class WHERE {ours} AND {which} ORDER BY 1")
    return [name for (name,) in cursor.fetchall()]


def _tables() -> dict[str, bytes]:
    """Every table's rows."""
    found = {}
    with connection.cursor() as cursor:
        for name in _names(cursor):
            found[name] = _copied(cursor, name)
    return found


def _copied(cursor: Any, table: str) -> bytes:
    out = io.BytesIO()
    cursor.copy_expert(f"COPY {table} TO STDOUT (FORMAT binary)", out)
    return out.getvalue()
