"""What batches have listed, and what has to be paid or taken back since."""

from __future__ import annotations

from django.db import models

from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.models.entitlements import ComputeRun
from subsidies.models.rules import Benefit, Rule


class FrozenLine(Scoped):
    """What a batch has listed of an entitlement (or of its adjustment): it stands until the line is cancelled."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="+")
    term = models.CharField("学期", max_length=11, db_collation="C")
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="+")
    rule = models.ForeignKey(Rule, models.PROTECT, related_name="+")
    amount = models.DecimalField("金额（元）", max_digits=12, decimal_places=2, null=True)
    batch = models.CharField("批次", max_length=40)
    listed_at = models.DateTimeField(db_default=models.functions.Now())
    cancelled_at = models.DateTimeField(null=True)
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "已列入发放"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "student", "term", "benefit"], name="listed_once_in_batch"),
        ]
        indexes = [models.Index(fields=["term", "student"], name="frozen_term_student")]

    def __str__(self) -> str:
        return f"{self.batch} {self.student_id} {self.amount}"


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
