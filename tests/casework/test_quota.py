"""Quotas: seats are counted by every move, refused beyond, set by the county; the last seat goes to one of two clerks."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aidcases.flow import Refused
from aidcases.scoping import EVERYWHERE, acting_in
from aidcases.terms import Term
from subsidies.casework import assessing, quota
from subsidies.enums import Level
from subsidies.models import Application, Meeting, Quota
from subsidies.models.applications import ApplicationState
from tests.casework import build
from tests.casework.conftest import Crew, build_crew

Browser = Callable[[str], Client]
TERM = Term.parse(build.TERM)
IN_TERM = "?term=2026-autumn"


def seats(crew: Crew, *, special: int | None = None, hard: int | None = None, at: Any = None) -> None:
    wanted = {Level.SPECIAL: special, Level.HARD: hard}
    with crew.acting("county_head") as head:
        quota.set_seats({(at or crew.school, level): n for level, n in wanted.items() if n is not None}, TERM, by=head)


def used(level: str = "special") -> int:
    return Quota.objects.get(level=level).used


def confirm(crew: Crew, meeting: Meeting) -> int:
    with crew.acting("school_checker") as checker:
        return assessing.confirm(meeting, by=checker).moved


def test_more_than_there_are_seats_is_refused_with_how_many_are_left(crew: Crew):
    seats(crew, special=3, hard=5)
    build.application("已有", at=crew.school, state="in_notice", level="special")
    assert used() == 1
    build.applications(3, at=crew.school, state="submitted", boxes=["poor"])
    with pytest.raises(Refused) as refused:
        build.closed(crew)
    said = "“特别困难”名额 3 个，已用 1 个，还剩 2 个，这次要通过 3 个，多 1 个。请调整等级，或请县学生资助管理中心增加名额。"
    assert refused.value.reasons == [said]
    meeting = Meeting.objects.get()
    Meeting.objects.update(closed_at=meeting.held_at)  # the seats shrank after the closing
    with pytest.raises(Refused, match="还剩 2 个"):
        confirm(crew, meeting)
    assert not Application.objects.filter(state="panel_reviewed").exists()
    seats(crew, special=4)
    assert confirm(crew, meeting) == 3
    assert used() == 4


def test_without_a_quota_everybody_passes(crew: Crew):
    build.applications(3, at=crew.school, state="submitted", boxes=["poor"])
    assert confirm(crew, build.closed(crew)) == 3
    assert not Quota.objects.exists()


def test_whatever_takes_a_child_out_frees_its_seat(crew: Crew):
    seats(crew, special=9)
    build.applications(5, at=crew.school, state="submitted", boxes=["poor"])
    meeting = build.closed(crew)
    assert confirm(crew, meeting) == 5
    one, two, three, four, _ = Application.objects.order_by("pk")
    with crew.acting("school_checker") as checker:
        one.move("return_panel", by=checker, note="再议")
        assert used() == 4
        two.move("return_form", by=checker, note="缺收入")
        assert used() == 3
    with crew.acting("school_maker") as maker:
        three.move("withdraw", by=maker, note="转学")
        four.move("decline", by=maker, note="放弃")
    assert used() == 1
    with crew.acting("school_checker") as checker:
        assert assessing.take_back(meeting, by=checker).moved == 1
    assert used() == 0


def test_seats_of_other_schools_terms_and_levels_are_their_own(crew: Crew):
    for at in (crew.school, crew.second):
        seats(crew, special=5, hard=5, at=at)
    build.application(at=crew.school, state="county_review", level="hard")
    build.application(at=crew.school, state="panel_reviewed", level="special", term="2026-spring")
    build.application(at=crew.second, state="approved", level="special")
    build.application(at=crew.second, state="rejected", level="special")
    found = {(q.school_id, q.level): q.used for q in Quota.objects.all()}
    assert found == {
        (crew.school.pk, "special"): 0, (crew.school.pk, "hard"): 1,
        (crew.second.pk, "special"): 1, (crew.second.pk, "hard"): 0,
    }  # fmt: skip


LEVELS = ("special", "hard", "none")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(ApplicationState.values), st.sampled_from(LEVELS)), max_size=12))
def test_used_is_what_the_applications_say_after_any_change(crew: Crew, steps: list[tuple[int, str, str]]):
    """Also of statements that change many, and of deleting."""
    with transaction.atomic():
        seats(crew, special=9, hard=9)
        rows = build.applications(4, at=crew.school)
        approval = build.approval(crew.school.path)
        for which, state, level in steps:
            some = Application.objects.filter(pk__in=[row.pk for row in rows[: which + 1]])
            some.update(state=state, level="none" if state == "not_hard" else level, approval=approval)
            for each in Quota.objects.all():
                assert each.used == Application.objects.filter(level=each.level, state__in=quota.SEATED).count()
        Application.objects.all().delete()
        assert set(Quota.objects.values_list("used", flat=True)) == {0}
        transaction.set_rollback(True)


def test_the_list_of_seated_states_is_the_migrations():
    from importlib import import_module

    sql = import_module("subsidies.migrations.0003_seats").SEATED
    assert set(re.findall(r"'(\w+)'", sql)) == set(quota.SEATED)


def test_the_database_itself_refuses_the_seat_that_is_not_there(crew: Crew):
    seats(crew, special=1)
    build.application(at=crew.school, state="panel_reviewed", level="special")
    with pytest.raises(IntegrityError, match="quota_has_headroom"), transaction.atomic():
        build.application(at=crew.school, state="panel_reviewed", level="special")
    assert used() == 1


@pytest.mark.django_db(transaction=True)
def test_the_last_seat_goes_to_one_of_two_meetings():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        seats(crew, special=1)
        first = build.application("先", at=crew.school, state="submitted", boxes=["poor"])
        one = build.closed(crew)
        with crew.acting("school_checker") as checker:
            first.move("return_form", by=checker, note="先放着")
        build.application("后", at=crew.school, state="submitted", boxes=["poor"])
        other = build.closed(crew)
        Application.objects.filter(pk=first.pk).update(state="submitted")
    outcomes, gate = [], threading.Barrier(2)

    def go(meeting: Meeting) -> None:
        gate.wait()
        try:
            outcomes.append(confirm(crew, meeting))
        except Refused as refused:
            outcomes.append(str(refused)[:22])
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(meeting,)) for meeting in (one, other)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with acting_in(EVERYWHERE):
        assert sorted(outcomes, key=str) == [1, "“特别困难”名额 1 个，已用 1 个，还剩"]
        assert Application.objects.filter(state="panel_reviewed").count() == used() == 1


@pytest.mark.django_db(transaction=True)
def test_confirming_twice_at_once_moves_each_once():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        seats(crew, special=20)
        build.applications(6, at=crew.school, state="submitted", boxes=["poor"])
        meeting = build.closed(crew)
    moved, gate = [], threading.Barrier(2)

    def go() -> None:
        gate.wait()
        try:
            moved.append(confirm(crew, meeting))
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    with acting_in(EVERYWHERE):
        assert sorted(moved) == [0, 6]
        assert used() == 6


@pytest.mark.django_db(transaction=True)
def test_a_quota_set_while_a_clerk_confirms_counts_what_was_confirmed():
    with acting_in(EVERYWHERE):
        crew = build_crew()
        build.applications(4, at=crew.school, state="submitted", boxes=["poor"])
        meeting = build.closed(crew)
    outcomes, confirmed = [], threading.Event()

    def county() -> None:
        confirmed.wait()
        try:
            with acting_in(EVERYWHERE):
                seats(crew, special=3)
            outcomes.append("set")
        except Refused as refused:
            outcomes.append(str(refused))
        finally:
            connection.close()

    thread = threading.Thread(target=county)
    thread.start()
    with transaction.atomic():
        assert confirm(crew, meeting) == 4
        confirmed.set()
        thread.join(1)
        assert thread.is_alive()  # waits for the confirmation to be whole
    thread.join()
    assert outcomes == ["榆树小学“特别困难”已通过 4 人，名额不能少于 4。"]


# --- the county's page ---------------------------------------------------------------------------------------------


def test_the_county_sets_seats_school_by_school_and_from_a_sheet(crew: Crew, browser: Browser):
    build.application(at=crew.school, state="panel_reviewed", level="special")
    head = browser("county_head")
    page = head.get(reverse("quota_list") + IN_TERM).content.decode()
    assert "榆树小学" in page
    assert "枫树小学" not in page
    one = crew.school.code
    said = {f"seats-{one}-special": "5", f"seats-{one}-hard": "0", f"seats-{one}-ordinary": ""}
    head.post(reverse("quota_set") + IN_TERM, said)
    assert {q.level: (q.seats, q.used, q.set_by) for q in Quota.objects.all()} == {
        "special": (5, 1, "县主任"), "hard": (0, 0, "县主任"),
    }  # fmt: skip
    answer = head.post(reverse("quota_set") + IN_TERM, {**said, f"seats-{one}-special": "0"}, follow=True)
    assert "榆树小学“特别困难”已通过 1 人，名额不能少于 1。" in answer.content.decode()
    assert "请填整数" in head.post(reverse("quota_set") + IN_TERM, {f"seats-{one}-hard": "x"}, follow=True).content.decode()
    head.post(reverse("quota_paste") + IN_TERM, {"sheet": f"{one}\t7\t\t9\n槐树小学，1，2，3\n"})
    assert set(Quota.objects.values_list("school__name", "level", "seats")) == {
        ("榆树小学", "special", 7), ("榆树小学", "ordinary", 9),
        ("槐树小学", "special", 1), ("槐树小学", "hard", 2), ("槐树小学", "ordinary", 3),
    }  # fmt: skip


def test_a_sheet_with_a_line_that_cannot_be_read_changes_nothing(crew: Crew):
    with crew.acting("county_head") as head:
        with pytest.raises(Refused) as refused:
            quota.pasted("槐树小学 1 2 3\n枫树小学 1 2 3\n榆树小学 多 2 3\n\n榆树小学 1 2 3 4")
        assert refused.value.reasons == [
            "第 2 行：没有学校“枫树小学”。", "第 3 行：“榆树小学”后面请写三个整数（特别困难、困难、一般困难）。",
            "第 5 行：“榆树小学”后面请写三个整数（特别困难、困难、一般困难）。",
        ]  # fmt: skip
        with pytest.raises(Refused, match="没有读到名额"):
            quota.pasted(" \n")
        with pytest.raises(Refused, match="枫树小学不在本辖区"):
            quota.set_seats({(crew.foreign, Level.HARD): 3}, TERM, by=head)
        with pytest.raises(Refused, match="请填 0 到 100,000 的整数"):
            quota.set_seats({(crew.school, Level.HARD): 1_000_000}, TERM, by=head)


def test_only_the_head_sets_and_each_sees_their_own(crew: Crew, browser: Browser):
    for persona in ("county_maker", "county_checker", "school_maker", "city"):
        assert browser(persona).post(reverse("quota_set"), {}).status_code == 403, persona
    seats(crew, special=5)
    shown = browser("school_maker").get(reverse("quota_list") + IN_TERM).content.decode()
    assert "榆树小学" in shown
    assert "槐树小学" not in shown
    assert 'name="seats-' not in shown
    assert "枫树小学" in browser("foreign_county_maker").get(reverse("quota_list") + IN_TERM).content.decode()


def test_the_page_asks_few_questions_however_many_schools(crew: Crew, browser: Browser):
    from tests import make

    head, counts = browser("county_head"), []
    frame = re.compile(r"SAVEPOINT|SET LOCAL|django_session|aidcases_user\b|aidcases_membership")
    for more in (1, 20):
        for n in range(more):
            seats(crew, special=3, at=make.school(f"21629{len(counts):02d}{n:03d}"))
        head.get(reverse("quota_list") + IN_TERM)
        with CaptureQueriesContext(connection) as seen:
            assert head.get(reverse("quota_list") + IN_TERM).status_code == 200
        counts.append(sum(not frame.search(query["sql"]) for query in seen.captured_queries))
    assert counts[0] == counts[1] <= 8
