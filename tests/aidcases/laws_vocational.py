"""Laws of training plans, trainees and calls: each CHECK constraint and the ways to break it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from subsidies.models import TrainingPlace
from tests.aidcases.laws import change
from tests.vocational.traces import HERE, call_in, plan_in, trainee_in

BEFORE = date(2018, 9, 9)
PLACE: dict[str, Any] = {"plan_id": 1, "path": HERE, "year": 2018, "school_id": 1, "school_path": HERE}


def place(**values: int) -> None:
    """A row without what it refers to: the laws of its own columns are looked at first."""
    TrainingPlace(**PLACE, **values).save_base(raw=True, force_insert=True)


BROKEN: dict[str, list[Callable[[], object]]] = {
    "training_plan_not_negative": [lambda: change(plan_in(), degree=-1), lambda: change(plan_in(), placed_training=-1)],
    "fixed_plan_is_placed": [lambda: change(plan_in("fixed"), degree=2), lambda: change(plan_in("fixed"), training=0)],
    "training_place_of_somebody": [lambda: place(), lambda: place(degree=-1, training=3)],
    "unwilling_says_why": [lambda: change(trainee_in("unwilling"), why="")],
    "enrolled_trainee_is_placed": [
        lambda: change(trainee_in("enrolled"), school=None),
        lambda: change(trainee_in("enrolled"), kind=""),
        lambda: change(trainee_in("enrolled"), school_path=""),
        lambda: change(trainee_in("enrolled"), from_on=None),
    ],
    "finished_trainee_is_whole": [
        lambda: change(trainee_in("finished"), finished_on=None),
        lambda: change(trainee_in("neither"), certificate=""),
    ],
    "training_days_in_order": [
        lambda: change(trainee_in("enrolled"), to_on=BEFORE),
        lambda: change(trainee_in("finished"), finished_on=BEFORE),
        lambda: change(trainee_in("employed"), outcome_on=BEFORE),
    ],
    "employed_trainee_has_an_employer": [
        lambda: change(trainee_in("employed"), employer=""),
        lambda: change(trainee_in("employed"), outcome_on=None),
    ],
    "studying_trainee_has_a_school": [lambda: change(trainee_in("studying_on"), onward="")],
    "trainee_phone_has_an_owner": [lambda: trainee_in(phone="13612340124")],
    "call_of_three_years": [lambda: change(call_in(), number=4), lambda: change(call_in(), number=0)],
    "made_call_is_whole": [
        lambda: change(call_in("done"), result=""),
        lambda: change(call_in("done"), called_on=None),
        lambda: change(call_in("done"), called_by=""),
    ],
}
