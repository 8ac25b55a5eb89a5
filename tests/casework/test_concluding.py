"""不困难: told to the family and closed at the school; what the family may do about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.models import Job
from aidcases.terms import Term
from students.models import Enrolment
from subsidies.casework import applying, assessing, notices
from subsidies.models import Application, Determination, Meeting
from subsidies.models.notices import NoticeKind
from tests import make
from tests.casework import build
from tests.casework.conftest import Crew
from tests.subsidies.pdfs import Pdf

Browser = Callable[[str], Client]
SPRING = "2027-spring"


@pytest.fixture
def meeting(crew: Crew) -> Meeting:
    """A confirmed meeting: two children of a list passed, two others found not hard, one of these determined before."""
    build.applications(2, at=crew.school, state="submitted", boxes=["dibao"])
    for name in ("不难甲", "不难乙"):
        build.application(name, at=crew.school, state="submitted")
    before = Enrolment.objects.get(student__person__name="不难甲")
    make.determination(before, "hard")
    make.enrolment(before.student, at=crew.school, term=SPRING)
    made = build.closed(crew)
    with crew.acting("school_checker") as checker:
        assessing.confirm(made, by=checker)
    return made


def test_the_school_tells_the_families_and_closes_them(crew: Crew, meeting: Meeting, browser: Browser):
    url, record = reverse("meeting_conclude", args=[meeting.pk]), reverse("meeting_detail", args=[meeting.pk])
    checker, maker = browser("school_checker"), browser("school_maker")
    page = checker.get(record + "?tab=record").content.decode()
    assert "还有 2 名要告知" in page
    assert maker.post(url, {"note": "x"}).status_code == 403
    assert "要写明原因" in checker.post(url, {"note": " "}, follow=True).content.decode()
    Job.objects.all().delete()
    assert "认定为不困难" in checker.post(url, {"note": "家庭收入稳定"}).content.decode()
    found = Application.objects.filter(level="none")
    assert {(one.state, one.returned_why) for one in found} == {("not_hard", "家庭收入稳定")}
    levels = Determination.objects.filter(term=build.TERM).values_list("student__person__name", "level")
    assert dict(levels) == {"不难甲": "none", "不难乙": "none"}  # who had been aided is set back
    assert {job.params["term"] for job in Job.objects.all()} == {build.TERM, SPRING}
    assert "已办结 2 名" in checker.get(record + "?tab=record").content.decode()
    pdf = maker.post(reverse("meeting_told", args=[meeting.pk]))
    text = "".join(Pdf(pdf.content).pages)
    assert pdf["Content-Type"] == "application/pdf"
    assert all(word in text for word in ("不难甲", "不难乙", "家庭收入稳定", "3个工作日", "县学生资助管理中心申诉"))
    # The notice has the others only, and nothing of these is left behind.
    with crew.acting("school_maker") as by:
        made = notices.draft(NoticeKind.DETERMINATION, office=crew.office("school_maker"), term=Term.parse(build.TERM), by=by)
    assert set(made.lines.values_list("name", flat=True)) == {"甲1", "甲2"}


def test_a_family_appeals_and_the_panel_looks_again(crew: Crew, meeting: Meeting, browser: Browser):
    one, other = Application.objects.filter(level="none").order_by("pk")
    head, checker = browser("county_head"), browser("school_checker")
    page = checker.get(reverse("application_detail", args=[one.pk])).content.decode()
    assert "认定为不困难？" in page
    move = reverse("application_move", args=[one.pk])
    checker.post(move, {"do": "conclude", "note": "有稳定收入"})
    one.refresh_from_db()
    assert one.state == "not_hard"
    hard = Application.objects.filter(level__gt="").exclude(level="none").first()
    with crew.acting("school_checker") as by, pytest.raises(Refused, match="不是“不困难”"):
        applying.move(Application.objects.filter(pk=hard.pk), "conclude", by=by, note="x").or_refuse()
    page = head.get(reverse("application_detail", args=[one.pk])).content.decode()
    assert "登记家庭申诉" in page
    assert "有稳定收入" in page
    assert 'value="appeal" selected' in head.get(
        reverse("letter_new") + f"?application={one.pk}&kind=appeal"
    ).content.decode()
    head.post(move, {"do": "return_panel", "note": "申诉成立，收入有误"})
    one.refresh_from_db()
    assert (one.state, one.level, one.returned_why) == ("submitted", "", "申诉成立，收入有误")
    # From elsewhere the panel's result is sent back by the county's own step, not by this one.
    head.post(reverse("application_move", args=[other.pk]), {"do": "return_panel", "note": "x"})
    other.refresh_from_db()
    assert other.state == "panel_reviewed"
    # A family whose situation changes later in the term applies again.
    with crew.acting("school_checker") as by:
        assert applying.move(Application.objects.filter(pk=other.pk), "conclude", by=by, note="收入稳定").moved == 1
    browser("teacher").post(reverse("application_move", args=[other.pk]), {"do": "reopen"})
    other.refresh_from_db()
    assert (other.state, other.level, other.returned_why) == ("draft", "", "")
