"""Donors, projects, gifts, helpers, schools, points: what is refused, what the database holds, who sees whose; merging."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from aidcases.flow import Refused
from subsidies.giving import donations, merged, pairings, points, totals
from subsidies.models import (
    Benefit,
    Donation,
    DonationProject,
    Donor,
    Gift,
    Loan,
    Pairing,
    PointsAccount,
    PointsEntry,
    SchoolPair,
    TopUpCase,
)
from tests import make
from tests.casework.conftest import Crew
from tests.giving.conftest import TERM, TODAY
from tests.payments.county import asks

Browser = Callable[[str], Client]
DAY = date(2026, 9, 10)


def project(crew: Crew, persona: str = "county_maker", title: str = "爱心助学") -> DonationProject:
    with crew.acting(persona) as by:
        giver = donations.add_donor(
            name=f"{title}公司", kind="company", contact="王经理", phone="13912345678", note="", by=by
        )
        return donations.add_project(
            donor=giver, title=title, pledge=Decimal(50000), from_on=date(2026, 9, 1), note="", by=by
        )


def received(crew: Crew, of: DonationProject, yuan: str = "1000", form: str = "cash", what: str = "") -> Donation:
    with crew.acting("county_maker") as by:
        return donations.receive(
            of, form=form, yuan=Decimal(yuan), what=what, received_on=DAY, receipt="SJ1", by=by, today=TODAY
        )


def given(crew: Crew, who, of, yuan: str = "600", form: str = "cash", what: str = "", signed: str = "") -> Gift:
    with crew.acting("county_maker") as by:
        return donations.give(
            who, of, form=form, yuan=Decimal(yuan), what=what, given_on=DAY, signed_by=signed, by=by, today=TODAY
        )


def test_never_more_money_given_than_received(crew: Crew):
    who, fund = make.student("受助生", at=crew.school, term=TERM), project(crew)
    with pytest.raises(Refused, match=r"只剩 0\.00 元"):
        given(crew, who, fund)
    came = received(crew, fund)
    given(crew, who, fund)
    with pytest.raises(Refused, match=r"收到捐款 1,000\.00 元，已发 600\.00 元，只剩 400\.00 元"):
        given(crew, who, fund, "400.01")
    given(crew, who, fund, "5000", "goods", "书包 1 个")  # goods are no money
    fund.refresh_from_db()
    assert (fund.received, fund.given, fund.left) == (1000, 600, 400)
    with pytest.raises(IntegrityError), transaction.atomic():
        Donation.objects.filter(pk=came.pk).update(yuan=Decimal(599))
    with pytest.raises(IntegrityError), transaction.atomic():
        Gift.objects.filter(form="cash").update(yuan=Decimal(1001))
    Gift.objects.all().delete()
    fund.refresh_from_db()
    assert fund.given == 0


def test_a_form_sent_twice_is_one_gift_and_a_second_gift_has_a_form_of_its_own(crew: Crew, browser: Browser, today: date):
    who, fund = make.student("受助生", at=crew.school, term=TERM), project(crew)
    maker = browser("county_maker")
    came = {"form": "cash", "yuan": "50", "what": "", "received_on": "2026-09-10", "receipt": ""}
    given_ = {"form": "cash", "yuan": "10", "what": "", "given_on": "2026-09-12", "signed_by": "", "project": fund.pk}

    def send(page: str, url: str, said: dict, times: int = 1) -> object:
        """The form as the page gives it."""
        key = re.search(r'name="key" value="([0-9a-f-]{36})"', maker.get(page).content.decode())[1]
        for _ in range(times):
            assert maker.post(url, {**said, "key": key}).status_code == 302
        return maker.post(url, {**said, "key": key, "yuan": "11"})

    page = reverse("project_detail", args=[fund.pk])
    for count in (1, 2):
        send(page, reverse("donation_add", args=[fund.pk]), came, 3)
        assert Donation.objects.count() == count
    page = reverse("gift_new", args=[who.pk])
    for count in (1, 2):
        changed = send(page, reverse("gift_create", args=[who.pk]), given_, 3)
        assert (changed.status_code, "请重新打开再填" in changed.content.decode()) == (422, True)
        assert Gift.objects.count() == count
    fund.refresh_from_db()
    assert (fund.received, fund.given) == (100, 20)


def test_goods_are_named_thanks_noted_and_receipts_signed_once(crew: Crew):
    who, fund = make.student("受助生", at=crew.school, term=TERM), project(crew)
    with pytest.raises(Refused, match="物资要写明"):
        received(crew, fund, form="goods")
    came = received(crew, fund, "3000", "goods", "棉衣 30 件")
    with crew.acting("county_maker"):
        with pytest.raises(Refused, match="早于收到捐赠"):
            donations.thank(came, thanked_on=date(2026, 9, 1), thanks="邮寄", today=TODAY)
        donations.thank(came, thanked_on=DAY, thanks="邮寄感谢信", today=TODAY)
        gift = given(crew, who, fund, "100", "goods", "棉衣 1 件")
        donations.sign(gift, signed_by="受助生奶奶", signed_on=DAY, today=TODAY)
        gift.refresh_from_db()
        with pytest.raises(Refused, match="已经签收"):
            donations.sign(gift, signed_by="别人", signed_on=DAY, today=TODAY)
        [line] = donations.with_goods(DonationProject.objects.all())
    assert (line["goods_received"], line["goods_given"], line["children"]) == (3000, 100, 1)


def test_a_helper_from_a_day_with_visits_until_a_row_ends_it(crew: Crew):
    who = make.student("结对生", at=crew.school, term=TERM)
    with crew.acting("school_maker") as by:
        said = {"kind": "party", "helper": "李书记", "unit": "镇政府", "from_on": DAY, "plan": "每月走访"}
        made = pairings.pair(who, by=by, today=TODAY, **said)
        with pytest.raises(Refused, match="已经和这名学生结对"):
            pairings.pair(who, by=by, today=TODAY, **said)
        with pytest.raises(Refused, match="早于结对日期"):
            pairings.visit(made, visited_on=date(2026, 9, 1), note="看望", by=by, today=TODAY)
        pairings.visit(made, visited_on=date(2026, 10, 1), note="看望", by=by, today=TODAY)
        with pytest.raises(Refused, match="早于最近一次走访"):
            pairings.end(made, from_on=date(2026, 9, 20), why="调走", by=by, today=TODAY)
        pairings.end(made, from_on=date(2026, 10, 2), why="调走", by=by, today=TODAY)
        with pytest.raises(Refused, match="已经结束"):
            pairings.visit(made, visited_on=date(2026, 10, 3), note="看望", by=by, today=TODAY)
        assert not Pairing.objects.standing().exists()
        pairings.pair(who, by=by, today=TODAY, **{**said, "from_on": date(2026, 10, 5)})
        assert Pairing.objects.standing().count() == 1


def test_points_are_never_overspent(crew: Crew):
    who = make.student("积分生", at=crew.school, term=TERM)
    head = make.person("积分户主")
    home = make.household(head=head)
    with crew.acting("county_maker") as by:
        of_child, of_home = points.account_of(student=who), points.account_of(household=home)
        assert points.account_of(student=who) == of_child
        points.enter(of_child, points=50, what="全勤", on=DAY, by=by, today=TODAY)
        with pytest.raises(Refused, match="只有 50 分，要用 60 分"):
            points.enter(of_child, points=-60, what="书包", on=DAY, by=by, today=TODAY)
        points.enter(of_child, points=-50, what="文具", on=DAY, by=by, today=TODAY)
    of_child.refresh_from_db()
    assert of_child.balance == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        PointsEntry.objects.filter(points=50).update(points=49)
    with crew.acting("school_maker"):  # a household's account is its home's
        assert list(PointsAccount.objects.values_list("pk", flat=True)) == [of_child.pk]
    assert of_home.pk != of_child.pk


def test_the_totals_of_counties(crew: Crew):
    who, fund = make.student("受助生", at=crew.school, term=TERM), project(crew)
    received(crew, fund)
    given(crew, who, fund)
    with crew.acting("county_maker") as by:
        made = pairings.pair(who, kind="teacher", helper="王老师", unit="", from_on=DAY, plan="", by=by, today=TODAY)
        pairings.visit(made, visited_on=DAY, note="家访", by=by, today=TODAY)
        pairings.pair_schools(crew.school, partner="天津某小学", from_on=DAY, plan="", by=by, today=TODAY)
        [line] = totals.by_county()
    wanted = {"received": 1000, "given": 600, "gifted": 1, "paired": 1, "visits": 1, "schools": 1, "pledge": 50000}
    assert {name: line[name] for name in wanted} == wanted
    with crew.acting("foreign_county_maker"):
        assert totals.by_county() == []


def test_two_students_become_one_and_two_again(crew: Crew):
    fund = project(crew)
    received(crew, fund)
    keep, going = (make.student(name, at=crew.school, term=TERM) for name in ("留下", "并入"))
    for who, yuan in ((keep, "100"), (going, "200")):
        given(crew, who, fund, yuan)
        with crew.acting("county_maker") as by:
            pairings.pair(who, kind="party", helper="李书记", unit="", from_on=DAY, plan="", by=by, today=TODAY)
            points.enter(points.account_of(student=who), points=int(yuan), what="全勤", on=DAY, by=by, today=TODAY)
        paths = {"home_path": who.person.home_path, "school_path": who.person.school_path}
        Loan(student=who, year=2026, lender="行", ceiling=8000, yuan=5000, applied_on=DAY, applied_by="甲", **paths).save()
        TopUpCase(
            student=who, term=TERM, benefit=Benefit.objects.get(code="foundation-topup"), hardship="病", asked=1, aid=0,
            asked_on=DAY, asked_by="甲",
            state="approved", decided=1, decided_by="乙", decided_on=DAY, **paths,
        ).save()  # fmt: skip
    told = merged.merge(keep.pk, going.pk)
    for model in (Gift, Pairing, Loan, TopUpCase):
        assert set(model.objects.values_list("student_id", flat=True)) == {keep.pk}
    assert sorted(Loan.objects.values_list("state", flat=True)) == ["applied", "withdrawn"]
    assert sorted(TopUpCase.objects.values_list("state", flat=True)) == ["approved", "revoked"]
    assert PointsAccount.objects.get().balance == 300
    merged.part(keep.pk, going.pk, told)
    for model, states in ((Gift, None), (Pairing, None), (Loan, "applied"), (TopUpCase, "approved")):
        assert set(model.objects.values_list("student_id", flat=True)) == {keep.pk, going.pk}
        assert states is None or set(model.objects.values_list("state", flat=True)) == {states}
    balances = dict(PointsAccount.objects.values_list("student_id", "balance"))
    assert balances == {keep.pk: 100, going.pk: 200}


def test_the_pages(crew: Crew, browser: Browser, today: date):
    who = make.student("页面生", at=crew.school, term=TERM)
    maker, head, other = browser("county_maker"), browser("county_head"), browser("foreign_county_maker")
    pages = (
        "giving_totals", "project_list", "donor_list", "gift_list", "pairing_list", "schoolpair_list", "points_list",
        "loan_list", "loan_unclaimed", "loan_totals", "topup_list",
    )  # fmt: skip
    for client in (head, browser("school_maker")):
        assert {name: n for name in pages if (n := asks(client, reverse(name))) > 12} == {}
    said = {"name": "某企业", "kind": "company", "contact": "王", "phone": "13912345678", "note": ""}
    maker.post(reverse("donor_create"), said)
    donor = Donor.objects.get()
    assert bytes(Donor.objects.values_list("phone_hash", flat=True).get()) != b"13912345678"
    listed = head.get(reverse("donor_list")).content.decode()
    assert "13912345678" not in listed
    shown = head.post(reverse("donor_reveal", args=[donor.pk]), {"purpose": "联系"}).content.decode()
    assert "13912345678" in shown
    assert other.post(reverse("donor_reveal", args=[donor.pk]), {"purpose": "联系"}).status_code == 404
    maker.post(
        reverse("project_create"),
        {"donor": donor.pk, "title": "助学", "pledge": "0", "from_on": "2026-09-01", "note": ""},
    )
    fund = DonationProject.objects.get()
    cash = {"form": "cash", "yuan": "500", "what": ""}
    maker.post(reverse("donation_add", args=[fund.pk]), {**cash, "received_on": "2026-09-10", "receipt": ""})
    maker.post(reverse("donation_thank", args=[Donation.objects.get().pk]), {"thanked_on": "2026-09-11", "thanks": "信"})
    gift = {**cash, "project": fund.pk, "given_on": "2026-09-12", "signed_by": ""}
    refused = maker.post(reverse("gift_create", args=[who.pk]), {**gift, "yuan": "501"})
    assert (refused.status_code, "只剩 500.00 元" in refused.content.decode()) == (422, True)
    maker.post(reverse("gift_create", args=[who.pk]), gift)
    assert "页面生" not in maker.get(reverse("gift_list") + "?signed=1").content.decode()
    maker.post(reverse("gift_sign", args=[Gift.objects.get().pk]), {"signed_by": "奶奶"})
    assert "奶奶" in maker.get(reverse("project_detail", args=[fund.pk])).content.decode()
    pairing = {"kind": "party", "helper": "李书记", "unit": "", "from_on": "2026-09-10", "plan": ""}
    maker.post(reverse("pairing_create", args=[who.pk]), pairing)
    made = Pairing.objects.get()
    maker.post(reverse("pairing_visit", args=[made.pk]), {"visited_on": "2026-09-20", "note": "家访"})
    maker.post(reverse("pairing_end", args=[made.pk]), {"from_on": "2026-09-21", "why": "调走"})
    assert "调走" in maker.get(reverse("pairing_detail", args=[made.pk])).content.decode()
    listed = maker.get(reverse("pairing_list") + "?visited=1&standing=0").content.decode()
    assert "页面生" in listed
    pair = {"school": crew.school.code, "partner": "某校", "from_on": "2026-09-10", "plan": ""}
    detail = maker.post(reverse("schoolpair_create"), pair, follow=True)
    maker.post(detail.request["PATH_INFO"] + "activity/", {"held_on": "2026-09-20", "note": "支教"})
    assert "支教" in maker.get(detail.request["PATH_INFO"]).content.decode()
    over = maker.post(detail.request["PATH_INFO"] + "end/", {"from_on": "2026-09-21", "why": "期满"}, follow=True)
    assert ("期满" in over.content.decode(), "结束结对</summary>" in over.content.decode()) == (True, False)
    assert "2026-09-21 结束" in maker.get(reverse("schoolpair_list")).content.decode()
    account = maker.post(reverse("points_of_child", args=[who.pk]), follow=True)
    entered = account.request["PATH_INFO"] + "enter/"
    maker.post(entered, {"way": "earn", "points": "30", "what": "全勤", "on": "2026-09-20"})
    refused = maker.post(entered, {"way": "spend", "points": "31", "what": "书包", "on": "2026-09-20"})
    assert "积分不够" in refused.content.decode()
    file = head.get(reverse("student_detail", args=[who.pk])).content.decode()
    assert all(word in file for word in ("￥500.00", "李书记", "30 分"))
    found = maker.post(reverse("gift_search"), {"search": "页面生"}, follow=True)
    assert "页面生" in found.content.decode()
    for name in ("project_detail", "pairing_detail"):
        assert other.get(reverse(name, args=[fund.pk if name == "project_detail" else made.pk])).status_code == 404


def test_partner_schools_part_on_a_day_and_may_begin_again(crew: Crew):
    with crew.acting("county_maker") as by:
        said = {"partner": "天津某小学", "from_on": DAY, "plan": "支教"}
        made = pairings.pair_schools(crew.school, by=by, today=TODAY, **said)
        with pytest.raises(Refused, match="已经结对"):
            pairings.pair_schools(crew.school, by=by, today=TODAY, **{**said, "from_on": date(2026, 9, 20)})
        pairings.did(made, held_on=date(2026, 10, 1), note="同上一课", by=by, today=TODAY)
        for day, why, told in ((date(2026, 10, 2), " ", "请写明结束原因"), (date(2026, 9, 30), "期满", "早于最近一次活动")):
            with pytest.raises(Refused, match=told):
                pairings.end_schools(made, from_on=day, why=why, by=by, today=TODAY)
        pairings.end_schools(made, from_on=date(2026, 10, 2), why="期满", by=by, today=TODAY)
        with pytest.raises(Refused, match="结对已经结束"):
            pairings.end_schools(made, from_on=date(2026, 10, 3), why="期满", by=by, today=TODAY)
        with pytest.raises(Refused, match="在这以前已经结束"):
            pairings.did(made, held_on=date(2026, 10, 3), note="同上一课", by=by, today=TODAY)
        assert (SchoolPair.objects.standing().count(), totals.by_county()) == (0, [])
        with pytest.raises(Refused, match="才结束上一次"):
            pairings.pair_schools(crew.school, by=by, today=TODAY, **{**said, "from_on": date(2026, 10, 1)})
        pairings.pair_schools(crew.school, by=by, today=TODAY, **{**said, "from_on": date(2026, 10, 2)})
        assert SchoolPair.objects.standing().count() == 1
