"""What goes wrong in an office: impatience, a second window, a session that ran out, a broken file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from playwright.sync_api import expect

from aidcases.models import Job
from students.models import ImportFile
from tests.browser.databases import TERM, offices
from tests.browser.desk import Desk
from tests.students.rosters import SAMPLE_FILES

FILL = offices
NEW = "/imports/new/"


@pytest.fixture
def clerk(desk: Callable[..., Desk]) -> Desk:
    return desk("maker")


@contextmanager
def nothing_is_read():
    """Whoever reads a roster waits before its first row; pages are not held up."""
    other = connection.copy()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE students_importrow IN EXCLUSIVE MODE")
        yield
    finally:
        other.close()


def test_a_second_upload_while_the_first_is_read(clerk: Desk):
    page = clerk.page
    before = list(ImportFile.objects.values_list("pk", flat=True))
    with nothing_is_read():
        clerk.go(NEW)
        clerk.upload("schools", SAMPLE_FILES["schools"], TERM)
        expect(page.locator("progress")).to_be_visible()
        clerk.check()
        first = clerk.path()
        clerk.go(NEW)
        clerk.upload("schools", SAMPLE_FILES["schools"], TERM)
        expect(page.get_by_text("正在办理，没有再收一次")).to_be_visible()
        assert clerk.path() == first
        clerk.go(NEW)
        clerk.upload("tekun", SAMPLE_FILES["tekun"], TERM)
        expect(page.locator("progress")).to_be_visible()
        assert clerk.path() != first
    expect(page.get_by_role("button", name="确认入库")).to_be_visible()
    made = ImportFile.objects.exclude(pk__in=before).values_list("kind", "state")
    assert sorted(made) == [("schools", "previewed"), ("tekun", "previewed")]


def test_a_double_click_confirms_once(clerk: Desk):
    before = Job.objects.filter(kind="students.import_commit").count()
    clerk.go(NEW)
    clerk.upload("disabled", SAMPLE_FILES["disabled"], TERM)
    clerk.page.get_by_role("button", name="确认入库").dblclick()
    expect(clerk.page.locator("h1 + .pill")).to_have_text("已入库")
    assert Job.objects.filter(kind="students.import_commit").count() == before + 1
    assert clerk.page.locator("#messages .notice").count() == 0


def test_two_windows_and_the_way_back_after_a_commit(clerk: Desk):
    page = clerk.page
    clerk.go(NEW)
    clerk.upload("dibao", SAMPLE_FILES["dibao"], TERM)
    expect(page.get_by_role("button", name="确认入库")).to_be_visible()
    late = clerk.new_page()
    late.goto(page.url)
    clerk.press("确认入库")
    expect(page.locator("h1 + .pill")).to_have_text("已入库")
    late.get_by_role("button", name="确认入库").click()
    expect(late.locator("#messages")).to_contain_text("当前状态不能确认入库")
    expect(late.locator("h1 + .pill")).to_have_text("已入库")
    assert Job.objects.filter(kind="students.import_commit", label__contains="低保").count() == 1
    page.go_back()
    expect(page.locator("h1 + .pill")).to_have_text("已入库")
    expect(page.get_by_role("button", name="确认入库")).to_have_count(0)
    page.go_back()
    expect(page.get_by_label("是哪一种名单")).to_be_visible()
    clerk.upload("dibao", SAMPLE_FILES["dibao"], TERM)
    expect(page.get_by_text("再入一次不会有变化")).to_be_visible()
    expect(page.locator(".stat", has_text="新增")).to_contain_text("0")


def test_a_session_that_ran_out_over_a_form(clerk: Desk):
    page = clerk.page
    clerk.go(NEW)
    Session.objects.all().delete()
    clerk.upload("college", SAMPLE_FILES["college"], TERM)
    expect(page.get_by_text("登录后请再提交一次")).to_be_visible()
    clerk.check()
    clerk.fill_in_login("maker")
    page.wait_for_url(f"**{NEW}*")
    clerk.upload("college", SAMPLE_FILES["college"], TERM)
    expect(page.get_by_role("button", name="确认入库")).to_be_visible()


def test_a_session_that_ran_out_while_a_page_polls(clerk: Desk):
    page = clerk.page
    with nothing_is_read():
        clerk.go(NEW)
        clerk.upload("population", SAMPLE_FILES["population"], TERM)
        expect(page.locator("progress")).to_be_visible()
        here = clerk.path()
        Session.objects.all().delete()
        expect(page.get_by_label("用户名")).to_be_visible()
    clerk.fill_in_login("maker")
    page.wait_for_url(f"**{here}")


@pytest.mark.parametrize(
    ("kind", "name", "content", "told"),
    [
        ("roll", "学籍.xlsx", b"PK\3\4 and then nothing of a workbook", "已损坏"),
        ("roll", "学籍.csv", b"", "空"),
        ("roll", "低保名单.xlsx", SAMPLE_FILES["dibao"].read_bytes(), "看起来是低保名单，不是学籍信息"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(clerk: Desk, tmp_path: Path, kind: str, name: str, content: bytes, told: str):
    (tmp_path / name).write_bytes(content)
    clerk.expected.add(422)
    clerk.go(NEW)
    clerk.upload(kind, tmp_path / name, TERM)
    expect(clerk.page.locator("main")).to_contain_text(told)
    clerk.check()
    assert ImportFile.objects.filter(kind="roll").exclude(state__in=("refused", "mapping")).count() == 0


def test_a_file_of_another_sort_is_refused_before_it_is_sent(clerk: Desk, tmp_path: Path):
    shutil.copy(SAMPLE_FILES["roll"], tmp_path / "学籍.pdf")
    clerk.go(NEW)
    clerk.page.locator("[type=file]").set_input_files(tmp_path / "学籍.pdf")
    expect(clerk.page.locator("output")).to_contain_text("不能读取“学籍.pdf”")
