"""A county's plan, 两后生 and calls in words of its own; every row a move or a law may ask for. Made once for a county."""

from __future__ import annotations

from datetime import date
from itertools import count
from typing import Any

from subsidies.models import FollowUp, Trainee, TraineeContact, TrainingPlace, TrainingPlan
from tests import make
from tests.personas import CANARY, Side, World

DAY = date(2018, 9, 10)
HERE = "/62/6201/620123/"
_years = count(1900)  # an office has one plan a year


def plan(side: Side) -> TrainingPlan:
    given = {"office": side.office, "degree": 3, "training": 1, "document": f"{CANARY[side.code]}要求"}
    made, new = TrainingPlan.objects.get_or_create(path=side.office.path, year=2018, defaults=given)
    if new:
        place = {"path": made.path, "year": 2018, "school": side.senior, "school_path": side.senior.path}
        TrainingPlace(plan=made, **place, degree=2, training=0).save()
        TrainingPlan.objects.filter(pk=made.pk).update(placed_degree=2)
    return made


def trainee(side: Side) -> Trainee:
    """A child of the county at its own school, called upon."""
    child, mark = side.students[0], CANARY[side.code]
    given = {
        "state": "enrolled", "left_year": 2018, "left_stage": "junior", "left_school": side.primary, "kind": "degree",
        "school": side.primary, "school_path": side.primary.path, "from_on": DAY, "home_path": child.person.home_path,
        "remark": f"{mark}要求", "phone": "13612340123", "phone_path": side.office.path, "made_by": "甲",
    }  # fmt: skip
    made, new = Trainee.objects.get_or_create(student=child, year=2018, defaults=given)
    if new:
        TraineeContact(trainee=made, contacted_on=DAY, way="visit", who="甲", note="上门谈过", made_by="甲").save()
        plan(side)
    return made


def crossing(world: World) -> Trainee:
    """At home there, taken in by a school here: what the home wrote down is not for the school."""
    child, school = world.crossing, world.here.primary
    given = {
        "state": "enrolled", "left_year": 2018, "left_stage": "junior", "left_school": world.there.senior, "kind": "degree",
        "school": school, "school_path": school.path, "from_on": DAY, "home_path": child.person.home_path,
        "remark": f"{CANARY[world.there.code]}要求", "made_by": "甲",
    }  # fmt: skip
    return Trainee.objects.get_or_create(student=child, year=2018, defaults=given)[0]


def call(side: Side) -> FollowUp:
    child = side.students[0]
    given = {
        "stage": "secondary_vocational", "school": side.primary, "school_path": side.primary.path, "due_on": date(2019, 6, 30),
        "home_path": child.person.home_path, "remark": f"{CANARY[side.code]}要求",
    }  # fmt: skip
    return FollowUp.objects.get_or_create(student=child, year=2018, number=1, defaults=given)[0]


# --- a row in any state ---------------------------------------------------------------------------------------------


def _child() -> dict[str, Any]:
    who = make.student(at=make.school())
    return {"student": who, "home_path": who.person.home_path}


def plan_in(state: str = "draft", **values: Any) -> TrainingPlan:
    """Placed, as handing it down asks for."""
    given: dict[str, Any] = {"degree": 1, "training": 1, "placed_degree": 1, "placed_training": 1, **values}
    made = TrainingPlan(path=HERE, office=make.office("620123"), year=next(_years), state=state, **given)
    made.save()
    return made


def trainee_columns(target: str) -> dict[str, Any]:
    """What the state demands."""
    if target in ("to_contact", "willing", "struck"):
        return {}
    if target == "unwilling":
        return {"why": "army"}
    school = make.school()
    given = {"school": school, "school_path": school.path, "kind": "degree", "from_on": DAY}
    if target != "enrolled":
        given |= {"finished_on": DAY, "certificate": "焊工证"}
    more = {"employed": {"employer": "某厂", "outcome_on": DAY}, "studying_on": {"onward": "某校", "outcome_on": DAY}}
    return given | more.get(target, {})


def trainee_in(state: str = "to_contact", **values: Any) -> Trainee:
    given: dict[str, Any] = {"left_year": 2018, "left_stage": "junior", "left_school": make.school(), "made_by": "甲"}
    made = Trainee(year=2018, state=state, **_child(), **{**given, **trainee_columns(state), **values})
    made.save()
    return made


def call_columns(target: str) -> dict[str, Any]:
    return {"result": "none", "called_on": DAY, "called_by": "甲"} if target == "done" else {}


def call_in(state: str = "due", **values: Any) -> FollowUp:
    school = make.school()
    given: dict[str, Any] = {"year": 2018, "number": 1, "school": school, "school_path": school.path, "due_on": DAY}
    made = FollowUp(state=state, **_child(), **{**given, **call_columns(state), **values})
    made.save()
    return made
