"""未助原因: why a child who is due something has not got it, where no step of the work says so by itself."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from aidcases.scoping import HOME, SCHOOL, PathField, Scoped, ScopedQuerySet, scoped_manager
from students.models import Student
from subsidies.models.rules import Benefit


class Unaided(models.TextChoices):
    NO_CARD = "no_card", "没有可用的一卡通"
    NO_PAPERS = "no_papers", "材料不全，正在补"
    ELSEWHERE = "elsewhere", "已在外地享受同类资助"
    LEFT = "left", "已转学、退学或失联"
    DECLINED = "declined", "本人或家长放弃"
    NO_MONEY = "no_money", "资金没有到位"
    OTHER = "other", "其他（写明）"


class UnpaidReason(Scoped):
    """student × benefit × term: what whoever answers for it says. It explains a cell, it never makes it green."""

    OWNER_PATHS = {HOME: "home_path", SCHOOL: "school_path"}

    student = models.ForeignKey(Student, models.PROTECT, related_name="+")
    term = models.CharField("学期", max_length=11, db_collation="C")
    benefit = models.ForeignKey(Benefit, models.PROTECT, related_name="+", verbose_name="资助项目")
    reason = models.CharField("未助原因", max_length=10, choices=Unaided.choices)
    note = models.CharField("说明", max_length=200, default="", blank=True)
    said_by = models.CharField("填写人", max_length=120)
    said_at = models.DateTimeField("填写时间", db_default=models.functions.Now())
    home_path = PathField()
    school_path = PathField()

    objects = scoped_manager(ScopedQuerySet)

    class Meta:
        verbose_name = "未助原因"
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["student", "benefit", "term"], name="unpaid_reason_once"),
            models.CheckConstraint(condition=~Q(reason="other") | ~Q(note=""), name="other_reason_is_written"),
        ]

    def __str__(self) -> str:
        return f"{self.student_id} {self.get_reason_display()}"
