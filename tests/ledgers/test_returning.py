"""The 数据版 of every ledger of people comes back: unchanged as no change, one cell as one change, nonsense with a sentence."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from openpyxl import Workbook, load_workbook

from aidcases import jobs
from aidcases.models import Job
from dropout.models import Difference
from ledgers.actions import open_file, request_issue
from ledgers.areas import area_at
from ledgers.definition import ROW_KEY, Listing
from ledgers.definitions import LEDGERS
from ledgers.models import LedgerIssue
from ledgers.workbook import Kind
from students.imports import pipeline
from students.imports.edited import EDITABLE
from students.models import Enrolment, Export, ExportRow, Household, ImportFile, ImportRow, RosterEntry
from subsidies.models import Entitlement, Trainee
from subsidies.payments import listing
from tests import make
from tests.dropout.build import case
from tests.ledgers.conftest import ActAs
from tests.ledgers.test_notice_roll import published
from tests.personas import TERM, World

HERE, THERE = "/62/6201/620123/", "/62/6201/620121/"
TOWNSHIP = f"{HERE}620123100/"
PEOPLE = [ledger for ledger in LEDGERS.values() if ledger.personal]
EDITED = {"class_name": "9班", "grade": "六年级", "boarding": "寄宿"}  # of a child of primary school by day
Made, Round = Callable[..., LedgerIssue], Callable[..., ImportFile]


@pytest.fixture
def full(world: World) -> World:
    """At least one row of a child of ours in every ledger of people."""
    here, homes = world.here, {"home": "620123100201"}
    poor, plain, _teen = here.students
    Household.objects.update(cause="因学")
    make.student("邻镇生", at=make.school(place="620123101", name="邻镇小学"), **homes)
    make.student("外县生", at=world.there.primary, **homes)
    make.student("走读生", at=here.primary, categories=("registered_poor", "orphan", "dibao_rural"), **homes)
    village = Household.objects.get(members__person=poor.person)
    for child in (*here.students, world.crossing):
        make.account(child)
    for child in here.students:
        RosterEntry(kind="population", term=TERM.code, person=child.person).save()
    village.members.create(person=make.student("走读妹", at=here.primary, **homes).person, from_on=date(2015, 1, 1))
    RosterEntry(kind="population", term=TERM.code, person=make.person("无学籍", home="620123100201")).save()
    held = case("persuading", student=poor, school=here.primary, stage="primary", grade=3)
    Difference(
        term=TERM.code, student=plain, kind="absent", area=here.primary.path, home_path=held.home_path,
        school_path=held.school_path, case=held, found_on=date(2018, 10, 8),
    ).save()  # fmt: skip
    Trainee(
        student=plain, home_path=plain.person.home_path, year=2018, left_year=2018, left_stage="junior",
        left_school=here.senior, made_by="甲",
    ).save()  # fmt: skip
    published(world, "benefit")
    Enrolment.objects.update(left_behind=True)
    make.recompute()
    listing.freeze(Entitlement.objects.filter(school_path__startswith=HERE), make.batch("bank"))
    return world


@pytest.fixture
def made(act_as: ActAs, settings: Any, tmp_path: Any) -> Made:
    settings.FILES = tmp_path / "files"

    def issue(code: str, persona: str = "maker", path: str = "", **wanted: Any) -> LedgerIssue:
        where = path or (TOWNSHIP if code == "studying-elsewhere" else HERE)
        with act_as(persona):
            asked = request_issue(LEDGERS[code], TERM, area_at(where), purpose="核对", flat=True, **wanted)
            done = jobs.work_off(Job.objects.get(pk=asked.job_id))
            assert done.state == "done", done.error
        asked.refresh_from_db()
        return asked

    return issue


def book_of(issue: LedgerIssue, act_as: ActAs, persona: str = "checker") -> Workbook:
    with act_as(persona), open_file(issue) as content:
        return load_workbook(io.BytesIO(content.read()))


@pytest.fixture
def back(act_as: ActAs, world: World) -> Round:
    """What the pages of an import do with a file."""

    def returned(content: Workbook | bytes, name: str = "台账.xlsx", kind: str = "edits") -> ImportFile:
        if isinstance(content, Workbook):
            out = io.BytesIO()
            content.save(out)
            content = out.getvalue()
        with act_as("maker"):
            office = world["maker"].memberships.get().organisation
            file = pipeline.receive(kind=kind, term=TERM.next, office=office, filename=name, chunks=[content])
        return pipeline.preview(file)

    return returned


def cells(book: Workbook, heading: str) -> list[Any]:
    """The cells under a heading of the first sheet."""
    sheet = book.worksheets[0]
    at = next(cell.column for cell in sheet[1] if cell.value == heading)
    return [sheet.cell(number, at) for number in range(2, sheet.max_row + 1)]


def states(file: ImportFile) -> tuple[Any, ...]:
    return tuple(file.counts.get(name) for name in ("rows", "new", "changed", "unchanged", "review", "rejected"))


def odd(file: ImportFile) -> list[Any]:
    found = ImportRow.objects.filter(file=file).exclude(state="unchanged", warnings=[])
    return list(found.values_list("number", "state", "reasons", "warnings", "changes"))


def one_cell(issue: LedgerIssue, book: Workbook) -> tuple[int, str] | None:
    """Edits a cell that rosters may change, of a child of our schools: (its row, field); None where there is none."""
    mapping = Export.objects.get(issue=issue.pk).layout["mapping"]
    keys = [cell.value for cell in cells(book, ROW_KEY)]
    said = dict(ExportRow.objects.filter(export__issue=issue.pk).values_list("key", "said"))
    for name in (name for name in EDITABLE if name in mapping):
        for at, cell in enumerate(cells(book, mapping[name])):
            ours = said[keys[at]]
            if cell.value != EDITED[name] and "elsewhere" not in ours and ours["of_stage"] in ("", "primary"):
                cell.value = EDITED[name]
                return at + 2, name
    return None


def test_every_ledger_of_people_comes_back(full: World, act_as: ActAs, made: Made, back: Round, client: Client) -> None:
    """Of all definitions, also those to come: unchanged no change, one cell edited one change; what comes back is the same
    in a masked copy."""
    client.force_login(full["maker"])
    for ledger in PEOPLE:
        issue = made(ledger.code, "checker", unmasked=True)
        assert issue.rows, f"{ledger.code}: give it a row above"
        carried = masked_alike(issue, book := book_of(issue, act_as), act_as)
        assert bool(carried) != bool(ledger.instead), f"{ledger.code}: where nothing can be changed, say where it is"
        file, rows = back(book), len(cells(book, ROW_KEY))
        assert (file.state, file.problem, file.term, odd(file)) == ("previewed", "", TERM.code, []), ledger.code
        assert states(file) == (rows, 0, 0, rows, 0, 0), ledger.code
        assert file.summary["ledger"] == {"title": ledger.title, "instead": ledger.instead}
        edited = one_cell(issue, book)
        assert bool(edited) == bool(carried), ledger.code
        if edited:
            file = back(book)
            row = ImportRow.objects.get(file=file, state="changed")
            assert (row.number, *row.changes) == edited
            assert (states(file), len(odd(file))) == ((rows, 0, 1, rows - 1, 0, 0), 1), ledger.code
            assert file.counts["cells"]["taken"] == 1
        elif ledger.code == "bank-sheet":
            page = client.get(f"/imports/{file.pk}/").content.decode()
            assert "它没有能从这里改的列，传回不会有变化。改账号和开户行请到“银行账户”" in page
            assert "文件里没有改动，不需要入库" in page


def masked_alike(issue: LedgerIssue, book: Workbook, act_as: ActAs) -> set[str]:
    """Which fields can be changed in the ledger. What is read of a copy that comes back is no column that may be masked or
    hidden, so a masked copy says the same."""
    with act_as("maker"):
        table = LEDGERS[issue.ledger].tables(TERM, area_at(issue.area_path))[0]
        assert isinstance(table, Listing)
        rows = [tuple(cell or None for cell in row) for row in table.sheet(None, unmasked=False).rows]
    read = [column for column in table.columns if column.roster]
    names = [column.roster for column in read]
    assert "name" in names, issue.ledger
    assert len(set(names)) == len(names), issue.ledger
    assert not [column.name for column in read if column.side or column.masked is not None], issue.ledger
    assert {column.kind for column in table.columns if column.side} <= {Kind.TEXT}, "*** is no number and no date"
    for column in read:
        assert [cell.value for cell in cells(book, column.name)] == [row[table.columns.index(column)] for row in rows]
    assert [cell.value for cell in cells(book, ROW_KEY)] == [row[-1] for row in rows]
    return set(names) & set(EDITABLE)


def test_what_cannot_be_meant_is_said_row_by_row(full: World, act_as: ActAs, made: Made, back: Round) -> None:
    """One ledger in which a child has several rows, with every mistake in it."""
    issue = made("unaided")
    book = book_of(issue, act_as)
    whose = [cell.value for cell in cells(book, "姓名")]
    keys, classes, names = cells(book, ROW_KEY), cells(book, "班级"), cells(book, "姓名")
    first = {name: whose.index(name) for name in dict.fromkeys(whose)}
    same, differ = "榆槐贫生", "走读生"
    for at, name in enumerate(whose):
        if name == same:
            classes[at].value = "7班"  # the same in all its rows
    classes[first[differ]].value, classes[first[differ] + 1].value = "7班", "8班"
    gone, left = first["榆槐高生"], whose.index("跨县生")
    away = full.there.senior
    Enrolment.objects.filter(student__person__name="榆槐高生").update(school_path=away.path, school=away)
    keys[left].value = "0" * 24
    keys[left + 1].value = None
    keys[left + 2].value = keys[first["走读妹"]].value
    names[first["邻镇生"]].value = "改名"
    book.worksheets[0].insert_cols(2)
    book.worksheets[0].cell(1, 2, "我的备注")
    file = back(book)
    rows = {row.number - 2: row for row in ImportRow.objects.filter(file=file)}
    assert rows[left].reasons == ["unknown key"]
    assert rows[left + 1].reasons == ["missing key"]
    assert rows[left + 2].reasons == rows[first["走读妹"]].reasons == ["repeated key"]
    assert rows[gone].reasons == ["not ours any more"]
    assert rows[first[differ]].reasons == rows[first[differ] + 1].reasons == ["rows disagree"]
    assert {row.state for at, row in rows.items() if whose[at] == same} == {"changed"}
    assert rows[first["邻镇生"]].warnings == ["fixed name"]
    with act_as("maker"):
        file.move("confirm", by=full["maker"].memberships.get().actor)
        done = pipeline.commit(file)
        assert done.state == "committed", done.problem
    assert Enrolment.objects.get(student__person__name=same, term=TERM.code).class_name == "7班"
    assert not Enrolment.objects.filter(class_name="8班").exists()


def test_which_issue_it_is(full: World, act_as: ActAs, made: Made, back: Round, client: Client) -> None:
    """By its number on the sheet 核验; from a csv by its rows; of another office's nobody hears anything."""
    older = made("left-behind")
    Enrolment.objects.filter(student__person__name__in=("榆槐普生", "榆槐贫生"), term=TERM.code).update(class_name="3班")
    made("left-behind")
    book = book_of(older, act_as)
    whose, classes = [cell.value for cell in cells(book, "姓名")], cells(book, "班级")
    text = "\n".join(",".join(str(cell or "") for cell in row) for row in book.worksheets[0].iter_rows(values_only=True))
    file = back(text.encode("gb18030"), "台账.csv")
    assert (file.summary["issue"], odd(file)) == (older.pk, [])  # what the system changed since is not taken back
    classes[whose.index("榆槐普生")].value = "4班"
    classes[whose.index("外县生")].value = "9班"
    file = back(book)
    assert states(file) == (older.rows, 0, 0, older.rows - 1, 1, 0)
    assert ImportRow.objects.get(file=file, state="review").changes == {"class_name": ["3班", "4班", "1班"]}
    assert [row[3] for row in odd(file) if row[1] == "unchanged"] == [["kept elsewhere"]]
    client.force_login(full["maker"])
    page = client.get(f"/imports/{file.pk}/").content.decode()
    assert "能从这里改的列：“年级”、“班级”、“寄宿”。其余的列是算出来的或在别处登记，改了也不会入库：姓名、" in page
    assert "年级、班级、就读方式不能从这里改" in page
    assert back(book, kind="disabled").summary["looks_like"] == "edits"
    theirs = made("left-behind", "other_maker", THERE)
    for row in book.worksheets[-1].iter_rows():
        if row[0].value == "生成记录":
            row[1].value = str(theirs.pk)
    assert back(book).counts["reasons"] == {"unknown key": older.rows}
