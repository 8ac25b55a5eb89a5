"""What has come of tasks by the end of a stretch of time: told month by month, or counted by the system."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from aidcases.scoping import Actor
from ledgers.models import WorkMonth, WorkTask
from ledgers.models.progress import WORKING, WorkState
from ledgers.progress import sources, spans
from ledgers.progress.spans import Span

TENTH = Decimal("0.1")
NOUGHT = Decimal(0)
MOST_RATE = Decimal("99999.9")  # per cent; more is a slip of the finger, and no cell of a sheet holds just any number


@dataclass
class Figure:
    """Of a task: done in the span and since the year began, what was told of the months of the span, which are missing."""

    task: WorkTask
    now: Decimal = NOUGHT
    so_far: Decimal = NOUGHT
    told: list[WorkMonth] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lacking: bool = False  # a month of the year whose day is over was not told
    opens: bool = True  # whoever looks may see what stands behind the figure
    late: bool = False
    in_time: int = 0  # months of the year told by their day
    asked: int = 0  # months of the year whose day is over

    @property
    def rate(self) -> Decimal:
        """完成率 in per cent, one place; may be above 100."""
        return min((100 * self.so_far / self.task.target).quantize(TENTH, ROUND_HALF_UP), MOST_RATE)

    @property
    def problem(self) -> str:
        return next((month.problem for month in reversed(self.told) if month.problem), "")

    @property
    def remedy(self) -> str:
        return next((month.remedy for month in reversed(self.told) if month.remedy), "")

    @property
    def lags(self) -> bool:
        """Over its day and not done, or with months that nobody has told."""
        return self.late or bool(self.missing)


def of(tasks: Iterable[WorkTask], span: Span, today: date, by: Actor | None = None) -> list[Figure]:
    """In the order of the tasks, for whoever looks. Two statements, however many: what was told, what the system counts."""
    tasks = list(tasks)
    counted = sources.counted([task for task in tasks if task.source], span)
    months: dict[int, list[WorkMonth]] = defaultdict(list)
    last = span.months[-1]
    for row in WorkMonth.objects.filter(task__in=[task.pk for task in tasks], month__lte=last).order_by("month"):
        months[row.task_id].append(row)
    found = [_figure(task, months[task.pk], counted.get(task.pk), span, today) for task in tasks]
    for figure in found:
        source = figure.task.source
        figure.opens = not source or by is None or by.may(sources.SOURCES[source].can)
    return found


def _figure(
    task: WorkTask, told: list[WorkMonth], counted: tuple[Decimal, Decimal] | None, span: Span, today: date
) -> Figure:
    made = Figure(task, told=[row for row in told if row.month in span.months], late=is_late(task, today))
    if task.source:
        made.now, made.so_far = counted or (NOUGHT, NOUGHT)
        return made
    made.now = sum((row.done or NOUGHT for row in made.told), NOUGHT)
    made.so_far = sum((row.done or NOUGHT for row in told), NOUGHT)
    asked = due_months(task, min(spans.last_due(today), span.months[-1]))
    known = {row.month: row for row in told}
    made.asked = len(asked)
    made.in_time = sum(month in known and known[month].told_on <= spans.due_on(month) for month in asked)
    made.lacking = any(month not in known for month in asked)
    made.missing = [month for month in asked if month not in known and month in span.months]
    return made


def is_late(task: WorkTask, today: date) -> bool:
    return task.state in WORKING and task.due_on < today


def due_months(task: WorkTask, until: str) -> list[str]:
    """Months that the owner has to tell: from when the task was given until it was reported as done, or the year ended."""
    if task.state == WorkState.CANCELLED:
        return []
    ends = [until, f"{task.line.year}-12"]
    if task.state not in WORKING and task.reported_on:
        ends.append(spans.month_of(task.reported_on))
    return spans.between(task.first_month, min(ends))
