"""Visits: when, where, who, how, what was said, what came of it, what is next. Unsent ones are kept as drafts."""

from __future__ import annotations

from django.db import models

from aidcases.crypto import EncryptedField
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from dropout.enums import VisitKind, VisitResult
from dropout.models.cases import DropoutCase, OfCase


class Visit(OfCase):
    """Never rewritten: a mistake is corrected by a later visit. `key` is made by the form: the same sent twice over a bad
    connection is one."""

    key = models.UUIDField(unique=True)
    number = models.SmallIntegerField("次数")
    visited_at = models.DateTimeField("时间")
    place = models.CharField("地点", max_length=100)
    kind = models.CharField("方式", max_length=6, choices=VisitKind.choices)
    persuading = models.BooleanField("劝返", default=False)  # else it was to verify, or in the watch
    people = models.CharField("参加人员", max_length=200)
    met = models.CharField("见到谁", max_length=100, default="", blank=True)
    said = models.TextField("过程和家长意见")
    result = models.CharField("结果", max_length=10, choices=VisitResult.choices)
    next_step = models.CharField("下一步", max_length=200, default="", blank=True)
    next_on = models.DateField("下次走访", null=True)
    photos = models.SmallIntegerField("照片", default=0)
    made_by = models.CharField("记录人", max_length=120)
    made_by_id = models.BigIntegerField(null=True)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "走访"
        ordering = ["-visited_at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["case", "number"], name="visits_are_numbered")]

    def __str__(self) -> str:
        return f"第 {self.number} 次走访"


class VisitDraft(Scoped):
    """What somebody has typed and not sent yet, encrypted whole; gone once it is sent."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    case = models.ForeignKey(DropoutCase, models.CASCADE, related_name="+")
    user_id = models.BigIntegerField()
    key = models.UUIDField()
    typed = EncryptedField("草稿", purpose="draft", null=True)
    saved_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "走访草稿"
        constraints = [models.UniqueConstraint(fields=["case", "user_id"], name="one_draft_a_person_and_case")]

    def __str__(self) -> str:
        return f"{self.case_id} {self.saved_at}"
