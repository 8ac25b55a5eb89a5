"""Adopting a pack, or ending it: asked for by one person, confirmed by another."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.flow import Flow, FlowQuerySet, Move, Moving
from aidcases.models import Region
from aidcases.roles import P
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager
from subsidies.models.rules import PackAdoption


class AdoptionState(models.TextChoices):
    ASKED = "asked", "等待确认"
    CONFIRMED = "confirmed", "已确认"
    DECLINED = "declined", "未同意"
    WITHDRAWN = "withdrawn", "已撤回"


ADOPTION_REQUEST = Flow(
    Move("confirm", "确认", {AdoptionState.ASKED}, AdoptionState.CONFIRMED, P.PACK_PUBLISH),
    Move("decline", "不同意", {AdoptionState.ASKED}, AdoptionState.DECLINED, P.PACK_PUBLISH, note_required=True),
    Move("withdraw", "撤回", {AdoptionState.ASKED}, AdoptionState.WITHDRAWN, P.PACK_DRAFT),
)


class AdoptionRequestQuerySet(FlowQuerySet, ScopedQuerySet):
    pass


class AdoptionRequest(Moving, Scoped):
    """From a day on a region is to adopt a pack (active), or to end it. Nothing changes until it is confirmed."""

    OWNER_PATHS = {OFFICE: "path"}
    FLOW = ADOPTION_REQUEST

    pack_code = models.CharField("政策包", max_length=30)
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", verbose_name="地区")
    path = PathField()
    from_on = models.DateField("起")
    active = models.BooleanField("采用", default=True)
    state = models.CharField("状态", max_length=12, choices=AdoptionState.choices, default=AdoptionState.ASKED)
    asked_by = models.CharField("申请人", max_length=120)
    asked_by_id = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField("申请时间", db_default=models.functions.Now())
    decided_by = models.CharField("确认人", max_length=120, default="", blank=True)
    decided_by_id = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField("确认时间", null=True)
    reason = models.CharField("原因", max_length=200, default="", blank=True)
    adoption = models.ForeignKey(PackAdoption, models.PROTECT, null=True, related_name="+")

    objects = scoped_manager(AdoptionRequestQuerySet)

    class Meta:
        verbose_name = "采用申请"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["pack_code", "path"], condition=Q(state="asked"), name="adoption_asked_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | Q(adoption__isnull=False) & ~Q(decided_by=""),
                name="confirmed_request_has_adoption",
            ),
            models.CheckConstraint(
                condition=Q(decided_by_id__isnull=True) | ~Q(decided_by_id=F("asked_by_id")),
                name="adoption_second_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region} {self.from_on} 起{self.verb}"

    @property
    def verb(self) -> str:
        return "采用" if self.active else "停用"
