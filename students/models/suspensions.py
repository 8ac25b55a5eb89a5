"""Whose aid rests because the child is out of school: a fact that upper apps write and rules read."""

from __future__ import annotations

from django.db import models

from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models.students import Student


class Suspension(Scoped):
    """A child is out of school (active), or back, from a day; the last row written is what holds. The entitlements of the
    terms that have not ended before that day rest (dropout.md)."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="suspensions")
    active = models.BooleanField("不在校")
    from_on = models.DateField("起")
    home_path = PathField()
    school_path = PathField()
    made_by = models.CharField("登记人", max_length=120)
    made_at = models.DateTimeField(db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "暂停资助"
        indexes = [models.Index(fields=["student", "-id"], name="suspension_student")]

    def __str__(self) -> str:
        return f"{'暂停' if self.active else '恢复'} {self.from_on}"
