"""A visit written down at a door without a connection: nothing typed is lost, nothing lies about in clear, it is sent once."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from aidcases.roles import Role
from aidcases.terms import Term
from dropout.models import TeamMember, Visit, VisitDraft
from tests import make
from tests.browser.desk import Desk
from tests.dropout.build import case

TYPED = "奶奶说孩子想去打工，劝了一个小时"


def fill() -> Any:
    school = make.school("2162000101", name="榆树小学")
    teacher = make.user("teacher", "班主任甲", make.school_office(school), Role.CLASS_TEACHER)
    row = case(
        "verifying", student=make.student("张小树", at=school, term=Term.containing(date.today()).code), school=school
    )
    fields = {"name": "班主任甲", "user_id": teacher.pk, "from_on": date.today(), "set_by": "甲"}
    TeamMember(case=row, seat="class_teacher", **fields).save()
    return row.pk


FILL = fill


@pytest.fixture
def form(db: int) -> str:
    return f"/dropout/cases/{db}/visit/"


def stored(page: Page) -> list[list[str]]:
    return page.evaluate("Object.entries(localStorage).filter(([name]) => name.startsWith('visit'))")


def photo() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((1800, 1350), 90).convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def test_typed_without_a_connection_comes_back_and_is_sent_once(desk: Callable[..., Desk], form: str, db: int):
    phone = desk("teacher", phone=True)
    page = phone.go(form)
    phone.check()
    phone.context.set_offline(True)
    page.get_by_label("地点").fill("榆树村三社")
    page.get_by_label("过程和家长意见").fill(TYPED)
    page.get_by_label("结果").select_option("wavering")
    expect(page.locator("#autosave")).to_contain_text("已加密存在这台设备上")
    [[name, sealed]] = stored(page)
    whole = base64.b64decode(sealed)
    assert not [word for word in (TYPED, "榆树", "wavering") if word.encode() in whole or word in name + sealed]
    seal = page.locator("#visit-form").get_attribute("data-seal")
    assert seal not in name + sealed
    page.close()
    assert not VisitDraft.objects.exists()

    phone.context.set_offline(False)
    page = phone.page = phone.new_page()
    page.goto(form)
    expect(page.locator("#kept")).to_contain_text("没发出的走访内容")
    phone.check()
    page.get_by_role("button", name="接着填").click()
    expect(page.get_by_label("过程和家长意见")).to_have_value(TYPED)
    expect(page.locator("#autosave")).to_contain_text("已自动保存")
    assert VisitDraft.objects.count() == 1
    assert stored(page) == []  # the server has it
    big = photo()
    page.locator("#id_photos").set_input_files({"name": "门口.jpg", "mimeType": "image/jpeg", "buffer": big})
    page.get_by_role("button", name="发出").dblclick()
    page.wait_for_url(f"**/dropout/cases/{db}/**")
    expect(page.locator("#visits")).to_contain_text(TYPED)
    visit = Visit.objects.get(said=TYPED)  # one; the tests of this file share a database and run in any order
    assert (visit.place, visit.result, visit.photos, visit.made_by) == ("榆树村三社", "wavering", 1, "班主任甲")
    assert not VisitDraft.objects.exists()
    assert stored(page) == []
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="照片 1").click()
    picture = phone.context.request.get(opened.value.url).body()
    assert picture.startswith(b"\xff\xd8\xff")
    assert len(picture) < len(big)  # made small before it travelled
    assert max(Image.open(io.BytesIO(picture)).size) == 1600


def test_sending_without_a_connection_keeps_what_was_written(desk: Callable[..., Desk], form: str):
    phone = desk("teacher", phone=True)
    phone.expected = {422}
    page, before = phone.go(form), Visit.objects.count()
    page.get_by_label("过程和家长意见").fill("第二次去，没有人在家")
    page.get_by_role("button", name="发出").click()
    expect(page.locator("#id_result_error")).to_be_visible()
    page.get_by_label("结果").select_option("not_met")
    page.get_by_label("地点").fill("榆树村三社")
    phone.context.set_offline(True)
    page.get_by_role("button", name="发出").click()
    expect(page.locator("#autosave")).to_contain_text("已加密存在这台设备上")
    assert Visit.objects.count() == before
    phone.context.set_offline(False)
    page.get_by_role("button", name="发出").click()
    page.wait_for_url("**/dropout/cases/*/#visits")
    assert Visit.objects.count() == before + 1
    assert stored(page) == []
