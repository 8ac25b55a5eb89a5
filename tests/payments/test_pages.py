"""The county's way with a batch through the browser, the school's on its part; who sees what; how many queries."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.models import Job
from subsidies.models import BatchPart, Indicator, PaymentBatch
from subsidies.payments import banks
from tests.casework.conftest import Crew
from tests.payments.county import TERM, Paying, agreed, asks, money, paying, prepared

IN_TERM = f"?term={TERM.code}"


@pytest.fixture
def paid(crew: Crew) -> Paying:
    return paying(crew)


def text(client: Client, name: str, *args: object, query: str = IN_TERM) -> str:
    answer = client.get(reverse(name, args=args) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_through_the_browser_from_the_funnel_to_the_approval(paid: Paying, browser: Callable[[str], Client]):
    paid.children["甲二"].accounts.all().delete()
    maker, head, school = browser("county_maker"), browser("county_head"), browser("school_checker")
    assert "这里还没有批次" in text(maker, "batch_list")
    page = text(maker, "batch_new")
    assert "现在可以列入 5 人次，合计 ￥3,500.00" in page
    assert "没有一卡通" in page
    assert "reason=account" in page
    names = text(maker, "batch_stopped", query=f"{IN_TERM}&channel=bank&reason=account")
    assert ("甲二" in names, "甲三" in names) == (True, False)
    assert maker.get(reverse("batch_stopped") + IN_TERM + "&reason=nothing").status_code == 404
    refused = maker.post(reverse("batch_create") + IN_TERM, {"channel": "bank"}, follow=True).content.decode()
    assert "请选择银行格式" in refused
    sent = {"channel": "bank", "bank": banks.choices()[0][0]}
    listed = maker.post(reverse("batch_create") + IN_TERM, sent, follow=True).content.decode()
    job = Job.objects.latest("pk")
    assert all(part in listed for part in (job.label, "正在编制"))
    maker.post(reverse("batch_create") + IN_TERM, sent)  # a second click is the same job
    assert jobs.work_off(Job.objects.latest("pk")).result["lines"] == 5
    batch = PaymentBatch.objects.get()
    assert batch.number in text(maker, "batch_list")
    assert job.label not in text(maker, "batch_list")
    made_page = text(maker, "batch_detail", batch.pk, query="")
    assert all(part in made_page for part in (batch.number, "还没有登记指标", "甲一", "待确认", "尾号"))
    assert "甲二" not in made_page
    key = batch.pk
    line = batch.payments.get(student=paid.children["乙二"])
    out = maker.post(reverse("batch_leave_out", args=[key]), {"line": line.pk, "note": "转走"}, follow=True).content.decode()
    assert "移出 1 人次" in out
    part = BatchPart.objects.get(school=paid.crew.school)
    assert "待确认" in text(school, "batch_list")
    mine = text(school, "part_detail", part.pk, query="")
    assert ("甲一" in mine, "乙一" in mine, "名单无误，确认" in mine) == (True, False, True)
    assert school.get(reverse("part_detail", args=[BatchPart.objects.get(school=paid.crew.second).pk])).status_code == 404
    assert school.get(reverse("batch_detail", args=[key])).status_code == 404
    assert "意见已交" in school.post(reverse("part_object", args=[part.pk]), {"note": "甲三不对"}, follow=True).content.decode()
    assert "甲三不对" in text(maker, "batch_detail", key, query="")
    school.post(reverse("part_agree", args=[part.pk]))
    browser("second_checker").post(reverse("part_agree", args=[BatchPart.objects.get(school=paid.crew.second).pk]))
    blocked = text(head, "batch_detail", key, query="")
    assert "现在不能审批" in blocked
    sent = {"yuan": "9000", "document": "榆财教〔2026〕1号", "issued_on": "2026-09-10"}
    for code in ("compulsory-boarding", "senior-grant"):
        head.post(reverse("indicator_enter") + IN_TERM, {**sent, "benefit": code})
    assert "请填写" not in text(head, "indicator_list")
    assert Indicator.objects.count() == 2
    head.post(reverse("batch_set_check", args=[key]), {"wanted": "1"})
    asked = head.post(reverse("batch_approve", args=[key]), {"document": "榆资发〔2026〕9号"}, follow=True).content.decode()
    assert f"审批发放批次 {batch.number}" in asked
    assert 'name="document"' not in asked
    assert jobs.work_off(Job.objects.latest("pk")).result["lines"] == 4
    done = text(head, "batch_detail", key, query="")
    assert all(part in done for part in ("资金平衡", "榆资发〔2026〕9号", "占用的指标"))
    maker.post(reverse("batch_check", args=[key]), {"note": "名单与防返贫名单一致"})
    batch.refresh_from_db()
    assert (batch.state, batch.checked_note) == ("checked", "名单与防返贫名单一致")
    found = maker.post(reverse("batch_search", args=[key]), {"search": "甲一"})
    assert "q=" in found["Location"]
    assert "甲三" not in maker.get(found["Location"]).content.decode()
    head.post(reverse("batch_cancel", args=[key]), {"note": "重编"})
    batch.refresh_from_db()
    assert batch.state == "cancelled"
    assert batch.number in text(maker, "batch_list", query=f"{IN_TERM}&state=cancelled")


def test_settled_with_a_school_and_a_paper_confirmation(paid: Paying, browser: Callable[[str], Client]):
    money(paid, "senior-fee", "9000")
    made = prepared(paid, "settlement")
    paid.crew["second_checker"].memberships.all().delete()
    part = BatchPart.objects.get(school=paid.crew.second)
    maker, head = browser("county_maker"), browser("county_head")
    maker.post(reverse("part_agree_instead", args=[part.pk]), {"note": "王校长 11 月 2 日签字"})
    browser("school_checker").post(reverse("part_agree", args=[BatchPart.objects.get(school=paid.crew.school).pk]))
    head.post(reverse("batch_approve", args=[made.pk]), {"document": "1号"})
    jobs.work_off(Job.objects.latest("pk"))
    made.refresh_from_db()
    assert made.state == "approved"
    assert "请填写结算日期" in maker.post(reverse("batch_settle", args=[made.pk]), {}, follow=True).content.decode()
    sent = {"day": str(timezone.localdate(made.approved_at)), "receipt": "001", "school": paid.crew.school.code}
    assert "已登记结算 3 人次" in maker.post(reverse("batch_settle", args=[made.pk]), sent, follow=True).content.decode()
    last = maker.post(reverse("batch_settle", args=[made.pk]), {**sent, "school": ""}, follow=True).content.decode()
    assert "已结清" in last


def test_keys_that_are_none_are_nobody_s(paid: Paying, browser: Callable[[str], Client]):
    made, maker, head = prepared(paid), browser("county_maker"), browser("county_head")
    for typed in ("9" * 25, "1" * 4500, "٣", "²", "-1", "x"):
        answer = maker.post(reverse("batch_leave_out", args=[made.pk]), {"line": typed, "note": "x"}, follow=True)
        assert (answer.status_code, "请先勾选名单上的人" in answer.content.decode()) == (200, True)
        assert maker.get(reverse("bounce_list"), {"batch": typed}).status_code == 200
        for name in ("bounce_reissue", "account_confirm"):
            assert head.post(reverse(name), {"only": typed}).status_code == 302
        recovery = maker.post(reverse("recovery_open"), {"student": typed, "why": "名单更正"})
        assert recovery.status_code == 302
    assert made.payments.filter(state="listed").count() == 6


def test_who_may_look_and_who_may_not(paid: Paying, browser: Callable[[str], Client]):
    made = prepared(paid)
    indicator = money(paid, "senior-fee", "5")
    stranger = browser("foreign_county_maker")
    for name, key in (("batch_detail", made.pk), ("part_detail", BatchPart.objects.first().pk)):
        assert stranger.get(reverse(name, args=[key])).status_code == 404
    assert made.number not in text(stranger, "batch_list")
    assert indicator.document not in text(stranger, "indicator_list")
    assert "指标" in text(browser("city"), "batch_list")
    assert browser("teacher").get(reverse("batch_list")).status_code == 403
    head = browser("county_head")
    assert head.get(reverse("batch_new")).status_code == 403
    assert head.post(reverse("indicator_drop", args=[indicator.pk])).status_code == 302
    for name in ("batch_approve", "batch_cancel", "batch_reopen", "batch_withdraw"):
        assert browser("county_maker").post(reverse(name, args=[made.pk]), {"note": "x", "document": "x"}).status_code == 403
    assert browser("school_maker").post(reverse("part_agree", args=[BatchPart.objects.first().pk])).status_code == 403


def test_pages_cost_few_queries_however_long_the_list(paid: Paying, browser: Callable[[str], Client]):
    made = prepared(paid)
    part, key = BatchPart.objects.get(school=paid.crew.school), made.pk

    def costs(*pages: tuple[str, str, list[int], str]) -> dict[tuple[str, str, str], int]:
        clients = {persona: browser(persona) for persona, *_ in pages}
        return {
            (persona, name, more): asks(clients[persona], reverse(name, args=args) + IN_TERM + more)
            for persona, name, args, more in pages
        }

    few = costs(
        ("county_maker", "batch_list", [], ""), ("county_maker", "batch_detail", [key], ""),
        ("county_maker", "batch_detail", [key], "&state=listed"), ("county_maker", "batch_new", [], ""),
        ("county_maker", "batch_stopped", [], "&channel=bank&reason=standing"), ("school_checker", "batch_list", [], ""),
        ("school_checker", "part_detail", [part.pk], ""), ("county_maker", "account_list", [], ""),
        ("county_head", "indicator_list", [], ""), ("county_head", "bounce_list", [], ""), ("county_head", "odd_list", [], ""),
        ("county_head", "recovery_list", [], ""), ("county_head", "recovery_new", [], ""),
        ("county_head", "double_list", [], ""),
    )  # fmt: skip
    money(paid, "compulsory-boarding", "9999")
    agreed(paid, made)
    few |= costs(("county_head", "batch_detail", [key], ""), ("county_head", "batch_detail", [key], "&state=listed"))
    assert {page: n for page, n in few.items() if n > 12} == {}
