"""Reporting upwards: what is due by when, what was handed up for it, and the city's pack of what came in."""

from __future__ import annotations

from datetime import date

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery

from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Job, Organisation
from aidcases.models.records import OPEN_STATES
from aidcases.roles import OfficeKind, P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from ledgers.enums import STANDING, Counted, Rhythm, SubmissionState
from ledgers.models.issues import LedgerIssue

S = SubmissionState
LEVELS = [(OfficeKind.COUNTY.value, "县区"), (OfficeKind.SCHOOL.value, "学校")]
SUBMISSION = Flow(
    Move("accept", "接收", {S.SUBMITTED}, S.ACCEPTED, P.LEDGER_RECEIVE),
    Move("send_back", "退回", {S.SUBMITTED}, S.RETURNED, P.LEDGER_RECEIVE, note_required=True),
    # By the office that handed it up, with a new one.
    Move("replace", "更正", {S.SUBMITTED, S.ACCEPTED}, S.REPLACED, P.LEDGER_SUBMIT),
)


class Schedule(Scoped):
    """What an office has set for those below it, instead of the shipped schedule (ledgers.schedules.DEFAULTS): a ledger
    of a rhythm and level is due `days` after the period's first or last day, or (`active` off) not at all."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    ledger = models.CharField("台账", max_length=40)
    rhythm = models.CharField("周期", max_length=8, choices=Rhythm.choices)
    kind = models.CharField("由谁上报", max_length=10, choices=LEVELS)
    counted = models.CharField("从何时起算", max_length=5, choices=Counted.choices)
    days = models.SmallIntegerField("天数")
    active = models.BooleanField("要上报", default=True)
    set_by = models.CharField("设定人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "上报安排"
        ordering = ["path", "ledger", "rhythm", "kind"]
        constraints = [
            models.UniqueConstraint(fields=["path", "ledger", "rhythm", "kind"], name="one_schedule_a_ledger_and_rhythm"),
            models.CheckConstraint(condition=Q(days__gte=0) & Q(days__lte=366), name="schedule_within_a_year"),
        ]

    def __str__(self) -> str:
        return f"{self.ledger} {self.get_rhythm_display()}"


class DueQuerySet(ScopedQuerySet):
    def settled(self) -> DueQuerySet:
        return self.filter(_standing())

    def open(self) -> DueQuerySet:
        """Nothing handed up, or what was handed up came back."""
        return self.filter(~_standing())

    def late(self, today: date) -> DueQuerySet:
        return self.open().filter(due_on__lt=today)

    def with_last(self) -> DueQuerySet:
        """last_state, last_on, last_issue: of the newest submission, None when there is none."""
        newest = Submission.objects.filter(due=OuterRef("pk")).order_by("-pk")
        return self.annotate(
            last_state=Subquery(newest.values("state")[:1]),
            last_on=Subquery(newest.values("submitted_on")[:1]),
            last_issue=Subquery(newest.values("issue")[:1]),
        )


def _standing() -> Exists:
    return Exists(Submission.objects.filter(due=OuterRef("pk"), state__in=STANDING))


class Due(Scoped):
    """A ledger an office has to hand up for a period ("2018-10", "2018-Q4", "2018-autumn", "2018-H2", "2018"; of an
    extra one its day), by when. `term`: the term of the issue that answers it."""

    OWNER_PATHS = {OFFICE: "path"}

    office = models.ForeignKey(Organisation, models.PROTECT, related_name="+", verbose_name="填报单位")
    path = PathField()
    ledger = models.CharField("台账", max_length=40)
    rhythm = models.CharField("周期", max_length=8, choices=Rhythm.choices)
    period = models.CharField("期间", max_length=11, db_collation="C")
    term = models.CharField("学期", max_length=11, db_collation="C")
    due_on = models.DateField("上报期限")
    escalated_on = models.DateField("督促日期", null=True)

    objects = scoped_manager(DueQuerySet)

    class Meta:
        verbose_name = "应上报台账"
        ordering = ["due_on", "path", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["office", "ledger", "rhythm", "period"], name="one_due_a_period"),
        ]
        indexes = [models.Index(fields=["path", "due_on"], name="ledger_due_path")]

    def __str__(self) -> str:
        return f"{self.office} {self.ledger} {self.period}"


class SubmissionQuerySet(FlowQuerySet, ScopedQuerySet):
    def standing(self) -> SubmissionQuerySet:
        return self.filter(state__in=STANDING)


class Submission(Moving, Scoped):
    """An issue handed up for a due item. From then on the issue can't change (trigger) and the offices above may open its
    file. A correction is another submission that replaces the former one and says why; one stands at most."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = SUBMISSION

    due = models.ForeignKey(Due, models.PROTECT, related_name="submissions", verbose_name="应上报")
    issue = models.ForeignKey(LedgerIssue, models.PROTECT, related_name="submissions", verbose_name="台账")
    path = PathField()
    state = models.CharField("状态", max_length=10, choices=SubmissionState.choices, default=SubmissionState.SUBMITTED)
    replaces = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", verbose_name="更正的是")
    why = models.CharField("更正原因", max_length=200, default="", blank=True)
    submitted_on = models.DateField("上报日期")
    submitted_by = models.CharField("上报人", max_length=120)
    returned_why = models.CharField("退回原因", max_length=200, default="", blank=True)
    decided_on = models.DateField("接收或退回日期", null=True)
    decided_by = models.CharField("接收人", max_length=120, default="", blank=True)

    objects = scoped_manager(SubmissionQuerySet)

    class Meta:
        verbose_name = "台账上报"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["due"], condition=Q(state__in=STANDING), name="one_submission_stands"),
            models.UniqueConstraint(fields=["due", "issue"], name="an_issue_goes_up_once"),
            models.CheckConstraint(condition=Q(replaces=None) | ~Q(why=""), name="correction_says_why"),
            models.CheckConstraint(condition=~Q(state=S.RETURNED) | ~Q(returned_why=""), name="returned_says_why"),
            models.CheckConstraint(
                condition=~Q(state__in=(S.ACCEPTED, S.RETURNED)) | (Q(decided_on__isnull=False) & ~Q(decided_by="")),
                name="decided_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["path", "-id"], name="ledger_submission_path")]

    def __str__(self) -> str:
        return f"{self.due_id} {self.issue_id}"


class BundleQuerySet(ScopedQuerySet):
    def finished(self) -> BundleQuerySet:
        return self.filter(finished_at__isnull=False)

    def with_job_state(self) -> BundleQuerySet:
        return self.annotate(job_state=Subquery(Job.objects.filter(pk=OuterRef("job_id")).values("state")))


class Bundle(Scoped):
    """上报汇总包: what the offices below have handed up for a period, in one archive with an index, a roll-up, a ranking and
    the report of the situation. Until `finished_at` there is no file; after it nothing changes. `report` holds figures of
    offices and places, of no person."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    rhythm = models.CharField("周期", max_length=8, choices=Rhythm.choices)
    period = models.CharField("期间", max_length=11, db_collation="C")
    title = models.CharField("名称", max_length=160)
    purpose = models.CharField("用途", max_length=120)
    unmasked = models.BooleanField("可含完整号码的台账", default=False)
    requested_by = models.CharField("生成人", max_length=120)
    created_at = models.DateTimeField("申请时间", db_default=models.functions.Now())
    job_id = models.BigIntegerField(unique=True)

    finished_at = models.DateTimeField("生成时间", null=True)
    files = models.IntegerField("台账份数", null=True)
    sha256 = models.CharField("文件校验码", max_length=64, default="", blank=True)
    stored = models.CharField(max_length=80, default="", blank=True)
    filename = models.CharField("文件名", max_length=200, default="", blank=True)
    report = models.JSONField("汇总", default=dict)

    objects = scoped_manager(BundleQuerySet)

    class Meta:
        verbose_name = "上报汇总包"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="bundle_has_a_purpose", condition=~Q(purpose="")),
            models.CheckConstraint(
                name="bundle_finished_has_a_file",
                condition=Q(finished_at=None, files=None, sha256="", stored="", filename="")
                | (Q(finished_at__isnull=False, files__isnull=False) & ~Q(sha256="") & ~Q(stored="") & ~Q(filename="")),
            ),
        ]
        indexes = [models.Index(fields=["path", "-id"], name="ledger_bundle_path")]

    def __str__(self) -> str:
        return self.title

    @property
    def under_way(self) -> bool:
        """Of a bundle `with_job_state()`."""
        return self.finished_at is None and self.job_state in OPEN_STATES
