"""Pages of bank files, returns and bounces: what each may do there, few queries, nothing in clear."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from aidcases import jobs
from aidcases.models import Job
from aidcases.wording import page_of
from subsidies.models import BankFile, Payment, ReturnLine
from tests.casework.conftest import Crew
from tests.payments import bank

pytestmark = pytest.mark.django_db
Browser = Callable[[str], Client]


def text(answer) -> str:
    assert answer.status_code == 200, answer
    return answer.content.decode()


def test_from_the_files_to_the_answer_on_pages(crew: Crew, browser: Browser, django_assert_max_num_queries):
    batch = bank.batch(3, at=crew.school)
    maker, checker = browser("county_maker"), browser("county_checker")
    here = reverse("batch_files", args=[batch.pk])
    assert "还没有代发文件" in text(maker.get(here))
    assert "怎样算成功和失败" not in text(maker.get(here))  # no answer is taken yet
    assert "生成代发文件" not in text(checker.get(here))
    assert maker.post(reverse("batch_files_make", args=[batch.pk]), follow=True).status_code == 200
    assert checker.post(reverse("batch_files_make", args=[batch.pk])).status_code == 403
    jobs.work_off(Job.objects.get())
    with django_assert_max_num_queries(15):
        page = text(maker.get(here))
    file = BankFile.objects.get()
    assert file.filename in page
    assert "都已经报送了" in page
    take = reverse("bank_file_download", args=[file.pk])
    assert "请写明下载用途" in text(maker.post(take, {"purpose": " "}, follow=True, HTTP_REFERER=here))
    answer = maker.post(take, {"purpose": "报送联社"})
    assert hashlib.sha256(b"".join(answer.streaming_content)).hexdigest() == file.sha256
    assert (answer["Cache-Control"], file.filename in answer["Content-Disposition"]) == ("private, no-store", True)
    assert checker.post(take, {"purpose": "看看"}).status_code == 403
    assert browser("foreign_county_maker").post(take, {"purpose": "看看"}).status_code == 404

    own, *_ = (page[page.index("怎样算成功和失败") :]).split("<h3")[1:]  # the batch's own format first
    told = ("农村信用社（.xlsx）（本批次的格式）", "流水号：“备注”", "结果：“处理结果”", "成功、交易成功", "户名不符、户名与")
    assert [part for part in told if part not in own] == []
    a, b, c = bank.sent(batch)
    upload = reverse("return_upload", args=[batch.pk])
    fields = {"paid_on": "2026-10-20", "profile": "rural-credit"}
    wrong = maker.post(upload, {**fields, "paid_on": "2999-01-01", "file": bank.answer([bank.paid(a)])})
    assert wrong.status_code == 422
    assert "到账日期不能晚于今天" in wrong.content.decode()
    rows = [bank.paid(a), bank.bounced(b), bank.bounced(a), bank.paid(c, 金额="1.00")]
    page = text(maker.post(upload, {**fields, "file": bank.answer(rows)}, follow=True))
    job = Job.objects.latest("pk")
    assert job.label in page
    assert (jobs.work_off(job).result["rows"], Job.objects.latest("pk").result["applied"]) == (4, 2)
    page = text(maker.get(here))
    assert all(part in page for part in ("已登记 2", "和以前的结果不同，待核实 1", "金额和报送的不同 1"))
    page = text(maker.get(page_of(Job.objects.latest("pk"))))
    assert "看不出" not in page
    assert all(row["账号"] not in page for row in (a, b, c))
    line = ReturnLine.objects.get(verdict="contradicts")
    with django_assert_max_num_queries(12):
        assert "和以前的结果不同" in text(maker.get(reverse("odd_list")))
    assert "由县级审核人或负责人核实" in text(maker.get(reverse("odd_detail", args=[line.pk])))
    assert "确已退回，按退票处理" in text(checker.get(reverse("odd_detail", args=[line.pk])))
    settle = reverse("odd_settle", args=[line.pk])
    assert "已按这次的结果登记" in text(checker.post(settle, {"do": "happened", "note": "问过"}, follow=True))
    assert bank.states(batch) == {"bounced": 2, "sent": 1}


def test_the_schools_list_and_paying_anew(crew: Crew, browser: Browser, django_assert_max_num_queries):
    batch = bank.batch(2, at=crew.school)
    bank.send(crew, batch)
    rows = bank.sent(batch)
    bank.hear(crew, batch, [bank.bounced(rows[0], "未激活"), bank.bounced(rows[1], "销户")])
    school, checker = browser("school_maker"), browser("county_checker")
    assert "退票待处理" in text(school.get(reverse("home")))
    with django_assert_max_num_queries(12):
        page = text(school.get(reverse("bounce_list")))
    assert "激活" in page
    assert "尾号" in page
    assert all(row["账号"] not in page for row in rows)
    assert "没有待处理的退票" in text(browser("second_maker").get(reverse("bounce_list")))
    first = Payment.objects.get(bounce="inactive")
    one = reverse("bounce_detail", args=[first.pk])
    assert "处理好了" in text(school.get(one))
    assert "处理好了" not in text(checker.get(one))
    assert browser("second_maker").get(one).status_code == 404
    fix = reverse("bounce_fix", args=[first.pk])
    assert checker.post(fix, {"what": "家长已到网点激活"}).status_code == 403
    assert "已登记，等县" in text(school.post(fix, {"what": "家长已到网点激活"}, follow=True))
    assert "全部重新发放" in text(checker.get(reverse("bounce_list") + "?state=ready"))
    assert "全部重新发放" not in text(browser("county_maker").get(reverse("bounce_list") + "?state=ready"))
    again = text(checker.post(reverse("bounce_reissue") + "?state=ready", follow=True))
    assert "重新发放：已办 1 笔" in again
    assert bank.states(batch) == {"bounced": 1, "reissued": 1}
    second = Payment.objects.get(bounce="closed")
    refused = checker.post(reverse("bounce_reissue"), {"only": second.pk}, follow=True)
    assert "学校还没有处理" in text(refused)
    give_up = reverse("bounce_give_up", args=[second.pk])
    assert "要写明原因" in text(browser("county_head").post(give_up, {"note": ""}, follow=True))
    assert "不再发放" in text(browser("county_head").post(give_up, {"note": "放弃"}, follow=True))
