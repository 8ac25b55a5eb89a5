"""Filters of the kernel's lists."""

from __future__ import annotations

import django_filters
from django import forms
from django.db.models import QuerySet

from aidcases.models import AuditEvent, Job
from aidcases.models.records import OPEN_STATES, JobState
from aidcases.wording import ACTIONS

_DAY = forms.DateInput(attrs={"type": "date"})


class AuditFilter(django_filters.FilterSet):
    """What was done, and when."""

    action = django_filters.ChoiceFilter(label="做了什么", choices=list(ACTIONS.items()), empty_label="全部")
    since = django_filters.DateFilter(label="从", field_name="at", lookup_expr="date__gte", widget=_DAY)
    until = django_filters.DateFilter(label="到", field_name="at", lookup_expr="date__lte", widget=_DAY)

    class Meta:
        model = AuditEvent
        fields = ()


class JobFilter(django_filters.FilterSet):
    """How far jobs have got."""

    state = django_filters.ChoiceFilter(
        label="状态",
        choices=[("open", "进行中"), ("done", "完成"), ("failed", "未完成"), ("cancelled", "已取消")],
        empty_label="全部",
        method="got_to",
    )

    class Meta:
        model = Job
        fields = ()

    def got_to(self, rows: QuerySet[Job], _name: str, state: str) -> QuerySet[Job]:
        return rows.filter(state__in=OPEN_STATES if state == "open" else [JobState(state)])
