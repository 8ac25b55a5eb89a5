"""Accounts from the command line: the office is opened with them, roles stay where they belong, passwords show once."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from aidcases.models import AuditEvent, Membership, Organisation, User
from aidcases.scoping import EVERYWHERE, acting_in
from tests import make

COUNTY_MAKER = ("--name", "王经办", "--role", "county_maker", "--region", "620123")


def create(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_account", *arguments, stdout=out)
    return out.getvalue()


def made(*arguments: str) -> dict:
    return json.loads(create(*arguments, "--json"))


def test_an_account_comes_with_its_office_and_can_sign_in(db: None):
    told = made("wang", *COUNTY_MAKER)
    assert (told["office"], told["role"], told["new"]) == ("榆中县学生资助管理中心", "county_maker", True)
    post = Membership.objects.select_related("user", "organisation").get()
    assert (post.user.username, post.user.full_name, post.organisation.path) == ("wang", "王经办", "/62/6201/620123/")
    browser = Client()
    assert browser.post("/login/", {"username": "wang", "password": told["password"]})["Location"] == "/"
    assert "榆中县学生资助管理中心" in browser.get("/").content.decode()


def test_it_is_recorded_where_the_office_is_and_without_the_password(db: None):
    told = made("wang", *COUNTY_MAKER)
    with acting_in(EVERYWHERE):
        event = AuditEvent.objects.get(action="account.opened")
    assert (event.path, event.data, event.subject_id) == (
        "/62/6201/620123/", {"role": "county_maker"}, User.objects.get().pk,
    )  # fmt: skip
    assert told["password"] not in str(vars(event))
    assert User.objects.get().check_password(told["password"])


def test_for_people_the_password_stands_alone_and_is_said_to_show_once(db: None):
    first, second, third = create("wang", *COUNTY_MAKER).splitlines()
    assert first == "已开设账号 wang（榆中县学生资助管理中心，县级经办，王经办）。"
    assert User.objects.get().check_password(second.removeprefix("初始密码："))
    assert "只显示这一次" in third


def test_a_second_post_leaves_the_password_alone(db: None):
    password = made("wang", *COUNTY_MAKER)["password"]
    told = made("wang", "--name", "王经办", "--role", "county_checker", "--region", "620123")
    assert (told["new"], "password" in told) == (False, False)
    assert User.objects.get().check_password(password)
    assert Organisation.objects.count() == 1
    assert "加了任职" in create("wang", "--name", "王经办", "--role", "city_officer", "--region", "6201")


def test_a_school_s_clerk_and_an_auditor(db: None):
    with acting_in(EVERYWHERE):
        school = make.school(name="一小")
    assert made("chen", "--name", "陈", "--role", "school_maker", "--school", school.code)["office"] == "一小"
    assert Membership.objects.get().organisation.path == school.path
    assert made("zhao", "--name", "赵", "--role", "auditor", "--region", "620123")["office"] == "榆中县审计"


def test_the_password_may_be_given_on_standard_input(db: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("Xin-2027-mima\n"))
    assert "password" not in made("wang", *COUNTY_MAKER, "--password-stdin")
    assert User.objects.get().check_password("Xin-2027-mima")
    monkeypatch.setattr("sys.stdin", io.StringIO("abc\n"))
    with pytest.raises(CommandError) as refused:
        create("zhang", *COUNTY_MAKER, "--password-stdin")
    assert str(refused.value).startswith("密码至少 10 位。")
    assert str(refused.value).endswith("密码至少要有三类字符：小写字母、大写字母、数字、符号。")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("w", *COUNTY_MAKER), "用户名用 2–30 个小写字母"),
        (("Wang", *COUNTY_MAKER), "用户名用 2–30 个小写字母"),
        (("wang", "--name", " ", *COUNTY_MAKER[2:]), "请用 --name 写姓名"),
        (("wang", "--name", "王", "--role", "boss"), "没有“boss”这种角色，可用：county_maker（县级经办）"),
        (("wang", "--name", "王", "--role", "county_maker"), "“县级经办”不能设在这里：请用 --region 写县区的 6 位代码"),
        (("wang", "--name", "王", "--role", "county_maker", "--region", "6201"), "请用 --region 写县区的 6 位代码"),
        (("wang", "--name", "王", "--role", "school_maker", "--region", "620123"), "请用 --school 写学校标识码"),
        (("wang", "--name", "王", "--role", "cadre", "--region", "620123"), "写乡镇的 9 位或村的 12 位代码"),
        (("wang", "--name", "王", "--role", "system_admin", "--region", "62"), "“系统管理员”不能设在这里"),
        (("wang", "--name", "王", "--role", "school_maker", "--school", "1"), "没有标识码为“1”的学校"),
        (("wang", *COUNTY_MAKER, "--school", "1"), "参数 --school 和 --region 只能写一个"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(db: None, arguments: tuple[str, ...], sentence: str):
    with pytest.raises(CommandError, match=sentence):
        create(*arguments)
    assert (User.objects.count(), Organisation.objects.count()) == (0, 0)


def test_nobody_holds_two_of_the_three_administrations(db: None):
    made("wang", "--name", "王", "--role", "system_admin")
    with pytest.raises(CommandError, match="不能由同一人担任"):
        create("wang", "--name", "王", "--role", "audit_admin", "--region", "620123")
    assert (Membership.objects.count(), Organisation.objects.count()) == (1, 1)


def test_somebody_else_s_name_and_a_post_held_already_are_refused(db: None):
    made("wang", *COUNTY_MAKER)
    with pytest.raises(CommandError, match="用户名 wang 已经是另一个人（王经办）的"):
        create("wang", "--name", "汪经办", *COUNTY_MAKER[2:])
    with pytest.raises(CommandError, match="王经办已经是榆中县学生资助管理中心的县级经办"):
        create("wang", *COUNTY_MAKER)
