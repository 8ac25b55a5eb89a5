"""Reporting upwards: what is due by itself, handing up, freezing, receiving, correcting, who has and has not."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases import jobs
from aidcases.flow import Refused
from aidcases.models import AuditEvent, Job, Reminder
from aidcases.models.records import JobState
from aidcases.roles import OfficeKind
from aidcases.scoping import EVERYWHERE, acting_in, current_actor
from ledgers import packing, schedules, submitting
from ledgers.actions import open_file, request_issue
from ledgers.areas import area_at
from ledgers.definitions import LEDGERS
from ledgers.enums import Counted, Rhythm
from ledgers.models import Due, LedgerIssue, Schedule, Submission
from ledgers.progress import talks, tasks
from ledgers.schedules import Plan, parse, running
from tests import make
from tests.ledgers import progress_build as progress
from tests.ledgers import reporting_build as build
from tests.ledgers.conftest import ActAs
from tests.personas import TERM, As, World

HERE, THERE, CITY = "/62/6201/620123/", "/62/6201/620121/", "/62/6201/"
TODAY = date(2018, 10, 9)
LATER = TODAY + timedelta(days=40)


def at(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day, 8))


def made(act_as: ActAs, persona: str = "maker", *, code: str = "aid-summary", path: str = HERE, **also: object) -> LedgerIssue:
    """A finished issue; the day it was made is the day of the tests."""
    with act_as(persona):
        issue = request_issue(LEDGERS[code], TERM, area_at(path), purpose="上报", **also)
    assert jobs.work_off(Job.objects.get(pk=issue.job_id)).state == JobState.DONE
    LedgerIssue.objects.filter(pk=issue.pk).update(finished_at=at(TODAY))
    issue.refresh_from_db()
    return issue


def due_of(path: str = HERE, code: str = "aid-summary", rhythm: str = "month") -> Due:
    return Due.objects.with_last().get(path=path, ledger=code, rhythm=rhythm)


@pytest.fixture
def asked(world: World, everywhere: None) -> World:
    """The county's world on the day, its due items made."""
    schedules.ledgers_due(at(TODAY))
    return world


# --- what is due ------------------------------------------------------------------------------------------------


def test_periods_are_of_the_calendar_and_of_the_school_year():
    told = {rhythm: running(rhythm, date(2019, 2, 10)) for rhythm in (*schedules.RHYTHMS, Rhythm.EXTRA)}
    assert {rhythm.value: (p.code, p.term.code) for rhythm, p in told.items()} == {
        "month": ("2019-02", "2018-autumn"), "quarter": ("2019-Q1", "2019-spring"), "term": ("2018-autumn", "2018-autumn"),
        "half": ("2019-H1", "2019-spring"), "year": ("2019", "2019-autumn"), "extra": ("2019-02-10", "2018-autumn"),
        "school": ("2018-2019", "2019-spring"),
    }  # fmt: skip
    assert all(parse(rhythm, period.code) == period for rhythm, period in told.items())
    assert all(period.first <= date(2019, 2, 10) <= period.last for period in told.values())


@pytest.mark.parametrize(
    ("rhythm", "code"),
    [("half", "2019-H3"), ("year", "x"), ("month", "2019-13"), ("term", "2019"), ("week", "1"), ("extra", "1"),
     ("school", "2018-2020"), ("school", "2018-autumn"), ("year", "2018-2019")],
)
def test_a_code_of_no_period_is_refused(rhythm: str, code: str):
    with pytest.raises(ValueError, match=r"."):
        parse(rhythm, code)


def test_items_are_made_by_the_day_and_none_is_born_late(asked: World):
    rows = {(due.ledger, due.rhythm): due for due in Due.objects.filter(path=HERE)}
    assert set(rows) == {(plan.ledger, plan.rhythm) for plan in schedules.DEFAULTS}
    assert {due.path for due in Due.objects.all()} == {HERE, THERE}
    month = rows["aid-summary", "month"]
    assert (month.period, month.term, month.due_on) == ("2018-10", "2018-autumn", date(2018, 11, 5))
    assert rows["poverty-register", "term"].due_on == date(2018, 9, 1) + timedelta(days=60)
    assert schedules.ledgers_due(at(TODAY))["ledgers_made"] == 0
    Due.objects.all().delete()
    schedules.ledgers_due(at(date(2018, 11, 20)))
    assert not Due.objects.filter(ledger="poverty-register").exists()  # its day was over
    assert not Due.objects.filter(due_on__lt=date(2018, 11, 20)).exists()


def test_offices_are_reminded_before_and_the_office_above_after(asked: World, act_as: ActAs):
    due = due_of()
    assert not Reminder.objects.filter(subject_id=due.pk, key__startswith="due.").exists()
    schedules.ledgers_due(at(due.due_on - timedelta(days=7)))
    assert [row.key for row in Reminder.objects.filter(subject_id=due.pk)] == ["due.due"]
    schedules.ledgers_due(at(due.due_on + timedelta(days=1)))
    rows = {row.key: row for row in Reminder.objects.filter(subject_id=due.pk, key__startswith="due.")}
    assert rows["due.due"].urgent
    assert "逾期未报，请督促：2018 年 10 月月报《教育扶贫基本情况汇总台账》" in rows["due.escalated"].title
    assert (rows["due.escalated"].path, rows["due.escalated"].permission) == (CITY, "ledger.receive")
    due.refresh_from_db()
    assert due.escalated_on == due.due_on + timedelta(days=1)
    assert AuditEvent.objects.filter(action="due.escalated", subject_id=due.pk).count() == 1
    issue = made(act_as)
    with act_as("head"):
        submitting.submit(due, issue, by=current_actor(), today=due.due_on + timedelta(days=2))
    assert not Reminder.objects.open().filter(subject_id=due.pk, key__startswith="due.").exists()


def test_the_city_sets_the_schedule_and_open_items_follow(asked: World, act_as: ActAs):
    plan = Plan("aid-summary", Rhythm.MONTH, OfficeKind.COUNTY, Counted.LAST, 2)
    with act_as("city"):
        schedules.set_plan(plan, by=current_actor(), today=TODAY)
        assert {due.due_on for due in Due.objects.filter(ledger="aid-summary", rhythm="month")} == {date(2018, 11, 2)}
        schedules.set_plan(
            Plan("bank-sheet", Rhythm.QUARTER, OfficeKind.COUNTY, Counted.LAST, 9), by=current_actor(), today=TODAY
        )
        assert Due.objects.filter(ledger="bank-sheet").count() == 2
        schedules.ledgers_due(at(date(2018, 10, 30)))
        assert Reminder.objects.open().filter(title__contains="2018 年 10 月月报《义务教育辍学").exists()
        off = Plan("dropouts", Rhythm.MONTH, OfficeKind.COUNTY, Counted.LAST, 5, active=False)
        schedules.set_plan(off, by=current_actor(), today=TODAY)
    assert not Due.objects.filter(ledger="dropouts").exists()
    assert not Reminder.objects.open().filter(title__contains="2018 年 10 月月报《义务教育辍学").exists()
    assert Schedule.objects.count() == 3
    assert schedules.ledgers_due(at(TODAY))["ledgers_made"] == 0  # what is off does not come back
    refused = (("maker", "county", "下一级"), ("head", "school", "角色不能"), ("city", "school", "下一级"))
    for persona, kind, why in refused:
        plan = Plan("retention", Rhythm.YEAR, OfficeKind(kind), Counted.LAST, 5)
        with act_as(persona), pytest.raises(Refused, match=why):
            schedules.set_plan(plan, by=current_actor(), today=TODAY)
    wrong = Plan("x", Rhythm.EXTRA, OfficeKind.COUNTY, Counted.LAST, 400)
    with act_as("city"), pytest.raises(Refused, match=r"没有这种台账.*请选择周期.*天数"):
        schedules.set_plan(wrong, by=current_actor(), today=TODAY)


def test_a_county_asks_its_schools(asked: World, act_as: ActAs):
    with act_as("maker"):
        plan = Plan("dropouts", Rhythm.MONTH, OfficeKind.SCHOOL, Counted.LAST, 3)
        schedules.set_plan(plan, by=current_actor(), today=TODAY)
        board = submitting.board(TODAY, period="month:2018-10")
        assert {line.office.kind for line in board.lines} == {"school"}
        assert len(board.lines) == 2
    with act_as("school"):
        assert [due.ledger for due in submitting.own()] == ["dropouts"]


# --- handing up -------------------------------------------------------------------------------------------------


def test_handing_up_freezes_and_opens_the_file_upwards_and_nothing_else(asked: World, act_as: ActAs):
    issue, other = made(act_as), made(act_as, flat=True)
    for closed in (issue, other):
        with act_as("city"), pytest.raises(Refused, match="还没有上报"):
            open_file(closed)
    with act_as("auditor"):
        open_file(issue).close()  # the county's own
    due = due_of()
    with act_as("maker"), pytest.raises(Refused, match="角色不能上报"):
        submitting.submit(due, issue, by=current_actor(), today=TODAY)
    with act_as("head"):
        first = submitting.submit(due, issue, by=current_actor(), today=TODAY)
    assert (first.state, first.submitted_by, first.path) == ("submitted", "甲主任", HERE)
    with act_as("city"):
        open_file(issue).close()
        with pytest.raises(Refused, match="还没有上报"):
            open_file(other)
    with act_as("other_maker"):
        assert not LedgerIssue.objects.filter(pk=issue.pk).exists()
        assert not Submission.objects.exists()
    for change in (LedgerIssue.objects.filter(pk=issue.pk).update, LedgerIssue.objects.filter(pk=issue.pk).delete):
        with pytest.raises(DatabaseError, match=r"handed up does not change|protected"), transaction.atomic():
            change(**({"rows": 7} if change.__name__ == "update" else {}))
    LedgerIssue.objects.filter(pk=other.pk).update(rows=7)
    told = AuditEvent.objects.get(action="submission.submitted")
    assert (told.data["sha256"], told.path) == (issue.sha256, HERE)


def test_numbers_in_clear_go_up_only_to_who_may_have_them(asked: World, act_as: ActAs):
    issue = made(act_as, "checker", code="poverty-register", unmasked=True)
    with act_as("checker"):
        submitting.submit(due_of(code="poverty-register", rhythm="term"), issue, by=current_actor(), today=TODAY)
    with act_as("city"), pytest.raises(Refused, match="完整证件号码"):
        open_file(issue)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"flat": True}, "上报要用上报版"),
        ({"code": "poverty-register"}, "不是要上报的那一种"),
        ({"path": f"{HERE}620123100/"}, "本单位全部范围"),
        ({"persona": "city"}, "只能上报本单位"),
        ({"early": True}, "2018-10-01 以前生成"),
        ({"term": "2019-spring"}, "那个学期"),
    ],
)
def test_what_cannot_go_up(asked: World, act_as: ActAs, given: dict, why: str):
    wanted = {name: given[name] for name in ("flat", "code", "path", "persona") if name in given}
    issue = made(act_as, **wanted)
    if given.get("early"):
        LedgerIssue.objects.filter(pk=issue.pk).update(finished_at=at(date(2018, 9, 30)))
    if "term" in given:
        LedgerIssue.objects.filter(pk=issue.pk).update(term=given["term"])
    issue.refresh_from_db()
    with act_as("head"):
        assert issue not in submitting.candidates(due_of())
        with pytest.raises(Refused, match=why):
            submitting.submit(due_of(), issue, by=current_actor(), today=TODAY)
    assert not Submission.objects.exists()


def test_returned_corrected_accepted(asked: World, act_as: ActAs):
    due, first, second, third = due_of(), made(act_as), made(act_as), made(act_as)
    with act_as("head"):
        handed = submitting.submit(due, first, by=current_actor(), today=TODAY)
        with pytest.raises(Refused, match="由上级接收"):
            submitting.accept(handed, by=current_actor(), today=TODAY)
    with act_as("city"):
        with pytest.raises(Refused, match="原因"):
            submitting.send_back(handed, note=" ", by=current_actor(), today=TODAY)
        submitting.send_back(handed, note="人次不对", by=current_actor(), today=TODAY)
    assert submitting.status(due_of(), TODAY).label == "已退回"
    assert list(Due.objects.open().filter(pk=due.pk)) == [due]
    with act_as("head"):
        with pytest.raises(Refused, match="写明这次更正了什么"):
            submitting.submit(due, second, by=current_actor(), today=TODAY)
        with pytest.raises(Refused, match="已经上报过"):
            submitting.submit(due, first, by=current_actor(), today=TODAY, why="再报")
        corrected = submitting.submit(due, second, by=current_actor(), today=TODAY, why="人次已核对")
    assert (corrected.replaces, corrected.why) == (handed, "人次已核对")
    with act_as("city"):
        submitting.accept(corrected, by=current_actor(), today=TODAY)
        open_file(first).close()  # what was handed up once stays to be compared
    with act_as("head"):
        submitting.submit(due, third, by=current_actor(), today=LATER, why="补发一人")
    states = [(row.issue_id, row.state) for row in due.submissions.order_by("pk")]
    assert states == [(first.pk, "returned"), (second.pk, "replaced"), (third.pk, "submitted")]
    assert submitting.status(due_of(), LATER).label == f"待接收，迟报 {(LATER - due.due_on).days} 天"


def test_what_no_schedule_asks_for_goes_up_for_its_day(asked: World, act_as: ActAs):
    issue = made(act_as)
    with act_as("head"):
        handed = submitting.submit_extra(issue, by=current_actor(), today=TODAY)
    assert (handed.due.rhythm, handed.due.period, handed.due.due_on) == ("extra", "2018-10-09", TODAY)
    with act_as("city"):
        open_file(issue).close()
        city_s = made(act_as, "city", path=CITY)
        with pytest.raises(Refused, match="只能上报本单位"):
            submitting.submit_extra(city_s, by=current_actor(), today=TODAY)


def test_only_the_office_right_above_receives(county: World, as_: As, act_as: ActAs):
    """What a school has handed up to its county is not the city's to take or to send back."""
    office = make.school_office(county.here.primary)
    due = Due(
        office=office, path=office.path, ledger="aid-summary", rhythm="year", period="2018", term="2018-autumn", due_on=TODAY
    )
    due.save()
    issue = build.issue(office.path)
    handed = Submission(due=due, issue=issue, path=office.path, submitted_on=TODAY, submitted_by="校长")
    handed.save()
    for persona in ("city", "maker"):
        with act_as(persona):
            assert submitting.receives(due, current_actor()) == (persona == "maker")
    page = reverse("due_detail", args=[due.pk])
    assert reverse("submission_accept", args=[handed.pk]) not in as_("city").get(page).content.decode()
    assert reverse("submission_accept", args=[handed.pk]) in as_("maker").get(page).content.decode()
    with act_as("city"):
        for receive in (submitting.accept, lambda row, **by: submitting.send_back(row, note="不对", **by)):
            with pytest.raises(Refused, match="直接上级"):
                receive(handed, by=current_actor(), today=TODAY)
    with act_as("maker"):
        assert submitting.accept(handed, by=current_actor(), today=TODAY).state == "accepted"


def test_the_database_itself_keeps_what_was_handed_up(county: World):
    """The issue is frozen by the submission, so the submission must not go either; nor may a finished pack change."""
    handed, pack = build.submission("accepted"), build.bundle(county.here)
    other = build.issue()
    rows = Submission.objects.filter(pk=handed.pk)
    for change in (
        rows.delete, lambda: rows.update(issue=other), lambda: rows.update(submitted_on=TODAY - timedelta(days=9)),
        lambda: type(pack).objects.filter(pk=pack.pk).update(report={}),
    ):  # fmt: skip
        with pytest.raises(DatabaseError, match=r"stays handed up|finished pack"), transaction.atomic():
            change()
    rows.update(state="replaced")


def test_numbers_of_people_in_what_is_typed_are_masked(county: World, act_as: ActAs):
    """A purpose stands at the head of every page and in the audit log, which nothing can be taken out of again."""
    number = "620123201005010011"
    typed = f"核对 {number} 一人"
    handed, mine = build.submission(), progress.task("under_way")
    with act_as("maker"):
        issue = request_issue(LEDGERS["aid-summary"], TERM, area_at(HERE), purpose=typed)
        assert issue.purpose == "核对 **************0011 一人"
        tasks.tell(
            mine, month="2018-09", done=Decimal(1), problem=typed, remedy=typed, by=current_actor(), today=TODAY
        )
    with act_as("city"):
        packing.request_bundle("year", handed.due.period, purpose=typed)
        submitting.send_back(handed, note=typed, by=current_actor(), today=TODAY)
        tasks.change(mine, {"note": typed}, by=current_actor())
        said = talks.Said(TODAY, "局长", "主任", typed, typed, typed, LATER)
        talks.hold(mine.office, said, task=mine, year=2018, by=current_actor(), given_name="市", today=TODAY)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith(("ledgers_", "dropout_", "aidcases_job", "aidcases_audit", "aidcases_remind")):
                cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{number}%"])
                assert (table, cursor.fetchone()) == (table, (0,))


# --- pages ------------------------------------------------------------------------------------------------------


def text(answer: object) -> str:
    assert answer.status_code == 200, answer
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", answer.content.decode()))


def page_of(client: Client, due: Due) -> str:
    return client.get(reverse("due_detail", args=[due.pk])).content.decode()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[date]:
    """What the pages take for today."""
    today = [TODAY]
    from ledgers.views import submissions

    monkeypatch.setattr(
        submissions.timezone, "localdate", lambda *given: timezone.localtime(*given).date() if given else today[0]
    )
    return today


def test_from_the_item_to_the_board(asked: World, as_: As, act_as: ActAs, clock: list[date]):
    """The county sees what it has to hand up, hands it up and puts it right; the city sees who is missing."""
    issue, again = made(act_as), made(act_as)
    head, city, due = as_("head"), as_("city"), due_of()
    assert "教育扶贫基本情况汇总台账" in text(head.get(reverse("due_list")))
    shown = text(head.get(reverse("due_detail", args=[due.pk])))
    assert f"第{issue.pk}号" in shown
    assert "由审核人或负责人上报" in text(as_("maker").get(reverse("due_detail", args=[due.pk])))
    assert as_("maker").post(reverse("due_submit", args=[due.pk]), {"issue": issue.pk}).status_code == 403
    page = head.get(reverse("issue_detail", args=[issue.pk])).content.decode()
    assert reverse("due_detail", args=[due.pk]) in page
    assert "上级不能下载" in text(city.get(reverse("issue_detail", args=[issue.pk])))
    stale = {"issue": again.pk, "why": "另一人同时更正", "seen": re.search(r'name="seen" value="(\w+)"', page_of(head, due))[1]}
    head.post(reverse("due_submit", args=[due.pk]), {"issue": issue.pk})
    assert "有人改过" in text(head.post(reverse("due_submit", args=[due.pk]), stale, follow=True))
    back = head.post(reverse("due_submit", args=[due.pk]), {"issue": again.pk}, follow=True)
    assert "请写明这次更正了什么" in text(back)
    assert "上级不能下载" not in text(city.get(reverse("issue_detail", args=[issue.pk])))
    city.post(reverse("submission_send_back", args=[Submission.objects.get().pk]), {"note": "人次不对"})
    assert "人次不对" in text(head.get(reverse("due_detail", args=[due.pk])))
    told = "上级已退回，请改正后重新上报：2018 年 10 月月报"
    assert all(told in as_(who).get(reverse("inbox")).content.decode() for who in ("head", "maker"))
    assert "由审核人或负责人上报" in text(as_("maker").get(reverse("issue_detail", args=[again.pk])))
    head.post(reverse("due_submit", args=[due.pk]), {"issue": again.pk, "why": "已核对"})
    last = Submission.objects.get(state="submitted")
    assert told not in head.get(reverse("inbox")).content.decode()
    assert "等本单位接收1份" in text(city.get(reverse("home")))
    assert reverse("issue_compare", args=[again.pk]) in city.get(reverse("due_detail", args=[due.pk])).content.decode()
    city.post(reverse("submission_accept", args=[last.pk]))
    assert "已接收，按时" in text(head.get(reverse("due_list") + "?tab=done"))
    clock[0] = LATER
    board = text(city.get(reverse("due_board") + "?period=month:2018-10"))
    names = {due.office.region.name for due in Due.objects.select_related("office__region")}
    assert all(name in board for name in names)
    assert "已接收，按时" in board
    late = (LATER - due.due_on).days
    assert f"未报，逾期{late}天" in board
    board = board.split("其中按时", 1)[1]
    assert board.index("永登县") < board.index("榆中县")  # the reddest first
    home = text(city.get(reverse("home")))
    assert "下级逾期未报" in home
    assert "永登县" in home.split("下级逾期未报", 1)[1][:40]
    assert "没有要下级上报的台账" in text(city.get(reverse("due_board") + "?ledger=retention"))  # in January
    home = text(head.get(reverse("home")))
    assert "台账上报" in home
    assert "下级到期的台账都已上报" not in home


def test_the_schedule_is_edited_on_its_page(asked: World, as_: As, clock: list[date]):
    city = as_("city")
    shown = text(city.get(reverse("schedule_list")))
    assert "期满后5天内" in shown
    answer = city.post(
        reverse("schedule_set"), {"ledger": "retention", "rhythm": "half", "counted": "last", "days": "9"}, follow=True
    )
    assert "期满后9天内" in text(answer)
    city.post(
        reverse("schedule_set"), {"ledger": "retention", "rhythm": "half", "counted": "last", "days": "9", "active": "0"}
    )
    assert not Due.objects.filter(ledger="retention", rhythm="half").exists()
    assert "恢复上报" in text(city.get(reverse("schedule_list")))
    wrong = city.post(reverse("schedule_set"), {"ledger": "x", "rhythm": "half", "counted": "last", "days": "999"}, follow=True)
    assert "多少天内上报：" in text(wrong)
    assert as_("auditor").post(reverse("schedule_set")).status_code == 403
    assert "上报安排由上级设定" in text(as_("school").get(reverse("schedule_list")))


def test_pages_cost_the_same_however_many_offices(asked: World, as_: As, act_as: ActAs, clock: list[date]):
    issue = made(act_as)
    with act_as("head"):
        submitting.submit(due_of(), issue, by=current_actor(), today=TODAY)
    urls = [reverse(name) for name in ("due_list", "due_board", "schedule_list", "bundle_list")]
    urls.append(reverse("due_detail", args=[due_of().pk]))

    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert city.get(url).status_code == 200
        return len(seen)

    city = as_("city")
    queries(urls[0])  # a session is written down once
    few = {url: queries(url) for url in urls}
    with acting_in(EVERYWHERE):
        for code in ("620122", "620102", "620103"):
            make.office(code)
        schedules.ledgers_due(at(TODAY))
    assert {url: queries(url) for url in urls} == few
    assert max(few.values()) <= 12, few
