"""How often pupils were in school, as their school's lists say."""

from __future__ import annotations

from django.db import models

from aidcases.models import School
from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models.provenance import from_row
from students.models.students import Student


class Attendance(Scoped):
    """student × month: school days due and days absent (with leave and without). The school's office writes it."""

    OWNER_PATHS = {HOME: "student__person__home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="attendance")
    month = models.CharField("月份", max_length=7, db_collation="C")  # 2024-03
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    school_path = PathField()
    days_due = models.DecimalField("应到天数", max_digits=4, decimal_places=1)
    days_absent = models.DecimalField("缺勤天数", max_digits=4, decimal_places=1)
    days_unexcused = models.DecimalField("其中旷课天数", max_digits=4, decimal_places=1, default=0)
    reason = models.CharField("缺勤原因", max_length=200, default="", blank=True)
    row = from_row()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "考勤"
        constraints = [
            models.UniqueConstraint(fields=["month", "student"], name="attendance_once_a_month"),
            models.CheckConstraint(
                name="absent_within_due",
                condition=models.Q(days_absent__gte=0)
                & models.Q(days_absent__lte=models.F("days_due"))
                & models.Q(days_unexcused__gte=0)
                & models.Q(days_unexcused__lte=models.F("days_absent")),
            ),
        ]
        indexes = [models.Index(fields=["school_path", "month"], name="attendance_school")]

    def __str__(self) -> str:
        return f"{self.student} {self.month}"
