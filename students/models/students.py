"""A person as a pupil or student, where they study in each term, and lists that are only compared."""

from __future__ import annotations

from django.db import models
from django.db.models import F

from aidcases.crypto import EncryptedField
from aidcases.models import Region, School
from aidcases.scoping import HOME, SCHOOL, OwnClass, PathField, Scoped, ScopedManager, ScopedQuerySet, scoped_manager
from aidcases.terms import Term
from students.enums import COLLEGE_STAGES, RosterKind, Stage, grade_label
from students.models.people import Person
from students.models.provenance import from_row


class StudentManager(ScopedManager):
    """In scope, and of a class teacher the pupils in sight."""

    def get_queryset(self) -> ScopedQuerySet:
        return super().get_queryset().filter(OwnClass(F("pk"), seam="pupil_in_sight"))


class Student(Scoped):
    """One-to-one with a person. Every student is on the roll, a college list, the home register or is a poor child."""

    OWNER_PATHS = {HOME: "person__home_path", SCHOOL: "person__school_path"}

    person = models.OneToOneField(Person, models.PROTECT, primary_key=True, related_name="student")
    roll_number = EncryptedField("全国学籍号", blind_index="roll_hash", purpose="roll_number", null=True)
    roll_hash = models.BinaryField(null=True)
    roll_last4 = models.CharField(max_length=4, default="", blank=True)

    objects = StudentManager.from_queryset(ScopedQuerySet)()

    class Meta:
        verbose_name = "学生"
        indexes = [models.Index(fields=["roll_hash"], name="student_roll")]

    def __str__(self) -> str:
        return self.person.name


class EnrolmentQuerySet(ScopedQuerySet):
    def in_term(self, term: Term) -> EnrolmentQuerySet:
        return self.filter(term=term.code)

    def of(self, path: str) -> EnrolmentQuerySet:
        """Whose home or school lies under the path."""
        return self if path == "/" else self.filter(
            models.Q(home_path__startswith=path) | models.Q(school_path__startswith=path)
        )  # fmt: skip

    def for_list(self) -> EnrolmentQuerySet:
        return self.select_related("student__person", "school")


class EnrolmentManager(ScopedManager.from_queryset(EnrolmentQuerySet)):  # type: ignore[misc]
    """In scope, and of a class teacher the pupils in sight."""

    def get_queryset(self) -> EnrolmentQuerySet:
        return super().get_queryset().filter(OwnClass(F("student"), seam="pupil_in_sight"))


class Enrolment(Scoped):
    """student × term: where and how the child studies. The school's office writes it."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="enrolments")
    term = models.CharField("学期", max_length=11, db_collation="C")
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    stage = models.CharField("学段", max_length=24, choices=Stage.choices)
    grade = models.SmallIntegerField("年级", null=True)
    class_name = models.CharField("班级", max_length=40, default="", blank=True)
    boarding = models.BooleanField("寄宿", default=False)
    rural_hukou = models.BooleanField("农业户口", default=False)
    hukou_region = models.ForeignKey(
        Region, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    entered_on = models.DateField("入学年月", null=True)
    left_behind = models.BooleanField("留守儿童", default=False)
    orphan = models.BooleanField("学籍标注孤儿", default=False)
    disability_hint = models.CharField("学籍标注残疾", max_length=40, default="", blank=True)
    phone = EncryptedField("联系电话", blind_index="phone_hash", purpose="phone", null=True)
    phone_hash = models.BinaryField(null=True)
    home_path = PathField(default="", blank=True)
    school_path = PathField()
    row = from_row()

    objects = EnrolmentManager()

    class Meta:
        verbose_name = "在读"
        constraints = [models.UniqueConstraint(fields=["term", "student"], name="one_enrolment_a_term")]
        indexes = [
            models.Index(fields=["term", "school_path"], name="enrolment_school"),
            models.Index(fields=["term", "home_path"], name="enrolment_home"),
        ]

    def __str__(self) -> str:
        return f"{self.term} {self.school}"

    @property
    def grade_label(self) -> str:
        return grade_label(self.stage, self.grade)

    @property
    def boarding_label(self) -> str:
        """"" for a college student not known to board: lists of college students say nothing of it."""
        if self.boarding:
            return "寄宿"
        return "" if self.stage in COLLEGE_STAGES else "走读"


class RosterEntry(Scoped):
    """kind × term × person for lists that are only compared (home register, present in school)."""

    OWNER_PATHS = {HOME: "person__home_path", SCHOOL: "person__school_path"}

    kind = models.CharField(max_length=12, choices=RosterKind.choices)
    term = models.CharField("学期", max_length=11, db_collation="C")
    person = models.ForeignKey(Person, models.PROTECT, related_name="roster_entries")
    region = models.ForeignKey(Region, models.PROTECT, null=True, related_name="+")
    present = models.BooleanField("在校", null=True)
    reason = models.CharField("未到校原因", max_length=200, default="", blank=True)
    row = from_row()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "比对名单"
        constraints = [models.UniqueConstraint(fields=["kind", "term", "person"], name="on_a_roster_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.term}"
