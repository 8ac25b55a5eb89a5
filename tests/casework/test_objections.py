"""Objections: filed by anybody, hold one line, answered in time, appealed to the county; counters exact under races."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import AuditEvent, CalendarYear
from aidcases.scoping import EVERYWHERE, SYSTEM, acting_in
from subsidies.casework import notices, objections
from subsidies.models import Application, NoticeLine, Objection, PublicNotice
from subsidies.models.notices import Finding
from tests.casework import build
from tests.casework.conftest import Crew, build_crew

DURING = "2026-10-12 10:00+08:00"
NOW = datetime(2026, 10, 12, 10, tzinfo=timezone.get_default_timezone())


@pytest.fixture(autouse=True)
def no_limits_left() -> None:
    cache.clear()


def counters(notice: PublicNotice, line: NoticeLine) -> tuple[int, int, str]:
    """(of the notice, of the application, the line's state)"""
    return (
        PublicNotice.objects.get(pk=notice.pk).objections_open,
        Application.objects.get(pk=line.application_id).objections_open,
        NoticeLine.objects.get(pk=line.pk).state,
    )


def send(notice: PublicNotice, at: str = DURING, client: Client | None = None, **told: str):
    with time_machine.travel(at, tick=False):
        return (client or Client()).post(
            f"/notice/{notice.key}/objection/send/", {"text": "他家在县城有两套房", **told}
        )


# --- from the public -----------------------------------------------------------------------------------------------


def test_anybody_may_object_to_one_line(crew: Crew):
    made = build.notice(crew, state="published")
    line = made.lines.get(order=2)
    answer = send(made, number="2", name=line.name, contact="13812345678")
    assert answer.status_code == 200
    assert "您的意见已收到" in answer.content.decode()
    objection = Objection.objects.get()
    assert (objection.line, objection.state, objection.due_on) == (line, "open", date(2026, 10, 15))
    assert (objection.contact, objection.late) == ("13812345678", False)
    assert counters(made, line) == (1, 1, "paused")
    others = made.lines.exclude(pk=line.pk)
    assert set(others.values_list("state", "application__objections_open")) == {("standing", 0)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT contact FROM subsidies_objection")
        assert b"13812345678" not in bytes(cursor.fetchone()[0])
    assert "13812345678" not in str(list(AuditEvent.objects.values()))


def test_an_objection_to_the_whole_list_pauses_nobody(crew: Crew):
    made = build.notice(crew, state="published")
    send(made)
    assert Objection.objects.get().line is None
    assert counters(made, made.lines.get(order=1)) == (1, 0, "standing")


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"number": "2", "name": "别人"}, "没有这个序号和姓名"),
        ({"number": "99"}, "没有这个序号和姓名"),
        ({"name": "同名"}, "不止一个"),
        ({"text": "短"}, "您的意见"),
        ({"text": "长" * 1001}, "您的意见"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_kept(crew: Crew, told: dict, says: str):
    made = build.notice(crew, state="published")
    made.lines.filter(order__in=(3, 4)).update(name="同名")
    answer = send(made, **told)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Objection.objects.exists()


def test_a_machine_is_thanked_and_forgotten(crew: Crew):
    made = build.notice(crew, state="published")
    assert "您的意见已收到" in send(made, website="http://spam.example").content.decode()
    assert not Objection.objects.exists()


def test_one_address_may_send_five_an_hour(crew: Crew):
    made = build.notice(crew, state="published")
    assert [send(made).status_code for _ in range(6)] == [200] * 5 + [429]
    assert Objection.objects.count() == 5
    assert send(made, client=Client(REMOTE_ADDR="10.1.2.3")).status_code == 200


def test_the_form_is_protected_against_other_sites(crew: Crew):
    made = build.notice(crew, state="published")
    strict = Client(enforce_csrf_checks=True)
    assert send(made, client=strict).status_code == 403
    with time_machine.travel(DURING, tick=False):
        page = strict.get(f"/notice/{made.key}/objection/")
        assert page["Cache-Control"] == "no-store"
        token = page.content.decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    assert send(made, client=strict, csrfmiddlewaretoken=token).status_code == 200


def test_after_the_end_the_form_says_whom_to_call(crew: Crew):
    made = build.notice(crew, state="published")
    late = "2026-10-17 00:00:01+08:00"
    answer = send(made, late)
    with time_machine.travel(late, tick=False):
        page = Client().get(f"/notice/{made.key}/objection/")
    for one in (answer, page):
        assert one.status_code == 410
        assert "0931-5221234" in one.content.decode()
    assert not Objection.objects.exists()


def test_the_office_takes_down_what_comes_late_and_it_holds_the_line(crew: Crew, browser: Callable[[str], Client]):
    made = build.notice(crew, state="published")
    notices.end_due(now=datetime(2026, 10, 17, 1, tzinfo=NOW.tzinfo), by=SYSTEM)
    with time_machine.travel("2026-10-19 10:00+08:00", tick=False):
        browser("school_maker").post(
            f"/casework/notices/{made.pk}/objection/", {"number": "1", "text": "来电反映不属实"}
        )
    assert Objection.objects.get().late
    assert counters(made, made.lines.get(order=1)) == (1, 1, "paused")
    with crew.acting("school_maker") as maker:
        done = notices.hand_up(made, by=maker)
    assert (done.moved, dict(done.stayed)) == (5, {"还有没办结的异议": 1})


def test_nobody_s_objection_waits_for_a_calendar(crew: Crew):
    CalendarYear.objects.filter(year__gte=2027).delete()
    assert objections.due(date(2026, 12, 30)) == date(2027, 1, 4)


# --- answering -----------------------------------------------------------------------------------------------------


@pytest.fixture
def filed(crew: Crew) -> Objection:
    made = build.notice(crew, state="published")
    return objections.file(made, text="情况不属实", line=made.lines.get(order=2), now=NOW)


def answered(crew: Crew, objection: Objection, finding: Finding, who: str = "school_maker") -> list[str]:
    with crew.acting(who) as actor:
        return objections.answer(objection, finding=finding, outcome="经入户核实", by=actor, now=NOW)


@pytest.mark.parametrize("finding", [Finding.DISMISSED, Finding.PARTLY])
def test_a_line_stands_again(crew: Crew, filed: Objection, finding: Finding):
    answered(crew, filed, finding)
    assert counters(filed.notice, filed.line) == (0, 0, "standing")
    filed.refresh_from_db()
    assert (filed.state, filed.answered_by, filed.owner) == ("answered", "校经办", "校经办")


def test_upheld_takes_the_line_out_and_the_application_back(crew: Crew, filed: Objection):
    answered(crew, filed, Finding.UPHELD)
    assert counters(filed.notice, filed.line) == (0, 0, "removed")
    returned = Application.objects.get(pk=filed.line.application_id)
    assert (returned.state, returned.returned_why, returned.notice_over) == ("panel_reviewed", "公示异议成立", False)
    assert notices.end_due(now=datetime(2026, 10, 17, 1, tzinfo=NOW.tzinfo), by=SYSTEM)["closed"] == 5
    returned.refresh_from_db()
    assert (returned.state, returned.notice_over) == ("panel_reviewed", False)
    with crew.acting("school_maker") as maker:  # it needs a new notice, and only it
        again = notices.draft(
            "determination", office=crew.office("school_maker"), term=build.Term.parse(build.TERM), by=maker
        )
        assert again.lines.count() == 1
        assert notices.intact(PublicNotice.objects.get(pk=filed.notice_id))


def test_a_second_objection_still_holds_the_line(crew: Crew, filed: Objection):
    second = objections.file(filed.notice, text="我也认为不实", line=filed.line, now=NOW)
    assert counters(filed.notice, filed.line) == (2, 2, "paused")
    answered(crew, filed, Finding.DISMISSED)
    assert counters(filed.notice, filed.line) == (1, 1, "paused")
    answered(crew, second, Finding.DISMISSED)
    assert counters(filed.notice, filed.line) == (0, 0, "standing")


def test_an_answer_says_what_was_found(crew: Crew, filed: Objection):
    with crew.acting("school_maker") as maker, pytest.raises(Refused, match="调查情况"):
        objections.answer(filed, finding=Finding.DISMISSED, outcome=" ", by=maker, now=NOW)
    answered(crew, filed, Finding.DISMISSED)
    with pytest.raises(Refused, match="当前状态不能答复"):
        answered(crew, filed, Finding.UPHELD)
    filed.refresh_from_db()
    assert filed.finding == "dismissed"  # a refused second answer leaves the first


def test_an_appeal_goes_to_the_county_and_holds_the_line_again(crew: Crew, filed: Objection):
    answered(crew, filed, Finding.DISMISSED)
    with crew.acting("school_maker") as maker:
        held = objections.appeal(filed, note="家长不服", by=maker, today=date(2026, 10, 13))
        assert (held.path, held.due_on) == ("/62/6201/620123/", date(2026, 10, 16))
        assert counters(filed.notice, filed.line) == (1, 1, "paused")
        assert Objection.objects.get(pk=filed.pk).state == "appealed"  # the school still sees it
        with pytest.raises(Refused, match="已向上级申诉，由榆中县学生资助管理中心答复"):
            objections.answer(filed, finding=Finding.DISMISSED, outcome="经入户核实", by=maker, now=NOW)
    with crew.acting("foreign_county_maker"):
        assert not Objection.objects.filter(pk=filed.pk).exists()
    answered(crew, filed, Finding.UPHELD, "county_maker")
    assert counters(filed.notice, filed.line) == (0, 0, "removed")


def test_an_appeal_against_a_county_s_answer_goes_to_the_city(crew: Crew, filed: Objection, browser: Callable[[str], Client]):
    """Whoever answered last does not answer again: a school's goes to the county, from there to the city; no further."""
    PublicNotice.objects.filter(pk=filed.notice_id).update(path=crew.county.path, office=crew.county)
    Objection.objects.filter(pk=filed.pk).update(path=crew.county.path)
    answered(crew, filed, Finding.DISMISSED, "county_maker")
    url, page = reverse("objection_appeal", args=[filed.pk]), reverse("objection_detail", args=[filed.pk])
    assert "由兰州市教育局在 3 个工作日内" in browser("county_maker").get(page).content.decode()
    told = browser("county_maker").post(url, {"note": "家长不服"}, follow=True).content.decode()
    assert "已转兰州市教育局办理" in told
    assert "已向上级申诉，由兰州市教育局答复" in told
    filed.refresh_from_db()
    assert (filed.path, filed.state) == ("/62/6201/", "appealed")
    answered(crew, filed, Finding.UPHELD, "city")
    assert counters(filed.notice, filed.line) == (0, 0, "removed")
    with crew.acting("city") as by, pytest.raises(Refused, match="没有上级单位在系统中"):
        objections.appeal(filed, note="还不服", by=by, today=date(2026, 10, 19))
    assert "上级单位不在系统中" in browser("city").get(page).content.decode()


def test_an_appeal_reaches_an_application_that_was_handed_up(crew: Crew, filed: Objection):
    answered(crew, filed, Finding.DISMISSED)
    notices.end_due(now=datetime(2026, 10, 17, 1, tzinfo=NOW.tzinfo), by=SYSTEM)
    with crew.acting("school_maker") as maker:
        assert notices.hand_up(filed.notice, by=maker).moved == 6
        objections.appeal(filed, note="家长不服", by=maker, today=date(2026, 10, 19))
    one = Application.objects.get(pk=filed.line.application_id)
    assert "还有没办结的异议" in one.blockers("approve")
    answered(crew, filed, Finding.UPHELD, "county_maker")
    one.refresh_from_db()
    assert (one.state, one.objections_open) == ("panel_reviewed", 0)


def test_pages_of_those_who_answer(crew: Crew, filed: Objection, browser: Callable[[str], Client]):
    Objection.objects.filter(pk=filed.pk).update(due_on=date(2026, 10, 9))
    Objection.objects.get(pk=filed.pk)
    objections.file(filed.notice, text="整份名单漏了人", now=NOW, contact="13812345678")
    here = f"/casework/objections/{filed.pk}/"
    with time_machine.travel(DURING, tick=False):
        client = browser("school_maker")
        page = client.get("/casework/objections/").content.decode()
        assert page.index("第 2 号") < page.index("整份名单")
        assert "已逾期" in page
        client.post(here + "assign/", {"owner": crew["school_checker"].pk})
        client.post(here + "answer/", {"finding": "dismissed", "outcome": "经入户核实，无误"})
        assert "经入户核实" in client.get(here).content.decode()
        client.post(here + "close/")
        filed.refresh_from_db()
        assert (filed.state, filed.owner) == ("closed", "校审核")
        other = Objection.objects.exclude(pk=filed.pk).get()
        page = client.get(f"/casework/objections/{other.pk}/").content.decode()
        assert "13812345678" not in page
        shown = client.post(
            f"/casework/objections/{other.pk}/contact/", {"purpose": "联系家庭"}, headers={"HX-Request": "true"}
        )
        assert "13812345678" in shown.content.decode()
        assert AuditEvent.objects.filter(action="secret.reveal", subject_id=other.pk).count() == 1
        assert browser("foreign_maker").get(here).status_code == 404
        assert browser("teacher").get(here).status_code == 403
        assert browser("second_maker").post(here + "close/").status_code == 404


# --- two at once ---------------------------------------------------------------------------------------------------


def together(*steps: Callable[[], object]) -> list[str]:
    """Runs the steps in connections of their own, at the same moment; what each said."""
    said, gate = [], threading.Barrier(len(steps))

    def go(step: Callable[[], object]) -> None:
        with acting_in(EVERYWHERE):
            gate.wait()
            try:
                step()
                said.append("done")
            except Refused as refused:
                said.append(str(refused))
            finally:
                connection.close()

    threads = [threading.Thread(target=go, args=(step,)) for step in steps]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    return sorted(said)


@pytest.mark.django_db(transaction=True)
def test_counters_stay_exact_when_many_come_and_go_at_once():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        made = build.notice(crew, 2, state="published")
        line = made.lines.get(order=1)
    assert together(*[lambda: objections.file(made, text="情况不属实", line=line, now=NOW)] * 4) == ["done"] * 4
    with acting_in(EVERYWHERE):
        assert counters(made, line) == (4, 4, "paused")
        first, second, *_ = Objection.objects.order_by("pk")

    def answer(one: Objection) -> Callable[[], object]:
        return lambda: objections.answer(one, finding=Finding.DISMISSED, outcome="经入户核实", by=SYSTEM, now=NOW)

    def another() -> Objection:
        return objections.file(made, text="还有一条意见", line=line, now=NOW)

    said = together(answer(first), answer(first), answer(second), another)
    assert said == ["done", "done", "done", "当前状态不能答复"]
    with acting_in(EVERYWHERE):
        assert counters(made, line) == (3, 3, "paused")


@pytest.mark.django_db(transaction=True)
def test_nothing_is_handed_up_past_an_objection_that_is_coming_in():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        made = build.notice(crew, 1, state="published")
        notices.end_due(now=datetime(2026, 10, 17, 1, tzinfo=NOW.tzinfo), by=SYSTEM)
        line, maker = made.lines.get(), crew.actor("school_maker")
    later = datetime(2026, 10, 19, 9, tzinfo=NOW.tzinfo)
    together(
        lambda: notices.hand_up(made, by=maker),
        lambda: objections.file(made, text="来电反映不实", line=line, now=later, by=maker),
    )
    with acting_in(EVERYWHERE):
        # Whoever came second saw the first: handed up and then held at the county, or held at the school.
        one = Application.objects.get()
        assert one.objections_open == 1
        assert "还有没办结的异议" in one.blockers("approve" if one.state == "county_review" else "hand_up")


@pytest.mark.django_db(transaction=True)
def test_an_objection_in_the_second_of_the_end_is_either_in_time_or_told_so():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        made = build.notice(crew, 1, state="published")
        line, last = made.lines.get(), made.ends_at - timedelta(seconds=1)
    said = together(
        lambda: notices.end_due(now=made.ends_at, by=SYSTEM),
        lambda: objections.file(made, text="最后一秒的意见", line=line, now=last),
    )
    with acting_in(EVERYWHERE):
        one, filed = Application.objects.get(), Objection.objects.count()
        # In time: it holds the line; too late: the sentence says whom to call, and the application went on.
        assert (one.state, one.objections_open) == (("in_notice", 1) if filed else ("notice_closed", 0))
        assert len([text for text in said if "公示已经结束" in text]) == 1 - filed
