"""常态化报告: what a school, a county, the city and the province report, by when; the figures as they were then."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Organisation
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from dropout.enums import ReportState, Rhythm

R = ReportState
FILLED = Condition("filled", "还没有生成数字", ~Q(figures={}))
REPORT = Flow(
    Move("submit", "上报", {R.DUE, R.RETURNED}, R.SUBMITTED, P.DROPOUT_REPORT, All((FILLED,))),
    Move("accept", "接收", {R.SUBMITTED}, R.ACCEPTED, P.DROPOUT_RECEIVE),
    Move("send_back", "退回修改", {R.SUBMITTED}, R.RETURNED, P.DROPOUT_RECEIVE, note_required=True),
)


class ReportQuerySet(FlowQuerySet, ScopedQuerySet):
    """Moved in sets, seen in scope."""


class Report(Moving, Scoped):
    """One per office, rhythm and period ("2018-10", "2018-Q4", "2018-autumn", "2018"). `figures` are frozen when it is
    handed up; `text` is the bulletin generated from them and changed by hand."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = REPORT

    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="填报单位")
    path = PathField()
    rhythm = models.CharField("种类", max_length=8, choices=Rhythm.choices)
    period = models.CharField("期间", max_length=11, db_collation="C")
    state = models.CharField("状态", max_length=10, choices=ReportState.choices, default=ReportState.DUE)
    due_on = models.DateField("上报期限")
    figures = models.JSONField(default=dict)
    text = models.TextField("情况说明", default="", blank=True)
    returned_why = models.CharField("退回原因", max_length=200, default="", blank=True)
    submitted_on = models.DateField("上报日期", null=True)
    submitted_by = models.CharField("上报人", max_length=120, default="", blank=True)
    accepted_by = models.CharField("接收人", max_length=120, default="", blank=True)
    escalated_on = models.DateField("升级日期", null=True)

    objects = scoped_manager(ReportQuerySet)

    class Meta:
        verbose_name = "控辍保学报告"
        ordering = ["due_on", "path", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["office", "rhythm", "period"], name="one_report_a_period"),
            models.CheckConstraint(
                name="handed_up_has_its_day",
                condition=~Q(state__in=("submitted", "accepted"))
                | (Q(submitted_on__isnull=False) & ~Q(submitted_by="") & ~Q(figures={})),
            ),
        ]
        indexes = [models.Index(fields=["path", "rhythm", "period"], name="report_path")]

    def __str__(self) -> str:
        return f"{self.office} {self.period}"
