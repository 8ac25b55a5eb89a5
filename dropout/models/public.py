"""社会监督: supervisors by name, what the public tells us, how satisfied it is (counts only)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.conditions import All, Condition
from aidcases.crypto import EncryptedField
from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from dropout.enums import Answerer, Score, TaskState, Wish
from dropout.models.cases import DropoutCase


class Supervisor(Scoped):
    """社会监督员 of an area, from a day; published by name, duty and the office's telephone."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    name = models.CharField("姓名", max_length=60)
    duty = models.CharField("身份", max_length=60)  # 人大代表、政协委员、家长代表 …
    phone = EncryptedField("联系电话", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    hotline = models.CharField("监督电话", max_length=60)  # of the office: public, the person's own is not
    from_on = models.DateField("聘任日期")
    ended_on = models.DateField("结束日期", null=True)
    made_by = models.CharField(max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "社会监督员"
        ordering = ["path", "pk"]
        constraints = [
            models.CheckConstraint(
                name="supervisor_ends_after_start", condition=Q(ended_on=None) | Q(ended_on__gte=models.F("from_on"))
            )
        ]

    def __str__(self) -> str:
        return self.name


ANSWERED = Condition("answered", "还没有写办理结果", ~Q(answer=""))
ASSIGNED = Condition("assigned", "还没有指定办理人", ~Q(owner=""))
TIP = Flow(
    Move("answer", "办理", {TaskState.OPEN}, TaskState.DONE, P.TIP_HANDLE, All((ASSIGNED, ANSWERED))),
    Move("close", "办结", {TaskState.DONE}, TaskState.CLOSED, P.TIP_HANDLE),
    Move("reopen", "重新办理", {TaskState.DONE, TaskState.CLOSED}, TaskState.OPEN, P.TIP_HANDLE, note_required=True),
)


class TipQuerySet(FlowQuerySet, ScopedQuerySet):
    """Moved in sets, seen in scope."""


class Tip(Moving, Scoped):
    """群众反映: sent through the public form to a county. Everything in it is somebody's secret."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = TIP

    path = PathField()
    state = models.CharField("状态", max_length=8, choices=TaskState.choices, default=TaskState.OPEN)
    text = EncryptedField("反映内容", purpose="tip", null=True)
    contact = EncryptedField("联系方式", blind_index="contact_hash", purpose="phone", null=True)
    contact_hash = models.BinaryField(null=True)
    ticket = models.CharField("查询码", max_length=12, unique=True)
    received_on = models.DateField("收到日期")
    due_on = models.DateField("办理期限")
    owner = models.CharField("办理人", max_length=60, default="", blank=True)
    answer = models.CharField("办理结果", max_length=400, default="", blank=True)
    # No names: anybody with the ticket reads it.
    reply = models.CharField("给反映人的答复", max_length=200, default="", blank=True)
    answered_on = models.DateField("办理日期", null=True)
    answered_by = models.CharField("答复人", max_length=120, default="", blank=True)
    told = models.TextField("办理经过", default="", blank=True)  # answers that were not the last
    case = models.ForeignKey(DropoutCase, models.PROTECT, null=True, related_name="tips")
    escalated_on = models.DateField("升级日期", null=True)

    objects = scoped_manager(TipQuerySet)

    class Meta:
        verbose_name = "群众反映"
        ordering = ["due_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="answered_tip_has_an_answer",
                condition=~Q(state__in=("done", "closed")) | (~Q(answer="") & Q(answered_on__isnull=False)),
            )
        ]
        indexes = [models.Index(fields=["path", "state", "due_on"], name="tip_path")]

    def __str__(self) -> str:
        return f"群众反映 {self.received_on}"


class SurveyAnswer(Scoped):
    """满意度调查: one answer, of nobody: the area, the school year, who, 1 to 5, what should become better."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    year = models.SmallIntegerField("学年")
    who = models.CharField("身份", max_length=10, choices=Answerer.choices)
    score = models.SmallIntegerField("满意度", choices=Score.choices)
    wish = models.CharField("最希望改进", max_length=10, choices=Wish.choices)
    answered_on = models.DateField("日期")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "满意度"
        constraints = [models.CheckConstraint(name="score_from_one_to_five", condition=Q(score__gte=1, score__lte=5))]
        indexes = [models.Index(fields=["path", "year"], name="survey_path")]

    def __str__(self) -> str:
        return f"{self.year} {self.score}"
