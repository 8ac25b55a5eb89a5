"""办理经过 on the student's page: every step in plain words, newest first; each side sees its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases.audit import happened_on
from aidcases.models import AuditEvent
from aidcases.terms import Term
from subsidies.casework import approvals, county, letters, timeline
from subsidies.models.letters import LetterKind
from tests.casework import build
from tests.casework.conftest import Crew

Browser = Callable[[str], Client]
TERM, TODAY = Term.parse(build.TERM), date(2026, 10, 20)


def worked(crew: Crew, home: str = "620123100001"):
    """Handed up, looked at, approved; a letter about it."""
    made = build.application("经过生", at=crew.school, state="county_review", home=home)
    with crew.acting("county_maker") as by:
        county.check(county.queue(TERM), TERM, by=by)
    with crew.acting("county_head") as by:
        approvals.approve(county.queue(TERM), TERM, number="榆资批〔2026〕5号", decided_on=TODAY, by=by, today=TODAY)
    with crew.acting("county_maker") as by:
        letters.register(
            kind=LetterKind.APPEAL, received_on=TODAY, subject="家长申诉", text="", from_name="", contact="", by=by,
            today=TODAY, application=made,
        )  # fmt: skip
    return made


def test_the_steps_stand_in_plain_words_newest_first(crew: Crew):
    made = worked(crew)
    with crew.acting("county_maker"):
        found = timeline.events(made.student)
    titles = [event["title"] for event in found]
    assert {"县级初核通过", "县级批准", "申诉：家长申诉", "2026—2027学年秋季学期认定为“困难”"} <= set(titles)
    assert [event["on"] for event in found] == sorted((event["on"] for event in found), reverse=True)
    level = next(event for event in found if "认定为" in event["title"])
    assert (level["on"], level["text"]) == (TODAY, "榆资批〔2026〕5号")
    assert not any("." in event["title"] for event in found)  # no code
    # Whatever was done on a day before it was written down says so itself; the log's own clock stays.
    step = next(event for event in found if event["title"] == "县级批准")
    assert (step["on"], AuditEvent.objects.get(action="application.approve").at.year) == (TODAY, timezone.now().year)
    with crew.acting("county_head") as by, happened_on(date(2026, 10, 21)):
        approvals.cancel(made, by=by, note="查实有车", today=date(2026, 10, 21))
        [gone] = [event for event in timeline.events(made.student) if event["title"] == "取消资格"]
    assert (gone["on"], gone["text"]) == (date(2026, 10, 21), "查实有车")


def test_notices_and_objections_are_part_of_it(crew: Crew):
    from subsidies.casework import objections

    notice = build.notice(crew, state="published", today=timezone.localdate())
    line = notice.lines.order_by("order").first()
    with crew.acting("school_maker") as by:
        objections.file(notice, text="他家有车有房", line=line, now=timezone.now(), by=by)
        found = timeline.events(line.application.student)
    assert {"列入公示", "收到异议"} <= {event["title"] for event in found}
    assert "他家有车有房" not in str(found)


def test_each_side_sees_its_own(crew: Crew, browser: Browser):
    made = worked(crew, home="620121100001")
    url = reverse("student_detail", args=[made.student_id]) + "?term=2026-autumn"
    school = browser("school_maker").get(url).content.decode()
    assert "县级初核通过" in school
    assert "家长申诉" not in school  # the county's own register
    assert "家长申诉" in browser("county_maker").get(url).content.decode()
    home = browser("foreign_county_maker").get(url).content.decode()
    assert "县级初核通过" not in home
    assert "认定为“困难”" in home
    assert browser("second_maker").get(url).status_code == 404


def test_the_questions_do_not_grow_with_the_events(crew: Crew, django_assert_max_num_queries: Callable):
    made = worked(crew)
    for n in range(40):
        AuditEvent._base_manager.create(
            actor="甲", path=crew.school.path, action="application.take_back", subject_type="subsidies.application",
            subject_id=made.pk, note=f"第{n}次",
        )  # fmt: skip
    with crew.acting("county_maker"), django_assert_max_num_queries(9):
        assert len(timeline.events(made.student)) > 40
