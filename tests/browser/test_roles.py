"""What the school's clerk and the city's officer do: the same children, seen from where they sit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.databases import SCHOOL
from tests.browser.desk import Desk
from tests.browser.sheets import records_of
from tests.students.rosters import SAMPLE_FILES

DATABASE = "county"


@pytest.fixture(scope="module")
def pupils() -> list[dict[str, str]]:
    """The roll as the file has it."""
    return records_of(SAMPLE_FILES["roll"])


def test_a_school_sees_its_own_pupils_only(desk: Callable[..., Desk], pupils: list[dict[str, str]]):
    clerk = desk("school")
    page = clerk.page
    clerk.picture("学校首页")
    clerk.check()
    page.get_by_role("link", name="学生", exact=True).first.click()
    own = {pupil["姓名"].strip() for pupil in pupils if pupil["学校标识码"] == SCHOOL}
    shown = {name.strip() for name in page.locator("tbody a[data-open]").all_inner_texts()}
    assert shown == own
    clerk.picture("学校学生")
    clerk.check()
    stranger = next(pupil for pupil in pupils if pupil["学校标识码"] != SCHOOL and pupil["姓名"] not in own)
    for typed in (stranger["姓名"], stranger["身份证件号"]):
        clerk.search(typed)
        expect(page.get_by_text("没有找到", exact=True)).to_be_visible()
    assert page.get_by_role("link", name="家庭", exact=True).count() == 0
    clerk.check()


def test_a_city_compares_its_counties(desk: Callable[..., Desk], tmp_path: Path):
    officer = desk("city")
    page = officer.page
    officer.picture("市局首页")
    officer.check()
    row = page.get_by_role("row", name="榆中县").first
    expect(row).to_contain_text("1,083")
    row.get_by_role("link").first.click()
