"""Households of the registers, their members, and hardship as dated records."""

from __future__ import annotations

from django.db import models

from aidcases.crypto import EncryptedField
from aidcases.models import Region
from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.enums import Category, RosterKind
from students.models.people import Person
from students.models.provenance import from_row


class Household(Scoped):
    """A household of the poverty register (by number), or one that only a dibao list knows (by its head)."""

    OWNER_PATHS = {HOME: "path"}

    number = models.CharField("户编号", max_length=30, null=True, unique=True, db_collation="C")
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", verbose_name="村（社区）")
    path = PathField()
    head = models.ForeignKey(Person, models.PROTECT, null=True, related_name="headed", verbose_name="户主")
    phone = EncryptedField("联系电话", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    size = models.SmallIntegerField("家庭人口", null=True)
    kind = models.CharField("户类型", max_length=40, default="", blank=True)
    exit_status = models.CharField("脱贫属性", max_length=40, default="", blank=True)
    cause = models.CharField("致贫原因", max_length=60, default="", blank=True)
    income_per_head = models.DecimalField("人均纯收入（元）", max_digits=10, decimal_places=2, null=True)
    monitored = models.CharField("监测对象类型", max_length=24, default="", blank=True)
    risk_cleared = models.BooleanField("风险是否消除", null=True)
    row = from_row()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "家庭"
        indexes = [models.Index(fields=["path"], name="household_path")]
        constraints = [
            models.UniqueConstraint(
                fields=["head"], condition=models.Q(number=None), name="one_unnumbered_household_a_head"
            ),
        ]

    def __str__(self) -> str:
        return self.number or f"{self.head}户"


class Member(Scoped):
    """person × household from a day."""

    OWNER_PATHS = {HOME: "household__path"}

    household = models.ForeignKey(Household, models.CASCADE, related_name="members")
    person = models.ForeignKey(Person, models.PROTECT, related_name="memberships")
    relation = models.CharField("与户主关系", max_length=20, default="", blank=True)
    health = models.CharField("健康状况", max_length=40, default="", blank=True)
    studying = models.CharField("在校生状况", max_length=40, default="", blank=True)
    from_on = models.DateField("起")
    row = from_row()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "家庭成员"
        constraints = [models.UniqueConstraint(fields=["person", "household"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.person}（{self.relation}）"


class Hardship(Scoped):
    """A category of a person from a day, by one source. An end is a row with active=False from the day after.

    In force is per person × category × source; a category is active when any source says so.
    """

    OWNER_PATHS = {HOME: "person__home_path", SCHOOL: "person__school_path"}

    person = models.ForeignKey(Person, models.PROTECT, related_name="hardships")
    category = models.CharField("类别", max_length=24, choices=Category.choices)
    source = models.CharField("来源", max_length=12, choices=RosterKind.choices)
    from_on = models.DateField("起")
    active = models.BooleanField(default=True)
    office_path = PathField(default="", blank=True)  # who recorded it
    detail = models.CharField("说明", max_length=60, default="", blank=True)
    proof = EncryptedField("证号", blind_index="proof_hash", purpose="certificate", null=True)
    proof_hash = models.BinaryField(null=True)
    proof_last4 = models.CharField(max_length=4, default="", blank=True)
    row = from_row()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "困难类别"
        ordering = ["from_on", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "category", "source", "from_on", "office_path"], name="hardship_starts_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_category_display()} {'自' if self.active else '止于'} {self.from_on}"
