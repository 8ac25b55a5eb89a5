"""The laws of tasks, months, talks, figures by hand and targets, each broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial

from ledgers.models import AgeFigure, IndicatorGoal, Talk, WorkMonth
from tests.aidcases.laws import change, line
from tests.ledgers.progress_build import HERE, task

ON = date(2018, 9, 3)


AGE: dict = {"path": HERE, "year": 2018, "ages": "3-5", "as_of": ON, "source": "公安局", "made_by": "甲", "made_on": ON}
TALK: dict = {
    "office_id": 1, "path": HERE, "given_path": HERE, "given_name": "县", "year": 2018, "held_on": ON, "held_by": "甲",
    "people": "乙", "about": "进度", "made_by": "甲",
}  # fmt: skip
GOAL: dict = {"path": HERE, "year": 2018, "indicator": "nine", "given_name": "市", "made_by": "甲", "made_on": ON}


def broken(state: str, **values: object) -> Callable[[], object]:
    return lambda: change(task(state), **values)


BROKEN: dict[str, list[Callable[[], object]]] = {
    "task_aims_at_something": [broken("given", target=0)],
    "reported_task_by_somebody": [
        broken("reported", reported_by=""), broken("closed", reported_on=None), lambda: change(task("given"), state="reported"),
    ],
    "checked_task_says_what": [
        broken("self_checked", found=""), broken("rechecked", checked_by=""), broken("closed", checked_on=None),
    ],
    "task_second_person": [broken("self_checked", checked_by_id=5)],
    "rechecked_task_says_what": [
        broken("rechecked", refound=""), broken("rechecked", rechecked_on=None), broken("rechecked", rechecked_by=""),
    ],
    "rectifying_task_has_an_order": [broken("rectifying", rectification=None)],
    "closed_task_has_a_day": [broken("closed", closed_on=None)],
    "month_not_negative": [
        partial(line, WorkMonth, task_id=1, path=HERE, month="2018-09", done=Decimal(-1), told_on=ON, told_by="甲")
    ],
    "talk_says_what": [
        partial(line, Talk, **TALK, minutes="", result="限期"), partial(line, Talk, **TALK, minutes="谈话", result=""),
    ],
    "age_figure_counts": [partial(line, AgeFigure, **AGE, number=0), partial(line, AgeFigure, **AGE, number=1, enrolled=-1)],
    "goal_not_negative": [partial(line, IndicatorGoal, **GOAL, target=Decimal(-1))],
}  # fmt: skip
