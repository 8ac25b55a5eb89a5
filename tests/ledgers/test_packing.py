"""上报汇总包: the files as they were handed up, an index, roll-ups that tie to the fen, a ranking, a text whose figures are
links; never half an archive. And the bridge between school year and calendar year."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import date
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest
from django.db.models import Sum
from django.urls import reverse
from openpyxl import load_workbook

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.jobs import Cancelled, Running
from aidcases.models import AuditEvent, Job
from aidcases.models.records import JobState
from aidcases.scoping import SYSTEM, current_actor
from aidcases.terms import Term
from ledgers import packing, submitting
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.definitions.calendar_bridge import paid
from ledgers.models import Bundle
from subsidies.models import Entitlement, Payment
from subsidies.payments import listing
from tests import make
from tests.ledgers.conftest import ActAs
from tests.ledgers.test_submitting import HERE, THERE, TODAY, asked, due_of, made
from tests.personas import TERM, As, World
from tests.subsidies.pdfs import Pdf

__all__ = ["asked"]  # the fixture


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> Path:
    settings.FILES = tmp_path / "files"
    return settings.FILES


@pytest.fixture
def handed(asked: World, act_as: ActAs) -> World:
    """Both counties have handed up their summary, one also the register of the term, in clear."""
    make.user("there_head", "乙主任", asked.there.office, "county_head")
    asked.users["there_head"] = type(asked["head"]).objects.get(username="there_head")
    _pay()
    for persona, head, path in (("maker", "head", HERE), ("other_maker", "there_head", THERE)):
        issue = made(act_as, persona, path=path)
        with act_as(head):
            submitting.submit(due_of(path), issue, by=current_actor(), today=TODAY)
    clear = made(act_as, "checker", code="poverty-register", unmasked=True)
    with act_as("head"):
        submitting.submit(due_of(code="poverty-register", rhythm="term"), clear, by=current_actor(), today=TODAY)
    return asked


def _pay() -> None:
    bank = make.batch("bank")
    for child in Entitlement.objects.filter(school_path__startswith=HERE):
        make.account(child.student) if not child.student.accounts.exists() else None
    listing.freeze(Entitlement.objects.filter(school_path__startswith=HERE), bank)
    rows = Payment.objects.filter(batch=bank)
    rows.move("approve", by=SYSTEM)
    rows.move("send", by=SYSTEM)
    first, *rest = rows.order_by("pk")
    Payment.objects.filter(pk=first.pk).move("pay", by=SYSTEM, paid_on=date(2018, 11, 20))
    Payment.objects.filter(pk__in=[row.pk for row in rest]).move("pay", by=SYSTEM, paid_on=date(2019, 1, 8))


def packed(act_as: ActAs, rhythm: str = "month", code: str = "2018-10") -> Bundle:
    with act_as("city"):
        bundle = packing.request_bundle(rhythm, code, purpose="月调度会")
    job = jobs.work_off(Job.objects.get(pk=bundle.job_id))
    assert (job.state, job.error) == (JobState.DONE, "")
    bundle.refresh_from_db()
    return bundle


def cells(content: bytes, sheet: str) -> list[list]:
    return [[cell.value for cell in row] for row in load_workbook(io.BytesIO(content))[sheet].iter_rows()]


def test_a_pack_holds_what_was_handed_up_and_adds_it_up(handed: World, act_as: ActAs, files: Path):
    bundle = packed(act_as)
    with act_as("city"), packing.open_bundle(bundle) as content:
        data = content.read()
    assert hashlib.sha256(data).hexdigest() == bundle.sha256
    archive = zipfile.ZipFile(io.BytesIO(data))
    names = archive.namelist()
    assert (len(names), bundle.files, bundle.unmasked) == (5, 2, False)
    issues = {due.office.region.name: due.submissions.get().issue for due in (due_of(), due_of(THERE))}
    index = archive.read(packing.INDEX_FILE)
    listed = {row[1]: row for row in cells(index, "目录") if row[1] in issues and row[7]}
    for office, issue in issues.items():
        assert listed[office][7] == issue.sha256
        assert hashlib.sha256(archive.read(listed[office][6])).hexdigest() == issue.sha256
    title = LEDGERS["aid-summary"].title
    heads, *lines = [row for row in cells(index, title) if row[0] in ("填报单位", *issues, "合计")]
    money = heads.index("金额")
    told = {row[0]: row for row in lines}
    for office, issue in issues.items():
        assert f"{told[office][money]:.2f}" == dict(issue.totals)["金额"]
    assert str(told["合计"][money]).startswith("=SUM(")
    [summary] = [each for each in bundle.report["roll_ups"] if each["code"] == "aid-summary"]
    whole = sum(Decimal(dict(issue.totals)["金额"]) for issue in issues.values())
    assert Decimal(summary["total"]["金额"]) == whole
    assert summary["total"]["应资助人数"] == sum(dict(issue.totals)["应资助人数"] for issue in issues.values())
    assert [row["place"] for row in bundle.report["ranking"]] == [1, 2]
    assert bundle.report["ranking"][0]["office"] == handed.here.office.region.name  # which has paid
    text = archive.read(packing.TEXT_FILE).decode()
    assert "2 个单位应上报台账 6 份，已报 2 份（按时 2 份），未报 4 份。" in text
    assert f"实发金额 {Payment.objects.paid().aggregate(yuan=Sum('amount'))['yuan']:,.2f} 元" in text
    paper = "".join(Pdf(archive.read(packing.PAPER_FILE)).pages)
    assert all("".join(line.split()) in paper for line in text.splitlines())
    assert f"{bundle.title.replace(' ', '')}情况汇报" in paper
    assert "附：各单位排名" in paper
    assert [path.name for path in files.rglob("*.zip")] == [bundle.stored]
    assert b"PK" not in (files / "bundles" / bundle.stored).read_bytes()[:4]
    with act_as("maker"):
        assert not Bundle.objects.exists()


def test_numbers_in_clear_are_not_in_the_city_s_pack(handed: World, act_as: ActAs):
    bundle = packed(act_as, "term", "2018-autumn")
    with act_as("city"), packing.open_bundle(bundle) as content:
        archive = zipfile.ZipFile(io.BytesIO(content.read()))
    assert archive.namelist() == [packing.INDEX_FILE, packing.TEXT_FILE, packing.PAPER_FILE]
    rows = [row for row in cells(archive.read(packing.INDEX_FILE), "目录") if row[6] == "含完整号码，不在包内"]
    assert len(rows) == 1
    assert bundle.unmasked is False


def test_what_is_refused_and_a_double_click(handed: World, act_as: ActAs):
    for persona, period, purpose, why in (
        ("city", "2018-10", " ", "写明用途"), ("city", "2018-09", "x", "没有要下级上报"), ("city", "x", "x", "选择期间"),
        ("head", "2018-10", "x", "角色不能"),
    ):  # fmt: skip
        with act_as(persona), pytest.raises(Refused, match=why):
            packing.request_bundle("month", period, purpose=purpose)
    with act_as("city"):
        first = packing.request_bundle("month", "2018-10", purpose="月调度会")
        assert packing.request_bundle("month", "2018-10", purpose="月调度会") == first
        with pytest.raises(Refused, match="还没有生成好"):
            packing.open_bundle(first)


def test_cancelled_half_way_leaves_nothing_and_goes_on(handed: World, act_as: ActAs, files: Path):
    with act_as("city"):
        bundle = packing.request_bundle("month", "2018-10", purpose="月调度会")
        job = Running(jobs.claim(bundle.job_id))
        job._lost.set()  # what cancel does at the next beat
        with pytest.raises(Cancelled):
            packing.generate(job)
        Job.objects.filter(pk=bundle.job_id).update(state=JobState.CANCELLED)
        with pytest.raises(Refused, match="还没有生成好"):
            packing.open_bundle(bundle)
        assert [path for path in (files / "bundles").rglob("*") if path.is_file()] == []
        Job.objects.get(pk=bundle.job_id).move("resume", by=SYSTEM)
        jobs.resume(bundle.job_id)
    assert jobs.work_off(Job.objects.get(pk=bundle.job_id)).state == JobState.DONE
    bundle.refresh_from_db()
    again = bundle.sha256
    Job.objects.filter(pk=bundle.job_id).update(state=JobState.QUEUED)  # delivered twice
    jobs.work_off(Job.objects.get(pk=bundle.job_id))
    bundle.refresh_from_db()
    assert bundle.sha256 == again
    assert AuditEvent.objects.filter(action="bundle.made").count() == 1


def test_a_file_that_is_not_what_was_handed_up_stops_the_pack(handed: World, act_as: ActAs):
    issue = due_of().submissions.get().issue
    other = made(act_as)
    folder = packing.settings.FILES / "ledgers"
    (folder / issue.stored).write_bytes((folder / other.stored).read_bytes())
    with act_as("city"):
        bundle = packing.request_bundle("month", "2018-10", purpose="月调度会")
    job = jobs.work_off(Job.objects.get(pk=bundle.job_id))
    assert job.state == JobState.FAILED
    assert "与上报时的校验码不符" in job.error


def test_the_city_reads_it_in_the_browser_and_takes_it(handed: World, as_: As):
    city = as_("city")
    assert "2018 年 10 月月报" in city.get(reverse("bundle_list")).content.decode()
    answer = city.post(reverse("bundle_new"), {"period": "month:2018-10", "purpose": "月调度会"})
    bundle = Bundle.objects.get()
    assert answer.url == reverse("bundle_detail", args=[bundle.pk])
    assert "排队中" in city.get(answer.url).content.decode()
    jobs.work_off(Job.objects.get(pk=bundle.job_id))
    page = city.get(answer.url).content.decode()
    issues = [reverse("issue_detail", args=[row.issue_id]) for row in due_of().submissions.all()]
    for link in ("#roll-aid-summary", reverse("due_board"), *issues):
        assert f'href="{link}' in page
    assert "发放率和资助率" in page
    paper = city.get(reverse("bundle_paper", args=[bundle.pk]))
    assert (paper["Content-Type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    url = reverse("bundle_download", args=[bundle.pk])
    assert city.post(url, {"purpose": " "}).status_code == 302
    taken = city.post(url, {"purpose": "月调度会"})
    assert zipfile.is_zipfile(io.BytesIO(b"".join(taken.streaming_content)))
    assert AuditEvent.objects.get(action="bundle.downloaded").data["purpose"] == "月调度会"
    assert as_("head").get(answer.url).status_code == 404
    assert as_("auditor").post(reverse("bundle_new")).status_code == 403


# --- school year and calendar year ------------------------------------------------------------------------------


def test_the_two_years_tie_to_the_payments_to_the_fen(handed: World):
    """Of 2018's autumn one child was paid in 2018, the others in January 2019."""
    every = Payment.objects.paid()
    yuan = every.aggregate(yuan=Sum("amount"))["yuan"]
    by_day = {year: every.filter(paid_on__year=year).aggregate(yuan=Sum("amount"))["yuan"] for year in (2018, 2019)}
    assert all(by_day.values())

    def whole(term: str) -> dict:
        [table] = LEDGERS["calendar-bridge"].tables(Term.parse(term), area_at(HERE))
        added = [line for line in table.lines if not line.subtotal]
        for name in ("times", "school", "school_alone", "calendar", "calendar_alone"):
            assert sum(line.cells[name] for line in added) == table.whole.cells[name]
        return {**table.whole.cells, "sides": [line.cells["month"] for line in added]}

    autumn, spring, next_autumn = whole("2018-autumn"), whole("2019-spring"), whole("2019-autumn")
    assert (autumn["school"], autumn["calendar"], autumn["school_alone"]) == (yuan, by_day[2018], by_day[2019])
    assert (spring["school"], spring["calendar"], spring["school_alone"]) == (yuan, by_day[2019], by_day[2018])
    assert (next_autumn["school"], next_autumn["calendar"], next_autumn["calendar_alone"]) == (0, by_day[2019], by_day[2019])
    assert autumn["sides"] == ["2018-11", "2019-01"]
    for told in (autumn, spring, next_autumn):
        assert told["school"] - told["school_alone"] + told["calendar_alone"] == told["calendar"]
    assert sum(row["times"] for row in paid(TERM, area_at(HERE))) == every.count()
    note = LEDGERS["calendar-bridge"].notes(TERM, area_at(HERE), "对账")[1]
    assert f"＝年度 {by_day[2018]:,.2f} 元" in note


def test_the_bridge_is_a_page_and_a_sheet(handed: World, as_: As, act_as: ActAs):
    page = as_("maker").get(reverse("ledger_detail", args=["calendar-bridge"]), {"term": "2018-autumn"}).content.decode()
    assert "其中不计入年度" in page
    addresses = re.findall(r'href="([^"]*/calendar-bridge/rows/[^"]*)"[^>]*>(?:<b>)?([0-9,.]+)', page)
    assert len(addresses) > 10
    for address, figure in addresses:  # every figure opens rows that add up to it
        listed = as_("maker").get(unescape(address)).content.decode()
        assert figure in listed, (address, figure)
    rows = reverse("ledger_rows", args=["calendar-bridge"])
    assert {as_("maker").get(rows, {"month": month}).status_code for month in ("0-0", "99999-13", "²")} == {404}
    assert "<td class=\"nowrap\">2018—2019学年秋季学期</td>" in listed
    issue = made(act_as, code="calendar-bridge")
    assert dict(issue.totals)["计入学年"] == f"{Payment.objects.paid().aggregate(yuan=Sum('amount'))['yuan']:.2f}"


def test_schools_of_one_name_are_ranked_apart() -> None:
    in_time, missing = submitting.Status("已接收，按时", "good", 5), submitting.Status("未报", "bad", 1)
    came = [packing.Came(key, "中心小学", "unaided", "台账", status, key, None) for key, status in ((1, in_time), (2, missing))]
    assert [(row["place"], row["asked"], row["in_time"]) for row in packing._ranking(came, None)] == [(1, 1, 1), (2, 1, 0)]
