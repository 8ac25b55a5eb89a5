"""The forms that come with the system, and the pages around forms: downloaded, changed, uploaded, used."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from aidcases import jobs
from aidcases.models import Job
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from ledgers import countyform, formfile, gallery
from ledgers.actions import open_file, request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.models import CountyForm, LedgerIssue
from ledgers.placeholders import understood
from students.imports.package import Archive
from tests.ledgers.conftest import ActAs
from tests.personas import CANARY, TERM, World

HERE = "/62/6201/620123/"


@pytest.fixture(autouse=True)
def files(settings: Any, tmp_path: Path) -> None:
    settings.FILES = tmp_path / "files"


def test_every_ledger_has_a_form_that_is_understood_in_full(world: World, act_as: ActAs, tmp_path: Path) -> None:
    with act_as("checker"):
        for ledger in LEDGERS.values():
            tables = ledger.tables(TERM, area_at(HERE))
            path = tmp_path / f"{ledger.code}.xlsx"
            path.write_bytes(gallery.template(ledger, tables))
            with path.open("rb") as file:
                seen = formfile.described(formfile.opened(file), Archive(str(path), formfile.LIMITS))
            found = understood(seen, {table.name: [column.path for column in table.columns] for table in tables})
            assert found.wrong == [], ledger.code
            assert [list(part.columns.values()) for part in found.parts] == [
                [column.name for column in table.columns] for table in tables
            ], ledger.code
            pages = load_workbook(path).worksheets
            for page, table in zip(pages, tables, strict=True):
                depth = max(len(column.path) for column in table.columns)
                assert page.print_title_rows == f"$3:${2 + depth}"
                assert (page.page_setup.orientation, page.page_setup.fitToWidth, page.page_setup.paperSize) == ("landscape", 1, 9)
                assert page.oddFooter.center.text == "第 &P 页 共 &N 页"
                for area in page.merged_cells.ranges:  # a border all round a merged heading
                    for row, at in area.cells if 3 <= area.min_row < 3 + depth else ():
                        edge = page.cell(row, at).border
                        sides = [(edge.left, at == area.min_col), (edge.right, at == area.max_col)]
                        sides.append((edge.top, row == area.min_row))
                        assert all(side.style == "thin" for side, outer in sides if outer), (ledger.code, row, at)


def test_a_shipped_form_gives_what_the_system_s_own_look_gives(world: World, act_as: ActAs) -> None:
    """Cell by cell, but for the line breaks of the notes."""
    for code in ("poverty-register", "aid-summary"):
        ledger = LEDGERS[code]
        with act_as("maker"):
            content = gallery.template(ledger, ledger.tables(TERM, area_at(HERE)))
            shape = countyform.shape(ledger, TERM, area_at(HERE))
            form = countyform.receive(ledger, shape, SimpleUploadedFile("表.xlsx", content))
            countyform.save(form, shape, {}, now=countyform_now())
            books = [_issued(code, form=each) for each in (None, form)]
        plain, own = ([[c.value for c in row] for row in book.worksheets[0]] for book in books)
        notes = next(at for at, row in enumerate(plain) if str(row[0]).startswith("说明"))
        assert own[: notes - 1] == plain[: notes - 1]
        assert own[-1] == plain[-1]


def countyform_now() -> Any:
    from django.utils import timezone

    return timezone.now()


def _issued(code: str, **wanted: Any) -> Any:
    issue = request_issue(LEDGERS[code], TERM, area_at(HERE), purpose="报送", **wanted)
    assert jobs.work_off(Job.objects.get(pk=issue.job_id)).state == "done"
    issue.refresh_from_db()
    with open_file(issue) as content:
        return load_workbook(io.BytesIO(content.read()))


@pytest.fixture
def maker(county: World) -> Client:
    client = Client()
    client.force_login(county["maker"])
    return client


def test_a_clerk_downloads_changes_uploads_and_uses_a_form(world: World, maker: Client) -> None:
    shipped = maker.get(reverse("form_shipped", args=["poverty-register"]))
    book = load_workbook(io.BytesIO(b"".join(shipped.streaming_content)))
    assert "表样" in shipped["Content-Disposition"] or "%E8%A1%A8%E6%A0%B7" in shipped["Content-Disposition"]
    page = book.worksheets[0]
    page["A1"] = "榆中县自己的表"

    def send(name: str = "自己的.xlsx") -> Any:
        out = io.BytesIO()
        book.save(out)
        told = {"ledger": "poverty-register", "file": SimpleUploadedFile(name, out.getvalue())}
        return maker.post(reverse("form_upload"), told, follow=True)

    good, page["H5"] = page["H5"].value, "{{学生.大名}}"
    answer = send()
    assert answer.status_code == 422
    assert "H5 的 {{学生.大名}} 不认识" in answer.content.decode()
    page["H5"] = good
    html = send().content.decode()
    with acting_in(EVERYWHERE, SYSTEM):
        form = CountyForm.objects.get()
    assert "没有保存" in html
    assert "榆中县自己的表" in html
    assert f"{CANARY['620123']}贫生" in html
    assert world.here.students[0].person.id_number not in html
    assert str(form) not in maker.get(reverse("ledger_detail", args=["poverty-register"])).content.decode()
    chosen = re.findall(r'<select class="form-select" name="([^"]+)"', html)
    assert len(chosen) == 34
    html = maker.post(reverse("form_save", args=[form.pk]), {chosen[0]: ""}, follow=True).content.decode()
    assert "已保存为第 1 版" in html
    assert f'value="form-{form.pk}"' in maker.get(reverse("ledger_detail", args=["poverty-register"])).content.decode()
    told = {"term": TERM.code, "area": HERE, "layout": f"form-{form.pk}", "purpose": "报送"}
    maker.post(reverse("ledger_issue", args=["poverty-register"]), told)
    with acting_in(EVERYWHERE, SYSTEM):
        issue = LedgerIssue.objects.get()
        jobs.work_off(Job.objects.get(pk=issue.job_id))
    html = maker.get(reverse("issue_detail", args=[issue.pk])).content.decode()
    assert "本单位表样" in html
    maker.post(reverse("form_withdraw", args=[form.pk]), follow=True)
    html = maker.get(reverse("form_list")).content.decode()
    assert "已停用" in html
    assert f"form-{form.pk}" not in maker.get(reverse("ledger_detail", args=["poverty-register"])).content.decode()
    for name, most in ((reverse("form_list"), 12), (reverse("form_detail", args=[form.pk]), 18)):
        with CaptureQueriesContext(connection) as seen:
            assert maker.get(name).status_code == 200
        assert len(seen) <= most, (name, len(seen))
