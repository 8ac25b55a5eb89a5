"""巩固率: how many a school took in before the system's own data begins, entered by hand."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.models import School
from aidcases.scoping import SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from dropout.enums import Cohort


class IntakeFigure(Scoped):
    """招生数 of a school in a school year, and who came and went until the cohort left; used where the enrolments of that
    year are not in the system. The last one not after a day is in force: a correction is a new row."""

    OWNER_PATHS = {SCHOOL: "school_path"}

    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    school_path = PathField()
    cohort = models.CharField("口径", max_length=8, choices=Cohort.choices)
    year = models.SmallIntegerField("招生学年")
    intake = models.IntegerField("招生数（人）")
    moved_in = models.IntegerField("转入（人）", default=0)
    moved_out = models.IntegerField("转出（人）", default=0)
    from_on = models.DateField("填报日期")
    made_by = models.CharField("填报人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "招生数（手工填报）"
        ordering = ["year", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["school", "cohort", "year", "from_on"], name="intake_starts_once"),
            models.CheckConstraint(
                name="intake_adds_up",
                condition=Q(intake__gte=0)
                & Q(moved_in__gte=0)
                & Q(moved_out__gte=0)
                & Q(moved_out__lte=F("intake") + F("moved_in")),
            ),
        ]
        indexes = [models.Index(fields=["school_path", "year"], name="intake_school")]

    def __str__(self) -> str:
        return f"{self.school} {self.year} {self.intake}"
