"""一校一档: the papers in binding order, sealed, made as a job, downloaded on record; a child's file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job
from aidcases.terms import Term
from subsidies.casework import approvals, archive, county, notices
from subsidies.models import Application, Meeting, Panel, PanelMember, PublicNotice, ScoreIndex
from tests.casework import build
from tests.casework.conftest import Crew
from tests.subsidies.pdfs import Pdf

Browser = Callable[[str], Client]
TERM, TODAY = Term.parse(build.TERM), date(2026, 10, 20)


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "FILES", tmp_path)


def year(crew: Crew) -> None:
    """A panel with a meeting, a notice that is over, two approved and one cancelled application."""
    panel = Panel(school=crew.school, path=crew.school.path, term=build.TERM, made_by="甲")
    panel.save()
    PanelMember(panel=panel, name="评委甲", kind="leader", unit="校长").save()
    index = ScoreIndex(code="test", version=1, title="量化评分", groups=[], thresholds={})
    index.save()
    Meeting(
        panel=panel, index=index, held_at=datetime(2026, 9, 28, 1, tzinfo=UTC), place="二楼会议室", chair="甲", recorder="乙",
        minutes="一致通过",
        made_by="甲",
    ).save()  # fmt: skip
    notice = build.notice(crew, 2, state="published")
    with crew.acting("school_checker") as by:
        PublicNotice.objects.filter(pk=notice.pk).update(ends_at=datetime(2026, 10, 16, 16, tzinfo=UTC))
        notices.end_due(now=timezone.now(), by=by)
        Application.objects.filter(state="notice_closed").move("hand_up", by=crew.actor("school_maker"))
    with crew.acting("county_maker") as by:
        county.check(county.queue(TERM), TERM, by=by)
    with crew.acting("county_head") as by:
        approvals.approve(county.queue(TERM), TERM, number="榆资批〔2026〕7号", decided_on=TODAY, by=by, today=TODAY)
    build.application("二班生", at=crew.school, state="submitted", class_name="2班")


def made(crew: Crew, persona: str = "school_maker") -> Job:
    with crew.acting(persona):
        return jobs.work_off(archive.request_school(crew.school, TERM, purpose="学期归档"))


def unpacked(job: Job) -> zipfile.ZipFile:
    with archive.open_archive(job) as opened:
        return zipfile.ZipFile(BytesIO(opened.read()))


def test_the_papers_lie_in_binding_order(crew: Crew):
    year(crew)
    job = made(crew)
    assert job.state == "done", job.error
    pack = unpacked(job)
    assert pack.testzip() is None
    names = pack.namelist()
    assert names == sorted(names, key=lambda name: name[0])
    assert names[:4] == [
        "0-封面和目录.pdf", "1-评审小组名单.pdf", "2-评审会议/1-会议记录.pdf", "3-公示/1-公示材料.zip",
    ]  # fmt: skip
    assert [name.split("/")[1] for name in names if name.startswith("4-")] == ["三年级1班", "三年级1班", "三年级2班"]
    assert names[-2:] == ["5-班级汇总.pdf", "6-批复/1-批复.pdf"]
    assert job.result["papers"] == len(names) == job.done

    def text(name: str) -> str:
        return "".join(Pdf(pack.read(name)).pages)

    assert "认定申请表3份" in text(names[0])
    assert "评委甲" in text("1-评审小组名单.pdf")
    assert "一致通过" in text("2-评审会议/1-会议记录.pdf")
    assert "榆资批〔2026〕7号" in text(names[-1])
    assert "合计3020" in text("5-班级汇总.pdf").replace("\n", "")
    form = next(name for name in names if name.startswith("4-"))
    who = Application.objects.get(student__person__name=form.rpartition("-")[2].removesuffix(".pdf")).student.person
    assert who.id_number in text(form)


def test_it_lies_sealed_and_is_handed_over_on_record(crew: Crew, browser: Browser):
    year(crew)
    job = made(crew)
    [stored] = (settings.FILES / archive.FOLDER).iterdir()
    assert b"PK\x03\x04" not in stored.read_bytes()
    url, maker = reverse("archive_download", args=[job.pk]), browser("school_maker")
    assert "请写明下载用途" in maker.post(url, follow=True).content.decode()
    answer = maker.post(url, {"purpose": "装订"})
    content = b"".join(answer.streaming_content)
    assert zipfile.ZipFile(BytesIO(content)).testzip() is None
    assert answer["Cache-Control"] == "private, no-store"
    assert AuditEvent.objects.get(action="archive.downloaded").data["purpose"] == "装订"
    for persona, status in (("second_maker", 404), ("foreign_county_maker", 404), ("city", 403), ("teacher", 403)):
        assert browser(persona).post(url, {"purpose": "看看"}).status_code == status, persona
    stored.write_bytes(stored.read_bytes()[:-9])
    broken = maker.post(url, {"purpose": "装订"}, follow=True)
    assert broken.status_code in (200, 302)


def test_a_child_has_a_file_of_its_own(crew: Crew, browser: Browser):
    year(crew)
    who = Application.objects.filter(state="approved").first()
    with crew.acting("county_head") as by:
        approvals.cancel(who, by=by, note="查实", today=TODAY)
        job = jobs.work_off(archive.request_student(who.student, purpose="归档"))
    assert job.state == "done", job.error
    names = unpacked(job).namelist()
    assert [name[0] for name in names] == ["0", "1", "2", "3"]
    assert who.student.person.name not in job.label


def test_who_may_and_what_is_refused(crew: Crew, browser: Browser):
    build.application("别校生", at=crew.second, state="submitted")
    with crew.acting("school_maker"):
        for school, purpose, why in (
            (crew.second, "归档", "只能生成本单位"), (crew.school, "归档", "没有可以归档"), (crew.school, " ", "请写明用途"),
        ):  # fmt: skip
            with pytest.raises(Refused, match=why):
                archive.request_school(school, TERM, purpose=purpose)
    page = browser("county_maker").get(reverse("archive_list") + "?term=2026-autumn").content.decode()
    assert "槐树小学" in page
    assert "榆树小学</option>" not in page
    asked = browser("county_maker").post(
        reverse("archive_request") + "?term=2026-autumn", {"school": crew.second.code, "purpose": "归档"}, follow=True
    )
    assert "已开始装订" in asked.content.decode()
    assert Job.objects.get(kind=archive.KIND).params["school"] == crew.second.code
