"""Benefits, policy documents as data (packs of rules), and where they are adopted. Shared: policy is public."""

from __future__ import annotations

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models

from aidcases.models import Region
from aidcases.scoping import PathField
from subsidies.enums import AmountKind, Claim, Delivery, Jurisdiction, Period


class Benefit(models.Model):
    """What a child gets. At most one rule per benefit, student and term is granted."""

    code = models.CharField("代码", max_length=40, unique=True)
    name = models.CharField("资助项目", max_length=60)
    order = models.SmallIntegerField(default=0)

    class Meta:
        verbose_name = "资助项目"
        ordering = ["order", "code"]

    def __str__(self) -> str:
        return self.name


class RulePackQuerySet(models.QuerySet):
    def newest(self) -> RulePackQuerySet:
        """The latest version of every code; a published pack never changes, a correction is a new version."""
        return self.order_by("code", "-version").distinct("code")


class RulePack(models.Model):
    """One policy document as data, one version of it."""

    code = models.CharField("代码", max_length=30)
    version = models.PositiveSmallIntegerField("版本")
    title = models.CharField("名称", max_length=80)
    document = models.CharField("文件", max_length=120)
    number = models.CharField("文号", max_length=60, default="", blank=True)
    issuer = models.CharField("发文单位", max_length=60, default="", blank=True)
    intro = models.TextField(default="", blank=True)
    first_day = models.DateField("首日", null=True)
    priority = models.PositiveSmallIntegerField(default=100)
    text = models.TextField()  # the TOML as published
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField(db_default=models.functions.Now())

    objects = RulePackQuerySet.as_manager()

    class Meta:
        verbose_name = "政策包"
        ordering = ["code", "-version"]
        constraints = [models.UniqueConstraint(fields=["code", "version"], name="pack_version_once")]

    def __str__(self) -> str:
        return f"{self.title}（第 {self.version} 版）"


class Rule(models.Model):
    """For whom, how much, since when, under which clause. `conditions` and `amounts` are the pack's data, checked."""

    pack = models.ForeignKey(RulePack, models.PROTECT, related_name="rules")
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="rules")
    code = models.CharField("代码", max_length=40)
    title = models.CharField("名称", max_length=80)
    clause = models.CharField("条款", max_length=80)
    reading = models.TextField("如何理解", default="", blank=True)
    aliases = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    jurisdiction = models.CharField("按哪里认定", max_length=10, choices=Jurisdiction.choices)
    conditions = models.JSONField(default=list, blank=True)  # [[fact, wanted], …] in the order written
    amount_kind = models.CharField("金额方式", max_length=12, choices=AmountKind.choices)
    period = models.CharField("发放周期", max_length=20, choices=Period.choices)
    amounts = models.JSONField(default=list, blank=True)
    claim = models.CharField("申领", max_length=12, choices=Claim.choices, default=Claim.AUTOMATIC)
    delivery = models.CharField("发放方式", max_length=12, choices=Delivery.choices, default=Delivery.CASH)
    payer = models.CharField("出资", max_length=40, default="", blank=True)
    disburser = models.CharField("发放单位", max_length=40, default="", blank=True)
    shares = models.JSONField("分担", default=dict, blank=True)
    priority = models.PositiveSmallIntegerField(default=100)
    universal = models.BooleanField("普惠", default=False)
    order = models.SmallIntegerField(default=0)

    class Meta:
        verbose_name = "规则"
        ordering = ["pack", "order"]
        constraints = [models.UniqueConstraint(fields=["pack", "code"], name="rule_once_in_pack")]

    def __str__(self) -> str:
        return f"{self.code} {self.title}"

    @property
    def wanted(self) -> dict:
        return dict(self.conditions)


class AdoptionQuerySet(models.QuerySet):
    def in_force_on(self, day: date) -> AdoptionQuerySet:
        """Per pack and region the last row not after the day, where it adopts."""
        last = self.filter(from_on__lte=day).order_by("pack_code", "path", "-from_on").distinct("pack_code", "path")
        return self.filter(pk__in=last.values("pk"), active=True)


class PackAdoption(models.Model):
    """A region (or all: path "/") adopts a pack from a day; a row with active=False ends it from its day."""

    pack_code = models.CharField("政策包", max_length=30)
    region = models.ForeignKey(Region, models.PROTECT, null=True, related_name="+", verbose_name="地区")
    path = PathField()
    from_on = models.DateField("起")
    active = models.BooleanField(default=True)

    objects = AdoptionQuerySet.as_manager()

    class Meta:
        verbose_name = "采用"
        ordering = ["pack_code", "path", "from_on"]
        constraints = [models.UniqueConstraint(fields=["pack_code", "path", "from_on"], name="adoption_starts_once")]

    def __str__(self) -> str:
        return f"{self.region or '全国'} {'采用' if self.active else '停用'} {self.pack_code}"
