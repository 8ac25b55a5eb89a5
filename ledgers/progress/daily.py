"""What time alone makes due of tasks: their day, and the months that nobody has told, to the owner and then to the giver."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from aidcases import inbox
from aidcases.inbox import Task
from aidcases.models.places import above
from aidcases.roles import OfficeKind, P
from aidcases.urging import Urging, offices, urge
from ledgers.models import WorkTask
from ledgers.progress import spans, tasks

WORKING = (OfficeKind.SCHOOL, OfficeKind.TOWNSHIP, OfficeKind.COUNTY, OfficeKind.CITY)


def _named(task: WorkTask) -> str:
    return f"工作任务“{task.title}”"


TASKS = Urging(
    "worktask", _named, WORKING, P.PROGRESS_WRITE, P.PROGRESS_GIVE, asks="请按期完成", late="逾期未完成",
    urges="请督促或约谈",
)  # fmt: skip


def tasks_due(now: datetime) -> dict[str, int]:
    """A week before the day of a task, and after it."""
    today = timezone.localdate(now)
    return urge(tasks.soon(today), TASKS, today=today)


def months_due(now: datetime) -> dict[str, int]:
    """From the first of a month to the fifth the last month is asked for; afterwards it is urgent, and the offices that
    gave the tasks are told who has not. One reminder per office, not one per task."""
    today = timezone.localdate(now)
    month, over = spans.last_due(today), True
    if today.day <= spans.DUE_DAY:
        month, over = _next(month), False
    lacking: Counter[str] = Counter()
    asking: Counter[str] = Counter()
    for path, given in WorkTask.objects.behind(month).filter(line__year=int(month[:4])).values_list("path", "given_path"):
        lacking[path] += 1
        asking[given] += path != given
    return inbox.keep("workmonth.", _asked(lacking, asking, month, over=over), today=today)


def _next(month: str) -> str:
    return spans.month_of(spans.due_on(month))


def _asked(lacking: Counter[str], asking: Counter[str], month: str, *, over: bool) -> list[Task]:
    known = offices({each for path in (*lacking, *asking) for each in above(path)[:1]}, WORKING)
    what: dict[str, Any] = {"due_on": spans.due_on(month), "subject": None}
    url = f"{reverse('worktask_list')}?{urlencode({'year': month[:4], 'late': 'month'})}"
    said = f"{month} 的进度"
    made = []
    for path, number in lacking.items():
        if own := known.get(path):
            title = f"{'逾期未填' if over else '请填报'} {said}：{number} 项工作任务"
            made.append(Task(own, f"workmonth.due.{month}", title, url, permission=P.PROGRESS_WRITE, urgent=over, **what))
    for path, number in asking.items():
        if over and number and (giver := known.get(path)):
            title = f"下级逾期未填 {said}：{number} 项工作任务，请督促"
            made.append(Task(giver, f"workmonth.below.{month}", title, url, permission=P.PROGRESS_GIVE, urgent=True, **what))
    return made


HOOKS = (tasks_due, months_due)
