"""A copy is held against the stored issue: unchanged through LibreOffice, every tampered cell named."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from openpyxl import Workbook, load_workbook

from aidcases import jobs
from aidcases.models import Job
from ledgers import verify
from ledgers.actions import MANIFEST, open_file, request_issue, result_of
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import LedgerIssue
from tests import make
from tests.ledgers.conftest import ActAs
from tests.personas import TERM, World

HERE = "/62/6201/620123/"


@pytest.fixture
def issued(world: World, act_as: ActAs, tmp_path: Path) -> tuple[LedgerIssue, Path]:
    make.student(
        "榆槐二贫", at=world.here.primary, home="620123100201", categories=("registered_poor",), born=date(2011, 3, 4)
    )
    make.recompute()
    with act_as("maker"):
        issue = request_issue(LEDGERS["poverty-register"], TERM, area_at(HERE), purpose="报送")
        assert jobs.work_off(Job.objects.get(pk=issue.job_id)).state == "done"
        issue.refresh_from_db()
        copy = tmp_path / "副本.xlsx"
        with open_file(issue) as content:
            copy.write_bytes(content.read())
    return issue, copy


def tampered(copy: Path, change: Callable[[Workbook], Any]) -> list[dict[str, str]]:
    """What is said of the copy after a change by openpyxl."""
    stored = copy.with_name("原件.xlsx")
    shutil.copy(copy, stored)
    book = load_workbook(copy)
    change(book)
    book.save(copy)
    return [each.told for each in verify.compare(stored, copy)]


def first_child(book: Workbook) -> tuple[Any, int]:
    page = book.worksheets[0]
    return page, next(row for row in range(1, page.max_row) if page.cell(row, 1).value == 1)


def test_one_digit_is_named(issued: tuple[LedgerIssue, Path]):
    issue, copy = issued

    def one(book: Workbook) -> None:
        page, row = first_child(book)
        at = next(cell for cell in page[row] if isinstance(cell.value, float | int) and cell.column > 10)
        at.value += 1

    told = tampered(copy, one)
    assert [each["kind"] for each in told] == ["changed"]
    assert float(told[0]["is"]) - float(told[0]["was"]) == 1
    assert result_of(issue)["rows"] == 2


def test_a_row_that_went_and_a_sheet_that_changed(issued: tuple[LedgerIssue, Path]):
    def drop(book: Workbook) -> None:
        page, row = first_child(book)
        page.delete_rows(row)
        book[MANIFEST].cell(3, 2).value = "别的"
        book.create_sheet("多的")

    told = tampered(issued[1], drop)
    assert any(each["kind"] == "missing" for each in told)
    assert [each["sheet"] for each in told if each["kind"] == "changed" and each["is"] == "别的"] == [MANIFEST]
    assert {"sheet": "多的", "cell": "", "kind": "added", "was": "", "is": "整张工作表"} in told


def test_two_rows_that_changed_places(issued: tuple[LedgerIssue, Path]):
    def swap(book: Workbook) -> None:
        page, row = first_child(book)
        for column in range(2, page.max_column + 1):
            a, b = page.cell(row, column), page.cell(row + 1, column)
            a.value, b.value = b.value, a.value

    told = tampered(issued[1], swap)
    assert told
    assert {each["kind"] for each in told} <= {"changed", "added", "missing"}
    names = [(each["was"], each["is"]) for each in told]
    assert all((b, a) in names for a, b in names)  # what one row lost the other has


def test_a_formula_replaced_by_its_value_is_named(issued: tuple[LedgerIssue, Path]):
    def paste(book: Workbook) -> None:
        page = book.worksheets[0]
        cell = next(cell for row in page.iter_rows() for cell in row if str(cell.value).startswith("="))
        cell.value = 1

    told = tampered(issued[1], paste)
    assert any("（=SUM" in each["was"] and each["is"] == "1" for each in told)


@pytest.mark.libreoffice
def test_saved_again_by_libreoffice_it_is_unchanged(issued: tuple[LedgerIssue, Path], tmp_path: Path):
    issue, copy = issued
    out = tmp_path / "again"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xlsx", "--outdir",
         str(out), str(copy)], check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    again = out / copy.name
    assert verify.Copy(again).issue == issue.pk
    assert [each.told for each in verify.compare(copy, again)] == []


def test_the_command_answers_in_one_object(issued: tuple[LedgerIssue, Path], tmp_path: Path):
    issue, copy = issued
    out = StringIO()
    call_command("verify_ledger", str(copy), "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"result": "unchanged"}
    book = load_workbook(copy)
    del book.custom_doc_props["生成记录"]
    book.worksheets[0].cell(1, 1).value = "别的标题"
    book.save(copy)
    with pytest.raises(CommandError, match="--issue"):
        call_command("verify_ledger", str(copy))
    out = StringIO()
    call_command("verify_ledger", str(copy), "--issue", str(issue.pk), "--json", stdout=out)
    cells = json.loads(out.getvalue())["cells"]
    assert {"sheet", "cell", "kind", "was", "is"} == set(cells[0])
    assert "A1" in {each["cell"] for each in cells}
