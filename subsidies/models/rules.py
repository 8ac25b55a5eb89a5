"""Benefits, policy documents as data (packs of rules), and where they are adopted. Shared: policy is public."""

from __future__ import annotations

from datetime import date

from django.contrib.postgres.fields import ArrayField
from django.db import models

from aidcases.models import Region
from aidcases.models.places import above
from aidcases.scoping import PathField
from subsidies.enums import AmountKind, AreaKind, Claim, CutOff, Delivery, Jurisdiction, Level, Period


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
    note = models.TextField("条款要点", default="", blank=True)
    reading = models.TextField("如何理解", default="", blank=True)
    aliases = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    jurisdiction = models.CharField("按哪里认定", max_length=10, choices=Jurisdiction.choices)
    conditions = models.JSONField(default=list, blank=True)  # [[fact, wanted], …] in the order written
    from_on = models.DateField("起", null=True, blank=True)  # NULL: from the adoption
    cut_off = models.CharField("困难类别看哪天", max_length=10, choices=CutOff.choices, default=CutOff.ANY_DAY)
    amount_kind = models.CharField("金额方式", max_length=16, choices=AmountKind.choices)
    period = models.CharField("发放周期", max_length=20, choices=Period.choices)
    amounts = models.JSONField(default=list, blank=True)
    days = models.PositiveSmallIntegerField("每学年天数", null=True, blank=True)
    county_sets = models.BooleanField("县定标准", default=False)
    private_ceiling = models.BooleanField("民办按公办标准封顶", default=False)
    claim = models.CharField("申领", max_length=12, choices=Claim.choices, default=Claim.AUTOMATIC)
    delivery = models.CharField("发放方式", max_length=12, choices=Delivery.choices, default=Delivery.CASH)
    payer = models.CharField("出资", max_length=40, default="", blank=True)
    payers = models.JSONField("各县出资", default=dict, blank=True)  # {county code: payer}
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

    def payer_for(self, path: str) -> str:
        """Who pays for a student whose school or household (by jurisdiction) lies at the path."""
        return next((self.payers[code] for code in path.split("/") if code in self.payers), self.payer)


class AdoptionQuerySet(models.QuerySet):
    def in_force_on(self, day: date) -> AdoptionQuerySet:
        """Per pack and region the last row not after the day, where it adopts."""
        last = self.filter(from_on__lte=day).order_by("pack_code", "path", "-from_on").distinct("pack_code", "path")
        return self.filter(pk__in=last.values("pk"), active=True)

    def settle(self, pack_code: str, region: Region | None, from_on: date, *, active: bool) -> PackAdoption:
        """The row that says what holds in a region (None: everywhere) from the day; said again, it is that row."""
        defaults = {"region": region, "active": active}
        path = region.path if region else "/"
        return self.update_or_create(pack_code=pack_code, path=path, from_on=from_on, defaults=defaults)[0]

    def near(self, path: str) -> AdoptionQuerySet:
        """Of the regions above and below a place: what holds there, and in parts of it."""
        return self.filter(models.Q(path__startswith=path) | models.Q(path__in=above(path)))


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


class CountyFigureQuerySet(models.QuerySet):
    def in_force_on(self, day: date) -> CountyFigureQuerySet:
        same = ("rule_code", "path", "level")
        last = self.filter(from_on__lte=day).order_by(*same, "-from_on").distinct(*same)
        return self.filter(pk__in=last.values("pk"))


class CountyFigure(models.Model):
    """What a region sets for a rule from a day: an amount left to counties, another one within a floor or a ceiling,
    the public standard that caps private fees (all in yuan per the rule's period), or a tier (yuan a term)."""

    rule_code = models.CharField("规则", max_length=40)
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", verbose_name="地区")
    path = PathField()
    level = models.CharField("困难等级", max_length=10, choices=Level.choices, default="", blank=True)
    from_on = models.DateField("起")
    yuan = models.DecimalField("金额（元）", max_digits=12, decimal_places=2)

    objects = CountyFigureQuerySet.as_manager()

    class Meta:
        verbose_name = "县定标准"
        ordering = ["rule_code", "path", "level", "from_on"]
        constraints = [
            models.UniqueConstraint(fields=["rule_code", "path", "level", "from_on"], name="figure_starts_once"),
            models.CheckConstraint(condition=models.Q(yuan__gte=0), name="figure_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.region} {self.rule_code} {self.get_level_display()} {self.yuan} 元"


class ListedAreaQuerySet(models.QuerySet):
    def in_force_on(self, day: date) -> ListedAreaQuerySet:
        last = self.filter(from_on__lte=day).order_by("kind", "path", "-from_on").distinct("kind", "path")
        return self.filter(pk__in=last.values("pk"), active=True)


class ListedArea(models.Model):
    """A division on a list that a county keeps; a row with active=False takes it off from its day."""

    kind = models.CharField("名单", max_length=10, choices=AreaKind.choices)
    region = models.ForeignKey(Region, models.PROTECT, related_name="+", verbose_name="地区")
    path = PathField()
    from_on = models.DateField("起")
    active = models.BooleanField(default=True)

    objects = ListedAreaQuerySet.as_manager()

    class Meta:
        verbose_name = "地区名单"
        ordering = ["kind", "path", "from_on"]
        constraints = [models.UniqueConstraint(fields=["kind", "path", "from_on"], name="area_starts_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}：{self.region}"
