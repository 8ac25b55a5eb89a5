"""随机抽查: a seeded draw, what was found, and what has to be put right."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedManager, ScopedQuerySet, scoped_manager
from dropout.enums import TaskState
from dropout.models.cases import DropoutCase, OnMyTeam
from students.models import Student


class Inspection(Scoped):
    """A draw: anybody with the seed and the lists draws the same children. The seed is published before the draw."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    term = models.CharField("学期", max_length=11, db_collation="C")
    seed = models.CharField("种子", max_length=60)
    size = models.IntegerField("每层抽取人数")
    strata = models.JSONField("分层", default=list)  # [{"stratum", "label", "population", "drawn"}]
    sha256 = models.CharField(max_length=64)  # of the whole list and of who was drawn of it (dropout.drawing.checksum)
    drawn_on = models.DateField("抽取日期")
    drawn_by = models.CharField("抽取人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "随机抽查"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["path", "term", "seed"], name="a_seed_draws_once")]

    def __str__(self) -> str:
        return f"{self.term} {self.seed}"


class InspectionLine(Scoped):
    """A child that was drawn and what was found at the door or in the classroom."""

    OWNER_PATHS = {OFFICE: "inspection__path", HOME: "home_path", SCHOOL: "school_path"}

    inspection = models.ForeignKey(Inspection, models.CASCADE, related_name="lines")
    order = models.IntegerField()
    stratum = models.CharField("层", max_length=60)
    student = models.ForeignKey(Student, models.PROTECT, related_name="+")
    case = models.ForeignKey(DropoutCase, models.PROTECT, null=True, related_name="+")
    home_path = PathField()
    school_path = PathField()
    in_school = models.BooleanField("在校", null=True)
    found = models.CharField("抽查情况", max_length=200, default="", blank=True)
    checked_on = models.DateField("抽查日期", null=True)
    checked_by = models.CharField("抽查人", max_length=120, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "抽查名单"
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["inspection", "student"], name="drawn_once"),
            models.CheckConstraint(
                name="checked_says_what", condition=Q(checked_on=None) | (Q(in_school__isnull=False) & ~Q(checked_by=""))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.stratum}"


ANSWERED = Condition("answered", "还没有写整改情况", ~Q(answer=""))
RECTIFICATION = Flow(
    Move("answer", "报告整改", {TaskState.OPEN}, TaskState.DONE, P.DROPOUT_WRITE, All((ANSWERED,))),
    Move("accept", "核实通过", {TaskState.DONE}, TaskState.CLOSED, P.DROPOUT_INSPECT),
    Move("send_back", "退回重改", {TaskState.DONE}, TaskState.OPEN, P.DROPOUT_INSPECT, note_required=True),
)


class RectificationQuerySet(FlowQuerySet, ScopedQuerySet):
    """Moved in sets, seen in scope."""


class RectificationManager(ScopedManager.from_queryset(RectificationQuerySet)):  # type: ignore[misc]
    """In scope, and of a class teacher those about children whose team they are on: what is wrong is told by name."""

    def get_queryset(self) -> RectificationQuerySet:
        return super().get_queryset().filter(Q(OnMyTeam(F("case"))) | Q(OnMyTeam(F("line"), of="line")))


class Rectification(Moving, Scoped):
    """整改任务: given by an inspecting office to one below it, done by a day, checked by who gave it."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = RECTIFICATION

    path = PathField()  # who has to put it right
    given_path = PathField()
    given_name = models.CharField("下达单位", max_length=80)
    line = models.ForeignKey(InspectionLine, models.PROTECT, null=True, related_name="+")
    case = models.ForeignKey(DropoutCase, models.PROTECT, null=True, related_name="+")
    state = models.CharField("状态", max_length=8, choices=TaskState.choices, default=TaskState.OPEN)
    problem = models.CharField("问题", max_length=200)
    due_on = models.DateField("整改期限")
    answer = models.CharField("整改情况", max_length=400, default="", blank=True)
    answered_on = models.DateField("报告日期", null=True)
    answered_by = models.CharField("报告人", max_length=120, default="", blank=True)
    escalated_on = models.DateField("升级日期", null=True)
    made_by = models.CharField("下达人", max_length=120)
    made_on = models.DateField("下达日期")

    objects = RectificationManager()

    class Meta:
        verbose_name = "整改任务"
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                name="rectified_says_how",
                condition=~Q(state__in=("done", "closed")) | (~Q(answer="") & Q(answered_on__isnull=False)),
            )
        ]
        indexes = [models.Index(fields=["path", "state", "due_on"], name="rectification_path")]

    def __str__(self) -> str:
        return self.problem
