"""When applications are taken: the defaults, a county's own window, early, late with a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.scoping import SYSTEM
from aidcases.terms import Term
from subsidies.casework import applying
from subsidies.casework.windows import EARLY, LATE, OPEN, Windows, default, set_window
from subsidies.models import Application, ApplicationWindow
from tests.casework import build
from tests.casework.conftest import Crew

AUTUMN, SPRING = Term.parse("2026-autumn"), Term.parse("2027-spring")


@pytest.mark.parametrize(
    ("term", "opens", "closes"),
    [
        ("2026-autumn", date(2026, 9, 1), date(2026, 9, 30)),
        ("2027-spring", date(2027, 2, 1), date(2027, 2, 28)),
        ("2028-spring", date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_the_default_is_september_and_february(term: str, opens: date, closes: date):
    window = default(Term.parse(term))
    assert (window.opens_on, window.closes_on) == (opens, closes)


def test_both_days_count():
    window = default(AUTUMN)
    days = [date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 30), date(2026, 10, 1)]
    assert [window.state(day) for day in days] == [EARLY, OPEN, OPEN, LATE]


def test_the_nearest_office_decides_and_the_neighbour_keeps_the_default(crew: Crew):
    for path, closes in (("/62/6201/", date(2026, 10, 10)), (crew.county.path, date(2026, 10, 20))):
        ApplicationWindow(path=path, term=AUTUMN.code, opens_on=date(2026, 9, 5), closes_on=closes, set_by="甲").save()
    with crew.acting("school_maker"):
        windows = Windows.read(AUTUMN)
    assert windows.of(crew.school.path).closes_on == date(2026, 10, 20)
    assert windows.of(crew.foreign.path).closes_on == date(2026, 10, 10)
    assert Windows.read(SPRING).of(crew.school.path) == default(SPRING)
    for school in (crew.school, crew.foreign):
        build.application(at=school)
    found = Application.objects.annotate(closes=windows.column("closes_on")).order_by("pk")
    assert [a.closes for a in found] == [date(2026, 10, 20), date(2026, 10, 10)]


def test_early_is_refused_and_late_needs_a_reason(crew: Crew):
    made = build.application(at=crew.school, kind="matched", boxes=["poor"], listed_boxes=["poor"])
    # The list is looked at once more: the child must stand on it.
    from tests import make

    make.hardship(made.student.person)
    rows = Application.objects.all()
    early = applying.submit(rows, AUTUMN, by=SYSTEM, today=date(2026, 8, 31))
    assert (early.moved, list(early.refusals)) == (0, ["2026—2027学年秋季学期的申请从 2026-09-01 开始，现在还不能提交。"])
    late = applying.submit(rows, AUTUMN, by=SYSTEM, today=date(2026, 10, 1))
    assert (late.moved, list(late.refusals)) == (0, ["2026—2027学年秋季学期的申请 2026-09-30 已截止，逾期提交要写明原因。"])
    told = applying.submit(rows, AUTUMN, by=SYSTEM, today=date(2026, 10, 1), late_reason="住院")
    assert (told.moved, told.refusals.total()) == (1, 0)
    made.refresh_from_db()
    assert (made.state, made.late_reason) == ("submitted", "住院")


def test_a_window_that_makes_no_sense_is_refused(crew: Crew):
    with crew.acting("county_head") as head:
        with pytest.raises(Refused, match="不能早于"):
            set_window(AUTUMN, opens_on=date(2026, 9, 2), closes_on=date(2026, 9, 1), stamp_required=False, by=head)
        with pytest.raises(Refused, match="核对年份"):
            set_window(AUTUMN, opens_on=date(2025, 9, 2), closes_on=date(2026, 9, 1), stamp_required=False, by=head)


def test_the_county_sets_it_and_its_schools_read_it(crew: Crew, browser: Callable[[str], Client]):
    said = {"term": "2026-autumn", "opens_on": "2026-09-05", "closes_on": "2026-10-15"}
    url = reverse("window_set") + "?term=2026-autumn"
    assert browser("school_maker").post(url, said).status_code == 403
    assert "已设为" in browser("county_head").post(url, said, follow=True).content.decode()
    wrong = browser("county_head").post(url, {**said, "closes_on": ""}, HTTP_REFERER="/applications/windows/", follow=True)
    assert "截止日期" in wrong.content.decode()
    for persona, sees in (("school_maker", True), ("city", False), ("foreign_county_maker", False)):
        page = browser(persona).get(reverse("window_list") + "?term=2026-autumn").content.decode()
        assert ("2026-10-15" in page) is sees, persona
        assert "设定申请时间" not in page
