"""The hand-written SQL: statements made from querysets, temporary tables, locks between connections."""

from __future__ import annotations

import io
import threading

import pytest
from django.db import connection, transaction
from django.db.models import F, Value

from aidcases import sql
from aidcases.models import Region, School
from aidcases.scoping import Scope, acting_in
from students.models import Hardship, Person
from tests import make

HERE = Scope("/62/6201/620123/")


def test_a_set_is_inserted_from_a_query_in_scope(db: None, everywhere: None):
    """Columns keep their order whether they are fields, expressions or constants."""
    make.person("甲", home="620123100201")
    make.person("乙", home="620121100001")
    with acting_in(HERE):
        made = sql.insert_from(
            Hardship, Person.objects.order_by("name"), category=Value("dibao_rural"), person=F("pk"),
            from_on=F("birth_on"), source=Value("dibao"), active=Value(True), office_path=F("home_path"),
            detail=F("name"), proof_last4=Value(""),
        )  # fmt: skip
    assert made == 1
    [row] = Hardship.objects.all()
    assert (row.person.name, row.category, row.detail, row.office_path) == (
        "甲", "dibao_rural", "甲", "/62/6201/620123/620123100/620123100201/",
    )  # fmt: skip


def test_rows_and_one_speak_of_columns_by_name(db: None):
    assert sql.rows("SELECT n, n * 2 AS twice FROM generate_series(1, 2) n") == [
        {"n": 1, "twice": 2}, {"n": 2, "twice": 4},
    ]  # fmt: skip
    assert sql.one("SELECT %(a)s::int AS a", {"a": 3}) == {"a": 3}
    with pytest.raises(ValueError, match="not enough values"):
        sql.one("SELECT 1 WHERE false")


def test_run_tells_how_many_rows_it_touched(db: None):
    assert sql.run("UPDATE aidcases_region SET name = name WHERE code = ANY(%s)", [["62", "6201"]]) == 2


def test_names_are_quoted_and_unknown_ones_refused():
    assert sql.table(School) == '"aidcases_school"'
    assert sql.column(Hardship, "person") == '"person_id"'
    with pytest.raises(Exception, match="nothere"):
        sql.column(School, "nothere")


def test_lines_are_copied_into_a_table(db: None):
    lines = io.BytesIO("ZZ\t测试\tprovince\t/ZZ/\n".encode())
    sql.copy_in(Region, ("code", "name", "level", "path"), lines)
    assert Region.objects.get(code="ZZ").name == "测试"


def test_a_temporary_table_is_made_anew_and_gone_with_the_transaction(db: None):
    with transaction.atomic():
        sql.temporary("todo", "(n int)")
        sql.run("INSERT INTO todo VALUES (1)")
        sql.temporary("todo", "AS SELECT %s::int AS n", [7])
        assert sql.rows("SELECT n FROM todo") == [{"n": 7}]


@pytest.mark.django_db(transaction=True)
def test_a_lock_keeps_another_connection_out_until_the_transaction_ends():
    tried: list[bool] = []
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with transaction.atomic():
            tried.append(sql.try_lock("x", 1))
            tried.append(sql.try_lock("x", 2))
        entered.set()
        with transaction.atomic():
            sql.lock("x", 1)
            leave.set()
        connection.close()

    with transaction.atomic():
        sql.lock("x", 1)
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(10)
        assert not leave.wait(0.2)
    thread.join(10)
    assert leave.is_set()
    assert tried == [False, True]
