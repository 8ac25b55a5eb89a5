"""Reminders: each once, ended by what ends them, seen by the office and role that can act, overdue first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aidcases import inbox
from aidcases.flow import Refused
from aidcases.inbox import Task
from aidcases.models import Organisation, Reminder, User
from aidcases.roles import P, Role
from aidcases.scoping import Scope, acting_in
from tests import make

MONDAY = date(2026, 10, 12)


@pytest.fixture
def county(db: None, everywhere: None) -> Organisation:
    return make.office("620123")


def task(office: Organisation, key: str = "x.due", **also: object) -> Task:
    given: dict = {"title": "请答复", "url": "/jobs/", "due_on": MONDAY, **also}
    return Task(office, key, **given)


def remind(office: Organisation, **also: object) -> Reminder:
    given: dict = {"key": "x.due", "subject": office, "title": "请答复", "url": "/jobs/", "due_on": MONDAY, **also}
    inbox.remind(office, today=MONDAY, **given)
    return Reminder.objects.get(key=given["key"], office=office)


# ---------- once, and what a later call says ----------


def test_it_is_one_reminder_however_often_it_is_asked_for(county: Organisation):
    first = remind(county)
    assert remind(county, title="请今天答复").pk == first.pk
    first.refresh_from_db()
    assert (first.title, first.made_on, first.path) == ("请今天答复", MONDAY, county.path)


def test_what_is_done_stays_done_until_it_becomes_urgent_or_gets_another_day(county: Organisation):
    remind(county)
    assert inbox.done(county) == 1
    assert remind(county, title="还是这件事").done_at is not None
    assert remind(county, urgent=True).done_at is None
    assert inbox.done(county, "x.due") == 1
    assert remind(county, urgent=True).done_at is not None
    again = remind(county, urgent=True, due_on=MONDAY + timedelta(days=3))
    assert (again.done_at, again.done_by) == (None, "")


def test_done_ends_the_named_keys_of_the_record_and_nothing_else(county: Organisation):
    other = make.office("620121")
    for key in ("x.due", "x.late", "y.due"):
        remind(county, key=key)
    inbox.remind(county, key="x.due", subject=other, title="别的", url="/", due_on=MONDAY, today=MONDAY)
    assert inbox.done(county, "x.due", "x.late") == 2
    assert inbox.done(county, "x.due") == 0
    assert inbox.done(None) == 0
    assert set(Reminder.objects.open().values_list("key", "subject_id")) == {("y.due", county.pk), ("x.due", other.pk)}


def test_who_does_the_thing_ends_it_for_the_office_above_too(county: Organisation):
    school = make.school_office(make.school())
    remind(county, subject=school)
    inbox.remind(school, key="x.due", subject=school, title="x", url="/", due_on=MONDAY, today=MONDAY)
    with acting_in(school.scope):
        assert inbox.done(school) == 2


def test_a_family_holds_what_is_to_be_done_now(county: Organisation):
    other = make.office("620121")
    remind(county, key="y.due")
    asked = [task(county, "x.1"), task(other, "x.1"), task(county, "x.2")]
    assert inbox.keep("x.", asked, today=MONDAY) == {"reminded": 3, "ended": 0}
    assert inbox.keep("x.", asked, today=MONDAY) == {"reminded": 0, "ended": 0}
    assert inbox.keep("x.", asked[1:], today=MONDAY) == {"reminded": 0, "ended": 1}
    assert set(Reminder.objects.open().values_list("key", "office")) == {
        ("x.1", other.pk),
        ("x.2", county.pk),
        ("y.due", county.pk),
    }
    with pytest.raises(ValueError, match=r"y\.1 is not of the family x\."):
        inbox.keep("x.", [task(county, "y.1")], today=MONDAY)


def test_many_cost_as_many_statements_as_few(county: Organisation):
    offices = [county, *(make.school_office(make.school()) for _ in range(20))]
    costs = []
    for some in (offices[:2], offices):
        with CaptureQueriesContext(connection) as seen:
            inbox.keep("x.", [task(office) for office in some], today=MONDAY)
        costs.append(len(seen))
    assert costs[0] == costs[1] <= 8
    assert Reminder.objects.open().count() == 21


def test_who_sees_what_follows_office_and_role(county: Organisation):
    remind(county, key="x.1", permission=P.RECOMPUTE)
    remind(county, key="x.2", permission=P.FIGURE_SET)
    remind(make.office("620121"), key="x.1")
    maker = make.user("maker", "经办", county, Role.COUNTY_MAKER).memberships.get().actor
    head = make.user("head", "主任", county, Role.COUNTY_HEAD).memberships.get().actor
    with acting_in(Scope(county.path), maker):
        assert [row.key for row in inbox.reminders(maker)] == ["x.1"]
    with acting_in(Scope(county.path), head):
        assert [row.key for row in inbox.reminders(head)] == ["x.2"]


def test_what_is_urgent_ends_only_by_being_done(county: Organisation):
    plain, urgent = remind(county, key="x.1"), remind(county, key="x.2", urgent=True)
    inbox.put_away(plain)
    with pytest.raises(Refused, match="办完后会自动结束"):
        inbox.put_away(urgent)
    assert [row.key for row in Reminder.objects.open()] == ["x.2"]
    inbox.take_out(plain)
    assert Reminder.objects.open().count() == 2


# ---------- the page ----------


@pytest.fixture
def monday() -> Iterator[None]:
    with time_machine.travel(datetime.fromisoformat("2026-10-12T09:00:00+08:00"), tick=False):
        yield


@pytest.fixture
def browser(county: Organisation, monday: None) -> Callable[[str], Client]:
    offices = {"maker": county, "other": make.office("620121"), "school": make.school_office(make.school())}
    roles = {"maker": Role.COUNTY_MAKER, "other": Role.COUNTY_MAKER, "school": Role.SCHOOL_MAKER}
    for name, office in offices.items():
        make.user(name, name, office, roles[name])
        inbox.remind(
            office, key="x.1", subject=None, title=f"{name}的期限", url="/jobs/", due_on=MONDAY - timedelta(days=2), today=MONDAY
        )

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(User.objects.get(username=name), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in


def test_the_page_shows_the_own_office_overdue_first(county: Organisation, browser: Callable[[str], Client]):
    remind(county, key="x.2", title="后天的事", due_on=MONDAY + timedelta(days=2))
    remind(county, key="x.3", title="今天的事")
    text = browser("maker").get(reverse("inbox")).content.decode()
    places = [text.index(word) for word in ("maker的期限", "今天的事", "后天的事")]
    assert places == sorted(places)
    assert all(word in text for word in ("已逾期 2 天", "今天到期", "还有 2 天"))
    assert "other的期限" not in text
    assert '<span class="count">3</span>' in text
    other = browser("other").get(reverse("inbox")).content.decode()
    assert "other的期限" in other
    assert "maker的期限" not in other


def test_it_is_filtered_by_how_soon(county: Organisation, browser: Callable[[str], Client]):
    remind(county, key="x.2", title="下月的事", due_on=date(2026, 11, 20))
    remind(county, key="x.3", title="本周的事", due_on=date(2026, 10, 15))
    inbox.put_away(remind(county, key="x.4", title="办过的事"))
    client = browser("maker")
    wanted = {"overdue": {"maker的期限"}, "week": {"本周的事"}, "done": {"办过的事"}}
    everything = {"maker的期限", "下月的事", "本周的事", "办过的事"}
    for show, titles in wanted.items():
        text = client.get(reverse("inbox"), {"show": show}).content.decode()
        assert {title for title in everything if title in text} == titles
    text = client.get(reverse("inbox"), {"until": "2026-10-31"}).content.decode()
    assert {title for title in everything if title in text} == {"maker的期限", "本周的事"}
    assert client.get(reverse("inbox"), {"show": "nonsense", "until": "x"}).status_code == 200


def test_it_is_struck_off_and_brought_back(county: Organisation, browser: Callable[[str], Client]):
    row = Reminder.objects.get(office=county)
    client = browser("maker")
    client.post(reverse("inbox_done", args=[row.pk]))
    text = client.get(reverse("inbox")).content.decode()
    assert "现在没有要办的事" in text
    assert '<span class="count">' not in text
    client.post(reverse("inbox_reopen", args=[row.pk]))
    assert "maker的期限" in client.get(reverse("inbox")).content.decode()
    Reminder.objects.filter(pk=row.pk).update(urgent=True)
    answer = client.post(reverse("inbox_done", args=[row.pk]), follow=True)
    assert "已经逾期，办完后会自动结束" in answer.content.decode()
    assert Reminder.objects.open().filter(pk=row.pk).exists()


@pytest.mark.parametrize("command", ["inbox_done", "inbox_reopen"])
def test_nobody_strikes_off_what_another_office_has_to_do(
    county: Organisation, browser: Callable[[str], Client], command: str
):
    row = Reminder.objects.get(office=county)
    for name in ("other", "school"):
        assert browser(name).post(reverse(command, args=[row.pk])).status_code == 404
    assert Reminder.objects.open().filter(pk=row.pk).exists()


def test_the_page_costs_the_same_however_long(
    county: Organisation, browser: Callable[[str], Client], django_assert_max_num_queries: Callable
):
    client = browser("maker")
    inbox.remind_all([task(county, f"y.{n}", title=f"第{n}件") for n in range(150)], today=MONDAY)
    client.get(reverse("inbox"))  # which touches the session
    with django_assert_max_num_queries(11):
        text = client.get(reverse("inbox")).content.decode()
    assert "第149件" in text  # a printed list is whole
    assert '<span class="count">151</span>' in text


def test_the_bell_costs_one_count_on_any_page(county: Organisation, browser: Callable[[str], Client]):
    client = browser("maker")
    client.get(reverse("job_list"))
    with CaptureQueriesContext(connection) as seen:
        assert '<span class="count">1</span>' in client.get(reverse("job_list")).content.decode()
    assert [query["sql"] for query in seen if "aidcases_reminder" in query["sql"]] != []
    assert len([query for query in seen if "aidcases_reminder" in query["sql"]]) == 1
