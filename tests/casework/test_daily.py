"""Time passes over casework: what is due is reminded of once, overdue escalates once, what is done ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import QuerySet
from django.utils import timezone

from aidcases import daily, inbox
from aidcases.models import AuditEvent, CalendarYear, Reminder
from aidcases.registry import registry
from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from subsidies.casework import daily as casework
from subsidies.casework import notices, objections, windows
from subsidies.models import Application, Letter, Objection, PublicNotice
from subsidies.models.notices import Finding
from tests.casework import build
from tests.casework.conftest import Crew

FRIDAY = date(2026, 10, 9)  # a notice published on it ends on Friday the 16th at 24:00
COUNTY = "/62/6201/620123/"


@pytest.fixture
def on(db: None) -> Iterator:
    """on("2026-10-16") does the round of that morning; → its numbers."""
    with time_machine.travel("2026-10-09T08:00:00+08:00", tick=False) as clock:

        def morning(day: str, hour: int = 8) -> dict[str, int]:
            now = datetime.fromisoformat(f"{day}T{hour:02d}:00:00").replace(tzinfo=timezone.get_default_timezone())
            clock.move_to(now)
            return daily.round(now=now, by=SYSTEM)

        yield morning


def reminders() -> QuerySet[Reminder]:
    """All but reports of dropout prevention and ledgers, which fall due whatever casework does."""
    return Reminder.objects.exclude(key__startswith="report.").exclude(key__startswith="due.")


def open_keys(office: object = None) -> list[str]:
    rows = reminders().open().order_by("key", "pk")
    return [row.key for row in rows if office is None or row.office == office]


def test_the_hooks_are_called_by_the_round():
    assert [hook for hook in registry.daily if hook in casework.HOOKS] == list(casework.HOOKS)


# ---------- notices ----------


def test_a_notice_ends_by_itself_and_its_sheet_is_asked_for_until_it_is_down(crew: Crew, on):
    made = build.notice(crew, state="published", today=FRIDAY)
    school = crew.office("school_maker")
    on("2026-10-15")
    assert open_keys() == []
    for hour in (8, 9):
        on("2026-10-16", hour)
        assert open_keys(school) == ["notice.ends"]
    row = Reminder.objects.open().get()
    assert (row.due_on, row.url) == (date(2026, 10, 16), f"/casework/notices/{made.pk}/")

    done = on("2026-10-17", 0)
    assert done["notices_ended"] == 1
    assert done["applications_closed"] == 6
    assert open_keys(school) == ["notice.paper"]
    assert Reminder.objects.open().get().due_on == date(2026, 10, 19)  # the Monday after
    assert set(Application.objects.values_list("state", flat=True)) == {"notice_closed"}
    assert on("2026-10-17", 1)["notices_ended"] == 0
    assert Reminder.objects.count() == 2

    made.refresh_from_db()
    with crew.acting("school_maker") as maker:
        notices.paper_removed(made, by=maker, on=date(2026, 10, 19), today=date(2026, 10, 19))
    assert open_keys() == []
    on("2026-10-20")
    assert open_keys() == []


def test_a_notice_that_ends_on_a_sunday_is_reminded_of_on_its_last_working_day(crew: Crew, on):
    made = build.notice(crew, state="published", today=FRIDAY)
    monday = datetime(2026, 10, 26, tzinfo=timezone.get_default_timezone())
    PublicNotice.objects.filter(pk=made.pk).update(ends_at=monday)  # Sunday the 25th, 24:00
    on("2026-10-22")
    assert open_keys() == []
    on("2026-10-23")
    assert open_keys() == ["notice.ends"]


def test_a_notice_that_is_recalled_is_asked_for_no_more(crew: Crew, on):
    made = build.notice(crew, state="published", today=FRIDAY)
    on("2026-10-16")
    with crew.acting("school_checker") as checker:
        notices.recall(made, by=checker, note="名单有误")
    assert open_keys() == []


# ---------- objections and letters ----------


def objection(crew: Crew) -> Objection:
    made = build.notice(crew, state="published", today=FRIDAY)
    return objections.file(made, text="名单里有人不该有", now=timezone.now(), line=made.lines.first())


def test_an_objection_is_due_then_overdue_then_the_countys(crew: Crew, on):
    filed = objection(crew)
    assert filed.due_on == date(2026, 10, 13)  # 10 (a Saturday that is worked), 12, 13
    school = crew.office("school_maker")
    on("2026-10-09")
    on("2026-10-13")
    assert (open_keys(school), open_keys(crew.county)) == (["objection.due"], [])
    assert not Reminder.objects.get().urgent

    for hour in (0, 8, 12):
        done = on("2026-10-14", hour)
        assert done["escalated"] == (1 if hour == 0 else 0)
        assert (open_keys(school), open_keys(crew.county)) == (["objection.due"], ["objection.escalated"])
    assert all(Reminder.objects.open().values_list("urgent", flat=True))
    assert "榆树小学逾期未答复" in Reminder.objects.get(office=crew.county).title
    filed.refresh_from_db()
    assert filed.escalated_on == date(2026, 10, 14)
    assert AuditEvent.objects.filter(action="objection.escalated", subject_id=filed.pk).count() == 1
    assert open_keys(crew.foreign_county) == []

    with crew.acting("school_checker") as checker:
        objections.answer(filed, finding=Finding.DISMISSED, outcome="查过了，符合条件", by=checker, now=timezone.now())
    assert open_keys() == []
    on("2026-10-15")
    assert open_keys() == []


def test_an_appeal_is_the_countys_and_begins_anew(crew: Crew, on):
    filed = objection(crew)
    on("2026-10-14")
    with crew.acting("school_checker") as checker:
        objections.answer(filed, finding=Finding.DISMISSED, outcome="查过了，符合条件", by=checker, now=timezone.now())
        objections.appeal(filed, note="不服", by=checker, today=date(2026, 10, 14))
    on("2026-10-15")
    assert (open_keys(crew.office("school_maker")), open_keys(crew.county)) == ([], ["objection.due"])
    on("2026-10-20")
    city = crew.office("city")
    assert (open_keys(crew.county), open_keys(city)) == (["objection.due"], ["objection.escalated"])
    assert AuditEvent.objects.filter(action="objection.escalated").count() == 2


def letter(**also: object) -> Letter:
    given: dict = {"path": COUNTY, "due_on": date(2026, 10, 14), "received_on": FRIDAY, **also}
    made = Letter(kind="call", subject="问补助", made_by="甲", **given)
    made.save()
    return made


def test_a_letter_is_due_overdue_and_answered(crew: Crew, on):
    made = letter()
    on("2026-10-12")
    assert open_keys(crew.county) == ["letter.due"]
    on("2026-10-15")
    on("2026-10-16")
    assert (open_keys(crew.county), open_keys(crew.office("city"))) == (["letter.due"], ["letter.escalated"])
    assert AuditEvent.objects.filter(action="letter.escalated").count() == 1
    assert Letter.objects.get().escalated_on == date(2026, 10, 15)
    Letter.objects.filter(pk=made.pk).update(answer="已说明")
    made.move("answer", by=SYSTEM, answered_on=date(2026, 10, 16), answered_by="甲")
    on("2026-10-16", 9)
    assert open_keys() == []


def test_nobodys_contact_stands_in_a_reminder(crew: Crew, on):
    letter(contact="13812345678", from_name="王某")
    on("2026-10-15")
    told = " ".join(f"{row.title} {row.url}" for row in Reminder.objects.all())
    assert "13812345678" not in told
    assert "王某" not in told


# ---------- applications ----------


def test_before_a_window_ends_schools_with_drafts_or_nothing_hear_of_it_twice(crew: Crew, on):
    build.applications(2, at=crew.school)
    build.application("乙", at=crew.second, state="submitted")
    school, second = crew.office("school_maker"), crew.office("second_maker")
    on("2026-09-21")  # the 30th is seven working days away: 22, 23, 24, 28, 29, 30
    assert open_keys() == []
    on("2026-09-22")  # 23, 24, 28, 29, 30: the 25th is off
    assert open_keys(school) == ["window.5.2026-autumn"]
    assert open_keys(second) == []  # has nothing left to submit
    assert open_keys(crew.office("foreign_maker")) == ["window.5.2026-autumn"]
    row = reminders().open().get(office=school)
    assert "2026-09-30 截止，还有 2 份没有提交" in row.title
    assert row.due_on == date(2026, 9, 30)
    on("2026-09-29")
    on("2026-09-30")
    assert open_keys(school) == ["window.1.2026-autumn"]
    assert reminders().filter(office=school).count() == 2
    Application.objects.filter(school=crew.school).update(state="submitted")
    on("2026-09-30", 12)
    assert open_keys(school) == []
    on("2026-10-01")
    assert open_keys() == []


def test_a_countys_own_window_counts_for_its_schools(crew: Crew, on):
    with crew.acting("county_head") as head:
        windows.set_window(
            Term.parse("2026-autumn"), opens_on=date(2026, 9, 1), closes_on=date(2026, 10, 16), stamp_required=False, by=head
        )
    on("2026-09-29")
    assert open_keys(crew.office("school_maker")) == []
    assert open_keys(crew.office("foreign_maker")) == ["window.1.2026-autumn"]
    on("2026-10-12")
    assert open_keys(crew.office("school_maker")) == ["window.5.2026-autumn"]


def test_what_waits_at_the_county_is_told_after_ten_working_days(crew: Crew, on):
    came = datetime(2026, 10, 12, 10, tzinfo=timezone.get_default_timezone())
    build.applications(3, at=crew.school, state="county_review", moved_at=came)
    build.application("乙", at=crew.foreign, state="county_review", moved_at=came, home="620121100001")
    on("2026-10-26")  # the tenth working day
    assert open_keys(crew.county) == []
    on("2026-10-27")
    on("2026-10-28")
    assert open_keys(crew.county) == open_keys(crew.foreign_county) == ["county.waiting.2026-autumn"]
    row = reminders().get(office=crew.county)
    assert "有 3 份认定申请在县级审核超过 10 个工作日，最早 2026-10-12 上报" in row.title
    assert row.due_on == date(2026, 10, 26)
    Application.objects.filter(school=crew.school).update(state="notice_closed")
    on("2026-10-29")
    assert open_keys(crew.county) == []


# ---------- a year nobody has entered, and the whole ----------


def test_a_year_not_announced_is_asked_for_and_stops_nothing_else(crew: Crew, on):
    CalendarYear.objects.filter(year=2026).delete()
    letter()
    with crew.acting("county_head") as head:
        windows.set_window(
            Term.parse("2026-autumn"), opens_on=date(2026, 9, 1), closes_on=date(2026, 10, 16), stamp_required=False, by=head
        )
    done = on("2026-10-15")
    assert done["escalated"] == 1
    keys = set(open_keys(crew.county))
    assert {"calendar.2026", "letter.due"} <= keys
    assert not any(key.startswith("window.") for key in open_keys())


def test_a_second_round_of_the_hour_changes_nothing(crew: Crew, on):
    objection(crew)
    letter()
    on("2026-10-16")
    before = list(Reminder.objects.order_by("pk").values())
    again = on("2026-10-16")
    assert not any(again.values())
    assert list(Reminder.objects.order_by("pk").values()) == before


def test_who_does_it_finds_it_in_the_inbox(crew: Crew, on):
    objection(crew)
    on("2026-10-14")
    seen = {}
    for persona in ("school_checker", "teacher", "county_maker", "foreign_county_maker"):
        with crew.acting(persona) as actor:
            seen[persona] = [row.key for row in inbox.reminders(actor)]
    assert seen == {
        "school_checker": ["objection.due"],
        "teacher": [],
        "county_maker": ["objection.escalated"],
        "foreign_county_maker": [],
    }


def test_a_photo_and_the_sheet_are_what_the_archive_waits_for(crew: Crew, on):
    made = build.notice(crew, state="published", today=FRIDAY)
    on("2026-10-17", 0)
    with crew.acting("school_maker") as maker:
        made.refresh_from_db()
        notices.add_photo(made, SimpleUploadedFile("a.jpg", b"\xff\xd8\xff\xe0 board"))
        notices.paper_removed(made, by=maker, on=date(2026, 10, 17), today=date(2026, 10, 17))
        assert notices.archive(made, by=maker).state == "archived"
    on("2026-10-18")
    assert open_keys() == []
