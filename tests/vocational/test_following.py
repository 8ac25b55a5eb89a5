"""三年跟踪: three calls for each poor vocational graduate, reminders a county, results, figures that open their people."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from aidcases.flow import Refused
from aidcases.models import Reminder
from students.enums import Stage
from subsidies.models import FollowUp, Trainee
from subsidies.vocational import following, leavers, merged, trainees
from tests import make
from tests.vocational.conftest import As, Vocational, asked, leaver


def on(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day, 3))


def due(day: date) -> None:
    """What the daily round does of this on a day."""
    for hook in following.HOOKS:
        hook(on(day))


@pytest.fixture
def graduated(voc: Vocational) -> Vocational:
    """Of three poor and one other of a last vocational grade one goes on to the same stage again."""
    secondary, higher = Stage.SECONDARY_VOCATIONAL, Stage.HIGHER_VOCATIONAL
    told: dict[str, Any] = {"born": 2000, "grade": 3}
    voc.people |= {
        "welder": leaver("焊工生", voc.centre, stage=secondary, **told),
        "nurse": leaver("护理生", voc.far, stage=higher, **told),
        "again": leaver("复读生", voc.centre, stage=secondary, **told),
        "well": leaver("宽裕生", voc.centre, stage=secondary, poor=False, **told),
        "first": leaver("低年级生", voc.centre, stage=secondary, born=2002, grade=2),
    }
    make.enrolment(voc.people["again"], at=voc.centre, term="2018-autumn", stage=secondary, grade=3)
    return voc


def test_the_daily_round_makes_three_calls_once(graduated: Vocational):
    with CaptureQueriesContext(connection) as seen:
        following.calls_made(on(date(2018, 9, 2)))
    assert len(seen) <= 6
    calls = FollowUp.objects.order_by("student__person__name", "number")
    assert [(c.student.person.name, c.number, c.due_on, c.stage) for c in calls] == [
        (name, number, date(2018 + number, 6, 30), stage)
        for name, stage in (("护理生", "higher_vocational"), ("焊工生", "secondary_vocational"))
        for number in (1, 2, 3)
    ]
    assert following.calls_made(on(date(2018, 11, 2))) == {"calls": 0}
    assert following.calls_made(on(date(2019, 8, 31))) == {"calls": 0}
    # A trainee who finishes is called as well, from the summer after.
    with graduated.acting("maker") as by:
        leavers.find(2018, by=by)
        row = Trainee.objects.filter(student=graduated.people["waiting"])
        told: dict[str, Any] = {"by": by, "today": date(2018, 12, 1)}
        trainees.step(
            row, "enrol", school=graduated.centre, kind="training", from_on=date(2018, 10, 8), to_on=None, **told
        )
        trainees.step(row, "finish", finished_on=date(2018, 11, 20), certificate="焊工证", **told)
    assert following.calls_made(on(date(2018, 12, 2))) == {"calls": 3}
    made = FollowUp.objects.get(student=graduated.people["waiting"], number=1)
    assert (made.year, made.stage, made.due_on, made.school_path) == (2018, "", date(2019, 6, 30), graduated.centre.path)


def test_the_county_is_reminded_once_for_all_and_the_city_when_it_is_late(graduated: Vocational):
    due(date(2018, 9, 2))
    assert not Reminder.objects.filter(key__startswith="followup.").exists()
    due(date(2019, 4, 10))
    [task] = Reminder.objects.filter(key__startswith="followup.")
    assert (task.office, task.due_on, task.urgent) == (graduated.world.here.office, date(2019, 6, 30), False)
    assert task.title == "2018 届贫困家庭中高职毕业生第 1 年跟踪，还有 2 人没有回访"
    due(date(2019, 7, 1))
    late = Reminder.objects.filter(key__startswith="followup.late").get()
    assert (late.office.kind, late.urgent) == ("city", True)
    for call in FollowUp.objects.filter(number=1):
        with graduated.acting("maker") as by:
            told: dict[str, Any] = {"called_on": date(2019, 7, 1), "by": by, "today": date(2019, 7, 1)}
            following.record(call, result="employed", employer="某厂", wage="from3000", **told)
    due(date(2019, 7, 2))
    assert not Reminder.objects.open().filter(key__startswith="followup.").exists()


def test_what_calls_found_as_figures_that_open(graduated: Vocational, as_: As, today: Callable[[date], None]):
    following.make_calls(date(2018, 9, 2))
    today(date(2019, 8, 1))
    first = FollowUp.objects.filter(number=1)
    welder, nurse = (first.get(student=graduated.people[name]) for name in ("welder", "nurse"))
    page = reverse("followup_detail", args=[welder.pk])
    assert as_("other_maker").get(page).status_code == 404
    assert "已经过了回访期限" in as_("centre").get(page).content.decode()
    wrong = as_("centre").post(reverse("followup_record", args=[welder.pk]), {"called_on": "2019-07-30", "result": "employed"})
    assert (wrong.status_code, "请填写就业单位" in wrong.content.decode()) == (422, True)
    said = {"called_on": "2019-07-30", "result": "own", "place": "榆中县", "wage": "from2000"}
    as_("centre").post(reverse("followup_record", args=[welder.pk]), said)
    assert as_("checker").post(reverse("followup_record", args=[nurse.pk]), said).status_code == 403
    welder.refresh_from_db()
    assert (welder.state, welder.called_by, welder.place) == ("done", "职教经办", "榆中县")
    with graduated.acting("maker"):
        [line, second, third] = following.totals(date(2019, 8, 1))
        assert {name: line[name] for name in ("all", "done", "late", "own", "employed", "rate")} == {
            "all": 2, "done": 1, "late": 1, "own": 1, "employed": 0, "rate": 100.0,
        }  # fmt: skip
        assert (second["late"], third["due_on"], third["rate"]) == (0, date(2021, 6, 30), None)
    maker = as_("maker")
    text = maker.get(reverse("followup_totals")).content.decode()
    links = re.findall(r'href="(/vocational/calls/\?[^"]+)"[^>]*>(\d+)</a>', text)
    assert len(links) == 6
    for url, n in links:
        assert f"共 <b>{n}</b> 条" in asked(maker, url.replace("&amp;", "&")), url
    student = as_("maker").get(reverse("student_detail", args=[welder.student_id])).content.decode()
    assert "2018 届第 1 年回访</a>" in student
    assert "护理生" in as_("maker").get(reverse("followup_list") + "?standing=late").content.decode()
    as_("maker").post(reverse("followup_move", args=[welder.pk, "again"]), {"note": "单位写错"})
    assert 'value="own" selected' in as_("maker").get(page).content.decode()
    as_("maker").post(reverse("followup_move", args=[nurse.pk, "drop"]), {"note": "本人去世"})
    assert (FollowUp.objects.get(pk=nurse.pk).state, following.totals(date(2019, 8, 1))[0]["all"]) == ("void", 1)
    welder.refresh_from_db()
    with graduated.acting("maker") as by, pytest.raises(Refused, match="早于毕业的 2018 年"):
        following.record(welder, called_on=date(2017, 5, 1), result="none", by=by, today=date(2019, 8, 1))


def test_calls_of_one_person_twice_are_one_and_come_back(graduated: Vocational):
    following.make_calls(date(2018, 9, 2))
    keep, going = graduated.people["welder"], graduated.people["nurse"]
    told = merged.merge(keep.pk, going.pk)
    assert FollowUp.objects.filter(student=keep).exclude(state="void").count() == 3
    gone = FollowUp.objects.filter(student=keep, state="void")[0]
    with graduated.acting("city") as by, pytest.raises(Refused, match="已有另一次"):
        following.move(gone, "restore", by=by, note="")
    merged.part(keep.pk, going.pk, told)
    assert FollowUp.objects.filter(student=going, state="due").count() == 3
