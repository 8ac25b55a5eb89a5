"""Working days: which years are announced, and the days that are not what their weekday says."""

from __future__ import annotations

from django.db import models


class CalendarYear(models.Model):
    """A year whose holidays the State Council has announced and somebody has entered. Until then nothing that counts
    working days may run into it."""

    year = models.IntegerField("年份", primary_key=True)
    document = models.CharField("依据文件", max_length=120, default="", blank=True)
    entered_by = models.CharField("录入人", max_length=120)
    entered_at = models.DateTimeField("录入时间", db_default=models.functions.Now())

    class Meta:
        verbose_name = "放假安排"
        ordering = ["-year"]

    def __str__(self) -> str:
        return f"{self.year} 年放假安排"


class CalendarDay(models.Model):
    """A weekday that is off, or a Saturday or Sunday that is worked (调休上班)."""

    day = models.DateField("日期", primary_key=True)
    working = models.BooleanField("上班")
    note = models.CharField("说明", max_length=40, default="", blank=True)

    class Meta:
        verbose_name = "调整的日子"
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day} {'上班' if self.working else '放假'}"
