"""How hard a child's family has it, as confirmed for a school year."""

from __future__ import annotations

from django.db import models

from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.enums import DeterminedBy, Level


class Determination(Scoped):
    """家庭经济困难学生认定: the level that counts from its term to the end of the school year, unless spring has one of
    its own. Set by an approved application or by confirmed data match; one per student and term."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="determinations")
    term = models.CharField("学期", max_length=11, db_collation="C")
    level = models.CharField("等级", max_length=10, choices=Level.choices)
    source = models.CharField("来源", max_length=12, choices=DeterminedBy.choices)
    basis = models.CharField("依据", max_length=200, default="", blank=True)
    home_path = PathField()
    school_path = PathField()
    made_at = models.DateTimeField("认定时间", db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "困难认定"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["student", "term"], name="determined_once_a_term")]
        indexes = [models.Index(fields=["term", "student"], name="determination_term")]

    def __str__(self) -> str:
        return f"{self.student_id} {self.term} {self.get_level_display()}"
