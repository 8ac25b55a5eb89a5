"""Anyone on any list: children, heads of household, guardians, disabled parents."""

from __future__ import annotations

from django.db import models

from aidcases.crypto import EncryptedField
from aidcases.models import Region
from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models.provenance import from_row


class PersonQuerySet(ScopedQuerySet):
    def numbered(self, id_hash: bytes) -> PersonQuerySet:
        """By the keyed hash of the whole identity number."""
        return self.filter(id_hash=id_hash)


class Person(Scoped):
    """A human being, once in the whole system by the keyed hash of the identity number.

    Two owner paths: home (register's village, else …, see students.imports.homes) and the current school's.
    """

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    id_number = EncryptedField("证件号码", blind_index="id_hash", null=True)
    id_hash = models.BinaryField(unique=True, null=True)
    id_last4 = models.CharField(max_length=4, default="", blank=True)
    name = models.CharField("姓名", max_length=60)
    initials = models.CharField(max_length=30, db_collation="C", default="", blank=True)
    name_authority = models.SmallIntegerField(default=0)
    name_undecided = models.BooleanField(default=False)
    sex = models.CharField("性别", max_length=2, default="", blank=True)
    birth_on = models.DateField("出生日期", null=True)
    ethnicity = models.CharField("民族", max_length=20, default="", blank=True)
    hukou_region = models.ForeignKey(
        Region,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name="户口所在地",
        db_constraint=False,
        db_index=False,
    )  # regions are never deleted; checked when it is written (students.imports.checks)
    household_path = PathField(default="", blank=True)  # poverty register's village, else dibao/tekun office
    found_path = PathField(default="", blank=True)  # the importing office with the lowest code
    home_path = PathField(default="", blank=True)
    school_path = PathField(default="", blank=True)

    objects = scoped_manager(PersonQuerySet)

    class Meta:
        verbose_name = "人员"
        indexes = [
            models.Index(fields=["home_path"], name="person_home"),
            models.Index(fields=["school_path"], name="person_school"),
            models.Index(fields=["initials"], name="person_initials"),
            models.Index(fields=["id_last4"], name="person_last4"),
            models.Index(fields=["name"], name="person_name", opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.name


class Guardian(Scoped):
    """Who looks after a student, as the roll or the college list says."""

    OWNER_PATHS = {HOME: "student__person__home_path", SCHOOL: "student__person__school_path"}

    # The key of student and name serves for the student alone, too.
    student = models.ForeignKey("students.Student", models.CASCADE, related_name="guardians", db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, null=True, related_name="wards")
    name = models.CharField("姓名", max_length=60)
    relation = models.CharField("关系", max_length=20, default="", blank=True)
    row = from_row()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "监护人"
        constraints = [models.UniqueConstraint(fields=["student", "name"], name="guardian_once")]

    def __str__(self) -> str:
        return f"{self.name}（{self.relation}）"
