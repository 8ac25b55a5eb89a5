"""Any imports, one or some of them taken back: every cell is where the specification says it is, whatever the order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from aidcases import sql
from students.imports import homes, undo
from students.imports.tracks import TABLES, cells, links
from students.models import ImportFile
from tests import make
from tests.students.rosters import bring_in
from tests.students.test_undo import (
    COUNTY,
    HEADS,
    NUMBERS,
    OTHER,
    SCHOOL,
    TERM,
    Dump,
    dump,
    facts_only,
    roll,
    take_back,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("everywhere")]

# Derived from other facts; the journal leaves them out (migration 0003).
DERIVED = {
    "students_person": {"hukou_region_id", "household_path", "home_path", "school_path"},
    "students_enrolment": {"home_path", "school_path"},
}

numbers = st.sampled_from(NUMBERS[:3])
names = st.sampled_from(["张小明", "张晓明"])
households = st.sampled_from(["62012310020100001", "62012310120100002"])
guardians = st.sampled_from(["", *(f",张大山,{make.id_number('620123', date(1980, 5, day))}" for day in (1, 2))])
pupils = st.builds(
    roll, numbers, name=names, school=st.sampled_from([SCHOOL, OTHER]), grade=st.sampled_from(["三年级", "四年级"]),
    room=st.sampled_from(["1班", "2班"]), phone=st.sampled_from(["", "13909310001", "13909310002"]),
)  # fmt: skip
rolls = st.builds(lambda pupil, guardian: pupil + guardian, pupils, guardians)
poor = st.builds(
    lambda number, name, home, relation, why: f"{name},{number},{home},{relation},一般贫困户,{why},2015-01-01",
    numbers, names, households, st.sampled_from(["户主", "之子"]), st.sampled_from(["因病", "因学"]),
)  # fmt: skip
dibao = st.builds(
    lambda number, name, kind, until, head: f"{name},{number},{kind},2018-01,{until}{head}",
    numbers, names, st.sampled_from(["农村低保", "城市低保"]), st.sampled_from(["", "2019-12"]), guardians,
)  # fmt: skip
disabled = st.builds(
    lambda number, name, until: f"{name},{number},{number}41,{until}",
    numbers, names, st.sampled_from(["2019-12-31", "2029-12-31"]),
)  # fmt: skip
population = st.builds(
    lambda number, name, village: f"{name},{number},{village}",
    numbers, names, st.sampled_from(["620123100201", "620123101201"]),
)  # fmt: skip
schools = st.builds(
    lambda name, place, fee: f"{SCHOOL},{name},小学,{place},{fee}",
    st.sampled_from(["榆槐小学", "新名小学"]), st.sampled_from(["620123100", "620123101"]), st.sampled_from(["800", "0"]),
)  # fmt: skip
college = st.builds(
    lambda number, name, code: f"{name},{number},{code},高校{code[-1]},本科,大一,甘肃省,620123100201",
    numbers, names, st.sampled_from(["4162010740", "4162010741"]),
)  # fmt: skip
ROWS = {
    "roll": rolls, "college": college, "poverty": poor, "dibao": dibao, "disabled": disabled, "population": population,
    "schools": schools,
}  # fmt: skip


def one_a_person(rows: list[str]) -> list[str]:
    return list({row.split(",")[1 if not row.startswith("21") else 0]: row for row in rows}.values())


imports = st.one_of(
    *(st.tuples(st.just(kind), st.lists(rows, min_size=1, max_size=3).map(one_a_person)) for kind, rows in ROWS.items())
)
files = st.lists(imports, min_size=1, max_size=5)
histories = files.flatmap(lambda files: st.tuples(st.just(files), st.integers(0, len(files) - 1)))
orders = files.flatmap(
    lambda files: st.tuples(
        st.just(files), *(st.permutations(range(len(files))) for _ in range(2)), st.integers(1, len(files))
    )
)
# Without shrinking: an example takes a second, and hundreds of smaller ones would end in the time limit, not in a finding.
drawn = settings(
    max_examples=5, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@contextmanager
def nothing_stays() -> Iterator[Path]:
    """A folder for the rosters, and a transaction that is rolled back: each example begins anew."""
    with TemporaryDirectory() as folder, transaction.atomic():
        yield Path(folder)
        transaction.set_rollback(True)


@drawn
@given(history=histories)
@example(
    history=(
        [("roll", [roll()]), ("schools", [f"{SCHOOL},榆槐小学,小学,620123101,800"]), ("roll", [roll(NUMBERS[1])])],
        1,
    )
)
@example(
    history=(
        [("roll", [roll(grade="三年级")]), ("roll", [roll(grade="四年级", room="2班")]), ("roll", [roll(room="2班")])],
        1,
    )
)
def test_every_cell_is_where_it_should_be(history: tuple[list[tuple[str, list[str]]], int]) -> None:
    files, taken = history
    with nothing_stays() as folder:
        bring(folder, "schools", [f"{SCHOOL},榆槐小学,小学,620123100,800", f"{OTHER},榆槐二小,小学,620123100,0"])
        states, made = brought(folder, files)
        before, after, last = states[taken], states[taken + 1], states[-1]
        told = undo.expected(made[taken].batch)
        outcome = take_back(made[taken])
        now = dump()
        assert outcome["restored"] == told.restored
        if after is last:
            assert facts_only(now) == facts_only(before)
            assert outcome["kept"] == []
        compare(made[taken].batch_id, (before, after, last, now), outcome)
        consistent()


@settings(drawn, max_examples=3)
@given(history=orders)
def test_the_order_of_undoing_does_not_matter(history: Any) -> None:
    """Some of the imports taken back in two orders, then the others: the same tables, and in the end those before all."""
    files, one, other, count = history
    some = set(one[:count])
    with nothing_stays() as folder:
        bring(folder, "schools", [f"{SCHOOL},榆槐小学,小学,620123100,800", f"{OTHER},榆槐二小,小学,620123100,0"])
        states, made = brought(folder, files)
        ways = []
        for order in (one, other):
            with transaction.atomic():
                for place in (place for place in order if place in some):
                    taken_as_told(made[place])
                consistent()
                ways.append(dump())
                for place in (place for place in order if place not in some):
                    taken_as_told(made[place])
                assert facts_only(dump()) == facts_only(states[0])
                transaction.set_rollback(True)
        assert ways[0] == ways[1]


def taken_as_told(file: ImportFile) -> None:
    file.refresh_from_db()
    told = undo.expected(file.batch)
    outcome = take_back(file)
    assert outcome["restored"] == told.restored
    assert [{**line, "examples": []} for line in outcome["kept"]] == told.kept


def consistent() -> None:
    moved = (
        "SELECT FROM students_enrolment e JOIN aidcases_school s ON s.id = e.school_id WHERE e.school_path <> s.path"
    )
    assert sql.rows(moved) == []
    assert homes.derive("SELECT p.* FROM students_person p") == 0


def brought(folder: Path, files: list[tuple[str, list[str]]]) -> tuple[list[Dump], list[ImportFile]]:
    """The state before all and after each."""
    states, made = [dump()], []
    for kind, rows in files:
        made.append(bring(folder, kind, rows))
        states.append(dump())
    return states, made


def bring(folder: Path, kind: str, rows: list[str]) -> ImportFile:
    path = folder / f"{kind}.csv"
    path.write_text("\n".join((HEADS[kind], *rows)))
    return bring_in(kind, path, county=COUNTY, term=TERM)


def compare(batch: int, states: tuple[Dump, Dump, Dump, Dump], outcome: dict[str, Any]) -> None:
    """`states`: before the import, after it, before the undo, after it."""
    kept = {line["table"] for line in outcome["kept"]}
    for table in TABLES:
        for pk in {pk for state in states for pk in state[table]}:
            was, wrote, came, held = (state[table].get(pk) for state in states)
            if wrote == was:  # the batch had nothing to do with it
                assert same(table, held, came), (table, pk)
            elif table == "students_importrow" and was is None:  # its own rows, and those of later files
                assert held == came
            elif was is None:  # it made the row
                assert held is None or same(table, held, came)
                must = since(batch, table, pk, leading(table)) or referred_to(table, pk)
                assert held is not None or came is None or not must, (table, pk)
                assert held is None or ((must or written_over(table, pk)) and table in kept), (table, pk)
            elif wrote is None:  # it deleted the row
                assert held is None or same(table, held, was)
                assert held is not None or table in kept
            elif came is not None:
                cell_by_cell(batch, table, pk, (was, wrote, came, held), kept)


def cell_by_cell(batch: int, table: str, pk: int, rows: tuple[dict, dict, dict, dict], kept: set[str]) -> None:
    was, wrote, came, held = rows
    for cell in cells(table):
        columns = [column for column in cell.columns if column in held and column not in DERIVED.get(table, set())]
        written = [column for column in columns if was[column] != wrote[column]]
        led = not cell.judge or cell.judge in written
        if written and not since(batch, table, pk, cell.leading if led else cell.columns):
            assert {c: held[c] for c in columns} == {c: was[c] for c in columns}, (table, cell.name)
        else:
            assert {c: held[c] for c in columns} == {c: came[c] for c in columns}, (table, cell.name)
            assert not written or table in kept or cell.name == "row_id" or not led


def leading(table: str) -> tuple[str, ...]:
    return tuple(column for cell in cells(table) for column in cell.leading)


def since(batch: int, table: str, pk: int, columns: tuple[str, ...]) -> bool:
    """A later batch wrote to the columns."""
    return sql.one(
        """SELECT EXISTS (SELECT FROM students_written WHERE "table" = %s AND key = %s AND verb = 'update'
        AND batch_id > %s AND after ?| %s::text[]) AS yes""",
        [table, pk, batch, list(columns)],
    )["yes"]


def same(table: str, one: dict | None, other: dict | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(one[column] == other[column] for column in one if column not in DERIVED.get(table, set()))


def referred_to(table: str, pk: int) -> bool:
    return any(
        sql.one(f"SELECT EXISTS (SELECT FROM {link.table} r WHERE r.{link.column} = %s) AS yes", [pk])["yes"]
        for link in links()
        if link.target == table
    )


def written_over(table: str, pk: int) -> bool:
    """A later import wrote over a reference to it, or deleted one: its own undo would bring that back."""
    standing = """SELECT EXISTS (SELECT FROM students_written w JOIN students_batch b ON b.id = w.batch_id
        WHERE w."table" = %s AND b.state = 'standing' AND w.before->>%s = %s) AS yes"""
    return any(sql.one(standing, [link.table, link.column, str(pk)])["yes"] for link in links() if link.target == table)
