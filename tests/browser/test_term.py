"""A whole term before the browser: forms, panel, week on the wall, objection, county, yuan; by whoever does it, day by day.

The clock is turned from day to day in this process, where the site runs as well; so no runner stands beside it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from aidcases import daily, jobs
from aidcases.models import Job
from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from subsidies.actions import adopt_pack, publish
from subsidies.casework import public
from subsidies.models import Application, ComputeRun, Determination, Entitlement, FamilyMember, Objection, PublicNotice
from tests import make
from tests.browser.desk import Desk
from tests.casework import build
from tests.casework.conftest import build_crew

TERM = Term.parse(build.TERM)
AGAIN = ("钱小一", "孙小二", "李小三", "周小四", "吴小五")  # applied last term
FORMS, WALL, ANSWERED, COUNTY, HEAD = "2026-09-08", "2026-09-10", "2026-09-14", "2026-09-22", "2026-09-23"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
# What every child who is determined to be poor gets.
PACK = """
[pack]
code = "test-aid"
title = "困难学生补助"
document = "试"
[[rule]]
code = "test-aid-hard"
title = "困难补助"
clause = "一"
note = "每学期 500 元"
when = { determination = ["special", "hard", "ordinary"] }
amount = { kind = "fixed", period = "term", values = [{ yuan = "500.00" }] }
"""


def fill() -> Any:
    """A class: one new to it all, five who applied last term, one on a list, one who never applies."""
    crew = build_crew()
    publish(PACK)
    adopt_pack("test-aid", region=make.region("6201"), from_on=TERM.first_day)
    new = build.student("张小树", at=crew.school)
    build.student("赵名单", at=crew.school, categories=("dibao_rural",))
    build.student("郑不报", at=crew.school)
    for name in AGAIN:
        pupil = build.student(name, at=crew.school)
        before = build.application(
            pupil, at=crew.school, term="2026-spring", state="approved", complete=True, household_size=2, address="一村",
            parent_phone="13912345678", boxes=["low_income"], other="单亲", promised_on=date(2026, 2, 20),
        )  # fmt: skip
        FamilyMember(
            application=before, order=0, name="母亲", age=39, relation="母子", occupation="务农", annual_income=6000
        ).save()
    build.panel(crew.school, term="2026-spring", number=9)
    make.recompute(TERM.code)  # nobody is due anything yet
    crew.new = new
    return crew


FILL = fill


@pytest.fixture(scope="module")
def site(db: Any) -> Iterator[str]:
    """Without the runner: it would go by the real clock."""
    server = LiveServer("127.0.0.1")
    yield server.url
    server.stop()


@contextmanager
def on(day: str, hour: int = 10) -> Iterator[None]:
    with time_machine.travel(f"{day} {hour:02d}:00+08:00"):
        public._kept.clear()
        yield


def test_a_term_from_the_form_to_the_yuan(desk: Callable[..., Desk], db: Any, tmp_path: Path):
    with on(FORMS):
        on_a_phone(desk("teacher", phone=True), db, tmp_path)
        clerk = desk("school_maker")
        a_class_at_once(clerk)
        the_panel(clerk)
        the_meeting(clerk)
        confirmed(desk("school_checker"))
    with on(WALL):
        drafted(desk("school_maker"))
        published(desk("school_checker"))
        key = objected(desk())
    with on(ANSWERED):
        answered(desk("school_maker"))
    over = timezone.localdate(PublicNotice.objects.get().ends_at).isoformat()
    with on(over):
        gone(desk(), key)
        handed_up(desk("school_maker"), tmp_path)
    with on(COUNTY):
        looked_at(desk("county_maker"))
    with on(HEAD):
        head = desk("county_head")
        approved(head)
        computed(db)
        told(head, db)


# ---------- the school ----------


def on_a_phone(teacher: Desk, crew: Any, folder: Path) -> None:
    """One form, saved by itself while it is filled in; its photo; handed in."""
    page = teacher.go("/applications/")
    page.locator("tr", has_text="张小树").get_by_role("button").click()
    status = page.locator("#autosave")
    page.get_by_label("详细通讯地址").fill("一村三社12号")
    page.get_by_label("家庭人口").fill("2")
    page.get_by_label("家长手机号码").fill("13912345678")
    row = page.locator("[data-family] tr").first
    for label, value in (("姓名", "张大山"), ("年龄", "40"), ("与学生关系", "父亲"), ("年收入", "6000")):
        row.get_by_label(label).fill(value)
    page.get_by_label("签字日期").fill(FORMS)
    page.get_by_label("其他低收入家庭学生").check()
    page.get_by_label("其他情况", exact=True).fill("父亲腰伤，不能干重活")
    page.get_by_label("籍贯").focus()
    expect(status).to_contain_text("已自动保存")
    expect(page.locator("#problems")).to_contain_text("填完了")
    expect(page.locator("#income")).to_have_text("￥3,000.00")
    (folder / "承诺书.png").write_bytes(PNG)
    page.locator("#paper-file").set_input_files(folder / "承诺书.png")
    teacher.press("上传")
    expect(page.locator("#papers")).to_contain_text("承诺书.png")
    teacher.check()
    teacher.press("提交")
    expect(page.locator("main")).to_contain_text("已提交，待评审")
    assert Application.objects.get(student=crew.new, term=TERM.code).family.get().relation == "父子"


def a_class_at_once(clerk: Desk) -> None:
    """Who is on a list, who has no change since last term: all of them in three clicks."""
    page = clerk.go("/applications/?class_name=1%E7%8F%AD")
    clerk.press("名单学生免申即享")
    expect(page.locator("#messages")).to_contain_text("1 ")
    clerk.press("与上次相同")
    page.get_by_label("家长在新的纸质承诺上签字的日期").fill(FORMS)
    clerk.press("生成")
    expect(page.locator("#messages")).to_contain_text("5 ")
    clerk.press("提交")
    expect(page.locator("tbody")).to_contain_text("已提交，待评审")
    found = Application.objects.in_term(TERM).filter(state="submitted")
    assert sorted(found.values_list("kind", flat=True)) == ["applied", "matched", *["renewed"] * 5]


def the_panel(clerk: Desk) -> None:
    """Last term's nine and a tenth; one of them is the father of one of the children."""
    page = clerk.go("/casework/panels/")
    clerk.press("照上学期的成员建立")
    expect(page.locator("main")).to_contain_text("小组至少 10 人，现在 9 人，还差 1 人")
    page.get_by_label("姓名", exact=True).fill("委员10")
    page.get_by_label("身份", exact=True).select_option("league_secretary")
    clerk.press("加入")
    expect(page.locator("#messages")).to_contain_text("已加入 委员10（团支部书记）")
    father = page.locator("tbody tr", has_text="委员8")
    father.get_by_text("登记子女").click()
    father.get_by_label("子女姓名").fill("钱小一")
    father.get_by_role("button", name="登记").click()
    expect(page.locator("#messages")).to_contain_text("评审 钱小一 时，委员8 回避")
    page.get_by_role("button", name="登记", exact=True).last.click()
    expect(page.locator("main")).to_contain_text(f"{FORMS} 已上墙公布")


def the_meeting(clerk: Desk) -> None:
    """Suggested levels for all, another one with its reason for one, the record, its last word."""
    page = clerk.page
    page.get_by_role("link", name="开评审会议").click()
    page.get_by_label("地点").fill("会议室")
    page.get_by_label("主持人").select_option("委员1")
    page.get_by_label("记录人").select_option("委员2")
    page.get_by_label("会议记录").fill("逐份评议，举手表决。")
    clerk.press("开始评审")
    clerk.press("按建议等级评定")
    expect(page.locator("tbody tr")).to_have_count(7)
    expect(page.locator("tbody tr", has_text="钱小一")).to_contain_text("回避：委员8")
    page.get_by_role("link", name="张小树").click()
    page.get_by_label("等级", exact=True).select_option("ordinary")
    page.get_by_label("与建议不同的理由").fill("有固定收入")
    clerk.press("保存")
    expect(page.locator("tbody tr", has_text="张小树")).to_contain_text("一般困难")
    page.get_by_role("link", name="会议记录和定稿").click()
    clerk.check()
    assert paper(clerk, "/minutes/").startswith(b"%PDF-")
    clerk.press("定稿")
    page.get_by_role("dialog").get_by_role("button", name="定稿").click()
    expect(page.locator("main")).to_contain_text("等学校审核（校长）确认")


def paper(clerk: Desk, action: str) -> bytes:
    """What the form with this address answers, without the browser's own reader."""
    sent = """async (action) => { const form = [...document.forms].find((each) => each.action.endsWith(action));
        const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
        return Array.from(new Uint8Array(await answer.arrayBuffer())); }"""
    return bytes(clerk.page.evaluate(sent, action))


def confirmed(head: Desk) -> None:
    """The second person, from their own home page on."""
    page = head.go("/")
    page.get_by_role("link", name="已定稿，待校长确认 1").click()
    page.locator("tr", has_text="待校长确认").get_by_role("link").click()
    page.get_by_role("link", name="会议记录和定稿").click()
    head.press("确认评审结果")
    page.get_by_role("dialog").get_by_role("button", name="确认评审结果").click()
    expect(page.locator("main")).to_contain_text("7")
    assert set(Application.objects.in_term(TERM).values_list("state", flat=True)) == {"panel_reviewed"}


# ---------- the notice ----------


def drafted(clerk: Desk) -> None:
    page = clerk.go("/")
    page.get_by_role("link", name="已评审，待公示 7").click()
    clerk.press("生成名单")
    page.get_by_label("监督电话").fill("0931-5221234")
    clerk.press("保存")
    clerk.press("预览检查")
    expect(page.locator("h1 + .pill")).to_have_text("已预览，待发布")


def published(head: Desk) -> None:
    page = head.go("/casework/notices/")
    page.locator("tbody a[data-open]").first.click()
    head.press("发布")
    page.get_by_role("dialog").get_by_role("button", name="发布").click()
    expect(page.locator("h1 + .pill")).to_have_text("公示中")


def objected(anybody: Desk) -> str:
    """Signed out: the list, and an objection to one line. → the address of the list."""
    page = anybody.go("/notices/")
    page.get_by_role("link", name="榆树小学").first.click()
    path = anybody.path()
    expect(page.locator("tbody tr")).to_have_count(7)
    assert "13912345678" not in page.content()
    anybody.check()
    page.get_by_role("link", name="提出异议").first.click()
    page.get_by_label("姓名").fill("孙小二")
    page.get_by_label("您的意见").fill("他家去年买了小轿车")
    anybody.press("提交")
    expect(page.get_by_role("status")).to_contain_text("您的意见已收到")
    assert Objection.objects.get().line.name == "孙小二"
    return path


def answered(clerk: Desk) -> None:
    page = clerk.go("/casework/objections/")
    page.locator("tbody a[data-open]").first.click()
    page.get_by_label("异议不成立").check()
    page.get_by_label("调查情况和处理结果").fill("车是邻居的，到村核实过。")
    clerk.press("答复")
    clerk.press("办结")
    assert Objection.objects.get().state == "closed"


def gone(anybody: Desk, path: str) -> None:
    """24:00 is over: no job had to run for it."""
    anybody.expected = {410}
    expect(anybody.go(path).locator("main")).to_contain_text("结束")
    assert "孙小二" not in anybody.page.content()
    daily.round(now=timezone.now(), by=SYSTEM)
    assert PublicNotice.objects.get().state == "over"


def handed_up(clerk: Desk, folder: Path) -> None:
    """The archive's papers, then everything to the county."""
    page = clerk.go("/casework/notices/")
    page.locator("tbody a[data-open]").first.click()
    with page.expect_download() as download:
        clerk.press("归档材料")
    download.value.save_as(folder / "pack.zip")
    with zipfile.ZipFile(io.BytesIO((folder / "pack.zip").read_bytes())) as packed:
        assert packed.testzip() is None
        assert any(name.endswith(".pdf") for name in packed.namelist())
    clerk.press("上报县级审核")
    expect(page.locator("main")).to_contain_text("7")
    assert set(Application.objects.in_term(TERM).values_list("state", flat=True)) == {"county_review"}


# ---------- the county ----------


def looked_at(maker: Desk) -> None:
    """One is left out and sent back later; what no check stops is passed on."""
    page = maker.go("/casework/county/")
    expect(page.locator("tbody tr")).to_have_count(7)
    with page.expect_response("**/county/hold/**"):
        page.get_by_label("办理周小四").uncheck()
    maker.press("初核通过")
    expect(page.locator("#messages")).to_contain_text("初核通过：已办 6 份")
    expect(page.locator("#messages")).to_contain_text("1 份由您暂缓")


def approved(head: Desk) -> None:
    page = head.go("/casework/county/")
    head.press("批准")
    page.get_by_label("批准文号").fill("榆资批〔2026〕3号")
    page.get_by_role("dialog").get_by_role("button", name="批准", exact=True).click()
    expect(page.locator("#messages")).to_contain_text("批准：已办 6 份")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("周小四")


def computed(crew: Any) -> None:
    """Only those who were approved, by the job that the approval asked for."""
    for job in Job.objects.filter(kind="subsidies.recompute", state="queued").order_by("pk"):
        jobs.work_off(job)
    named = set(Determination.objects.filter(term=TERM.code).values_list("student__person__name", flat=True))
    assert named == {"张小树", "赵名单", *AGAIN} - {"周小四"}
    rows = Entitlement.objects.filter(term=TERM.code, amount=500).values_list("student__person__name", flat=True)
    assert sorted(rows) == sorted(named)
    assert ComputeRun.objects.latest("pk").marked_only


def told(head: Desk, crew: Any) -> None:
    """The yuan on the child's page, and everything that led to it."""
    page = head.go(f"/students/{crew.new.pk}/")
    expect(page.locator("main")).to_contain_text("￥500.00")
    steps = page.locator("main").inner_text()
    for step in ("提交", "评审", "列入公示", "公示期满", "上报", "县级初核通过", "县级批准", "认定为“一般困难”"):
        assert step in steps, step
    head.check()
    page = head.go(f"/students/{Objection.objects.get().line.student_id}/")
    expect(page.locator("main")).to_contain_text("异议已答复：异议不成立")
