"""Cards: checked, proposed by one and confirmed by another, shared ones an alarm; lists of them; the pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from openpyxl import Workbook

from aidcases.flow import Refused
from aidcases.models import AuditEvent
from students.models import Account, Student
from subsidies.models import Payment
from subsidies.payments import accountlists, accounts
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew
from tests.payments import county

CARD = "6217000000000000001"
HEADS = ["姓名", "证件号", "开户行", "户名", "账号", "持卡人关系"]


def good(number: str = "", **also: str) -> dict[str, str]:
    return {"number": number or make.card(), "holder": "甲", "relation": "self", "bank": "农信社", **also}


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("6217 0000 0000", "16 到 19 位，现在是 12 位"), ("6217000000000000000a", "只能是数字"),
        ("6217000000000000002", "写错或颠倒"), ("62170000000000000011", "现在是 20 位"), ("", "只能是数字"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_one_is_said_to_be(number: str, why: str):
    assert why in accounts.wrong_number(accounts.tidy(number))


def test_a_good_number_is_good_however_it_is_written():
    assert accounts.tidy("6217 ０００0-0000 0000\t") == "6217000000000000"
    assert accounts.wrong_number("4111111111111111") == accounts.wrong_number("6222021001116245702") == ""
    assert {accounts.wrong_number(make.card()) for _ in range(20)} == {""}
    assert accounts.wrong_number("1234567890123456") == ""  # a passbook: no check digit that all share


def test_one_proposes_another_confirms_and_what_waits_follows_the_card(crew: Crew):
    paid = county.paying(crew, ("甲一",))
    who = paid.children["甲一"]
    made = county.prepared(paid)
    old = who.accounts.get()
    with crew.acting("school_maker"):
        with pytest.raises(Refused) as refused:
            accounts.propose(who, **good("123", holder="乙", bank=" "))
        assert refused.value.reasons == [
            "账号要有 16 到 19 位，现在是 3 位", "请填写开户行", "持卡人是本人时，户名要和学生姓名“甲一”一致",
        ]  # fmt: skip
        with pytest.raises(Refused, match="为什么更换"):
            accounts.propose(who, **good(holder="甲一"))
        fresh = accounts.propose(who, **good(holder="甲一", why="旧卡销户"))
        with pytest.raises(Refused, match="已有一个账户等复核"):
            accounts.propose(who, **good(holder="甲一", why="再换"))
    assert accounts.changes([fresh], date.today()) == [{"account": fresh, "before": old}]
    with crew.acting("school_maker"), pytest.raises(Refused, match="您的角色"):
        accounts.confirm(Account.objects.filter(pk=fresh.pk))
    Account.objects.filter(pk=fresh.pk).update(proposed_by_id=crew["school_checker"].pk)
    with crew.acting("school_checker"):
        outcome = accounts.confirm(Account.objects.filter(pk=fresh.pk))
        assert (outcome.moved, outcome.refusals) == (0, {accounts.OWN_PROPOSAL: 1})
    with crew.acting("county_checker"):
        assert accounts.confirm(Account.objects.filter(pk=fresh.pk)).moved == 1
    assert set(made.payments.values_list("account", flat=True)) == {fresh.pk}
    assert Account.objects.in_force_on(date.today()).get(student=who) == fresh
    assert AuditEvent.objects.filter(action__in=("account.proposed", "account.confirm"), subject_id=fresh.pk).count() == 2
    with crew.acting("school_maker"), pytest.raises(Refused, match="和现在用的账户一样"):
        accounts.propose(who, number=fresh.number, holder="甲一", relation="self", bank=fresh.bank, why="x")
    with crew.acting("foreign_county_maker"):
        assert not Account.objects.exists()
    assert Payment.objects.count() == 2


def test_a_name_is_the_same_however_its_dot_is_written_and_goes_to_the_bank_as_typed(crew: Crew):
    who, other, third = (build.student(name, at=crew.school) for name in ("阿依·古丽", "买买提·江", "丙"))
    with crew.acting("school_maker"):
        for holder in ("阿依·古丽", "阿依•古丽", "阿依．古丽", "阿依・古丽", "阿依.古丽", "阿依古丽", "阿依 古丽"):
            assert accounts.problems(who, **good(holder=holder)) == [], holder
        assert accounts.problems(who, **good(holder="阿依·古丽江")) != []
        made = accounts.propose(who, **good(holder="阿依•古丽"))
        row = {"row": 2, "name": "买买提．江", "id": other.person.id_number, **good(holder="买买提江", relation="")}
        told = accountlists.propose_all([row])
        assert accounts.propose(third, **good(holder="校·经办", relation="guardian")).alarm == "户名和学校工作人员同名"
    assert (made.holder, told.problems, told.first) == ("阿依•古丽", [], 1)
    assert (other.accounts.get().holder, other.accounts.get().relation) == ("买买提江", "self")


def test_a_child_has_one_proposal_and_a_second_list_says_so(crew: Crew):
    who, other = build.student("甲", at=crew.school), build.student("乙", at=crew.school)
    rows = [
        {"row": n, "name": each.person.name, "id": each.person.id_number, **good(holder=each.person.name, relation="本人")}
        for n, each in enumerate((who, other), 2)
    ]
    with crew.acting("school_maker"):
        assert accountlists.propose_all(rows).first == 2
        told = accountlists.propose_all([{**row, "number": make.card()} for row in rows])
    assert (told.first, told.problems) == (0, [(2, "甲", accounts.WAITS), (3, "乙", accounts.WAITS)])
    with pytest.raises(IntegrityError, match="account_proposed_once"), transaction.atomic():
        make.account(who, state="proposed")


def test_shared_in_a_household_is_normal_across_households_and_held_by_staff_an_alarm(crew: Crew):
    head = make.person("户主甲", born=date(1980, 1, 1))
    one, two, other = (build.student(name, at=crew.school) for name in ("大宝", "二宝", "别家"))
    make.household(head=head, members=(one.person, two.person))
    number, third = make.card(), build.student("代领", at=crew.school)
    with crew.acting("school_maker"):
        shared = {"number": number, "holder": "户主甲", "relation": "head", "bank": "农信社"}
        assert [accounts.propose(who, **shared).alarm for who in (one, two)] == ["", ""]
        alarmed = accounts.propose(other, **shared)
        assert alarmed.alarm == "这张卡也登记在别的户的孩子名下"
        staff = accounts.propose(third, **good(holder="校经办", relation="guardian"))
        assert staff.alarm == "户名和学校工作人员同名"
    with crew.acting("school_checker"):
        outcome = accounts.confirm(Account.objects.filter(state="proposed"))
        assert (outcome.moved, outcome.refusals) == (2, {"这张卡还登记在别的户名下，先核实并写明原因": 2})
        with pytest.raises(Refused, match="怎样核实"):
            accounts.clear(alarmed, " ")
        accounts.clear(alarmed, "是外婆，电话核实过")
        assert accounts.confirm(Account.objects.filter(pk=alarmed.pk)).moved == 1
        assert accounts.refuse(Account.objects.filter(pk=staff.pk), "请用家长的卡") == 1


def test_the_other_side_sees_the_last_four_digits_only(crew: Crew, browser: Callable[[str], Client]):
    who = build.student("外读", at=crew.foreign)  # lives in one county, studies in the other
    with crew.acting("foreign_maker"):
        made = accounts.propose(who, **good(holder="外读"))
    assert made.path == crew.office("foreign_maker").path
    page = reverse("student_detail", args=[who.pk])
    url, purpose = reverse("account_reveal", args=[made.pk]), {"purpose": "核对身份"}
    for persona, shown in (("county_maker", False), ("foreign_county_maker", True), ("foreign_maker", True)):
        there = browser(persona)
        html = there.get(page).content.decode()
        assert made.number_last4 in html
        assert (url in html) is shown
        answer = there.post(url, purpose, follow=True).content.decode()
        assert (made.number in answer, "只能看到后四位" in answer) == (shown, not shown)
    assert AuditEvent.objects.filter(action="secret.reveal", subject_id=made.pk).count() == 2
    other = build.student("外读二", at=crew.foreign)
    row = {"row": 2, "name": "外读二", "id": other.person.id_number, **good(holder="外读二", relation="本人")}
    with crew.acting("county_maker"):
        told = accountlists.propose_all([row])
    listed = Account.objects.get(student__person__name="外读二")
    assert (told.first, listed.path) == (1, crew.county.path)
    refused = browser("foreign_county_maker").post(reverse("account_reveal", args=[listed.pk]), purpose, follow=True)
    assert "只能看到后四位" in refused.content.decode()


def sheet(*rows: list[str], heads: list[str] = HEADS) -> SimpleUploadedFile:
    book = Workbook()
    for row in (["一卡通名单"], heads, *rows):
        book.active.append(row)
    out = BytesIO()
    book.save(out)
    return SimpleUploadedFile("一卡通.xlsx", out.getvalue())


def line(who: Student, number: str = "", **also: str) -> list[str]:
    told = {"姓名": who.person.name, "证件号": who.person.id_number, "开户行": "农信社", "户名": who.person.name,
            "账号": number or make.card(), "持卡人关系": "本人", **also}  # fmt: skip
    return [told[head] for head in HEADS]


def test_a_list_is_proposed_in_one_set_and_says_row_by_row_what_is_wrong(crew: Crew, browser: Callable[[str], Client]):
    first, same, changed, wrong, named, away = (
        build.student(name, at=at)
        for name, at in (("甲", crew.school), ("乙", crew.school), ("丙", crew.school), ("丁", crew.school),
                         ("戊", crew.school), ("己", crew.foreign))
    )  # fmt: skip
    had = make.account(same, bank="农信社")
    make.account(changed)
    file = sheet(
        line(first), line(same, had.number), line(changed), line(wrong, "6217000000000000002"), line(named, 姓名="别名"),
        line(away), line(first), line(build.student("庚", at=crew.school), 户名="庚父", 持卡人关系="父亲"),
    )  # fmt: skip
    page = browser("school_maker").post(reverse("account_upload"), {"file": file}).content.decode()
    told = [("6", "丁", "写错或颠倒"), ("7", "别名", "姓名和证件号对不上"), ("8", "己", "没有这个证件号"), ("9", "甲", "等复核")]
    for row, name, why in told:
        assert f'<td class="num" data-label="行">{row}</td><th scope="row">{name}</th>' in page
        assert why in page
    made = Account.objects.filter(state="proposed")
    assert {each.student.person.name: each.relation for each in made} == {"甲": "self", "丙": "self", "庚": "father"}
    assert had.number not in page
    assert AuditEvent.objects.get(action="account.listed").data == {"first": 2, "changed": 1, "refused": 4}
    with pytest.raises(Refused, match="没有找到表头"):
        accountlists.rows_of(sheet(heads=["一", "二"]))
    with pytest.raises(Refused, match="证件号"):
        accountlists.rows_of(sheet(heads=["姓名", "开户行", "户名", "账号"]))
    csv = SimpleUploadedFile("卡.csv", ",".join(HEADS).encode("gbk") + b"\n")
    assert accountlists.rows_of(csv) == []
    with pytest.raises(Refused):
        accountlists.rows_of(SimpleUploadedFile("卡.xlsx", b"no workbook"))
    checker = browser("school_checker")
    queue = checker.get(reverse("account_list")).content.decode()
    assert all(text in queue for text in ("第一次登记", "庚父", f"************{made.get(student=first).number_last4}"))
    checker.post(reverse("account_confirm"), {"only": made.get(student=first).pk})
    answer = checker.post(reverse("account_confirm") + "?kind=first", follow=True).content.decode()
    assert "复核通过 1 个账户" in answer
    assert Account.objects.filter(state="confirmed").count() == 4
    assert "复核通过 1 个账户" in checker.post(reverse("account_confirm"), follow=True).content.decode()


def test_the_pages_of_a_child_s_cards(crew: Crew, browser: Callable[[str], Client]):
    who = build.student("换卡", at=crew.school)
    old = make.account(who)
    maker, checker = browser("school_maker"), browser("school_checker")
    assert "更换" in maker.get(reverse("student_detail", args=[who.pk])).content.decode()
    form = maker.get(reverse("account_new", args=[who.pk])).content.decode()
    assert (old.number_last4 in form, old.number in form) == (True, False)
    sent = {"holder": "换卡", "relation": "self", "number": CARD[:-1], "bank": "农信社"}
    again = maker.post(reverse("account_propose", args=[who.pk]), sent).content.decode()
    assert "还不能保存" in again
    sent |= {"number": make.card(), "why": "丢了"}
    assert "等另一人复核" in maker.post(reverse("account_propose", args=[who.pk]), sent, follow=True).content.decode()
    made = Account.objects.get(state="proposed")
    queue = checker.get(reverse("account_list")).content.decode()
    assert all(text in queue for text in (old.number_last4, made.number_last4, "变更原因：丢了"))
    assert made.number in checker.post(reverse("account_reveal", args=[made.pk]), {"purpose": "核对身份"}).content.decode()
    assert AuditEvent.objects.filter(action="secret.reveal", subject_id=made.pk).exists()
    checker.post(reverse("account_refuse", args=[made.pk]), {"note": "卡号不是本人的"})
    made.refresh_from_db()
    assert (made.state, made.why) == ("refused", "卡号不是本人的")
    for persona, name, code in (
        ("foreign_maker", "account_new", 404), ("county_checker", "account_new", 403), ("teacher", "account_new", 403),
    ):  # fmt: skip
        assert browser(persona).get(reverse(name, args=[who.pk])).status_code == code
    assert browser("foreign_county_maker").post(reverse("account_reveal", args=[made.pk]), {"purpose": "x"}).status_code == 404
    for state in ("confirmed", "refused"):
        assert checker.get(reverse("account_list") + f"?state={state}").status_code == 200
