"""Differences of two large issues, worked out by a job."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from ledgers.models.issues import LedgerIssue


class Comparison(Scoped):
    """What changed from an issue to a later one, for the office that asked. Kept here are counts and totals; the rows
    themselves, which are of people, stand in the sealed sheet. Until `finished_at` there is none."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    old = models.ForeignKey(LedgerIssue, models.PROTECT, related_name="+", verbose_name="较早的一份")
    new = models.ForeignKey(LedgerIssue, models.PROTECT, related_name="+", verbose_name="较晚的一份")
    requested_by = models.CharField("申请人", max_length=120)
    job_id = models.BigIntegerField(unique=True)
    finished_at = models.DateTimeField("完成时间", null=True)
    rows = models.JSONField("行数", default=dict)  # kind of change → rows
    totals = models.JSONField("合计的变化", default=list)  # [sheet, heading, was, now]
    stored = models.CharField(max_length=80, default="", blank=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "台账差异"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="comparison_finished_has_a_file",
                condition=Q(finished_at=None, stored="") | (Q(finished_at__isnull=False) & ~Q(stored="")),
            ),
        ]
        indexes = [models.Index(fields=["path", "new", "old"], name="ledger_comparison_path")]

    def __str__(self) -> str:
        return f"{self.old_id}→{self.new_id}"
