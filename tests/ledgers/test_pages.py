"""Ledgers in the browser: who sees what, what a click does, what a download tells the log, how many queries it costs."""

from __future__ import annotations

import io
import re
from urllib.parse import quote, unquote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import load_workbook

from aidcases import jobs
from aidcases.models import AuditEvent, Job
from ledgers.definitions import LEDGERS
from ledgers.models import LedgerIssue
from tests import make
from tests.personas import CANARY, As, World, compute

HERE, THERE = CANARY["620123"], CANARY["620121"]
AT_HERE, AT_THERE = "/62/6201/620123/", "/62/6201/620121/"
CODES = ("poverty-register", "aid-summary")


@pytest.fixture(autouse=True)
def files(settings, tmp_path) -> None:
    settings.FILES = tmp_path


def text_of(response) -> str:
    assert response.status_code == 200
    return response.content.decode()


def page(client: Client, name: str, *args: object, **query: object) -> str:
    return text_of(client.get(reverse(name, args=args), query))


def plain(html: str) -> str:
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", html))


def post(client: Client, code: str = "poverty-register", **given: object):
    wanted = {"term": "2018-autumn", "area": AT_HERE, "layout": "report", "purpose": "报送市教育局", **given}
    return client.post(reverse("ledger_issue", args=[code]), wanted, follow=True)


def finished(issue: LedgerIssue) -> LedgerIssue:
    job = jobs.work_off(Job.objects.get(pk=issue.job_id))
    assert (job.state, job.error) == ("done", "")
    return LedgerIssue.objects.get(pk=issue.pk)


def download(client: Client, issue: LedgerIssue, purpose: str = "报送市教育局"):
    return client.post(reverse("issue_download", args=[issue.pk]), {"purpose": purpose})


def test_who_gets_no_clear_numbers_is_told_who_does(county: World, as_: As):
    told = "需要完整号码，请由县中心的审核人或负责人生成"
    assert told in page(as_("maker"), "ledger_detail", "poverty-register")
    assert told in page(as_("school"), "ledger_detail", "poverty-register")
    assert told not in page(as_("maker"), "ledger_detail", "aid-summary")  # holds no numbers
    html = page(as_("head"), "ledger_detail", "poverty-register")
    assert told not in html
    assert "显示全部数字" in html


def test_schools_of_one_name_are_told_apart_by_their_codes(county: World, as_: As):
    one, other = (make.school(place="620123100", name="城关小学") for _ in range(2))
    html = page(as_("maker"), "ledger_detail", "poverty-register")
    assert f"城关小学（{one.code}）" in html
    assert f"城关小学（{other.code}）" in html
    assert f">{HERE}中心小学<" in html


# --- looking ----------------------------------------------------------------------------------------------------


def test_the_list_says_what_each_ledger_is_for_and_who_made_the_last(world: World, as_: As):
    html = plain(page(as_("maker"), "ledger_list"))
    assert "建档立卡贫困受教育人口基本信息台账逐人登记建档立卡学生" in html
    assert html.count("还没有生成过") == len(LEDGERS)
    post(as_("maker"))
    finished(LedgerIssue.objects.get())
    html = plain(page(as_("maker"), "ledger_list"))
    assert "2018—2019学年秋季学期榆中县甲经办" in html
    assert html.count("还没有生成过") == len(LEDGERS) - 1
    assert plain(page(as_("other_maker"), "ledger_list")).count("还没有生成过") == len(LEDGERS)


@pytest.mark.parametrize(("persona", "seen", "unseen"), [("maker", HERE, THERE), ("other_maker", THERE, HERE)])
def test_a_county_sees_its_own_children(world: World, as_: As, persona: str, seen: str, unseen: str):
    html = page(as_(persona), "ledger_detail", "poverty-register")
    assert f"{seen}贫生" in html
    assert f"{seen}户主" in html
    assert f"{unseen}贫生" not in html
    assert f"{unseen}户主" not in html


def test_a_school_sees_its_own_children_without_their_households(world: World, as_: As):
    make.student("邻校生", at=world.here.senior, home="620123100201", categories=("registered_poor",))
    html = page(as_("school"), "ledger_detail", "poverty-register")
    assert {f"{HERE}贫生", "跨县生"} <= set(re.findall(r"<td[^>]*>([^<]+)</td>", re.sub(r"</?a\b[^>]*>", "", html)))
    for hidden in ("邻校生", f"{HERE}户主", "跨县户主", THERE):
        assert hidden not in html
    assert 'name="area"' in html  # hidden: a school has one place
    assert "全部数字" not in html


def test_no_number_stands_in_clear(world: World, as_: As):
    person, head = world.here.students[0].person, f"{HERE}户主"
    for persona in ("maker", "checker", "school", "city"):
        html = page(as_(persona), "ledger_detail", "poverty-register")
        assert person.id_number not in html
        assert "13800001234" not in html
        assert "13900005678" not in html
    assert f"{'*' * 14}{person.id_last4}" in html
    assert head in html


def test_the_headings_are_the_ledger_s_own(world: World, as_: As):
    html = page(as_("maker"), "ledger_detail", "poverty-register")
    head = html.split("<thead>", 1)[1].split("</thead>", 1)[0]
    first, second = re.findall(r"<tr>(.*?)</tr>", head, flags=re.S)
    assert '<th scope="colgroup" colspan="6">家庭情况</th>' in first
    assert '<th scope="col" rowspan="2">序号</th>' in first
    assert re.findall(r">([^<]+)</th>", second)[:3] == ["县区", "乡镇", "村"]
    columns = sum(int(span or 1) for span in re.findall(r'<th scope="col(?:group)?"(?: colspan="(\d+)")?', first))
    assert columns == 34
    total = html.split("<tfoot>", 1)[1].split("</tfoot>", 1)[0]
    assert "500.00" in total
    assert len(re.findall("<t[dh]", total)) == columns


def test_a_figure_of_the_summary_opens_its_rows(world: World, as_: As):
    client = as_("maker")
    html = page(client, "ledger_detail", "aid-summary")
    assert "合计" in html
    cells = dict(re.findall(r'<a href="(/ledgers/aid-summary/rows/[^"]+)">(?:<b>)?([\d,.]+)', html))
    links = [url.replace("&amp;", "&") for url in cells]
    assert links
    boarding = next(url for url in links if "compulsory-boarding" in url)
    assert "stage=primary" in boarding
    assert "county=620123" in boarding
    listed = text_of(client.get(boarding))
    assert f"{HERE}贫生" in listed
    assert f"{HERE}普生" not in listed
    [why] = re.findall(rf'<a href="(/students/\d+/why/[^"]+)">{HERE}贫生', client.get(boarding).content.decode())
    assert client.get(why).status_code == 200  # from the figure to the child, and why it has its yuan
    register = page(client, "ledger_detail", "poverty-register")
    children = re.findall(r'<a href="(/students/\d+/\?term=2018-autumn)">', register)
    assert {client.get(url).status_code for url in children} == {200}
    by_school = page(as_("school"), "ledger_detail", "aid-summary")
    assert f"school={world.here.primary.code}" in by_school
    township = page(client, "ledger_detail", "aid-summary", area=f"{AT_HERE}620123100/")
    assert "/ledgers/aid-summary/rows/?term=2018-autumn&amp;place=620123100&amp;" in township.split("<table", 1)[1]


def test_term_and_area_are_chosen_and_what_is_unknown_falls_back(world: World, as_: As):
    html = page(as_("maker"), "ledger_detail", "poverty-register", area=f"{AT_HERE}620123101/")
    assert "这个范围本学期没有数据" in html
    assert f"{HERE}贫生" not in html
    make.enrolment(world.here.students[0], at=world.here.senior, term="2019-spring")
    html = page(as_("maker"), "ledger_detail", "poverty-register", term="2019-spring")
    assert "榆中县建档立卡贫困受教育人口基本信息台账（2018—2019学年春季学期）" in html
    assert "还没有测算" in html
    html = page(as_("maker"), "ledger_detail", "poverty-register", term="x", area=AT_THERE)
    assert "榆中县建档立卡贫困受教育人口基本信息台账" in html
    assert THERE not in html


def test_an_unknown_ledger_is_not_there(county: World, as_: As):
    assert as_("maker").get("/ledgers/nix/").status_code == 404
    assert as_("maker").post("/ledgers/nix/issue/").status_code == 404


# --- asking -----------------------------------------------------------------------------------------------------


def test_a_click_leads_to_the_progress_and_then_to_the_file(world: World, as_: As):
    client = as_("maker")
    answer = post(client)
    issue = LedgerIssue.objects.get()
    assert answer.redirect_chain == [(reverse("issue_detail", args=[issue.pk]), 302)]
    assert "排队中" in text_of(answer)
    assert "下载" not in text_of(answer)
    assert download(client, issue).status_code == 302  # back, with the reason
    issue = finished(issue)
    html = page(client, "issue_detail", issue.pk)
    assert issue.filename in html
    assert issue.sha256 in html
    assert "报送市教育局" in html
    response = download(client, issue)
    assert response["Content-Disposition"] == f"attachment; filename*=utf-8''{quote(issue.filename, safe='')}"
    assert unquote(response["Content-Disposition"]).endswith(f"上报版_{issue.pk}.xlsx")
    assert response["Cache-Control"] == "private, no-store"
    book = load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    assert f"{HERE}贫生" in [cell.value for row in book.active for cell in row]


def test_a_double_click_is_one_job(county: World, as_: As):
    client = as_("maker")
    assert post(client).redirect_chain == post(client).redirect_chain
    assert (LedgerIssue.objects.count(), Job.objects.filter(kind="ledgers.issue").count()) == (1, 1)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"purpose": " "}, "用途：该字段是必填项。"),
        ({"area": AT_THERE}, "只能生成本单位范围内的台账。"),
        ({"area": "/"}, "只能生成本单位范围内的台账。"),
        ({"term": "2018-2020"}, "认不出"),
        ({"layout": "x"}, "版式："),
        ({"unmasked": "on"}, "您的角色不能导出完整证件号码"),
    ],
)
def test_what_cannot_be_made_is_told_and_makes_nothing(county: World, as_: As, given: dict, told: str):
    assert told in text_of(post(as_("maker"), **given))
    assert not LedgerIssue.objects.exists()
    assert not Job.objects.exists()


def test_clear_numbers_are_offered_to_who_may_have_them(world: World, as_: As):
    for persona, offered in (("maker", False), ("checker", True), ("head", True), ("city", False), ("auditor", False)):
        html = page(as_(persona), "ledger_detail", "poverty-register")
        assert ('name="unmasked"' in html) is offered
        assert ("生成台账" in html) is (persona != "auditor")
    assert 'name="unmasked"' not in page(as_("checker"), "ledger_detail", "aid-summary")
    assert as_("auditor").post(reverse("ledger_issue", args=["aid-summary"])).status_code == 403
    assert as_("nobody").get(reverse("ledger_list")).status_code == 403


def test_a_file_with_clear_numbers_is_for_them_alone(world: World, as_: As):
    post(as_("checker"), unmasked="on")
    issue = finished(LedgerIssue.objects.get())
    assert issue.unmasked
    html = page(as_("maker"), "issue_detail", issue.pk)
    assert "您的角色不能下载" in html
    assert reverse("issue_download", args=[issue.pk]) not in html
    assert download(as_("maker"), issue).status_code == 302
    assert not AuditEvent.objects.filter(action="ledger.downloaded").exists()
    response = download(as_("head"), issue)
    book = load_workbook(io.BytesIO(b"".join(response.streaming_content)))
    number = world.here.students[0].person.id_number
    assert number in [cell.value for row in book.active for cell in row]


def test_a_download_is_recorded_with_its_purpose(world: World, as_: As):
    post(as_("maker"))
    issue = finished(LedgerIssue.objects.get())
    assert download(as_("auditor"), issue, purpose="  ").status_code == 302
    assert not AuditEvent.objects.filter(action="ledger.downloaded").exists()
    assert b"".join(download(as_("auditor"), issue, purpose="年度审计").streaming_content)[:2] == b"PK"
    event = AuditEvent.objects.get(action="ledger.downloaded")
    assert (event.actor, event.subject_id, event.data["purpose"]) == ("审计员", issue.pk, "年度审计")
    assert (event.data["code"], event.path) == ("poverty-register", AT_HERE)
    assert HERE not in str(event.data)


def test_a_failed_job_says_why_and_can_go_on(world: World, as_: As):
    post(as_("maker"))
    issue = LedgerIssue.objects.get()
    Job.objects.filter(pk=issue.job_id).update(state="failed", error="磁盘已满，请清理后继续。")
    html = page(as_("maker"), "issue_detail", issue.pk)
    assert "磁盘已满，请清理后继续。" in html
    assert reverse("job_resume", args=[issue.job_id]) in html
    as_("maker").post(reverse("job_resume", args=[issue.job_id]))
    assert finished(issue).finished_at
    post(as_("maker"), layout="flat")
    cancelled = LedgerIssue.objects.order_by("pk").last()
    as_("maker").post(reverse("job_cancel", args=[cancelled.job_id]))
    assert "没有完成" in page(as_("maker"), "issue_list")
    assert download(as_("maker"), cancelled).status_code == 302


# --- issues -----------------------------------------------------------------------------------------------------


def test_issues_are_seen_by_the_office_and_those_above(world: World, as_: As):
    post(as_("maker"), area=world.here.primary.path)
    issue = finished(LedgerIssue.objects.get())
    for persona, status in (("maker", 200), ("city", 200), ("auditor", 200), ("other_maker", 404), ("school", 404)):
        assert as_(persona).get(reverse("issue_detail", args=[issue.pk])).status_code == status
        assert (world.here.primary.name in page(as_(persona), "issue_list")) is (status == 200) or persona == "school"
    assert download(as_("other_maker"), issue).status_code == 404


def test_the_list_of_issues_is_filtered(world: World, as_: As):
    client = as_("checker")
    for code, given in (
        ("poverty-register", {}),
        ("poverty-register", {"unmasked": "on"}),
        ("aid-summary", {"layout": "flat"}),
    ):
        post(client, code, **given)

    def shown(**query: object) -> int:
        return len(re.findall("data-open", page(client, "issue_list", **query)))

    assert shown() == 3
    assert shown(ledger="aid-summary") == 1
    assert shown(flat="0") == 2
    assert shown(unmasked="1") == 1
    assert shown(area_name="榆中") == 3
    assert shown(term="2018-autumn") == 3
    assert "没有符合条件的台账" in page(client, "issue_list", area_name="永登")
    assert "还没有生成过台账" in page(as_("other_maker"), "issue_list")


def test_a_city_s_home_says_which_county_has_issued_what(world: World, as_: As):
    post(as_("maker"))
    finished(LedgerIssue.objects.get())
    html = page(as_("city"), "home")
    card = html.split("各县区台账", 1)[1].split("</section>", 1)[0]
    rows = {plain(row)[:3]: plain(row) for row in re.findall(r"<tr>(.*?)</tr>", card, flags=re.S)}
    assert "甲经办" in rows["榆中县"]
    assert "榆中县1" in rows["榆中县"]
    assert rows["永登县"] == "永登县0—"
    assert "8个县区还没有生成" in plain(card)
    assert "各县区台账" not in page(as_("maker"), "home")


def test_pages_cost_the_same_however_many_children_and_issues(world: World, as_: As):
    client = as_("maker")

    def queries(name: str, *args: object) -> int:
        page(client, name, *args)
        with CaptureQueriesContext(connection) as seen:
            page(client, name, *args)
        return len(seen)

    pages = [("ledger_list",), ("issue_list",), *(("ledger_detail", code) for code in CODES)]
    post(client)
    issue = finished(LedgerIssue.objects.get())
    few = {each: queries(*each) for each in [*pages, ("issue_detail", issue.pk)]}
    for number in range(25):
        make.student(f"第{number}生", at=world.here.primary, home="620123100201", categories=("registered_poor",))
        post(client, purpose=f"报送{number}")
    compute(world)
    assert {each: queries(*each) for each in few} == few
    assert max(few.values()) <= 16, few
    assert few["issue_list",] <= 12
    assert few["ledger_list",] <= 12
