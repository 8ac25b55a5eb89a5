"""补发和追缴: what is due now less what was listed, and the money that has to come back, with its receipts."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.models.entitlements import ComputeRun
from subsidies.models.rules import Benefit, Rule
from subsidies.models.written import Written


class Adjustment(Scoped):
    """Back-pay (补发) or recovery (追缴): what a student is due now less the sum of what was listed, per benefit and
    term. One row while they differ; computed with the entitlements, never added up."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    pk = models.CompositePrimaryKey("term", "student_id", "benefit_id")
    term = models.CharField("学期", max_length=11, db_collation="C")
    student = models.ForeignKey(Student, models.CASCADE, related_name="+")
    benefit = models.ForeignKey(Benefit, models.CASCADE, related_name="+")
    rule = models.ForeignKey(Rule, models.CASCADE, null=True, related_name="+")  # NULL: nothing is due any more
    due = models.DecimalField("现在应享（元）", max_digits=12, decimal_places=2)
    listed = models.DecimalField("已列入发放（元）", max_digits=12, decimal_places=2)
    difference = models.DecimalField("差额（元）", max_digits=12, decimal_places=2)
    run = models.ForeignKey(ComputeRun, models.DO_NOTHING, related_name="+", db_constraint=False)
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "补发和追缴"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(difference=models.F("due") - models.F("listed")) & ~models.Q(difference=0),
                name="adjustment_is_the_difference",
            )
        ]

    def __str__(self) -> str:
        return f"{self.student_id} {self.difference}"


class RecoveryState(models.TextChoices):
    OPEN = "open", "待收回"
    COLLECTED = "collected", "已收清"
    CANCELLED = "cancelled", "不再追缴"


# Of one that is over, its state alone is told.
ALL_THERE = Condition("all_there", "还没有收齐", Q(collected=F("yuan")) | Q(state=RecoveryState.CANCELLED))
NOTHING_YET = Condition("nothing_yet", "已经收了一部分，不能撤销", Q(collected=0) | Q(state=RecoveryState.COLLECTED))

RECOVERY = Flow(
    Move("close", "收清", {RecoveryState.OPEN}, RecoveryState.COLLECTED, P.PAYMENT_PREPARE, All((ALL_THERE,))),
    Move("cancel", "不再追缴", {RecoveryState.OPEN}, RecoveryState.CANCELLED, P.PAYMENT_APPROVE, All((NOTHING_YET,)),
         note_required=True),
)  # fmt: skip


class RecoveryQuerySet(FlowQuerySet, ScopedQuerySet):
    def standing(self) -> RecoveryQuerySet:
        return self.exclude(state=RecoveryState.CANCELLED)


class Recovery(Moving, Scoped):
    """追缴: a line of the collection list, never of a bank file. While it stands it counts against what was listed, so
    that the same difference is not asked for twice."""

    OWNER_PATHS = {SCHOOL: "school_path", HOME: "home_path"}
    FLOW = RECOVERY

    student = models.ForeignKey(Student, models.PROTECT, related_name="recoveries")
    term = models.CharField("学期", max_length=11, db_collation="C")
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="+", verbose_name="资助项目")
    state = models.CharField("状态", max_length=10, choices=RecoveryState.choices, default=RecoveryState.OPEN)
    yuan = models.DecimalField("应收回（元）", max_digits=12, decimal_places=2)
    collected = models.DecimalField("已收回（元）", max_digits=12, decimal_places=2, default=0)
    why = models.CharField("原因", max_length=200)
    due_on = models.DateField("期限", null=True)
    opened_by = models.CharField("开列人", max_length=120)
    opened_by_id = models.BigIntegerField(null=True)
    opened_at = models.DateTimeField(db_default=models.functions.Now())
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(RecoveryQuerySet)

    class Meta:
        verbose_name = "追缴"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(yuan__gt=0) & Q(collected__gte=0) & Q(collected__lte=F("yuan")), name="recovery_within"
            ),
            models.CheckConstraint(
                condition=~Q(state="collected") | Q(collected=F("yuan")), name="collected_recovery_is_whole"
            ),
            models.CheckConstraint(condition=~Q(state="cancelled") | Q(collected=0), name="cancelled_recovery_is_empty"),
        ]
        indexes = [
            models.Index(fields=["term", "student"], name="recovery_term_student"),
            models.Index(fields=["school_path", "state"], name="recovery_school"),
        ]

    def __str__(self) -> str:
        return f"{self.student_id} {self.yuan}"


class Receipt(Written):
    """Money that came back, by its receipt. `collected` of the recovery is their sum (trigger)."""

    OWNER_PATHS = {SCHOOL: "recovery__school_path", HOME: "recovery__home_path"}

    recovery = models.ForeignKey(Recovery, models.PROTECT, related_name="receipts")
    yuan = models.DecimalField("金额（元）", max_digits=12, decimal_places=2)
    received_on = models.DateField("收到日期")
    number = models.CharField("票据号", max_length=40)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "追缴收据"
        ordering = ["received_on", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(yuan__gt=0), name="receipt_of_something"),
            models.UniqueConstraint(fields=["recovery", "number"], name="receipt_once"),
        ]

    def __str__(self) -> str:
        return self.number
