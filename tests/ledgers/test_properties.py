"""What holds for every ledger: its 合计 is the database's sum, every figure opens its rows, numbers are masked, one query a
sheet, and what is exported comes back as no change."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from ledgers.areas import Area, area_at
from ledgers.definition import ROWS, Listing, Summary, Table
from ledgers.definitions import LEDGERS
from ledgers.preview import preview, total_of
from ledgers.sheets import Look
from ledgers.workbook import Kind, write_workbook
from students.imports import pipeline
from students.models import Enrolment, Household, ImportRow, Person, Student
from subsidies.models import Entitlement, Payment
from subsidies.payments import listing
from tests import make
from tests.ledgers import progress_build
from tests.ledgers.conftest import ActAs
from tests.personas import TERM, World

HERE, THERE, CITY = "/62/6201/620123/", "/62/6201/620121/", "/62/6201/"
DAY = date(2018, 11, 20)
PLAIN = Look("表", "单位", DAY, "元")
LONG_NUMBER = re.compile(r"(?<!\d)(?:\d{15}|\d{17}[\dX]|1[3-9]\d{9}|\d{19})(?!\d)")


@pytest.fixture
def full(world: World) -> World:
    """Of everything a little: paid, bounced and unlisted lines, disabled children in and out of school, loans, tasks."""
    here = world.here
    for child in (*here.students, world.crossing):
        make.account(child)
        Person.objects.filter(pk=child.pk).update(ethnicity="汉族")
    for row in Enrolment.objects.filter(student__in=here.students):
        row.phone, row.disability_hint, row.left_behind = "13912345678", "视力残疾", True
        row.save()
    out = make.student("失学生", at=here.primary, home="620123100201", born=date(2009, 1, 1))
    Enrolment.objects.filter(student=out).delete()
    make.hardship(out.person, "disabled")
    college = make.school(place="620123100", stages=("higher_vocational",), fee="5000")
    make.student(
        "贷款生", at=college, stage="higher_vocational", grade=2, home="620123100201", categories=("dibao_rural", "orphan")
    )
    make.student("孤儿生", at=here.primary, home="620123100201", categories=("orphan", "dibao_rural"))
    for number in (6, 6, 1):
        make.enrolment(make.student(at=here.primary, term="2013-autumn", grade=1), at=here.primary, term="2018-autumn",
                       stage="primary", grade=number)  # fmt: skip
    for household in Household.objects.all():
        household.phone = "13712345678"
        household.save()
    make.recompute()
    bank, goods = make.batch("bank"), make.batch("settlement")
    mine = Entitlement.objects.filter(school_path__startswith=HERE)
    listing.freeze(mine, bank)
    listing.freeze(mine, goods)
    rows = Payment.objects.filter(batch=bank)
    rows.move("approve", by=SYSTEM)
    rows.move("send", by=SYSTEM)
    rows.filter(student=here.students[0]).move("pay", by=SYSTEM, paid_on=DAY)
    rows.filter(student=here.students[2]).move("bounce", by=SYSTEM, bounce="closed", bounce_text="已销户")
    handed = Payment.objects.filter(batch=goods).exclude(student=world.crossing)
    handed.move("approve", by=SYSTEM)
    handed.move("settle", by=SYSTEM, paid_on=DAY)
    progress_build.task("reported")
    return world


def tables(area: Area) -> list[tuple[str, Table]]:
    return [(code, table) for code, ledger in LEDGERS.items() for table in ledger.tables(TERM, area)]


def areas(world: World) -> list[Area]:
    """The city, both counties, a township, a school."""
    return [area_at(path) for path in (CITY, HERE, THERE, f"{HERE}620123100/", world.here.primary.path)]


def test_every_total_is_the_sum_of_its_rows_and_of_the_database(full: World) -> None:
    """Whatever the amounts are: written, read back and added up by three, to the fen."""
    entitled = list(Entitlement.objects.exclude(amount=None).values_list("pk", flat=True))
    fen = st.integers(1, 10**7).map(lambda n: Decimal(n) / 100)

    @settings(max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(amounts=st.lists(fen, min_size=8, max_size=8), area=st.sampled_from(areas(full)))
    def holds(amounts: list[Decimal], area: Area) -> None:
        for at, pk in enumerate(entitled):
            Entitlement.objects.filter(pk=pk).update(amount=amounts[at % len(amounts)])
        for code, table in tables(area):
            if isinstance(table, Listing):
                _added_up(code, table)

    with acting_in(EVERYWHERE):
        holds()


def _added_up(code: str, table: Listing) -> None:
    names = [column.name for column in table.columns]
    told, rows = table.totals(), list(table.sheet(PLAIN, unmasked=False).rows)
    assert told["rows"] == len(rows) == table.size(), code
    for column in table.columns:
        if column.total:
            cells = [row[names.index(column.name)] or 0 for row in rows]
            assert told[column.name] == sum(cells), (code, column.name)
    if code == "payment-roll":
        in_database = Payment.objects.filter(pk__in=table.found.values("pk")).aggregate(yuan=Sum("amount"))["yuan"]
        assert told["发放金额"] == (in_database or 0)


def test_every_figure_opens_exactly_its_rows(full: World, act_as: ActAs, client: Client) -> None:
    """All of them by the list's own rows, each kind of figure once through its page."""
    opened: Counter[str] = Counter()
    for persona, paths in (("maker", [HERE, f"{HERE}620123100/", full.here.primary.path]), ("school", [full.here.primary.path])):
        client.force_login(full[persona])
        for path in paths:
            with act_as(persona):
                area = area_at(path)
                cells = [cell for code, table in tables(area) if isinstance(table, Summary) for cell in _cells(code, table, area)]
                behind = [_behind(code, url, area) for code, _, _, url in cells]
            looked: dict[str, Any] = {}
            for (code, kind, text, url), (count, totals) in zip(cells, behind, strict=True):
                figure = dict(parse_qsl(urlsplit(url).query)).get("figure", "")
                if count is None or opened[f"{persona} {code} {figure}"] == 0:
                    looked[url] = looked.get(url) or client.get(url).context
                    count, totals = looked[url]["page"].paginator.count, dict(looked[url].get("total") or ())
                if kind is Kind.INTEGER:
                    assert count == int(text.replace(",", "")), (code, url)
                else:
                    yuan = "实发金额" if figure == "paid_yuan" else "金额"
                    assert totals[yuan] == text, url
                opened[f"{persona} {code} {figure}"] += 1
                opened[code] += 1
    assert opened["aid-summary"] > 60
    assert opened["disabled-enrolment"] > 6
    assert opened["retention"] > 4
    assert opened["calendar-bridge"] > 2


def _behind(code: str, url: str, area: Area) -> tuple[int | None, dict[str, str]]:
    """How many rows a ledger's own list has, and their sums; None where the figure opens another page."""
    behind = LEDGERS[code].behind
    if behind is None or resolve(urlsplit(url).path).url_name != ROWS:
        return None, {}
    listing = behind(TERM, area, dict(parse_qsl(urlsplit(url).query)))
    return listing.size(), dict(total_of(listing))


def _cells(code: str, table: Summary, area: Area) -> list[tuple[str, Kind, Any, str]]:
    """Every figure of a summary with its address. People and person-times that are counted have one."""
    shown = preview(table, TERM, area, code)
    found = []
    for cells in [shown.total, *(cells for _, cells in shown.rows)]:
        for column, cell in zip(table.columns, cells, strict=True):
            if cell.url:
                assert resolve(urlsplit(cell.url).path)
                found.append((code, column.kind, cell.text, cell.url))
            elif code in ("aid-summary", "calendar-bridge") and column.total:
                assert cell.text in ("", "0", "0.00"), (column.name, cell.text)
    return found


def test_without_the_right_no_ledger_shows_a_number(full: World, act_as: ActAs) -> None:
    numbers = {person.id_number for person in Person.objects.all() if person.id_number}
    seen = 0
    for persona, path in (("maker", HERE), ("school", full.here.primary.path), ("city", CITY), ("other_maker", THERE)):
        with act_as(persona):
            for code, table in tables(area_at(path)):
                sheets = [table.sheet(look, unmasked=False) for look in (PLAIN, None)]
                for row in (row for sheet in sheets for row in sheet.rows):
                    keyless = row[:-1] if isinstance(table, Listing) and len(row) > len(table.columns) else row
                    text = " ".join(str(cell) for cell in keyless if isinstance(cell, str))
                    assert not numbers & set(re.findall(r"\d{17}[\dX]", text)), code
                    assert not LONG_NUMBER.search(text), (code, text)
                    seen += 1
    assert seen > 60


def test_a_sheet_costs_one_query(full: World, act_as: ActAs) -> None:
    """However many rows: a listing streams from one cursor; a summary was added up by its few statements."""
    with act_as("maker"):
        for code, table in tables(area_at(HERE)):
            with CaptureQueriesContext(connection) as seen:
                list(table.sheet(PLAIN, unmasked=False).rows)
            asked = [query for query in seen if "SELECT" in query["sql"]]
            assert len(asked) == (1 if isinstance(table, Listing) else 0), (code, [query["sql"][:80] for query in asked])


@pytest.mark.parametrize("kind", ["roll", "poverty"])
def test_what_was_exported_comes_back_as_no_change(full: World, act_as: ActAs, tmp_path: Path, kind: str, settings: Any) -> None:
    """The 数据版 of a ledger with a child a row is a roster that the import knows: computed columns are passed over."""
    settings.FILES = tmp_path
    with act_as("checker"):
        [table] = LEDGERS["poverty-register"].tables(TERM, area_at(HERE))
        write_workbook(tmp_path / "a.xlsx", [table.sheet(None, unmasked=True)])
        office = full["maker"].memberships.get().organisation
    before = _state()
    with act_as("maker"):
        content = (tmp_path / "a.xlsx").read_bytes()
        file = pipeline.preview(pipeline.receive(kind=kind, term=TERM, office=office, filename="数据版.xlsx", chunks=[content]))
        counts = file.counts
    odd = [(row.state, row.reasons, row.changes) for row in ImportRow.objects.filter(file=file).exclude(state="unchanged")]
    assert (counts["rows"], odd) == (1, [])
    assert _state() == before


def _state() -> list[Any]:
    with acting_in(EVERYWHERE):
        people = list(Person.objects.order_by("pk").values_list("pk", "name", "ethnicity", "birth_on"))
        studies = list(Enrolment.objects.order_by("pk").values_list("pk", "grade", "class_name", "boarding"))
        return [*people, *studies, Student.objects.count()]


def test_units_people_and_calendar_are_named(full: World, act_as: ActAs) -> None:
    area = area_at(HERE)
    with act_as("maker"):
        for code, ledger in LEDGERS.items():
            assert ledger.unit, code
            assert re.search(r"20\d\d", ledger.heading(TERM, area)), code
            notes = ["".join(ledger.notes(TERM, area, table.name)) for table in ledger.tables(TERM, area)]
            assert all(re.search("学期|学年|年度|日历年|年", told) for told in notes), code
            if any("人次" in column.name for table in ledger.tables(TERM, area) for column in table.columns):
                assert any("人次" in told for told in notes), code
