"""Whom facts refer to is there: what students.0004 does in the place of a check for each row."""

from __future__ import annotations

from datetime import date
from importlib import import_module

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from aidcases import sql
from students.models import Attendance, Guardian, RosterEntry
from tests import make

KEYS = import_module("students.migrations.0003_keys").KEYS
NOBODY = 999_999_999


def checked() -> None:
    sql.run("SET CONSTRAINTS ALL IMMEDIATE")
    sql.run("SET CONSTRAINTS ALL DEFERRED")


@transaction.atomic
def tried(statement: str) -> None:
    sql.run(statement)
    checked()


def refused(statement: str, message: str) -> None:
    with pytest.raises(IntegrityError, match=message):
        tried(statement)


@pytest.mark.django_db
def test_no_fact_refers_to_nobody(everywhere: None):
    school, head = make.school(fee=None), make.person()
    who = make.student(at=school, categories=("registered_poor",))
    make.household(members=(who.person,))
    Guardian(student=who, person=head, name="甲").save()
    RosterEntry(kind="present", term="2018-autumn", person=who.person).save()
    days = {"days_due": 20, "days_absent": 0}
    Attendance(student=who, month="2018-09", school=school, school_path=school.path, **days).save()
    checked()
    for table, columns in KEYS.items():
        said = ", ".join(f"'{column}', {NOBODY}" for column in columns)
        own = "" if table == "students_student" else f", 'id', {NOBODY}"
        copy = f"jsonb_populate_record(NULL::{table}, to_jsonb(t) || jsonb_build_object({said}{own}))"
        refused(f"INSERT INTO {table} SELECT ({copy}).* FROM {table} t LIMIT 1", f"insert on {table}: {next(iter(columns))}")
        for column, (target, key) in columns.items():
            refused(f"UPDATE {table} SET {column} = {NOBODY}", f"{table}: {column} names")
            refused(f"DELETE FROM {target} WHERE {key} IN (SELECT {column} FROM {table})", f"names a row that {target} has not")
    # Who goes may go before those that refer to them, as long as all of it is right in the end.
    with transaction.atomic():
        sql.run("DELETE FROM students_student")
        for table in ("guardian", "enrolment", "attendance"):
            sql.run(f"DELETE FROM students_{table}")
        checked()


@pytest.mark.django_db(transaction=True)
def test_whom_a_new_fact_refers_to_is_held(everywhere: None):
    who = make.person(born=date(2010, 5, 1))
    other = connection.copy()
    gone = f"DELETE FROM students_person WHERE id = {who.pk}"
    try:
        with transaction.atomic():
            RosterEntry(kind="present", term="2018-autumn", person=who).save()
            with other.cursor() as cursor:
                cursor.execute("SET lock_timeout = 100")
                with pytest.raises(OperationalError, match="lock timeout"):
                    cursor.execute(gone)
        with other.cursor() as cursor, pytest.raises(IntegrityError, match="students_rosterentry: person_id names"):
            cursor.execute(gone)
    finally:
        other.close()
