"""Filters of the kernel's lists."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from aidcases.actionwords import ACTIONS
from aidcases.models import AuditEvent, Job, Reminder, User
from aidcases.models.records import OPEN_STATES, JobState
from aidcases.scoping import current_scope

_DAY = forms.DateInput(attrs={"type": "date"})


class AuditFilter(django_filters.FilterSet):
    """Who did what, and when."""

    who = django_filters.ChoiceFilter(label="谁", empty_label="全部", method="by", widget=forms.Select({"data-pick": ""}))
    action = django_filters.ChoiceFilter(label="做了什么", choices=list(ACTIONS.items()), empty_label="全部")
    since = django_filters.DateFilter(label="从", field_name="at", lookup_expr="date__gte", widget=_DAY)
    until = django_filters.DateFilter(label="到", field_name="at", lookup_expr="date__lte", widget=_DAY)

    class Meta:
        model = AuditEvent
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any):
        """Offered are the people of the offices in sight, by their numbers: no name stands in an address."""
        super().__init__(*args, **kwargs)
        inside = User.objects.filter(memberships__organisation__path__startswith=current_scope().path)
        people = inside.order_by("full_name", "username").distinct()
        names = [(str(user.pk), f"{user}（{user.username}）") for user in people.only("full_name", "username")]
        self.filters["who"].extra["choices"] = [("system", "系统（命令行和自动任务）"), *names]

    def by(self, rows: QuerySet[AuditEvent], _name: str, who: str) -> QuerySet[AuditEvent]:
        return rows.filter(user_id=None if who == "system" else int(who))


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


class InboxFilter(django_filters.FilterSet):
    """What is to be done, by how soon; without a choice everything open."""

    show = django_filters.ChoiceFilter(
        label="哪些",
        choices=[("overdue", "已逾期"), ("week", "七天内到期"), ("done", "已办结")],
        empty_label="所有未办结",
        method="shown",
    )
    since = django_filters.DateFilter(label="期限从", field_name="due_on", lookup_expr="gte", widget=_DAY)
    until = django_filters.DateFilter(label="到", field_name="due_on", lookup_expr="lte", widget=_DAY)

    class Meta:
        model = Reminder
        fields = ()

    def __init__(self, *args: Any, today: date, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.today = today

    def filter_queryset(self, queryset: QuerySet[Reminder]) -> QuerySet[Reminder]:
        done = self.form.cleaned_data.get("show") == "done"
        rows = super().filter_queryset(queryset.filter(done_at__isnull=not done))
        return rows.order_by("-done_at", "-pk") if done else rows.order_by("-urgent", "due_on", "pk")

    def shown(self, rows: QuerySet[Reminder], _name: str, show: str) -> QuerySet[Reminder]:
        if show == "overdue":
            return rows.filter(due_on__lt=self.today)
        return rows.filter(due_on__range=(self.today, self.today + timedelta(days=7))) if show == "week" else rows
