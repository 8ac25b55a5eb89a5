"""Counting in working days against counting day by day; make-up days, year ends, years nobody has announced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from itertools import islice

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from aidcases import workdays
from aidcases.flow import Refused
from aidcases.models import AuditEvent, CalendarDay, CalendarYear, Reminder
from aidcases.roles import P, Role
from aidcases.scoping import EVERYWHERE, Scope, acting_in
from aidcases.workdays import NotAnnounced, Workdays
from tests import make

DAYS = st.dates(date(2023, 1, 1), date(2026, 12, 31))
COUNTS = st.integers(1, 30)

# As announced for 2024 to 2026, for the properties; the table itself is read in the tests below.
OFF = [date(2025, 1, 28) + timedelta(days=n) for n in range(8)] + [date(2026, 10, n) for n in range(1, 8)]
ON = [date(2025, 1, 26), date(2025, 2, 8), date(2026, 9, 20), date(2026, 10, 10)]
KNOWN = Workdays(
    frozenset(range(2020, 2029)),
    {**{day: False for day in OFF if day.weekday() < 5}, **dict.fromkeys(ON, True)},
)


@pytest.fixture
def calendar(db: None, everywhere: None) -> Workdays:
    return Workdays.read()


# ---------- the announced years ----------


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 10, 8), True),
        (date(2026, 10, 7), False),  # a Wednesday of the National Day
        (date(2026, 10, 10), True),  # a Saturday that is worked for it
        (date(2026, 9, 20), True),  # a Sunday
        (date(2026, 2, 28), True),  # a Saturday after the Spring Festival
        (date(2026, 2, 17), False),
        (date(2024, 2, 29), True),
        (date(2026, 11, 21), False),
        (date(2026, 1, 1), False),
    ],
)
def test_the_shipped_years_know_holidays_and_make_up_days(calendar: Workdays, day: date, works: bool):
    assert calendar.works(day) is works


def test_what_a_day_off_is_for_is_said_in_chinese(db: None):
    named = set(CalendarDay.objects.values_list("note", flat=True))
    assert {"元旦", "春节", "国庆节"} <= named <= set(workdays.NAMES.values())


@pytest.mark.parametrize(
    ("published", "last"),
    [
        # The Mid-autumn Friday: the 28th to the 30th, then after the holidays the 8th and the 9th.
        (date(2026, 9, 25), date(2026, 10, 9)),
        (date(2026, 9, 30), date(2026, 10, 13)),  # 8, 9, 10 (a Saturday), 12, 13
        (date(2026, 10, 9), date(2026, 10, 16)),  # 10, 12, 13, 14, 15: seven days are the longer
        (date(2026, 11, 16), date(2026, 11, 23)),  # a plain week: seven days
        (date(2026, 2, 13), date(2026, 2, 27)),  # 14 (a Saturday), then 24 to 27
        (date(2025, 12, 26), date(2026, 1, 5)),  # 29, 30, 31, and over the year's end the 4th (a Sunday) and the 5th
        (date(2024, 2, 23), date(2024, 3, 1)),  # over 29 February
    ],
)
def test_a_notice_ends_on_the_later_of_five_working_days_and_seven_days(
    calendar: Workdays, published: date, last: date
):
    assert calendar.last_day(published, working_days=5, days=7) == last


# ---------- a year nobody has announced ----------


def test_a_year_not_announced_stops_the_counting_with_a_sentence(calendar: Workdays):
    year = max(calendar.years) + 1
    assert calendar.after(date(year - 1, 12, 20), 1)
    with pytest.raises(NotAnnounced, match=f"{year} 年的放假安排还没有录入") as told:
        calendar.after(date(year - 1, 12, 28), 5)
    assert told.value.year == year
    with pytest.raises(NotAnnounced):
        calendar.between(date(year - 1, 12, 31), date(year, 1, 1))
    with pytest.raises(NotAnnounced):
        calendar.back(date(year, 1, 3), 1)


def test_once_entered_it_is_counted_into(calendar: Workdays):
    year = max(calendar.years) + 1
    first, new_year = date(year, 1, 4), date(year, 1, 1)
    off = [day for day in (new_year, first) if day.weekday() < 5] or [date(year, 5, 3)]
    workdays.enter(year, off=off, on=[], document="国办发明电", by="甲", notes=dict.fromkeys(off, "元旦"))
    calendar = Workdays.read()
    assert calendar.after(date(year - 1, 12, 31), 1) == by_day(calendar, date(year - 1, 12, 31), 1)
    assert not calendar.works(off[0])
    event = AuditEvent.objects.get(action="calendar.entered")
    assert event.data == {"year": year, "off": len(off), "on": 0}


def test_entering_a_year_again_replaces_it_and_no_other(calendar: Workdays):
    before = CalendarDay.objects.exclude(day__year=2026).count()
    workdays.enter(2026, off=[date(2026, 10, 1)], on=[date(2026, 10, 10)], document="更正", by="乙")
    assert list(CalendarDay.objects.filter(day__year=2026).values_list("day", "working")) == [
        (date(2026, 10, 1), False),
        (date(2026, 10, 10), True),
    ]
    assert CalendarDay.objects.exclude(day__year=2026).count() == before
    assert CalendarYear.objects.get(year=2026).document == "更正"
    workdays.seed()  # the next migrate leaves it as it was entered
    assert CalendarDay.objects.filter(day__year=2026).count() == 2


@pytest.mark.parametrize(
    ("off", "on", "sentence"),
    [
        ([date(2027, 10, 1)], [], "2027-10-01 不在 2026 年"),
        ([date(2026, 10, 3)], [], "2026-10-03 本来就休息"),
        ([date(2026, 10, 1)], [date(2026, 10, 9)], "2026-10-09 本来就上班"),
        ([], [date(2026, 10, 10)], "请写 2026 年放假的日子"),
    ],
)
def test_a_day_that_says_nothing_new_is_refused(calendar: Workdays, off: list[date], on: list[date], sentence: str):
    before = list(CalendarDay.objects.values_list("day", "working"))
    with pytest.raises(Refused, match=sentence):
        workdays.enter(2026, off=off, on=on, document="", by="甲")
    assert list(CalendarDay.objects.values_list("day", "working")) == before


# ---------- as a clerk types them ----------


@pytest.mark.parametrize(
    ("text", "working", "days"),
    [
        ("10月1日至7日 国庆节", False, [date(2026, 10, n) for n in (1, 2, 5, 6, 7)]),
        ("2026-10-01", False, [date(2026, 10, 1)]),
        ("2026-04-30—05-05 劳动节", False, [date(2026, 4, 30), date(2026, 5, 1), date(2026, 5, 4), date(2026, 5, 5)]),
        ("10月10日（周六）", True, [date(2026, 10, 10)]),
        ("9/20; 10.10", True, [date(2026, 9, 20), date(2026, 10, 10)]),
        ("\n \n", True, []),
        ("2026年2月15日至2026年2月23日", False, [date(2026, 2, n) for n in (16, 17, 18, 19, 20, 23)]),
    ],
)
def test_days_are_read_as_the_announcement_writes_them(text: str, working: bool, days: list[date]):
    assert list(workdays.typed(text, year=2026, working=working)) == days


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("国庆节放假", "看不懂"), ("2月30日", "没有这一天"), ("10月7日至1日", "结束日期早于开始日期"), ("10月", "看不懂")],
)
def test_what_cannot_be_read_is_named(text: str, sentence: str):
    with pytest.raises(Refused, match=sentence):
        workdays.typed(text, year=2026, working=False)


def test_what_is_written_is_read_again(db: None):
    for working in (False, True):
        days = list(CalendarDay.objects.filter(day__year=2026, working=working))
        read = workdays.typed(workdays.written(days), year=2026, working=working)
        assert read == {each.day: each.note for each in days}


# ---------- properties ----------


def by_day(calendar: Workdays, day: date, count: int) -> date:
    """The slow way: working days after the day, one by one."""
    following = (day + timedelta(days=n) for n in range(1, 400))
    return next(islice(filter(calendar.works, following), count - 1, None))


@given(DAYS, COUNTS)
def test_after_is_counting_day_by_day(day: date, count: int):
    assert KNOWN.after(day, count) == by_day(KNOWN, day, count)


@given(DAYS, DAYS)
def test_between_is_counting_day_by_day(first: date, last: date):
    early, late = sorted((first, last))
    counted = sum(KNOWN.works(early + timedelta(days=n)) for n in range(1, (late - early).days + 1))
    assert KNOWN.between(first, last) == (counted if first <= last else -counted)


@given(DAYS, COUNTS)
def test_between_undoes_after(day: date, count: int):
    assert KNOWN.between(day, KNOWN.after(day, count)) == count


@given(DAYS, COUNTS)
def test_back_is_counting_day_by_day(day: date, count: int):
    earlier = (day - timedelta(days=n) for n in range(400))
    assert KNOWN.back(day, count) == [each for each in earlier if KNOWN.works(each)][count - 1]


@given(DAYS, COUNTS, st.integers(0, 60))
def test_a_notice_has_both_its_working_days_and_its_days(published: date, working_days: int, days: int):
    last = KNOWN.last_day(published, working_days=working_days, days=days)
    assert KNOWN.between(published, last) >= working_days
    assert (last - published).days >= days
    day_before = last - timedelta(days=1)
    assert KNOWN.between(published, day_before) < working_days or (day_before - published).days < days


# ---------- the page ----------


@pytest.fixture
def people(db: None, everywhere: None) -> Callable[[str], Client]:
    county = make.office("620123")
    users = {
        "admin": make.user("admin", "管理员", county, Role.SYSTEM_ADMIN),
        "maker": make.user("maker", "经办", county, Role.COUNTY_MAKER),
    }

    def signed_in(name: str) -> Client:
        client = Client()
        client.force_login(users[name], backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in


def test_everybody_reads_the_calendar_and_its_marks_are_words(people: Callable[[str], Client]):
    text = people("maker").get("/calendar/?year=2026").content.decode()
    assert "2026 年工作日历" in text
    assert "1<b>休</b>" in text
    assert "10<b>班</b>" in text
    assert "国庆节" in text
    assert "<textarea" not in text
    assert "共 248 个工作日" in text
    assert people("maker").get("/calendar/?year=x9").status_code == 200


def test_a_year_nobody_has_entered_says_what_is_blocked(people: Callable[[str], Client]):
    text = people("maker").get("/calendar/?year=2050").content.decode()
    assert "2050 年的放假安排还没有录入" in text
    assert "不能发布期限跨到 2050 年的公示" in text
    assert "请系统管理员在这里录入" in text


def test_an_administrator_enters_a_year_and_the_reminders_end(people: Callable[[str], Client]):
    other = make.office("620121")
    for office in (make.office("620123"), other):
        Reminder(
            office=office, path=office.path, key="calendar.2027", subject_id=0, title="x", url="/", made_on=date(2026, 12, 1),
            due_on=date(2026, 12, 20), permission=P.CALENDAR_SET,
        ).save()  # fmt: skip
    typed = {"year": "2027", "document": "国办", "off": "10月1日至7日 国庆节", "on": "10月9日 国庆节"}
    answer = people("admin").post("/calendar/set/", typed, follow=True)
    assert "2027 年的放假安排已录入" in answer.content.decode()
    assert set(CalendarDay.objects.filter(day__year=2027).values_list("day", "working", "note")) == {
        *((date(2027, 10, n), False, "国庆节") for n in (1, 4, 5, 6, 7)),
        (date(2027, 10, 9), True, "国庆节"),
    }
    assert not Reminder.objects.open().exists()
    with acting_in(Scope("/62/6201/620123/")):
        assert Workdays.read().works(date(2027, 10, 9))


def test_what_was_typed_wrongly_stays_on_the_page(people: Callable[[str], Client]):
    typed = {"year": "2027", "document": "国办", "off": "2月30日", "on": "10月8日"}
    answer = people("admin").post("/calendar/set/", typed)
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "2月30日</textarea>" in text
    assert "里没有这一天" in text
    answer = people("admin").post("/calendar/set/", {**typed, "off": "10月1日"})
    assert "2027-10-08 本来就上班" in answer.content.decode()
    assert not CalendarYear.objects.filter(year=2027).exists()


def test_nobody_else_enters_a_year(people: Callable[[str], Client]):
    answer = people("maker").post("/calendar/set/", {"year": "2027", "document": "国办", "off": "10月1日"})
    assert answer.status_code == 403
    with acting_in(EVERYWHERE):
        assert not CalendarYear.objects.filter(year=2027).exists()
