"""Filter of the list of tasks."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django.db.models import QuerySet

from aidcases.models import Organisation
from ledgers.models import WorkTask
from ledgers.models.progress import WORKING, WorkState
from ledgers.progress import spans

ALL = "全部"


class TaskFilter(django_filters.FilterSet):
    """Tasks in sight of one year; by line, office, state, and what is late."""

    line = django_filters.ChoiceFilter(label="工作线", choices=[], empty_label=ALL)
    office = django_filters.ModelChoiceFilter(label="责任单位", queryset=Organisation.objects.none(), empty_label=ALL)
    state = django_filters.ChoiceFilter(label="状态", choices=WorkState.choices, empty_label=ALL)
    late = django_filters.ChoiceFilter(
        label="逾期", choices=[("due", "逾期未完成"), ("month", "逾期未填报")], empty_label=ALL, method="by_late"
    )

    class Meta:
        model = WorkTask
        fields = ()

    def __init__(self, *args: Any, year: int, today: date, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.year, self.today = year, today
        mine = WorkTask.objects.of_year(year).order_by()
        # Of tasks in sight, whoever named the line: a county sees the city's by its own tasks.
        self.filters["line"].extra["choices"] = list(mine.values_list("line", "line__name").distinct().order_by("line"))
        self.filters["office"].queryset = Organisation.objects.filter(pk__in=mine.values("office")).order_by("path")

    def by_late(self, rows: QuerySet[WorkTask], name: str, value: str) -> QuerySet[WorkTask]:
        if value == "due":
            return rows.filter(state__in=WORKING, due_on__lt=self.today)
        return rows.behind(spans.last_due(self.today))
