"""A document's own words beside its rules: pasted by an office, kept in every version."""

from __future__ import annotations

from django.db import models

from aidcases.scoping import OFFICE, PathField, Scoped, ScopedQuerySet, scoped_manager


class ClauseText(Scoped):
    """One version of the full text of a clause, as an office pasted it; an empty text takes it away again.

    Belongs to the document's code and the clause's number, not to a version of the pack: a new version keeps it.
    """

    OWNER_PATHS = {OFFICE: "path"}

    pack_code = models.CharField("政策包", max_length=30)
    clause = models.CharField("条款", max_length=80)
    path = PathField()
    version = models.PositiveIntegerField("第几次录入")
    text = models.TextField("原文", blank=True)
    office = models.CharField("单位", max_length=120)
    written_by = models.CharField("录入人", max_length=120)
    written_by_id = models.BigIntegerField(null=True)
    written_at = models.DateTimeField("录入时间", db_default=models.functions.Now())

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "条款原文"
        ordering = ["-pk"]
        constraints = [
            # Two people who began with the same version cannot both write the next one.
            models.UniqueConstraint(fields=["pack_code", "clause", "path", "version"], name="clause_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.pack_code} {self.clause}（{self.office}）"
