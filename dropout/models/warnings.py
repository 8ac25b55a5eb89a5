"""Early warning: a county's thresholds, and for each child the named conditions it meets with the values seen."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from aidcases.scoping import (
    HOME,
    OFFICE,
    SCHOOL,
    OwnClass,
    PathField,
    Scoped,
    ScopedManager,
    ScopedQuerySet,
    scoped_manager,
)
from aidcases.terms import Term
from dropout.enums import WarningCode
from dropout.models.cases import OnMyTeam
from students.models import Student


class Threshold(Scoped):
    """From which value on a condition warns in an area, from a day; the last one not after a day is in force. Without one
    the default of dropout.warnings."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    code = models.CharField("条件", max_length=12, choices=WarningCode.choices)
    value = models.DecimalField("达到多少预警", max_digits=5, decimal_places=1)
    watched = models.BooleanField("启用", default=True)
    from_on = models.DateField("起")
    set_by = models.CharField("设定人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "预警条件"
        constraints = [
            models.UniqueConstraint(fields=["path", "code", "from_on"], name="threshold_starts_once"),
            models.CheckConstraint(name="threshold_is_positive", condition=Q(value__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.get_code_display()} {self.value}"


class WarningQuerySet(ScopedQuerySet):
    def in_term(self, term: Term) -> WarningQuerySet:
        return self.filter(term=term.code)

    def standing(self) -> WarningQuerySet:
        return self.filter(gone_on=None)


class WarningManager(ScopedManager.from_queryset(WarningQuerySet)):  # type: ignore[misc]
    """In scope, and of a class teacher the children whose team they are on and those who answer to their account."""

    def get_queryset(self) -> WarningQuerySet:
        return super().get_queryset().filter(Q(OwnClass(F("student"))) | Q(OnMyTeam(F("student"), of="student")))


class WarningLine(Scoped):
    """A pupil who meets conditions in a term: {code: [value seen, value from which it warns]}. Written by the weekly job,
    only where it differs; ended once nothing is met any more."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    term = models.CharField("学期", max_length=11, db_collation="C")
    student = models.ForeignKey(Student, models.PROTECT, related_name="dropout_warnings")
    values = models.JSONField("触发条件")
    number = models.SmallIntegerField("条件数")
    since_on = models.DateField("首次预警")
    changed_on = models.DateField("更新日期")
    gone_on = models.DateField("解除日期", null=True)
    answered_on = models.DateField("已关注", null=True)
    answer = models.CharField("关注情况", max_length=200, default="", blank=True)
    answered_by = models.CharField("关注人", max_length=120, default="", blank=True)
    home_path = PathField()
    school_path = PathField()

    objects = WarningManager()

    class Meta:
        verbose_name = "辍学预警"
        ordering = ["-number", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["term", "student"], name="one_warning_a_term"),
            models.CheckConstraint(name="warning_has_a_value", condition=Q(number__gt=0)),
            models.CheckConstraint(
                name="answered_warning_says_what", condition=Q(answered_on=None) | (~Q(answer="") & ~Q(answered_by=""))
            ),
        ]
        indexes = [
            models.Index(fields=["term", "school_path"], name="warning_school"),
            models.Index(fields=["term", "home_path"], name="warning_home"),
        ]

    def __str__(self) -> str:
        return f"{self.term} {self.number}"


class ExamResult(Scoped):
    """How many subjects a pupil failed at the end of a term; the school enters who failed any."""

    OWNER_PATHS = {HOME: "student__person__home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="exam_results")
    term = models.CharField("学期", max_length=11, db_collation="C")
    failed = models.SmallIntegerField("不及格科目（门）")
    school_path = PathField()
    made_by = models.CharField("登记人", max_length=120)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "期末成绩"
        constraints = [
            models.UniqueConstraint(fields=["term", "student"], name="one_exam_result_a_term"),
            models.CheckConstraint(name="failed_subjects_are_some", condition=Q(failed__gte=0, failed__lte=20)),
        ]

    def __str__(self) -> str:
        return f"{self.term} {self.failed}"
