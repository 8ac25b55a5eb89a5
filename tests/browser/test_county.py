"""The sample county from every chair: the school's clerk, the city's officer, and whoever has no mouse or a phone."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.databases import SCHOOL, county
from tests.browser.desk import Desk
from tests.browser.sheets import records_of, rows_of
from tests.students.rosters import SAMPLE, SAMPLE_FILES

FILL = county
ANSWERS = json.loads((SAMPLE / "expected.json").read_text())


@pytest.fixture(scope="module")
def pupils() -> list[dict[str, Any]]:
    """The roll as the file has it."""
    return records_of(SAMPLE_FILES["roll"])


def test_a_school_sees_its_own_pupils_only(desk: Callable[..., Desk], pupils: list[dict[str, Any]]):
    clerk = desk("school")
    page = clerk.go("/")
    clerk.picture("school-home")
    clerk.check()
    clerk.menu("名单和学生", "学生")
    own = {pupil["姓名"].strip() for pupil in pupils if pupil["学校标识码"] == SCHOOL}
    assert {name.strip() for name in page.locator("tbody a[data-open]").all_inner_texts()} == own
    clerk.picture("school-students")
    clerk.check()
    stranger = next(pupil for pupil in pupils if pupil["学校标识码"] != SCHOOL and pupil["姓名"] not in own)
    for typed in (stranger["姓名"], stranger["身份证件号"]):
        clerk.search(typed)
        expect(page.get_by_text("没有找到", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="家庭", exact=True)).to_have_count(0)
    clerk.check()


def test_a_city_compares_its_counties(desk: Callable[..., Desk], tmp_path: Path):
    officer = desk("city")
    page = officer.go("/")
    officer.picture("city-home")
    officer.check()
    row = page.get_by_role("row", name="榆中县").first
    expect(row).to_contain_text("1,083")
    row.get_by_role("link").first.click()
    expect(page.locator(".chip", has_text="县区：榆中县")).to_be_visible()
    officer.menu("台账和推进", "台账")
    page.get_by_role("link", name="教育扶贫基本情况汇总台账").click()
    officer.picture("city-ledger")
    page.locator("#id_purpose").fill("存档")
    officer.press("生成台账")
    with page.expect_download() as download:
        officer.press("下载")
    download.value.save_as(tmp_path / "summary.xlsx")
    due = sum(Decimal(line["amount"]) for code, line in ANSWERS["totals"].items() if code != "lz-loan")
    cells = [cell for row in rows_of(tmp_path / "summary.xlsx") for cell in row if isinstance(cell, int | float)]
    assert due in [Decimal(str(cell)) for cell in cells]


def test_keys_alone(desk: Callable[..., Desk]):
    """Everything from the first page to a child's file without touching the mouse."""
    clerk = desk("maker")
    page = clerk.go("/")
    keys = page.keyboard
    keys.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    clerk.check()
    keys.press("Enter")
    expect(page.locator("main")).to_be_focused()
    keys.press("?")
    expect(page.get_by_role("dialog", name="快捷键")).to_be_visible()
    clerk.check()
    keys.press("Escape")
    keys.press("/")
    expect(page.locator("[data-search]")).to_be_focused()
    keys.type("榆中县第一中学")
    keys.press("Enter")
    page.wait_for_url("**/search/*/")
    keys.press("j")
    focused = page.locator(":focus")
    expect(focused).to_have_text("榆中县第一中学")
    keys.press("Enter")
    page.wait_for_url(f"**/schools/{SCHOOL}/")


def test_j_and_k_walk_a_list(desk: Callable[..., Desk]):
    clerk = desk("maker")
    page = clerk.go("/students/")
    names = page.locator("tbody a[data-open]").all_inner_texts()
    assert len(names) == 50
    seen = []
    for key in "jjjk":
        page.keyboard.press(key)
        seen.append(page.locator(":focus").inner_text())
    assert seen == [*names[:3], names[1]]
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(names[1].strip())


def test_large_text_stays_until_switched_off(desk: Callable[..., Desk]):
    clerk = desk("maker")
    page = clerk.go("/")
    size = "parseFloat(getComputedStyle(document.body).fontSize)"
    usual = page.evaluate(size)
    page.get_by_label("甲经办，县级经办：个人菜单").click()
    clerk.press("大字")
    large = page.evaluate(size)
    assert large >= usual * 1.15
    clerk.go("/students/")
    assert page.evaluate(size) == large
    clerk.check()
    page.get_by_label("甲经办，县级经办：个人菜单").click()
    clerk.press("大字")
    assert page.evaluate(size) == usual


PHONE_PAGES = (
    "/", "/imports/", "/students/", "/households/", f"/schools/{SCHOOL}/", "/entitlements/", "/coverage/", "/runs/",
    "/packs/lanzhou/", "/ledgers/", "/ledgers/poverty-register/", "/jobs/",
)  # fmt: skip


def test_a_phone_shows_every_page_whole(desk: Callable[..., Desk]):
    clerk = desk("maker", phone=True)
    for path in PHONE_PAGES:
        page = clerk.go(path)
        clerk.check_width()
        page.evaluate("document.documentElement.classList.add('large-text')")
        clerk.check_width()
    page.get_by_role("button", name="菜单").click()
    clerk.menu("名单和学生", "学生")
    page.locator("tbody a[data-open]").first.click()
    expect(page.locator("h1")).to_be_visible()
    clerk.check()
    clerk.picture("phone-student")
