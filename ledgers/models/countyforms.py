"""An office's own form of a ledger: the .xlsx it has uploaded, and which column of it says what."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager


class CountyFormQuerySet(ScopedQuerySet):
    def in_use(self) -> CountyFormQuerySet:
        return self.filter(saved_at__isnull=False, withdrawn_at=None)


class CountyForm(Scoped):
    """One version of an office's form of a ledger. Until `saved_at` its columns are being matched; after it neither file
    nor columns change: other columns are a new version. An issue names the version it was written into.
    """

    OWNER_PATHS = {OFFICE: "path"}

    path = PathField()  # of the office
    ledger = models.CharField("台账", max_length=40)
    version = models.PositiveIntegerField("版次", null=True)
    filename = models.CharField("文件名", max_length=200)
    stored = models.CharField(max_length=80)
    sha256 = models.CharField("文件校验码", max_length=64)
    seen = models.JSONField("文件内容", default=dict)  # ledgers.formfile.Described
    plan = models.JSONField("列的对应", default=list)  # ledgers.placeholders.Part of each sheet
    made_by = models.CharField("上传人", max_length=120)
    made_at = models.DateTimeField("上传时间", db_default=models.functions.Now())
    saved_by = models.CharField("保存人", max_length=120, default="", blank=True)
    saved_at = models.DateTimeField("保存时间", null=True)
    withdrawn_by = models.CharField("停用人", max_length=120, default="", blank=True)
    withdrawn_at = models.DateTimeField("停用时间", null=True)

    objects = scoped_manager(CountyFormQuerySet)

    class Meta:
        verbose_name = "本单位表样"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["path", "ledger", "version"], name="county_form_version"),
            models.CheckConstraint(
                name="county_form_saved_has_a_version",
                condition=Q(saved_at=None, version=None, saved_by="")
                | (Q(saved_at__isnull=False, version__isnull=False) & ~Q(saved_by="")),
            ),
            models.CheckConstraint(
                name="county_form_withdrawn_was_saved",
                condition=Q(withdrawn_at=None, withdrawn_by="")
                | (Q(withdrawn_at__isnull=False, saved_at__isnull=False) & ~Q(withdrawn_by="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}（第 {self.version} 版）" if self.version else self.name

    @property
    def name(self) -> str:
        return self.filename.removesuffix(".xlsx")

    @property
    def in_use(self) -> bool:
        return self.saved_at is not None and self.withdrawn_at is None
