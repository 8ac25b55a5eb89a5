"""Issues of ledgers: what was generated, for whom and why, and what proves it later."""

from __future__ import annotations

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from aidcases.models import Job
from aidcases.models.records import OPEN_STATES
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager


class LedgerIssueQuerySet(ScopedQuerySet):
    def finished(self) -> LedgerIssueQuerySet:
        return self.filter(finished_at__isnull=False)

    def with_job_state(self) -> LedgerIssueQuerySet:
        """job_state: how the making of it stands, None when its job is gone."""
        job = Job.objects.filter(pk=OuterRef("job_id"))
        return self.annotate(job_state=Subquery(job.values("state")))

    def chain_of(self, issue: LedgerIssue) -> LedgerIssueQuerySet:
        """Finished issues of the same ledger, term and area by the same office, newest first."""
        same = {name: getattr(issue, name) for name in ("path", "ledger", "term", "area_path")}
        return self.finished().filter(**same).order_by("-finished_at", "-pk")


class LedgerIssue(Scoped):
    """One ledger generated once. It belongs to the office that asked: its file shows what that office may see, so
    an office further down does not get it even where it is the area.

    Until `finished_at` there is no file; after it nothing changes any more, a correction is a new issue.
    """

    OWNER_PATHS = {OFFICE: "path"}

    ledger = models.CharField("台账", max_length=40)
    title = models.CharField("名称", max_length=200)
    term = models.CharField("学期", max_length=11, db_collation="C")
    path = PathField()  # the scope of the office that asked
    area_path = PathField()
    area_name = models.CharField("范围", max_length=80)
    flat = models.BooleanField("数据版", default=False)
    # The office's own form it is written into; None: the system's.
    form = models.ForeignKey("ledgers.CountyForm", models.PROTECT, null=True, related_name="+", verbose_name="表样")
    unmasked = models.BooleanField("证件号码为明文", default=False)
    purpose = models.CharField("用途", max_length=120)
    reported_by = models.CharField("填报单位", max_length=80)
    requested_by = models.CharField("生成人", max_length=120)
    created_at = models.DateTimeField("申请时间", db_default=models.functions.Now())
    job_id = models.BigIntegerField(unique=True)

    finished_at = models.DateTimeField("生成时间", null=True)
    rows = models.IntegerField("行数", null=True)
    totals = models.JSONField("合计", default=list)  # [heading, total] in the order of the columns
    sha256 = models.CharField("文件校验码", max_length=64, default="", blank=True)
    stored = models.CharField(max_length=80, default="", blank=True)
    filename = models.CharField("文件名", max_length=200, default="", blank=True)
    previous = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", verbose_name="上一期")
    previous_sha256 = models.CharField("上一期校验码", max_length=64, default="", blank=True)
    # The newest computation that covered the area: its certificate says on which facts and rules the figures stand.
    run_id = models.BigIntegerField(null=True)
    computed_at = models.DateTimeField("测算时间", null=True)
    facts_digest = models.CharField(max_length=64, default="", blank=True)
    rules_digest = models.CharField(max_length=64, default="", blank=True)
    result_digest = models.CharField(max_length=64, default="", blank=True)
    certificate = models.CharField("测算校验码", max_length=64, default="", blank=True)

    objects = scoped_manager(LedgerIssueQuerySet)

    class Meta:
        verbose_name = "台账生成记录"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["path", "-id"], name="ledger_issue_path"),
            models.Index(fields=["ledger", "term", "area_path"], name="ledger_issue_chain"),
        ]
        constraints = [
            models.CheckConstraint(name="ledger_issue_has_a_purpose", condition=~Q(purpose="")),
            models.CheckConstraint(
                name="ledger_issue_finished_has_a_file",
                condition=Q(finished_at=None, rows=None, sha256="", stored="", filename="")
                | (Q(finished_at__isnull=False, rows__isnull=False) & ~Q(sha256="") & ~Q(stored="") & ~Q(filename="")),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def under_way(self) -> bool:
        """Of an issue `with_job_state()`."""
        return self.finished_at is None and self.job_state in OPEN_STATES

    @property
    def layout(self) -> str:
        if self.form_id:
            return "本单位表样"
        return "数据版" if self.flat else "上报版"
