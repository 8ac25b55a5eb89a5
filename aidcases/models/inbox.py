"""What somebody is reminded of, and files that belong to a record."""

from __future__ import annotations

from django.db import models

from aidcases.models.people import Organisation
from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager


class ReminderQuerySet(ScopedQuerySet):
    def open(self) -> ReminderQuerySet:
        return self.filter(done_at=None)


class Reminder(Scoped):
    """A task of an office with its day. One per subject, office and key, however often the daily round comes by."""

    OWNER_PATHS = {OFFICE: "path"}

    office = models.ForeignKey(Organisation, models.CASCADE, related_name="+", verbose_name="单位")
    path = PathField()
    permission = models.CharField(max_length=40)  # who of the office sees it: who may do it
    key = models.CharField(max_length=60)  # what of: "notice.ends", "objection.overdue", …
    subject_type = models.CharField(max_length=40, default="", blank=True)
    subject_id = models.BigIntegerField(null=True)
    title = models.CharField("事项", max_length=200)
    url = models.CharField(max_length=200)
    due_on = models.DateField("期限")
    urgent = models.BooleanField("已逾期或升级", default=False)
    made_on = models.DateField("提醒日期")
    done_at = models.DateTimeField("办结时间", null=True)
    done_by = models.CharField("办结人", max_length=120, default="", blank=True)

    objects = scoped_manager(ReminderQuerySet)

    class Meta:
        verbose_name = "待办提醒"
        ordering = ["due_on", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["office", "key", "subject_type", "subject_id"], name="reminded_once"),
        ]
        indexes = [models.Index(fields=["path", "done_at", "due_on"], name="reminder_path")]

    def __str__(self) -> str:
        return self.title


class StoredFile(Scoped):
    """A sealed file that belongs to a record: an attachment, a photo, a scanned paper."""

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()
    subject_type = models.CharField(max_length=40)
    subject_id = models.BigIntegerField()
    what = models.CharField("内容", max_length=40)  # "promise", "board_photo", "minutes_photo", …
    filename = models.CharField("文件名", max_length=200)
    content_type = models.CharField(max_length=40)
    size = models.IntegerField("字节数")
    sha256 = models.CharField(max_length=64)
    stored = models.CharField(max_length=80)
    added_by = models.CharField("上传人", max_length=120)
    added_at = models.DateTimeField("上传时间", db_default=models.functions.Now())
    removed_at = models.DateTimeField("删除时间", null=True)

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "附件"
        ordering = ["pk"]
        indexes = [models.Index(fields=["subject_type", "subject_id"], name="stored_file_subject")]

    def __str__(self) -> str:
        return self.filename
