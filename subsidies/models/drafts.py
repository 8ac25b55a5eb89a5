"""A pack being written, and what it would change: rehearsed on today's facts before a second person publishes it."""

from __future__ import annotations

import hashlib

from django.db import models
from django.db.models import F, Q

from aidcases.conditions import All, Condition
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import HOME, OFFICE, SCHOOL, Actor, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.models.adopting import AdoptionRequest
from subsidies.models.rules import RulePack


class DraftState(models.TextChoices):
    DRAFT = "draft", "起草中"
    PUBLISHED = "published", "已发布"
    DISCARDED = "discarded", "已放弃"


REHEARSED = Condition(
    "rehearsed", "这份草稿的文字还没有试算，请先试算", Q(rehearsal__finished_at__isnull=False, rehearsal__sha256=F("sha256"))
)
PACK_DRAFT = Flow(
    Move("publish", "审核发布", {DraftState.DRAFT}, DraftState.PUBLISHED, P.PACK_PUBLISH, All((REHEARSED,))),
    Move("discard", "放弃草稿", {DraftState.DRAFT}, DraftState.DISCARDED, P.PACK_DRAFT),
)


class Rehearsal(Scoped):
    """What a pack's text, or adopting the pack as a request asks, would change in a term for everyone with home or
    school under the path; nothing is granted."""

    OWNER_PATHS = {OFFICE: "path"}

    pack_code = models.CharField("政策包", max_length=30)
    title = models.CharField("名称", max_length=80)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    term = models.CharField("学期", max_length=11, db_collation="C")
    path = PathField()
    facts_digest = models.CharField(max_length=64, default="", blank=True)
    rules_digest = models.CharField(max_length=64, default="", blank=True)  # of the rules in force today
    summary = models.JSONField(default=dict, blank=True)
    request = models.ForeignKey(AdoptionRequest, models.SET_NULL, null=True, related_name="+")
    job_id = models.BigIntegerField(null=True)
    requested_by = models.CharField(max_length=120)
    requested_at = models.DateTimeField(db_default=models.functions.Now())
    finished_at = models.DateTimeField(null=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "试算"
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.title} {self.term}"


class RehearsalRow(Scoped):
    """One benefit of one student that would change: NULL rules stand for nothing, NULL amounts for no money."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    rehearsal = models.ForeignKey(Rehearsal, models.CASCADE, related_name="rows")
    student = models.ForeignKey(Student, models.CASCADE, related_name="+")
    benefit_code = models.CharField("资助项目", max_length=40)
    old_rule = models.CharField("现在的规则", max_length=40, null=True)
    new_rule = models.CharField("以后的规则", max_length=40, null=True)
    old_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    new_amount = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    difference = models.DecimalField("差额（元）", max_digits=12, decimal_places=2)
    loan = models.BooleanField("贷款", default=False)  # may be claimed, never summed with grants
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "试算变化"
        ordering = ["pk"]
        indexes = [models.Index(fields=["rehearsal", "student"], name="rehearsal_student")]

    def __str__(self) -> str:
        return f"{self.student_id} {self.benefit_code} {self.difference}"


class PackDraftQuerySet(FlowQuerySet, ScopedQuerySet):
    pass


class PackDraft(Moving, Scoped):
    """A pack as text an office is writing. Published by somebody else than its author."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = PACK_DRAFT

    title = models.CharField("名称", max_length=80)
    text = models.TextField("条文")
    sha256 = models.CharField(max_length=64)
    path = PathField()
    state = models.CharField("状态", max_length=12, choices=DraftState.choices, default=DraftState.DRAFT)
    author = models.CharField("起草人", max_length=120)
    author_id = models.BigIntegerField(null=True)
    changed_at = models.DateTimeField("修改时间", auto_now=True)
    rehearsal = models.ForeignKey(Rehearsal, models.SET_NULL, null=True, related_name="+")
    pack = models.ForeignKey(RulePack, models.PROTECT, null=True, related_name="+")
    published_by = models.CharField("发布人", max_length=120, default="", blank=True)
    published_by_id = models.BigIntegerField(null=True)

    objects = scoped_manager(PackDraftQuerySet)

    class Meta:
        verbose_name = "政策草稿"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="published") | Q(pack__isnull=False) & ~Q(published_by=""), name="published_draft_has_pack"
            ),
            models.CheckConstraint(
                condition=Q(published_by_id__isnull=True) | ~Q(published_by_id=F("author_id")), name="draft_second_person"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def write(self, text: str, title: str, by: Actor) -> None:
        """A new text by whoever saves it: who wrote last is the author and so does not publish it."""
        self.text, self.title = text, title or self.title
        self.sha256 = sha256_of(text)
        self.author, self.author_id = by.name, by.user_id
        self.save()


def sha256_of(text: str) -> str:
    """Of a pack's text, as its published version has it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
