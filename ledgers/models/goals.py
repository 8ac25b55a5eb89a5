"""指标和目标: the age groups a county counts by hand, its targets, lists of townships that are looked at apart."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager


class AgeGroup(models.TextChoices):
    """By age on 31 August before the school year."""

    KINDER = "3-5", "3—5 周岁（学前三年）"
    PRIMARY = "6-11", "6—11 周岁（小学）"
    JUNIOR = "12-14", "12—14 周岁（初中）"
    SENIOR = "15-17", "15—17 周岁（高中阶段）"


class NamedArea(Scoped):
    """A list of townships with a name of its own (贫困乡镇), whose preschool is looked at apart."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()  # the county
    name = models.CharField("名称", max_length=40)
    codes = ArrayField(models.CharField(max_length=12), verbose_name="乡镇")
    document = models.CharField("依据（文号）", max_length=120, default="", blank=True)
    made_by = models.CharField("登记人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "乡镇名单"
        ordering = ["path", "name"]
        constraints = [models.UniqueConstraint(fields=["path", "name"], name="area_named_once")]

    def __str__(self) -> str:
        return self.name


class AgeFigure(Scoped):
    """How many children of an age group a county has in a school year (适龄人口), from where, as of which day; and, where
    the system does not hold them all, how many are enrolled. The last one written is in force: a correction is a new row."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    area = models.ForeignKey(NamedArea, models.PROTECT, null=True, related_name="+", verbose_name="乡镇名单")
    year = models.SmallIntegerField("学年")
    ages = models.CharField("年龄段", max_length=6, choices=AgeGroup.choices)
    number = models.IntegerField("适龄人口（人）")
    enrolled = models.IntegerField("在校（园）人数", null=True)
    as_of = models.DateField("数据截止日期")
    source = models.CharField("数据来源", max_length=120)
    made_by = models.CharField("填报人", max_length=120)
    made_on = models.DateField("填报日期")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "适龄人口"
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                name="age_figure_counts", condition=Q(number__gt=0) & (Q(enrolled=None) | Q(enrolled__gte=0))
            )
        ]
        indexes = [models.Index(fields=["path", "year"], name="age_figure_path")]

    def __str__(self) -> str:
        return f"{self.year} {self.ages} {self.number}"


class IndicatorGoal(Scoped):
    """The target of an indicator for a county in a school year, set by the city or the county itself; the last one counts."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    year = models.SmallIntegerField("学年")
    indicator = models.CharField("指标", max_length=20)
    target = models.DecimalField("目标", max_digits=6, decimal_places=2)
    document = models.CharField("依据（文号）", max_length=120, default="", blank=True)
    given_name = models.CharField("下达单位", max_length=80)
    made_by = models.CharField("登记人", max_length=120)
    made_on = models.DateField("下达日期")

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "指标目标"
        ordering = ["pk"]
        constraints = [models.CheckConstraint(name="goal_not_negative", condition=Q(target__gte=0))]
        indexes = [models.Index(fields=["path", "year"], name="indicator_goal_path")]

    def __str__(self) -> str:
        return f"{self.year} {self.indicator} {self.target}"
