"""The daily round: once an hour however many clocks, one concern's failure is not another's, years are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from aidcases import daily, jobs
from aidcases.celery import app
from aidcases.management.commands import runner
from aidcases.models import AuditEvent, CalendarYear, Job, Organisation, Reminder
from aidcases.registry import registry
from aidcases.roles import P, Role
from aidcases.scoping import SYSTEM, current_actor, current_scope
from aidcases.workdays import NotAnnounced
from tests import make


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.get_default_timezone())


NOON = at("2026-10-12T12:34:56")


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> list:
    """The round with nothing of the apps' in it."""
    found: list = []
    monkeypatch.setattr(registry, "daily", found)
    return found


# ---------- once an hour ----------


def test_an_hours_round_is_asked_for_once_however_many_clocks_tick(db: None, everywhere: None):
    with time_machine.travel(NOON, tick=False) as clock:
        for _ in range(3):
            daily.tick()
        assert Job.objects.filter(kind=daily.KIND).count() == 1
        clock.shift(timedelta(minutes=25))
        daily.tick()
        assert Job.objects.filter(kind=daily.KIND).count() == 1
        clock.shift(timedelta(minutes=1))
        daily.tick()
    hours = Job.objects.filter(kind=daily.KIND).order_by("pk").values_list("params", flat=True)
    assert [params["now"] for params in hours] == ["2026-10-12T12:00:00+08:00", "2026-10-12T13:00:00+08:00"]


def test_the_job_does_the_round_of_its_hour_seeing_everything(db: None, everywhere: None, hooks: list):
    seen = []
    hooks.append(lambda now: seen.append((now, current_scope().path, current_actor().name)) or {"reminded": 2})
    job = jobs.work_off(daily.ask(NOON))
    assert (job.state, job.result["reminded"], job.path) == ("done", 2, "/")
    assert seen == [(at("2026-10-12T12:00:00"), "/", "系统")]


def test_beat_knows_it_and_the_worker_finds_its_task():
    entry = app.conf.beat_schedule["daily"]
    assert entry["task"] == daily.tick.name
    assert entry["schedule"] == entry["options"]["expires"] == 60
    assert daily.tick.name in app.tasks


def test_the_runner_asks_for_it_where_there_is_no_broker(
    db: None, everywhere: None, hooks: list, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "DAILY_EVERY", -1.0)
    monkeypatch.setattr(runner, "close_old_connections", lambda: None)  # the test's transaction lives in it
    hooks.append(lambda now: {"reminded": 1})
    call_command("runner", "--once")
    [job] = Job.objects.filter(kind=daily.KIND)
    assert (job.state, job.result["reminded"]) == ("done", 1)


# ---------- one concern and another ----------


def test_one_concern_that_fails_is_undone_and_told_and_the_others_are_done(
    db: None, everywhere: None, hooks: list, caplog: pytest.LogCaptureFixture
):
    def broken(now: datetime) -> dict[str, int]:
        make.office("620121")
        raise RuntimeError("no")

    def whole(now: datetime) -> dict[str, int]:
        make.office("620123")
        return {"reminded": 1}

    hooks += [broken, whole]
    with pytest.raises(RuntimeError, match="no"):
        daily.round(now=NOON, by=SYSTEM)
    assert list(Organisation.objects.values_list("region", flat=True)) == ["620123"]
    assert "broken failed" in caplog.text


def test_numbers_of_all_concerns_are_added(db: None, everywhere: None, hooks: list):
    hooks += [lambda now: {"reminded": 1, "ended": 2}, lambda now: {"reminded": 3}]
    assert daily.round(now=NOON, by=SYSTEM) == {"reminded": 4, "ended": 2}


# ---------- years nobody has entered ----------


@pytest.fixture
def admin_office(db: None, everywhere: None) -> Organisation:
    county = make.office("620123")
    make.user("admin", "管理员", county, Role.SYSTEM_ADMIN)
    make.user("maker", "经办", make.office("620121"), Role.COUNTY_MAKER)
    return county


def test_from_december_the_next_year_is_asked_for_until_it_is_entered(admin_office: Organisation, hooks: list):
    daily.round(now=at("2026-11-30T09:00:00"), by=SYSTEM)
    assert not Reminder.objects.exists()
    for _ in range(2):
        daily.round(now=at("2026-12-01T09:00:00"), by=SYSTEM)
    [row] = Reminder.objects.open()
    assert (row.office, row.permission, row.due_on, row.urgent) == (
        admin_office,
        P.CALENDAR_SET,
        date(2026, 12, 20),
        False,
    )
    assert "2027 年的放假安排还没有录入" in row.title
    assert row.url == "/calendar/?year=2027"
    daily.round(now=at("2026-12-21T09:00:00"), by=SYSTEM)
    assert Reminder.objects.open().get().urgent
    CalendarYear.objects.create(year=2027, entered_by="甲")
    assert daily.round(now=at("2026-12-22T09:00:00"), by=SYSTEM)["ended"] == 1
    assert not Reminder.objects.open().exists()


def test_a_concern_that_counts_into_such_a_year_does_not_fail_the_round(admin_office: Organisation, hooks: list):
    def counts(now: datetime) -> dict[str, int]:
        raise NotAnnounced(2031)

    hooks += [counts, lambda now: {"reminded": 1}]
    assert daily.round(now=NOON, by=SYSTEM)["reminded"] == 2
    assert Reminder.objects.open().get().key == "calendar.2031"


def test_where_nobody_may_enter_it_the_counties_hear_of_it(db: None, everywhere: None, hooks: list):
    county, city = make.office("620123"), make.office("6201")
    make.school_office(make.school())
    daily.round(now=at("2026-12-01T09:00:00"), by=SYSTEM)
    assert set(Reminder.objects.values_list("office", "permission")) == {(county.pk, P.HOME), (city.pk, P.HOME)}


# ---------- the command line ----------


@pytest.fixture
def asked() -> Iterator[list[datetime]]:
    seen: list[datetime] = []

    def hook(now: datetime) -> dict[str, int]:
        seen.append(now)
        return {"reminded": 1}

    registry.daily.append(hook)
    yield seen
    registry.daily.remove(hook)


def test_the_command_does_a_days_round_and_says_what(db: None, asked: list[datetime]):
    out = StringIO()
    call_command("daily", "--day", "2026-10-16", "--json", stdout=out)
    told = json.loads(out.getvalue().splitlines()[-1])
    assert (told["day"], told["reminded"]) == ("2026-10-16", 1)
    assert asked == [at("2026-10-16T00:00:00")]
    event = AuditEvent._base_manager.get(action="command.daily")
    assert event.data == {"day": "2026-10-16"}
    out = StringIO()
    call_command("daily", stdout=out)
    assert "新的提醒：1 条" in out.getvalue()


def test_a_day_that_is_none_is_refused(db: None):
    with pytest.raises(CommandError, match="日期“2026-02-30”看不懂"):
        call_command("daily", "--day", "2026-02-30")
