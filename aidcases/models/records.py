"""What happened and what is under way: audit events and jobs."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scope, Scoped, ScopedQuerySet, scoped_manager


class AuditEvent(Scoped):
    """One thing done or seen. Append-only: the database refuses UPDATE, DELETE and TRUNCATE (migration 0001)."""

    OWNER_PATHS = {OFFICE: "path"}

    at = models.DateTimeField(db_default=models.functions.Now())
    batch = models.UUIDField(default=uuid.uuid4)
    actor = models.CharField(max_length=120)
    user_id = models.BigIntegerField(null=True)
    path = PathField()
    action = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=40, default="", blank=True)
    subject_id = models.BigIntegerField(null=True)
    before = models.CharField(max_length=40, default="", blank=True)
    after = models.CharField(max_length=40, default="", blank=True)
    note = models.TextField(default="", blank=True)
    data = models.JSONField(default=dict, blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "操作记录"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["subject_type", "subject_id"], name="audit_subject"),
            models.Index(fields=["path", "-id"], name="audit_path"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor} {self.action}"


class JobState(models.TextChoices):
    QUEUED = "queued", "排队中"
    RUNNING = "running", "进行中"
    WAITING = "waiting", "分片进行中"
    DONE = "done", "完成"
    FAILED = "failed", "未完成"
    CANCELLED = "cancelled", "已取消"


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)

JOB = Flow(
    Move("cancel", "取消", {JobState.QUEUED, JobState.RUNNING, JobState.WAITING}, JobState.CANCELLED, P.JOB_STEER),
    Move("resume", "继续", {JobState.FAILED, JobState.CANCELLED}, JobState.QUEUED, P.JOB_STEER),
)


class JobQuerySet(FlowQuerySet):
    def open(self) -> JobQuerySet:
        return self.filter(state__in=OPEN_STATES)

    def roots(self) -> JobQuerySet:
        return self.filter(parent=None)


class Job(Moving, Scoped):
    """Work of more than two seconds. This table is the queue of record; a broker only rings the bell."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = JOB

    kind = models.CharField(max_length=40)
    label = models.CharField(max_length=120)
    params = models.JSONField(default=dict)
    path = PathField()
    sides = ArrayField(models.CharField(max_length=8), default=list)
    requested_by = models.CharField(max_length=120)
    user_id = models.BigIntegerField(null=True)
    office_id = models.BigIntegerField(null=True)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="parts")

    state = models.CharField(max_length=12, choices=JobState.choices, default=JobState.QUEUED)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    stage = models.CharField(max_length=60, default="", blank=True)
    result = models.JSONField(default=dict)
    error = models.TextField(default="", blank=True)

    created_at = models.DateTimeField(db_default=models.functions.Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)

    objects = scoped_manager(JobQuerySet)

    class Meta:
        verbose_name = "任务"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["path", "-id"], name="job_path"),
            models.Index(fields=["id"], name="job_open", condition=models.Q(state__in=OPEN_STATES)),
        ]
        constraints = [
            models.CheckConstraint(
                name="job_running_is_claimed", condition=~models.Q(state="running") | models.Q(claim__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def scope(self) -> Scope:
        return Scope(self.path, frozenset(self.sides))

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    @property
    def percent(self) -> int:
        if self.state == JobState.DONE:
            return 100
        return min(99, int(100 * self.done / self.total)) if self.total else 0

    @property
    def seconds_left(self) -> int | None:
        """Estimate from the pace so far; None when nothing can be said yet."""
        if not (self.started_at and self.done and self.total and self.is_open):
            return None
        spent = (timezone.now() - self.started_at).total_seconds()
        return max(1, round(spent * (self.total - self.done) / self.done))

    @property
    def took(self) -> timedelta | None:
        return self.finished_at - self.started_at if self.finished_at and self.started_at else None
