"""The application form that saves itself: it outlives the session, and two who fill it in are told of each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from aidcases.roles import Role
from aidcases.terms import Term
from subsidies.models import Application, ApplicationWindow
from tests import make
from tests.browser.desk import Desk
from tests.casework import build

TERM = Term.containing(date.today())


def fill() -> Any:
    school = make.school("2162000101", name="榆树小学")
    office = make.school_office(school)
    for name, role in (("teacher", Role.CLASS_TEACHER), ("clerk", Role.SCHOOL_MAKER)):
        make.user(name, {"teacher": "班主任甲", "clerk": "校经办"}[name], office, role)
    window = {"opens_on": date.today() - timedelta(days=9), "closes_on": date.today() + timedelta(days=9)}
    ApplicationWindow(path="/62/6201/620123/", term=TERM.code, set_by="甲", **window).save()
    who = build.student("张小树", at=school, term=TERM.code)
    make.hardship(who.person, "dibao_rural")
    return build.application(who, at=school, term=TERM.code, boxes=["dibao"], listed_boxes=["dibao"]).pk


FILL = fill


@pytest.fixture
def edit(db: int) -> str:
    return f"/applications/{db}/edit/"


def test_what_was_typed_outlives_the_session(desk: Callable[..., Desk], edit: str, db: int):
    phone = desk("teacher", phone=True)
    page, status = phone.go(edit), phone.page.locator("#autosave")
    expect(page.get_by_label("低保家庭学生", exact=True)).to_be_disabled()  # known from a list
    Session.objects.all().delete()
    page.get_by_label("家长手机号码").fill("13912345678")
    page.get_by_label("详细通讯地址").focus()
    expect(status).to_contain_text("登录已过期")
    expect(page.get_by_label("家长手机号码")).to_have_value("13912345678")
    assert Application.objects.get(pk=db).parent_phone is None
    other = phone.new_page()
    other.goto("/login/")
    other.get_by_label("用户名").fill("teacher")
    other.locator("[name=password]").fill(make.PASSWORD)
    other.get_by_role("button", name="登录", exact=True).click()
    expect(status).to_contain_text("已自动保存", timeout=15_000)
    assert Application.objects.get(pk=db).parent_phone == "13912345678"


def test_two_at_the_same_form_are_told_and_nothing_is_lost(desk: Callable[..., Desk], edit: str, db: int):
    one, two = desk("teacher"), desk("clerk")
    two.expected = {409}
    first, second = one.go(edit), two.go(edit)
    first.get_by_label("籍贯").fill("甘肃省榆中县")
    first.get_by_label("详细通讯地址").fill("一村")
    with first.expect_response(lambda answer: "save" in answer.url and "一村" in (answer.request.post_data or "")):
        first.get_by_label("邮政编码").focus()
    second.get_by_label("详细通讯地址").fill("二村")
    second.get_by_label("邮政编码").fill("730100")
    second.get_by_label("家庭人口").focus()
    clash = second.locator("#conflict")
    expect(clash).to_contain_text("对方填“一村”，您填“二村”")
    expect(second.get_by_label("籍贯")).to_have_value("甘肃省榆中县")  # what only the other changed has come in
    two.check()
    clash.get_by_role("button", name="详细通讯地址用我的").click()
    expect(second.locator("#autosave")).to_contain_text("已自动保存")
    made = Application.objects.get(pk=db)
    assert (made.address, made.postcode, made.native_place) == ("二村", "730100", "甘肃省榆中县")
