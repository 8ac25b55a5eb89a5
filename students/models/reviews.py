"""What a clerk decides: rows that wait, people who may be one, people who are missing from a newer register."""

from __future__ import annotations

from django.db import models

from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models.batches import Batch
from students.models.imports import ImportFile, ImportRow
from students.models.people import Person


class Outcome(models.TextChoices):
    """What is to become of a row that waits."""

    ROW = "row", "以名单为准"  # its name, its facts
    KNOWN = "known", "同一个人，沿用系统里的姓名"  # its facts under the name that stands
    REFUSE = "refuse", "不采用这一行"


class DecisionState(models.TextChoices):
    ASKED = "asked", "待对方单位同意"
    APPLIED = "applied", "已办理"
    DECLINED = "declined", "对方不同意"
    WITHDRAWN = "withdrawn", "已收回"
    UNDONE = "undone", "已撤销"


DECISION = Flow(
    Move("apply", "同意办理", {DecisionState.ASKED}, DecisionState.APPLIED, P.REVIEW_DECIDE),
    Move("decline", "不同意", {DecisionState.ASKED}, DecisionState.DECLINED, P.REVIEW_DECIDE, note_required=True),
    Move("withdraw", "收回", {DecisionState.ASKED}, DecisionState.WITHDRAWN, P.REVIEW_DECIDE),
    Move("undo", "撤销", {DecisionState.APPLIED}, DecisionState.UNDONE, P.REVIEW_DECIDE),
)


class DecidedQuerySet(FlowQuerySet, ScopedQuerySet):
    """Of what a clerk decides: moved in sets, seen in scope."""


class Decision(Moving, Scoped):
    """Who decided on a waiting row, what and why. The same row in a later file is decided the same way: found again by
    office, number and name, and the reason it waited for."""

    # The office that decides, and the one that must agree: both see it.
    OWNER_PATHS = {OFFICE: "path", HOME: "other_path"}
    FLOW = DECISION

    row = models.ForeignKey(ImportRow, models.PROTECT, related_name="decisions")
    path = PathField()  # the office that decides
    other_path = PathField(default="", blank=True)  # the office that must agree, where its facts would change
    reason = models.CharField("待核对原因", max_length=40)
    id_hash = models.BinaryField(null=True)
    name = models.CharField("姓名", max_length=60, default="", blank=True)
    outcome = models.CharField("决定", max_length=10, choices=Outcome.choices)
    why = models.CharField("理由", max_length=200)
    state = models.CharField("状态", max_length=10, choices=DecisionState.choices)
    decided_by = models.CharField("决定人", max_length=120)
    decided_at = models.DateTimeField("决定时间", db_default=models.functions.Now())
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="+")

    objects = scoped_manager(DecidedQuerySet)

    class Meta:
        verbose_name = "核对决定"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["id_hash", "reason"], name="decision_number"),
            models.Index(fields=["path", "state"], name="decision_path"),
            models.Index(fields=["other_path", "state"], name="decision_other"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["row", "reason"], condition=models.Q(state__in=("asked", "applied")), name="decided_once_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}：{self.name}"


class SuspectState(models.TextChoices):
    OPEN = "open", "待核对"
    SAME = "same", "同一个人，已合并"
    DIFFERENT = "different", "不是同一个人"


SUSPECT = Flow(
    Move("merge", "合并", {SuspectState.OPEN}, SuspectState.SAME, P.REVIEW_DECIDE),
    Move("part", "不是同一个人", {SuspectState.OPEN}, SuspectState.DIFFERENT, P.REVIEW_DECIDE),
    Move("reopen", "重新核对", {SuspectState.SAME, SuspectState.DIFFERENT}, SuspectState.OPEN, P.REVIEW_DECIDE),
)


class Suspect(Moving, Scoped):
    """Two records that may be one child, by a rung of the matching ladder. Facts of both stand until decided."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = SUSPECT

    path = PathField()  # the office whose file brought the second
    # Plain keys: after a merge one of the two is gone, and comes back with the undo.
    first_id = models.BigIntegerField()  # the lower key
    second_id = models.BigIntegerField()
    first_name = models.CharField(max_length=60)
    second_name = models.CharField(max_length=60)
    rung = models.CharField("依据", max_length=16)
    evidence = models.JSONField(default=dict)
    file = models.ForeignKey(ImportFile, models.CASCADE, null=True, related_name="+")
    state = models.CharField("状态", max_length=10, choices=SuspectState.choices, default=SuspectState.OPEN)
    decided_by = models.CharField("决定人", max_length=120, default="", blank=True)
    decided_at = models.DateTimeField("决定时间", null=True)
    why = models.CharField("理由", max_length=200, default="", blank=True)
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="+")

    objects = scoped_manager(DecidedQuerySet)

    class Meta:
        verbose_name = "疑似重复人员"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["path", "state"], name="suspect_path")]
        constraints = [
            models.UniqueConstraint(fields=["first_id", "second_id"], name="suspected_once"),
            models.CheckConstraint(condition=models.Q(first_id__lt=models.F("second_id")), name="suspects_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} / {self.second_name}"


class PersonAlias(Scoped):
    """A number that turned out to be another's: rows under it are that person's. Made by a merge, gone with its undo."""

    OWNER_PATHS = {HOME: "person__home_path", SCHOOL: "person__school_path"}

    person = models.ForeignKey(Person, models.PROTECT, related_name="aliases")
    id_number = EncryptedField("证件号码", blind_index="id_hash", null=True)
    id_hash = models.BinaryField(unique=True)
    id_last4 = models.CharField(max_length=4, default="", blank=True)
    name = models.CharField("姓名", max_length=60)
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="+")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "合并前的号码"

    def __str__(self) -> str:
        return f"{self.name}（尾号 {self.id_last4}）"


class MissingState(models.TextChoices):
    OPEN = "open", "待核对"
    ENDED = "ended", "已终止"
    KEPT = "kept", "仍保留"


MISSING = Flow(
    Move("end", "终止", {MissingState.OPEN}, MissingState.ENDED, P.REVIEW_DECIDE),
    Move("keep", "仍保留", {MissingState.OPEN}, MissingState.KEPT, P.REVIEW_DECIDE),
    Move("reopen", "重新核对", {MissingState.ENDED, MissingState.KEPT}, MissingState.OPEN, P.REVIEW_DECIDE),
)


class Missing(Moving, Scoped):
    """On an older register of the office, not on the whole register of this file. Ended from its date once decided."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = MISSING

    file = models.ForeignKey(ImportFile, models.CASCADE, related_name="missing")
    path = PathField()
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    from_on = models.DateField("终止日期")  # the register's date: from this day on
    # A row of the register that was sent back for its number and probably is this person.
    hint_row = models.IntegerField("可能是第几行", null=True)
    state = models.CharField("状态", max_length=10, choices=MissingState.choices, default=MissingState.OPEN)
    decided_by = models.CharField("决定人", max_length=120, default="", blank=True)
    decided_at = models.DateTimeField("决定时间", null=True)
    why = models.CharField("理由", max_length=200, default="", blank=True)
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="+")

    objects = scoped_manager(DecidedQuerySet)

    class Meta:
        verbose_name = "不在新名单的人员"
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["file", "person"], name="missing_once")]
        indexes = [models.Index(fields=["path", "state"], name="missing_path")]

    def __str__(self) -> str:
        return f"{self.person} 不在新名单"
