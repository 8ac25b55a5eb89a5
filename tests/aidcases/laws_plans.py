"""Laws of plans and of children who study elsewhere: each CHECK constraint and the ways to break it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial

from subsidies.models import HouseholdPlan, PlanChild, PlanMeasure, StudyAway
from tests.aidcases.laws import line

HERE, DAY = "/62/6201/620123/", date(2018, 9, 3)
PLAN: dict = {"household_id": 1, "path": HERE, "year": 2018, "made_by": "甲"}
WHOLE: dict = {
    **PLAN, "state": "reviewed", "owner": "乙", "result": "eased", "effect": "好转", "reviewed_by": "丙", "reviewed_on": DAY,
}  # fmt: skip
MEASURE: dict = {"plan_id": 1, "kind": "aid", "what": "资助", "owner": "乙", "due_on": DAY, "made_by": "甲"}
AWAY: dict = {"student_id": 1, "term": "2018-autumn", "home_path": HERE, "made_by": "甲"}
CHECKED: dict = {"how": "phone", "checked_by": "乙", "checked_on": DAY}


BROKEN: dict[str, list[Callable[[], object]]] = {
    "done_measure_says_what_came": [
        partial(line, PlanMeasure, **MEASURE, done_on=DAY), partial(line, PlanMeasure, **MEASURE, effect="到账"),
    ],
    "active_plan_has_an_owner": [partial(line, HouseholdPlan, **PLAN, state="active")],
    "reviewed_plan_says_what_came": [
        partial(line, HouseholdPlan, **{**WHOLE, **without})
        for without in ({"effect": ""}, {"result": ""}, {"reviewed_by": ""}, {"reviewed_on": None, "state": "closed"})
    ],
    "plan_income_not_negative": [partial(line, HouseholdPlan, **PLAN, income_per_head=-1)],
    "undone_of_the_planned": [
        partial(line, HouseholdPlan, **PLAN, planned=1, undone=2), partial(line, HouseholdPlan, **PLAN, undone=-1),
    ],
    "plan_costs_not_negative": [
        partial(line, PlanChild, plan_id=1, student_id=1, year=2018, **{name: -1}) for name in ("fees", "board", "travel")
    ],
    "aid_elsewhere_is_named": [
        partial(line, StudyAway, **AWAY, aided="yes"), partial(line, StudyAway, **AWAY, aided="no", item="助学金"),
        partial(line, StudyAway, **AWAY, yuan=5),
    ],
    "aid_elsewhere_not_negative": [partial(line, StudyAway, **AWAY, aided="yes", item="助学金", yuan=-1)],
    "checked_elsewhere_is_whole": [
        partial(line, StudyAway, **AWAY, **{name: value for name, value in CHECKED.items() if name != left}) for left in CHECKED
    ],
}  # fmt: skip
