"""A sheet that goes out to be corrected and comes back: what was exported, row by row."""

from __future__ import annotations

import uuid

from django.db import models

from aidcases.models import Organisation
from aidcases.scoping import HOME, OFFICE, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models.students import Student


class Export(Scoped):
    """A 数据版 that may come back: of the students of an area and term, or (with a layout) of a ledger of an upper app.

    The sheet carries a key for every row, and `key` or the number of the ledger's issue. layout: {"title", "instead":
    where to change what it shows if not here, "keyless": rows may not tell whose they are, "titles": headings,
    "mapping": field of students.imports.edited → heading}; {} of the students' own sheet.
    """

    OWNER_PATHS = {OFFICE: "path"}

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    # None: the system's, from the command line.
    office = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", verbose_name="单位")
    path = PathField()  # of the office
    area_path = PathField()  # whose students
    term = models.CharField("学期", max_length=11, db_collation="C")
    stored = models.CharField(max_length=80, default="", blank=True)  # the sealed file under FILES
    rows = models.IntegerField("行数", default=0)
    purpose = models.CharField("用途", max_length=100)
    made_by = models.CharField("导出人", max_length=120)
    made_at = models.DateTimeField("导出时间", db_default=models.functions.Now())
    job_id = models.BigIntegerField(null=True)
    issue = models.BigIntegerField(null=True)
    layout = models.JSONField(default=dict, db_default={})

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "数据版导出"
        ordering = ["-pk"]
        indexes = [models.Index(fields=["path", "-id"], name="export_path")]

    def __str__(self) -> str:
        return f"{self.term} 数据版 {self.rows} 行"


class ExportRow(Scoped):
    """What a row of the sheet said: `said` holds its columns as exported (students.exports.said_of, edited.said_in).

    student: None where the row is about nobody who ever was one.
    """

    OWNER_PATHS = {HOME: "student__person__home_path", SCHOOL: "student__person__school_path"}

    export = models.ForeignKey(Export, models.CASCADE, related_name="sheet_rows")
    key = models.CharField(max_length=32, db_collation="C")  # means nothing outside this export
    student = models.ForeignKey(Student, models.CASCADE, null=True, related_name="+")
    said = models.JSONField()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "数据版行"
        constraints = [models.UniqueConstraint(fields=["export", "key"], name="export_row_key")]

    def __str__(self) -> str:
        return self.key
