"""A year's plan and its institutions: the places make up the plan before it is handed down; every figure opens its people."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from aidcases.flow import Refused
from aidcases.roles import Role
from aidcases.scoping import acting_in
from subsidies.models import Trainee, TrainingPlace, TrainingPlan
from subsidies.vocational import board, leavers, planning, trainees
from tests import make
from tests.vocational.conftest import TODAY, As, Vocational, asked

CASE = tomllib.loads((Path(__file__).parent / "yinchuan.toml").read_text(encoding="utf-8"))


def test_yinchuans_three_institutions_make_up_its_plan(db: None, everywhere: None):
    told = CASE["plan"]
    officer = make.user("yinchuan", "市专员", make.office(told["city"]), Role.CITY_OFFICER)
    clerk = make.user("yongning", "县主任", make.office("640121"), Role.COUNTY_HEAD)
    office, by = officer.memberships.get().organisation, officer.memberships.get().actor
    schools = [make.school(name=row["school"], place=row["region"], stages=("secondary_vocational",)) for row in CASE["place"]]
    with acting_in(office.scope, by):
        plan = planning.set_plan(told["year"], degree=2400, training=600, document=told["document"], by=by)
        for number, (school, row) in enumerate(zip(schools, CASE["place"], strict=True)):
            with pytest.raises(Refused, match="人数之和与年度计划不符"):
                planning.move(plan, "fix", by=by)
            planning.set_place(plan, school, degree=row["degree"], training=row["training"], by=by)
            plan.refresh_from_db()
            assert plan.placed_degree == sum(each["degree"] for each in CASE["place"][: number + 1])
        assert (plan.placed_degree, plan.placed_training) == (told["degree"], told["training"])
        planning.move(plan, "fix", by=by)
        with pytest.raises(Refused, match="请先点“调整”"):
            planning.set_place(plan, schools[0], degree=1, training=1, by=by)
        lines = board.by_institution(2016)
        assert [(line.planned["degree"], line.planned["training"]) for line in lines] == [(1300, 150), (700, 450), (400, 0)]
        assert board.total(lines).planned == {"degree": 2400, "training": 600}
        with pytest.raises(IntegrityError, match="fixed_plan_is_placed"), transaction.atomic():
            TrainingPlan.objects.update(placed_degree=2399)
    county, head = clerk.memberships.get().organisation, clerk.memberships.get().actor
    with acting_in(county.scope, head):
        assert [place.degree for place in TrainingPlace.objects.all()] == [400]  # its own institution's, of the city's plan
        own = planning.set_plan(2016, degree=10, training=0, document="", by=head)
        with pytest.raises(Refused, match="已由另一级下达"):
            planning.set_place(own, schools[2], degree=10, training=0, by=head)
        with pytest.raises(Refused, match="不在本地"):
            planning.set_place(own, schools[1], degree=10, training=0, by=head)


def test_the_pages_of_a_plan(voc: Vocational, as_: As):
    edit, city = reverse("trainingplan_edit") + "?year=2018", as_("city")
    assert as_("maker").get(edit).status_code == 403
    assert "请先填写年度计划" in city.post(reverse("trainingplace_set") + "?year=2018", {}, follow=True).content.decode()
    wrong = city.post(reverse("trainingplan_save") + "?year=2018", {"degree": 0, "training": 0})
    assert (wrong.status_code, "至少填一项" in wrong.content.decode()) == (422, True)
    city.post(reverse("trainingplan_save") + "?year=2018", {"degree": 3, "training": 1, "document": "方案"})
    place = {"school": voc.centre.code, "degree": 2, "training": 1}
    assert city.post(reverse("trainingplace_set") + "?year=2018", place).status_code == 302
    text = city.get(edit).content.decode()
    assert "学历教育：各院校合计 2 人，年度计划 3 人，相差 1 人。" in text
    assert 'disabled title="各院校学历教育人数之和与年度计划不符"' in text
    city.post(reverse("trainingplace_set") + "?year=2018", {"school": voc.far.name, "degree": 1, "training": 0})
    plan = TrainingPlan.objects.get()
    city.post(reverse("trainingplan_move", args=[plan.pk, "fix"]))
    plan.refresh_from_db()
    assert plan.state == "fixed"
    assert as_("maker").post(reverse("trainingplan_move", args=[plan.pk, "reopen"]), {"note": "x"}).status_code == 403
    assert "计划已下达" in city.get(edit).content.decode()


def test_every_figure_of_the_board_opens_its_people(voc: Vocational, as_: As):
    with voc.acting("city") as by:
        plan = planning.set_plan(2018, degree=4, training=2, document="", by=by)
        planning.set_place(plan, voc.centre, degree=4, training=2, by=by)
    with voc.acting("maker") as by:
        leavers.find(2018, by=by)
        told: dict[str, Any] = {"by": by, "today": TODAY}
        one, *others = (Trainee.objects.filter(pk=pk) for pk in Trainee.objects.order_by("pk").values_list("pk", flat=True))
        for row, kind in ((one, "degree"), (others[0], "training")):
            trainees.step(row, "enrol", school=voc.centre, kind=kind, from_on=date(2018, 10, 8), to_on=None, **told)
        trainees.step(others[0], "finish", finished_on=date(2018, 11, 1), certificate="焊工证", **told)
        trainees.step(others[0], "employ", employer="某厂", outcome_on=date(2018, 11, 5), **told)
        [line] = board.by_institution(2018)
        assert (line.rate("degree"), line.rate("training")) == (25, 50)
        assert line.counts == {
            "degree": {"enrolled": 1, "finished": 0, "employed": 0, "studying_on": 0},
            "training": {"enrolled": 1, "finished": 1, "employed": 1, "studying_on": 0},
        }
    for persona in ("centre", "city"):
        visitor = as_(persona)
        visitor.get(reverse("home"))  # the session is touched once a minute
        text = asked(visitor, reverse("vocational_board") + "?year=2018")
        links = re.findall(r'href="(/vocational/people/\?[^"]+)"[^>]*>(\d+)</a>', text)
        assert len(links) >= 8, persona
        for url, n in links:
            assert f"共 <b>{n}</b> 条" in visitor.get(url.replace("&amp;", "&")).content.decode(), (persona, url)
    assert "本年度还没有下达任务" in as_("other_school").get(reverse("vocational_board") + "?year=2018").content.decode()
