"""What was written together, and how it was before: every batch can be undone."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager


class BatchKind(models.TextChoices):
    IMPORT = "import", "名单入库"
    DECISION = "decision", "核对决定"
    MERGE = "merge", "合并重复人员"
    CARRY = "carry", "新学期升级"
    ENDING = "ending", "名单外人员终止"


class BatchState(models.TextChoices):
    STANDING = "standing", "有效"
    UNDONE = "undone", "已撤销"


BATCH = Flow(
    Move("undo", "撤销", {BatchState.STANDING}, BatchState.UNDONE, P.IMPORT_WRITE),
)


class BatchQuerySet(FlowQuerySet, ScopedQuerySet):
    def standing(self) -> BatchQuerySet:
        return self.filter(state=BatchState.STANDING)


class Batch(Moving, Scoped):
    """Facts written in one transaction by one office; students.imports.journal opens it."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = BATCH

    kind = models.CharField("种类", max_length=10, choices=BatchKind.choices)
    state = models.CharField("状态", max_length=10, choices=BatchState.choices, default=BatchState.STANDING)
    path = PathField()
    term = models.CharField("学期", max_length=11, db_collation="C", default="", blank=True)
    label = models.CharField("内容", max_length=200)
    made_by = models.CharField("办理人", max_length=120)
    made_at = models.DateTimeField("办理时间", db_default=models.functions.Now())
    undone_by = models.CharField("撤销人", max_length=120, default="", blank=True)
    undone_at = models.DateTimeField("撤销时间", null=True)
    # What could not be restored, because it had been written since: {"kept": …} (students.imports.undo).
    outcome = models.JSONField(default=dict, db_default={})

    objects = scoped_manager(BatchQuerySet)

    class Meta:
        verbose_name = "批次"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["path", "-id"], name="batch_path")]
        constraints = [
            models.CheckConstraint(
                name="undone_has_a_moment",
                condition=models.Q(state="undone", undone_at__isnull=False)
                | (~models.Q(state="undone") & models.Q(undone_at=None)),
            ),
        ]

    def __str__(self) -> str:
        return self.label


class Written(Scoped):
    """The journal: a firing of a statement-level trigger is a step. An INSERT is one row with the keys it made; an
    UPDATE or DELETE a row for each record, `before` and `after` holding the columns that differ (all, of a deleted
    one). Columns that students.imports.homes derives are left out. Values as to_jsonb() gives them.

    `batch` is null where something outside a batch wrote: it only tells that a later hand has been there.
    """

    OWNER_PATHS = {OFFICE: "batch__path"}

    step = models.BigIntegerField()
    batch = models.ForeignKey(Batch, models.CASCADE, null=True, related_name="written")
    table = models.CharField(max_length=40, db_collation="C")
    verb = models.CharField(max_length=6)
    keys = ArrayField(models.BigIntegerField(), null=True)
    key = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "改动记录"
        indexes = [
            models.Index(fields=["batch", "step"], name="written_batch"),
            models.Index(fields=["table", "key"], name="written_key"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.table}"
