"""来信来访: letters, visits and hotline calls, each answered in time; appeals of families to the county."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from subsidies.models.applications import Application


class LetterKind(models.TextChoices):
    CALL = "call", "热线电话"
    LETTER = "letter", "来信"
    VISIT = "visit", "来访"
    ONLINE = "online", "网上留言"
    APPEAL = "appeal", "申诉"  # of a family, against a decision


class LetterState(models.TextChoices):
    OPEN = "open", "待办理"
    ANSWERED = "answered", "已答复"
    CLOSED = "closed", "已办结"


SAID = Condition("said", "还没有写答复内容", ~Q(answer=""))
LETTER = Flow(
    Move("answer", "答复", {LetterState.OPEN}, LetterState.ANSWERED, P.LETTER_WRITE, All((SAID,))),
    Move("close", "办结", {LetterState.ANSWERED}, LetterState.CLOSED, P.LETTER_WRITE),
    Move("reopen", "重新办理", {LetterState.ANSWERED, LetterState.CLOSED}, LetterState.OPEN, P.LETTER_WRITE,
         note_required=True),
)  # fmt: skip


class LetterQuerySet(FlowQuerySet, ScopedQuerySet):
    """Moved in sets, seen in scope."""


class Letter(Moving, Scoped):
    OWNER_PATHS = {OFFICE: "path"}
    FLOW = LETTER

    path = PathField()
    kind = models.CharField("方式", max_length=8, choices=LetterKind.choices)
    state = models.CharField("状态", max_length=10, choices=LetterState.choices, default=LetterState.OPEN)
    received_on = models.DateField("收到日期")
    from_name = models.CharField("来信来访人", max_length=60, default="", blank=True)
    contact = EncryptedField("联系方式", blind_index="contact_hash", purpose="phone", null=True)
    contact_hash = models.BinaryField(null=True)
    subject = models.CharField("事由", max_length=100)
    text = models.TextField("内容", default="", blank=True)
    application = models.ForeignKey(Application, models.PROTECT, null=True, related_name="letters")
    owner = models.CharField("经办人", max_length=120, default="", blank=True)
    due_on = models.DateField("答复期限")
    escalated_on = models.DateField("升级日期", null=True)
    answer = models.TextField("答复内容", default="", blank=True)
    upheld = models.BooleanField("申诉成立", null=True)  # of an appeal against a decision; with the answer
    answered_on = models.DateField("答复日期", null=True)
    answered_by = models.CharField("答复人", max_length=120, default="", blank=True)
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(LetterQuerySet)

    class Meta:
        verbose_name = "来信来访"
        ordering = ["due_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="answered_letter_has_an_answer",
                condition=~Q(state__in=("answered", "closed"))
                | (~Q(answer="") & Q(answered_on__isnull=False) & ~Q(answered_by="")),
            ),
            models.CheckConstraint(
                name="upheld_is_an_answered_appeal",
                condition=Q(upheld=None) | (Q(kind="appeal", application__isnull=False) & ~Q(answer="")),
            ),
        ]
        indexes = [models.Index(fields=["path", "state", "due_on"], name="letter_path")]

    def __str__(self) -> str:
        return self.subject
